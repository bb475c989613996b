// Groups of exporters with the real programs: failover between two collectors of which one goes and comes back, and
// balance between two files, where both directions of a conversation meet. The ledger balances at every poll, for each
// member and for the group, and what the collectors read is what the ledger says.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/exporters.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using Arguments = std::vector<std::string>;

const std::string kBin = WEIR_BIN;
constexpr std::uint64_t kStart_ns = 1'700'000'000'000'000'000;

std::uint64_t records_in(const json& count) {
  return count.at("records");
}

std::uint64_t lost_at(const json& exporter) {
  std::uint64_t lost = 0;
  for (const auto& [name, count] : exporter.at("lost").items()) lost += records_in(count);
  return lost;
}

const json& exporter_of(const json& ledger, const std::string& name) {
  for (const json& one : ledger.at("exporters")) {
    if (one.at("name") == name) return one;
  }
  ADD_FAILURE() << "no exporter " << name << " in " << ledger;
  return ledger.at("exporters").at(0);
}

/// All balances, and the group is the sum of its members and of what waits at it.
void expect_sound(const json& ledger) {
  EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
  for (const json& one : ledger.at("exporters")) EXPECT_EQ(one.at("balanced"), true) << one;
  EXPECT_EQ(exporter_of(ledger, "a").at("group"), "out");
  EXPECT_EQ(exporter_of(ledger, "out").at("members"), json({"a", "b"}));
  EXPECT_EQ(records_in(exporter_of(ledger, "out").at("exported")),
            records_in(exporter_of(ledger, "a").at("exported")) + records_in(exporter_of(ledger, "b").at("exported")));
  EXPECT_EQ(exporter_of(ledger, "out").at("drained"), ledger.at("drained"));
}

struct Transport {
  const char* name;
  const char* scheme;
  bool connects;  ///< so that it is known who is away before anything is sent
};

void PrintTo(const Transport& transport, std::ostream* out) {
  *out << transport.scheme;
}

class FailoverGroup : public ::testing::TestWithParam<Transport> {
 protected:
  [[nodiscard]] std::string address(std::uint16_t port) const {
    return std::string(GetParam().scheme) + "://127.0.0.1:" + std::to_string(port);
  }
  [[nodiscard]] std::unique_ptr<Process> collector(std::uint16_t port) const {
    auto process = std::make_unique<Process>(Arguments{kBin + "/weir-collect", "--json", "--listen", address(port)});
    EXPECT_TRUE(process->wait_for_error_text("listening")) << process->error_text();
    return process;
  }
  /// Ends a collector that rests; returns the records that it read.
  static std::size_t end(Process& process) {
    process.signal(SIGTERM);
    const Finished ended = process.wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return json_lines(ended.out).size();
  }
  [[nodiscard]] Arguments weir() const {
    return {kBin + "/weir",   "run",
            "--port",         "net_memif0,role=server" + memif_,
            "--socket",       folder_.path("weir.sock"),
            "--ledger",       folder_.path("ledger.json"),
            "--max-flows",    "100000",
            "--idle-timeout", "1s",
            "--prometheus",   "127.0.0.1:" + std::to_string(metrics_),
            "--export",       address(a_) + "?name=a",
            "--export",       address(b_) + "?name=b",
            "--export",       "failover:a,b?name=out"};
  }
  void send_flows(std::uint64_t count) {
    const Finished sent =
        run({kBin + "/weir-gen", "--port", "net_memif0,role=client" + memif_, "--json", "--flows",
             std::to_string(count), "--packets", std::to_string(count), "--rate", "20000", "--tcp", "0"});
    ASSERT_EQ(sent.exit_code, 0) << sent.err;
    flows_ += count;
  }
  json poll() {
    const Finished answer = run({kBin + "/weirctl", "--socket", folder_.path("weir.sock"), "-o", "json", "ledger"});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    json ledger = json::parse(answer.out);
    expect_sound(ledger);
    return ledger;
  }
  json wait_for(const std::function<bool(const json&)>& condition) {
    const auto end = std::chrono::steady_clock::now() + seconds(60);
    json ledger = poll();
    while (!condition(ledger)) {
      if (std::chrono::steady_clock::now() > end) {
        ADD_FAILURE() << "it did not come to that: " << ledger;
        break;
      }
      ledger = poll();
    }
    return ledger;
  }
  /// Every flow that was sent has left, or is lost by name.
  json wait_for_all() {
    return wait_for([&](const json& ledger) {
      const json& out = exporter_of(ledger, "out");
      return records_in(out.at("exported")) + lost_at(out) == flows_;
    });
  }

  TemporaryFolder folder_;
  const std::uint16_t a_ = free_udp_port();
  const std::uint16_t b_ = free_tcp_port();
  const std::uint16_t metrics_ = free_tcp_port();
  const std::string memif_ = ",socket=weir-groups-" + std::to_string(getpid()) + ",socket-abstract=yes,rsize=11";
  std::uint64_t flows_ = 0;
};

TEST_P(FailoverGroup, GoesOnWithTheSecondCollectorAndComesBackToTheFirst) {
  auto a = collector(a_);
  const auto b = collector(b_);
  Process probe(weir());
  ASSERT_TRUE(probe.wait_for_error_text("control socket", seconds(40))) << probe.error_text();
  wait_for([](const json& ledger) { return exporter_of(ledger, "a").at("state") == "up"; });
  // Where the second one was connected first, it is used until the first one has worked for two seconds.
  json ledger = poll();
  const auto limit_a = std::chrono::steady_clock::now() + seconds(60);
  while (records_in(exporter_of(ledger, "a").at("exported")) == 0 && std::chrono::steady_clock::now() < limit_a) {
    send_flows(100);
    ledger = wait_for_all();
  }
  const std::uint64_t before_b = records_in(exporter_of(ledger, "b").at("exported"));
  send_flows(1000);
  ledger = wait_for_all();
  EXPECT_EQ(records_in(exporter_of(ledger, "b").at("drained")), before_b);
  EXPECT_EQ(records_in(exporter_of(ledger, "a").at("exported")), flows_ - before_b);

  std::size_t read = end(*a);
  EXPECT_EQ(read, flows_ - before_b);
  if (GetParam().connects) wait_for([](const json& now) { return exporter_of(now, "a").at("state") != "up"; });
  const auto limit_b = std::chrono::steady_clock::now() + seconds(60);
  do {  // with UDP the first records tell that nobody listens
    send_flows(1000);
    ledger = wait_for_all();
  } while (records_in(exporter_of(ledger, "b").at("exported")) == before_b &&
           std::chrono::steady_clock::now() < limit_b);
  EXPECT_NE(exporter_of(ledger, "a").at("state"), "up");
  EXPECT_EQ(exporter_of(ledger, "out").at("state"), "up");
  EXPECT_GT(records_in(exporter_of(ledger, "b").at("exported")), before_b);
  if (GetParam().connects) {
    EXPECT_EQ(records_in(exporter_of(ledger, "b").at("exported")), before_b + 1000);
    EXPECT_EQ(lost_at(exporter_of(ledger, "out")), 0U);
  }

  a = collector(a_);
  const std::uint64_t before = records_in(exporter_of(ledger, "a").at("exported"));
  ledger = wait_for([](const json& now) { return exporter_of(now, "a").at("state") == "up"; });
  const auto limit = std::chrono::steady_clock::now() + seconds(60);
  while (records_in(exporter_of(ledger, "a").at("exported")) == before && std::chrono::steady_clock::now() < limit) {
    send_flows(100);
    ledger = wait_for_all();
  }
  EXPECT_GT(records_in(exporter_of(ledger, "a").at("exported")), before);

  const Finished metrics = run({"curl", "-s", "http://127.0.0.1:" + std::to_string(metrics_) + "/metrics"});
  EXPECT_NE(metrics.out.find("weir_exporter_up{exporter=\"a\",group=\"out\"} 1"), std::string::npos) << metrics.err;
  EXPECT_NE(metrics.out.find("weir_exporter_up{exporter=\"out\"} 1"), std::string::npos);
  const Finished status = run({kBin + "/weirctl", "--socket", folder_.path("weir.sock"), "status"});
  EXPECT_NE(status.out.find("a (of out)"), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("out (a, b)"), std::string::npos) << status.out;

  probe.signal(SIGTERM);
  const Finished ended = probe.wait();
  const bool lossless = lost_at(exporter_of(ledger, "out")) == 0;
  EXPECT_EQ(ended.exit_code, lossless ? 0 : 1) << "1: records were lost, by name\n" << ended.err;
  read += end(*a) + end(*b);
  const json final_ledger = json::parse(contents(folder_.path("ledger.json")));
  expect_sound(final_ledger);
  EXPECT_EQ(records_in(exporter_of(final_ledger, "out").at("drained")), flows_);
  EXPECT_EQ(records_in(exporter_of(final_ledger, "out").at("exported")), read);
}

INSTANTIATE_TEST_SUITE_P(Over, FailoverGroup,
                         ::testing::Values(Transport{"Netflow9", "netflow9", false},
                                           Transport{"IpfixTcp", "ipfix+tcp", true}),
                         [](const auto& test) { return std::string(test.param.name); });

/// Both ends and the protocol, in one order for both directions.
std::string conversation_of(const json& line) {
  std::string one = line.at("src_addr").get<std::string>() + " " + std::to_string(line.at("src_port").get<int>());
  std::string other = line.at("dst_addr").get<std::string>() + " " + std::to_string(line.at("dst_port").get<int>());
  if (other < one) std::swap(one, other);
  return one + " " + other + " " + std::to_string(line.at("proto").get<int>());
}

class BalanceGroup : public ::testing::Test {
 protected:
  static constexpr int kConversations = 200;

  void SetUp() override {
    std::vector<CapturedFrame> packets;
    for (int i = 0; i < kConversations; ++i) {
      const std::string client = "10.0.0." + std::to_string(1 + i % 50);
      const auto port = static_cast<std::uint16_t>(40000 + i);
      const auto at = kStart_ns + static_cast<std::uint64_t>(i) * 1000;
      packets.push_back({at, packet().eth().ipv4(client, "192.0.2.53").udp(port, 53).bytes()});
      packets.push_back({at + 1, packet().eth().ipv4("192.0.2.53", client).udp(53, port).bytes()});
    }
    write_capture(capture_, packets);
  }
  /// How many records of each conversation are in a file of weir's.
  [[nodiscard]] std::map<std::string, int> conversations_in(const std::string& file) const {
    const Finished done = run({kBin + "/weir-collect", "--json", folder_.path(file)});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    std::map<std::string, int> found;
    for (const json& line : json_lines(done.out)) ++found[conversation_of(line)];
    return found;
  }
  /// Each conversation is in one of the files, with `records` records.
  void expect_shared_out(int records) const {
    const auto a = conversations_in("a.pb");
    const auto b = conversations_in("b.pb");
    EXPECT_EQ(a.size() + b.size(), static_cast<std::size_t>(kConversations));
    EXPECT_GT(a.size(), 60U);
    EXPECT_GT(b.size(), 60U);
    for (const auto& [conversation, count] : a) {
      EXPECT_EQ(count, records) << conversation;
      EXPECT_EQ(b.count(conversation), 0U) << conversation;
    }
    for (const auto& [conversation, count] : b) EXPECT_EQ(count, records) << conversation;
  }
  [[nodiscard]] Arguments group(const std::string& options) const {
    return {"--export", "protobuf:" + folder_.path("a.pb") + "?name=a" + options,
            "--export", "protobuf:" + folder_.path("b.pb") + "?name=b" + options,
            "--export", "balance:a,b?name=out&key=000102030405060708090a0b0c0d0e0f"};
  }
  void read(const std::string& options) const {
    Arguments words{kBin + "/weir", "read", "--ledger", folder_.path("ledger.json")};
    const Arguments exports = group(options);
    words.insert(words.end(), exports.begin(), exports.end());
    words.push_back(capture_);
    const Finished done = run(words);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    const json ledger = json::parse(contents(folder_.path("ledger.json")));
    expect_sound(ledger);
    EXPECT_EQ(records_in(exporter_of(ledger, "out").at("exported")), static_cast<std::uint64_t>(kConversations));
  }

  TemporaryFolder folder_;
  std::string capture_ = folder_.path("dns.pcap");
};

TEST_F(BalanceGroup, GivesEachConversationToOneMemberAsOneRecordOrTwo) {
  read("");
  expect_shared_out(1);
  const auto biflows = conversations_in("a.pb");
  read("&uniflow=1");
  expect_shared_out(2);
  const auto uniflows = conversations_in("a.pb");
  EXPECT_EQ(biflows.size(), uniflows.size());
  for (const auto& [conversation, count] : biflows)
    EXPECT_EQ(uniflows.count(conversation), 1U) << "one key, one choice";
}

TEST_F(BalanceGroup, BringsDirectionsTogetherThatCameAsRecordsOfTheirOwn) {
  const Finished split =
      run({kBin + "/weir", "read", "--export", "protobuf:" + folder_.path("ways.pb") + "?uniflow=1", capture_});
  ASSERT_EQ(split.exit_code, 0) << split.err;
  Arguments words{kBin + "/weir-collect", "--quiet"};
  const Arguments exports = group("");
  words.insert(words.end(), exports.begin(), exports.end());
  words.push_back(folder_.path("ways.pb"));
  const Finished done = run(words);
  EXPECT_EQ(done.exit_code, 0) << done.err;
  expect_shared_out(2);
}

}  // namespace
}  // namespace weir::test
