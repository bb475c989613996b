// Filters and sampling that change while packets come: what is counted from when on, which rate a record says, and that
// nothing is lost by it.
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "dataplane/input/pcap_filter.h"
#include "dataplane/worker.h"
#include "tests/support/flow_packet.h"
#include "tests/support/frame_list.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"
#include "tests/unit/dataplane/worker_fixtures.h"

namespace weir::test::packet_choice_test {
namespace {

Sampling one_in(std::uint32_t count) {
  return {Sampling::By::packets, true, count, 0, {11, 12, 13, 14, 15, 16}};
}

std::shared_ptr<const FlowFilter> filter(const char* expression) {
  return std::make_shared<const PcapFlowFilter>(PcapFilter::compile_for_flows(expression).value());
}

Bytes udp_frame(unsigned port) {
  return packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(static_cast<std::uint16_t>(port), 53).payload(20).bytes();
}
Bytes tcp_frame(unsigned port) {
  return packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(static_cast<std::uint16_t>(port), 80).bytes();
}

/// A worker, and a clock that each poll moves on by 1 ms.
class Bench {
 public:
  explicit Bench(const WorkerOptions& options) : worker(options, kHash) {}
  void poll(std::vector<Bytes> frames) {
    FrameList source;
    source.frames = std::move(frames);
    do {
      now_ns += 1_ms;
      worker.poll(source, now_ns);
    } while (!source.done());
  }
  void choose(std::shared_ptr<const FlowFilter> by, const Sampling& sampling = {}, unsigned monitor = 0) {
    worker.choice(monitor).offer(std::make_unique<const PacketChoice>(PacketChoice{std::move(by), sampling}));
  }

  Worker worker;
  std::uint64_t now_ns = kEpochNs;
};

WorkerOptions plain() {
  WorkerOptions options;
  options.capacity = 1000;
  return options;
}

TEST(PacketChoice, AFilterCountsFromTheNextPollOn) {
  Bench bench(plain());
  bench.poll({udp_frame(1), tcp_frame(2)});
  bench.choose(filter("udp"));
  bench.poll({udp_frame(1), tcp_frame(2), tcp_frame(2)});
  EXPECT_TRUE(bench.worker.choice().taken());
  EXPECT_EQ(bench.worker.counters().filtered_out.packets, 2U);
  bench.choose(filter("tcp"));
  bench.poll({udp_frame(1), tcp_frame(2)});
  EXPECT_EQ(bench.worker.counters().filtered_out.packets, 3U);
  bench.choose(nullptr);
  bench.poll({udp_frame(1), tcp_frame(2)});
  EXPECT_EQ(bench.worker.counters().filtered_out.packets, 3U);
  EXPECT_EQ(bench.worker.counters().counted.packets, 6U);
  expect_balanced(bench.worker);
  EXPECT_TRUE(take(bench.worker.records()).empty()) << "a filter ends no flow";
  bench.worker.drain(bench.now_ns);
  std::map<std::uint16_t, std::uint64_t> packets;
  for (const FlowRecord& record : take(bench.worker.records())) {
    packets[record.source_port()] += record.packets[kForward];
  }
  EXPECT_EQ(packets, (std::map<std::uint16_t, std::uint64_t>{{1, 3}, {2, 3}}));
  expect_balanced(bench.worker);
}

TEST(PacketChoice, AMonitorThatSharedThePacketsOfTheFirstGetsItsOwnAndSharesAgain) {
  WorkerOptions options = plain();
  options.further = {{options, 1000, nullptr}};
  Bench bench(options);
  const auto counted = [&](unsigned monitor) { return of_monitor(bench.worker.counters(), monitor).counted.packets; };
  bench.poll({udp_frame(1), tcp_frame(2)});
  bench.choose(filter("tcp"), {}, 1);
  bench.poll({udp_frame(1), tcp_frame(2)});
  EXPECT_EQ(counted(0), 4U);
  EXPECT_EQ(counted(1), 3U);
  bench.choose(nullptr, one_in(2), 1);
  bench.poll({udp_frame(1), udp_frame(1), udp_frame(1), udp_frame(1)});
  EXPECT_EQ(counted(0), 8U);
  EXPECT_EQ(counted(1), 5U);
  for (unsigned i = 0; i < 40; ++i) bench.poll({});
  bench.choose(nullptr, {}, 1);
  bench.poll({udp_frame(1), tcp_frame(2)});
  EXPECT_EQ(counted(0), 10U);
  EXPECT_EQ(counted(1), 7U);
  expect_balanced(bench.worker);
}

TEST(PacketChoice, FlowsFromBeforeAnotherRateAreReportedAtTheirOwn) {
  Bench bench(plain());
  bench.poll({udp_frame(1), udp_frame(1), udp_frame(2), udp_frame(3)});
  bench.choose(nullptr, one_in(4));
  bench.poll(std::vector<Bytes>(8, udp_frame(1)));
  EXPECT_TRUE(bench.worker.choice().taken());
  auto records = take(bench.worker.records());
  ASSERT_EQ(records.size(), 1U) << "its next packet ends a record";
  EXPECT_EQ(records[0].source_port(), 1U);
  EXPECT_EQ(records[0].packets[kForward], 2U);
  EXPECT_EQ(records[0].sampling_rate, 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::active_timeout);
  expect_balanced(bench.worker);
  EXPECT_TRUE(bench.worker.shard().changing_rate());
  for (unsigned i = 0; i < 40; ++i) bench.poll({});  // a tick of the wheel is 17 ms
  EXPECT_FALSE(bench.worker.shard().changing_rate());
  records = take(bench.worker.records());
  ASSERT_EQ(records.size(), 2U) << "the walk ends the others";
  for (const FlowRecord& record : records) {
    EXPECT_NE(record.source_port(), 1U);
    EXPECT_EQ(record.sampling_rate, 1U);
  }
  expect_balanced(bench.worker);
  bench.worker.drain(bench.now_ns);
  records = take(bench.worker.records());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].sampling_rate, 4U);
  EXPECT_EQ(records[0].packets[kForward], 2U) << "two of eight";
  EXPECT_EQ(bench.worker.counters().sampled_out.packets, 6U);
  expect_balanced(bench.worker);
}

TEST(PacketChoice, AChangeWaitsUntilTheFlowsOfTheOneBeforeAreReported) {
  Bench bench(plain());
  bench.poll({udp_frame(1), udp_frame(2)});
  bench.choose(nullptr, one_in(2));
  bench.poll({udp_frame(3), udp_frame(3)});
  bench.choose(nullptr, one_in(3));
  bench.poll({});
  EXPECT_FALSE(bench.worker.choice().taken()) << "the flows of ports 1 and 2 have yet to be reported";
  for (unsigned i = 0; i < 40; ++i) bench.poll({});
  EXPECT_TRUE(bench.worker.choice().taken());
  bench.worker.drain(bench.now_ns);
  std::map<std::uint16_t, std::uint32_t> rates;
  for (const FlowRecord& record : take(bench.worker.records())) rates[record.source_port()] = record.sampling_rate;
  EXPECT_EQ(rates, (std::map<std::uint16_t, std::uint32_t>{{1, 1}, {2, 1}, {3, 2}}));
  expect_balanced(bench.worker);
}

TEST(PacketChoice, EveryRecordHasTheRateThatItsPacketsWereTakenAt) {
  std::mt19937 random(20261130);
  Bench bench(plain());
  using Counts = std::map<std::pair<std::uint16_t, std::uint32_t>, std::uint64_t>;  // by port and rate
  Counts expected;
  Counts found;
  std::uint32_t rate = 1;
  std::uint64_t place = 0;  // of the next packet among those of the choice
  const auto collect = [&] {
    for (const FlowRecord& record : take(bench.worker.records())) {
      found[{record.source_port(), record.sampling_rate}] += record.packets[kForward];
    }
  };
  for (unsigned turn = 0; turn < 3000; ++turn) {
    if (random() % 50 == 0 && bench.worker.choice().taken() && !bench.worker.shard().changing_rate()) {
      const auto next = static_cast<std::uint32_t>(1 + random() % 5);
      if (next != rate) {
        bench.choose(nullptr, next == 1 ? Sampling{} : one_in(next));
        rate = next;
        place = 0;
      }
    }
    std::vector<Bytes> frames;
    for (std::size_t i = random() % 8; i > 0; --i) {
      const auto port = static_cast<std::uint16_t>(1 + random() % 100);
      frames.push_back(udp_frame(port));
      if (++place % rate == 0) ++expected[{port, rate}];  // the last of each N
    }
    bench.poll(std::move(frames));
    collect();
    if (turn % 100 == 0) expect_balanced(bench.worker);
  }
  bench.worker.drain(bench.now_ns);
  collect();
  EXPECT_EQ(found, expected);
  expect_balanced(bench.worker);
}

}  // namespace
}  // namespace weir::test::packet_choice_test
