// Questions about live flows: figures against those of the packets that were counted, what is refused, who is missing.
#include "control/query/live_queries.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/query/record_filter.h"
#include "control/query/top_groups.h"
#include "dataplane/flow/flow_shard.h"
#include "proto/record/flow_name.h"
#include "proto/schema/flows_text.h"
#include "tests/support/flow_packet.h"

namespace weir::live_queries_test {
namespace {

using test::flow_packet;
using test::FlowPacket;
using test::kEpochNs;
using test::operator""_s;

/// A shard and its slot, answered by a thread as a worker does.
class FakeWorker {
 public:
  FakeWorker()
      : ring_(ring_lines(1024)),
        shard_(1024, KeyHash({1, 2, 3, 4, 5, 6}), FlowTimeouts{}, counters_, ring_, RingFull::lose) {}
  FakeWorker(const FakeWorker&) = delete;
  FakeWorker& operator=(const FakeWorker&) = delete;
  ~FakeWorker() { stop(); }

  void count(const FlowPacket& packet) {
    ParsedPacket parsed = packet.packet();
    shard_.prepare({&parsed, 1});
    shard_.process({&parsed, 1});
  }
  void start() {
    thread_ = std::thread([this] {
      while (!stopping_.load()) {
        slot_.answer(shard_, 8);
        std::this_thread::yield();
      }
    });
  }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  void rest() { at_rest_ = true; }
  FlowPart part() { return {&slot_, &at_rest_}; }

 private:
  FlowCounters counters_{};
  RecordRing ring_;
  FlowShard shard_;
  QuerySlot slot_;
  std::atomic<bool> at_rest_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

bool never() {
  return false;
}

class LiveQueriesTest : public testing::Test {
 protected:
  LiveQueriesTest() : queries_({{"", 0, {workers_[0].part(), workers_[1].part()}}}, append) {
    // 10.0.0.1 asks 10.0.1.1 and 10.0.1.2 over TCP, and gets 1000 octets each; 10.0.2.1 asks a name server.
    workers_[0].count(flow_packet().from("10.0.0.1", 4001).to("10.0.1.1", 80).tcp(0x10).octets(100));
    workers_[0].count(flow_packet().from("10.0.1.1", 80).to("10.0.0.1", 4001).tcp(0x10).octets(1000).at(2_s));
    workers_[0].count(flow_packet().from("10.0.2.1", 4003).to("10.0.3.1", 53).udp().octets(70).at(3_s));
    workers_[1].count(flow_packet().from("10.0.0.1", 4002).to("10.0.1.2", 80).tcp(0x10).octets(200));
    workers_[1].count(flow_packet().from("10.0.1.2", 80).to("10.0.0.1", 4002).tcp(0x10).octets(1000).at(4_s));
    for (FakeWorker& worker : workers_) worker.start();
  }
  static void append(RecordView record, RecordBatch& batch) { batch.append(record); }
  v1::TopReply top(const v1::TopRequest& request) {
    auto reply = queries_.top(request, never);
    EXPECT_TRUE(reply) << reply.error();
    return reply ? *reply : v1::TopReply();
  }
  static std::string row(const v1::TopGroup& group) {
    std::string text;
    for (const std::string& value : group.values()) text += value + ' ';
    return text + std::to_string(group.flows()) + ' ' + std::to_string(group.packets()) + ' ' +
           std::to_string(group.bytes());
  }

  FakeWorker workers_[2];
  LiveQueries queries_;
};

TEST_F(LiveQueriesTest, TopSumsEachDirectionByTheFieldsAskedFor) {
  v1::TopRequest request;
  request.set_by("src_addr");
  const v1::TopReply reply = top(request);
  ASSERT_EQ(reply.groups_size(), 4);
  EXPECT_EQ(row(reply.groups(0)), "10.0.1.1 1 1 1000");
  EXPECT_EQ(row(reply.groups(1)), "10.0.1.2 1 1 1000");
  EXPECT_EQ(row(reply.groups(2)), "10.0.0.1 2 2 300");
  EXPECT_EQ(row(reply.groups(3)), "10.0.2.1 1 1 70");
  EXPECT_EQ(row(reply.all()), "5 5 2370");
  EXPECT_EQ(reply.all_groups(), 4U);
  EXPECT_EQ(reply.scope().flows(), 3U);
  EXPECT_EQ(reply.scope().matched(), 3U);
  EXPECT_TRUE(reply.scope().missing_workers().empty());
  // 300 octets of flows that are 2 and 4 seconds old at their workers' last packet, 3 and 4 s after the first.
  EXPECT_DOUBLE_EQ(reply.groups(2).bits_per_second(), 8.0 * 100 / 3 + 8.0 * 200 / 4);
}

TEST_F(LiveQueriesTest, TopTakesPrefixesFiltersOrdersAndLimits) {
  v1::TopRequest request;
  request.set_by("dst_addr/24,proto");
  request.set_filter("tcp and src port 80");
  v1::TopReply reply = top(request);
  ASSERT_EQ(reply.groups_size(), 1);
  EXPECT_EQ(row(reply.groups(0)), "10.0.0.0/24 6 2 2 2000");
  EXPECT_EQ(reply.fields(0), "dst_addr/24");
  EXPECT_EQ(reply.scope().matched(), 2U);

  request.set_filter("");
  request.set_by("src_addr/24");
  request.set_sort("flows");
  request.set_limit(2);
  reply = top(request);
  ASSERT_EQ(reply.groups_size(), 2);
  EXPECT_EQ(row(reply.groups(0)), "10.0.0.0/24 2 2 300");
  EXPECT_EQ(row(reply.groups(1)), "10.0.1.0/24 2 2 2000");
  EXPECT_EQ(reply.all_groups(), 3U);
}

TEST_F(LiveQueriesTest, FlowsComeInTheOrderAskedForAPageAtATime) {
  v1::FlowsRequest request;
  request.set_sort("idle");
  auto reply = queries_.flows(request, never);
  ASSERT_TRUE(reply) << reply.error();
  ASSERT_EQ(reply->flows_size(), 3);
  EXPECT_EQ(reply->flows(0).name(), "10.0.0.1:4001-10.0.1.1:80/tcp");
  EXPECT_EQ(reply->flows(0).idle_ns(), 1_s) << "its worker's time is 3 s";
  EXPECT_EQ(reply->flows(0).age_ns(), 3_s);
  EXPECT_EQ(reply->flows(0).record().rev_bytes(), 1000U);
  EXPECT_EQ(reply->flows(2).worker(), 1U);
  request.set_sort("bytes");
  request.set_offset(1);
  request.set_limit(1);
  reply = queries_.flows(request, never);
  ASSERT_TRUE(reply) << reply.error();
  ASSERT_EQ(reply->flows_size(), 1);
  EXPECT_EQ(reply->flows(0).name(), "10.0.0.1:4001-10.0.1.1:80/tcp");
  EXPECT_EQ(reply->scope().matched(), 3U);
  const std::string csv = flows_text(*reply, FlowsForm::csv);
  EXPECT_NE(csv.find("10.0.0.1:4001-10.0.1.1:80/tcp,1,100,1,1000,2933,3000000000,1000000000,0\r\n"), std::string::npos)
      << csv;
}

TEST_F(LiveQueriesTest, AFlowIsFoundByItsNameWithEitherEndFirst) {
  v1::FlowsRequest request;
  request.set_flow("10.0.1.2:80-10.0.0.1:4002/tcp");
  auto reply = queries_.flows(request, never);
  ASSERT_TRUE(reply) << reply.error();
  ASSERT_EQ(reply->flows_size(), 1);
  EXPECT_EQ(reply->flows(0).record().bytes(), 200U);
  EXPECT_NE(flow_text(*reply, FlowsForm::table).find("rev_bytes"), std::string::npos);
  request.set_flow("10.0.1.2:80-10.0.0.1:4003/tcp");
  reply = queries_.flows(request, never);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->flows_size(), 0);
}

TEST_F(LiveQueriesTest, NamesTheWorkersThatDoNotAnswerAndTakesThemBackLater) {
  workers_[1].stop();
  v1::TopRequest request;
  request.set_patience_ms(100);
  const v1::TopReply reply = top(request);
  ASSERT_EQ(reply.scope().missing_workers_size(), 1);
  EXPECT_EQ(reply.scope().missing_workers(0), 1U);
  EXPECT_EQ(reply.scope().flows(), 2U);
  EXPECT_EQ(missing_workers_text(reply.scope()),
            "worker 1 did not answer in time: all or some of its flows are missing above");
  workers_[1].rest();
  EXPECT_TRUE(top({}).scope().missing_workers().empty()) << "a worker whose loop is over has no flows";
}

TEST_F(LiveQueriesTest, GroupsByTheAsNumbersThatAreInTheKey) {
  LiveQueries by_as({{"", 0, {workers_[0].part(), workers_[1].part()}, {true, false}}}, append);
  v1::TopRequest request;
  request.set_by("src_as");
  const auto reply = by_as.top(request, never);
  ASSERT_TRUE(reply) << reply.error();
  ASSERT_EQ(reply->groups_size(), 1);
  EXPECT_EQ(row(reply->groups(0)), "0 5 5 2370") << "nobody looked them up";
  request.set_by("dst_as");
  const auto refused = by_as.top(request, never);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), "--by: live flows of this monitor have no dst_as: it is added to their records");
}

TEST_F(LiveQueriesTest, SaysWhatIsWrongWithARequest) {
  const auto error_of = [&](auto&& set) {
    v1::TopRequest request;
    set(request);
    const auto reply = queries_.top(request, never);
    return reply ? std::string() : reply.error();
  };
  EXPECT_EQ(error_of([](auto& r) { r.set_sort("byte"); }),
            "--sort 'byte': expected bytes, packets, rate, flows; did you mean bytes?");
  EXPECT_EQ(error_of([](auto& r) { r.set_by("src_addr,src_addr"); }), "--by: 'src_addr' is there twice");
  EXPECT_NE(error_of([](auto& r) { r.set_by("src_adr"); }).find("did you mean src_addr?"), std::string::npos);
  EXPECT_EQ(error_of([](auto& r) { r.set_by("tcp_mss"); }),
            "--by: tcp_mss is measured by the metric tcp, which is off: weir run --metrics tcp");
  EXPECT_EQ(error_of([](auto& r) { r.set_by("src_as"); }),
            "--by: live flows of this monitor have no src_as: it is added to their records");
  EXPECT_EQ(error_of([](auto& r) { r.set_monitor("x"); }), "--monitor x: the configuration names no monitor");
  EXPECT_EQ(error_of([](auto& r) { r.set_limit(1001); }), "-n 1001: expected 1 to 1000");
  EXPECT_NE(error_of([](auto& r) { r.set_filter("greater 100"); }).find("no packet length"), std::string::npos);
  EXPECT_NE(error_of([](auto& r) { r.set_filter("port"); }).find("--filter 'port': "), std::string::npos);
  EXPECT_EQ(error_of([](auto& r) { r.set_filter(std::string("\0", 1)); }), "--filter a NUL stands in it");
  v1::FlowsRequest flows;
  flows.set_flow("10.0.0.1-10.0.0.2/tcp");
  EXPECT_NE(queries_.flows(flows, never).error().find("does not name a flow; expected"), std::string::npos);
}

TEST(TopGroups, WhatFindsNoRoomIsARemainder) {
  TopGroups groups({*parse_group_field("src_port", {})}, *RecordFilter::make(""), 2);
  FlowRecord record{};
  record.ip_version = 4;
  record.protocol = 17;
  record.packets[kForward] = 1;
  for (std::uint16_t port = 1; port <= 5; ++port) {
    record.ports[kForward] = port;
    record.octets[kForward] = port;
    groups.add(record, 0);
  }
  EXPECT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups.all().octets, 15U);
  EXPECT_EQ(groups.remainder().octets, 12U);
  EXPECT_EQ(groups.remainder().flows, 3U);
}

TEST(FlowNames, AreReadAsTheyAreWritten) {
  for (const char* name : {"10.0.0.1:40000-10.0.0.2:80/tcp", "[2001:db8::1]:40000-[2001:db8::2]:443/udp",
                           "10.0.0.1-10.0.0.2/icmp", "2001:db8::1-2001:db8::2/47", "10.0.0.1:1-10.0.0.2:2/sctp"}) {
    const auto parsed = parse_flow_name(name);
    ASSERT_TRUE(parsed) << parsed.error();
    FlowRecord record{};
    record.ip_version = parsed->address[0].ip_version;
    record.protocol = parsed->protocol;
    std::copy_n(parsed->address[0].octets, 16, record.source_address);
    std::copy_n(parsed->address[1].octets, 16, record.destination_address);
    if (parsed->port[0] != 0) {
      record.ports[kForward] = parsed->port[0];
      record.ports[kReverse] = parsed->port[1];
    }
    EXPECT_EQ(flow_name(record), name);
    EXPECT_TRUE(parsed->is_of(record));
    record.protocol = 99;
    EXPECT_FALSE(parsed->is_of(record)) << name;
  }
  for (const char* wrong : {"", "tcp", "10.0.0.1:1-10.0.0.2:2", "10.0.0.1:1/tcp", "10.0.0.1:1-10.0.0.2:65536/tcp",
                            "10.0.0.1:1-[::1]:2/tcp", "::1:5-::2:6/tcp", "10.0.0.1:1-10.0.0.2:2/256", "a-b/1"}) {
    EXPECT_FALSE(parse_flow_name(wrong)) << wrong;
  }
}

TEST(RecordFilters, SeeAddressesPortsFlagsAndTypesOfADirection) {
  FlowRecord record{};
  record.ip_version = 6;
  record.protocol = 6;
  record.source_address[15] = 1;
  record.destination_address[15] = 2;
  record.ports[kForward] = 40000;
  record.ports[kReverse] = 443;
  record.tcp_flags[kReverse] = 0x12;
  record.ip_tos[kForward] = 0xb8;
  const auto keeps = [&](const std::string& expression, Direction direction) {
    const auto filter = RecordFilter::make(expression);
    EXPECT_TRUE(filter) << filter.error();
    return filter && filter->keeps(record, direction);
  };
  EXPECT_TRUE(keeps("ip6 and tcp dst port 443 and src host ::1", kForward));
  EXPECT_FALSE(keeps("ip6 and tcp dst port 443", kReverse));
  EXPECT_TRUE(keeps("src port 443 and dst host ::1", kReverse));
  EXPECT_TRUE(keeps("ip6[0:2] & 0x0ff0 = 0x0b80", kForward));
  EXPECT_TRUE(keeps("ip6[53] = 0x12", kReverse)) << "its TCP flags";
  EXPECT_FALSE(keeps("udp or icmp6 or ip", kForward));
  record.ip_version = 4;
  record.protocol = 1;
  record.set_icmp(kForward, 8, 0);
  EXPECT_TRUE(keeps("icmp[icmptype] = icmp-echo", kForward));
  EXPECT_FALSE(keeps("icmp[icmptype] = icmp-echo", kReverse));
}

}  // namespace
}  // namespace weir::live_queries_test
