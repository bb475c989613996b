// A worker that is fed frames by a source without a device: what it counts and ends with.
#include "dataplane/worker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "dataplane/input/pcap_filter.h"
#include "tests/support/flow_packet.h"
#include "tests/support/frame_list.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"
#include "tests/unit/dataplane/worker_fixtures.h"

namespace weir::test::worker_test {
namespace {

TEST(Worker, CountsFramesWithAnIpHeaderAndNamesTheRejectOfTheOthers) {
  WorkerOptions options;
  options.capacity = 1000;
  Worker worker(options, kHash);
  FrameList source;
  source.frames.push_back(packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(10).bytes());
  source.frames.push_back(packet().eth().ipv4("10.0.0.2", "10.0.0.1").udp(2, 1).payload(20).bytes());
  source.frames.push_back(packet().eth().ether_type(0x0806).payload(46).bytes());
  source.frames.push_back(
      packet().eth().ipv4("10.0.0.1", "10.0.0.2").ip_total_length(0).udp(1, 2).payload(2000).bytes());
  while (!source.done()) worker.poll(source, kEpochNs);
  const WorkerCounters c = worker.counters();
  EXPECT_EQ(c.received, (PacketCount{4, 14 + 28 + 10 + 14 + 28 + 20 + 60 + 14 + 28 + 2000}));
  EXPECT_EQ(c.length_from_frame, (PacketCount{1, 14 + 28 + 2000}));
  EXPECT_EQ(c.rejects[static_cast<std::size_t>(Reject::ether_type_arp)], (PacketCount{1, 60}));
  EXPECT_EQ(c.in_table, (RecordTotals{1, 3, 28 + 10 + 28 + 20 + 28 + 2000}));
  expect_balanced(worker);
  worker.drain(kEpochNs);
  const auto records = take(worker.records());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].ingress_interface, 1U);
  expect_balanced(worker);
}

TEST(Worker, AFrameThatTheFrameFilterKeepsOutIsCountedAndNothingMore) {
  WorkerOptions options;
  options.capacity = 1000;
  for (const bool filters : {true, false}) {
    Worker worker(options, kHash);
    FrameList source;
    for (unsigned i = 0; i < 100; ++i) {
      source.frames.push_back(packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1000 + i, 2).payload(i).bytes());
      source.frames.push_back(packet().eth().ether_type(0x0806).payload(46).bytes());
    }
    // Every fifth frame, ARP or not.
    if (filters) source.filter([](std::size_t number) { return number % 5 != 0; });
    while (!source.done()) EXPECT_NE(worker.poll(source, kEpochNs), 0U) << "a poll that finds such frames was busy";
    std::uint64_t filtered_octets = 0;
    unsigned flows = 100;
    for (std::size_t i = 0; filters && i < source.frames.size(); i += 5) {
      filtered_octets += source.frames[i].size();
      flows -= i % 2 == 0 ? 1 : 0;
    }
    const WorkerCounters c = worker.counters();
    EXPECT_EQ(c.received.packets, 200U);
    EXPECT_EQ(c.filtered_out, PacketCount{});
    EXPECT_EQ(c.frame_filtered_out, (PacketCount{filters ? 40U : 0, filtered_octets}));
    EXPECT_EQ(c.in_table.records, flows);
    EXPECT_EQ(c.rejects[static_cast<std::size_t>(Reject::ether_type_arp)].packets, filters ? 80U : 100U);
    expect_balanced(worker);
  }
}

TEST(Worker, AnswersASnapshotBetweenTwoPollsWithCountersThatBalance) {
  WorkerOptions options;
  options.capacity = 1000;
  Worker worker(options, kHash);
  FrameList source;
  for (unsigned i = 0; i < 100; ++i)
    source.frames.push_back(packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(i, 2).bytes());
  worker.poll(source, kEpochNs);
  worker.snapshots().request();
  EXPECT_FALSE(worker.snapshots().answered());
  worker.poll(source, kEpochNs);
  ASSERT_TRUE(worker.snapshots().answered());
  EXPECT_EQ(worker.snapshots().value().received.packets, 64U);
  EXPECT_EQ(worker.snapshots().value().in_table.records, 64U);
}

TEST(Worker, WithItsRecordRingFullPollsDoNoMoreWorkAndEveryPacketIsAccountedFor) {
  constexpr unsigned kFlows = 4000;
  constexpr unsigned kRoom = 256;  // a power of two, and more than the least ring has
  static_assert(ring_lines(kRoom) >= kLeastRingLines);
  WorkerOptions options;
  options.capacity = 2 * kFlows;
  options.ring_records = kRoom;
  options.timeouts.idle_ns = 1'000'000'000;
  Worker worker(options, kHash);
  FrameList source;
  FrameList again;
  for (unsigned i = 0; i < kFlows; ++i) {
    source.frames.push_back(packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(i, 53).bytes());
  }
  again.frames = source.frames;
  while (!source.done()) worker.poll(source, kEpochNs);

  // All flows are over: their timers find the ring full and try again, at most the budget in a poll, and nothing is
  // lost by that.
  std::uint64_t now = kEpochNs + 2'000'000'000;
  const auto steps_now = [&] { return worker.counters().late_expiries + worker.counters().emitted.records; };
  std::uint64_t steps = steps_now();
  for (unsigned poll = 0; poll < 1000; ++poll) {
    worker.poll(source, now += 1'000'000);
    const std::uint64_t after = steps_now();
    EXPECT_LE(after - steps, Worker::kTimerBudget);
    steps = after;
  }
  EXPECT_GT(worker.counters().late_expiries, kFlows);
  EXPECT_EQ(worker.counters().emitted.records, kRoom);
  EXPECT_EQ(worker.counters().lost[static_cast<std::size_t>(Loss::ring_full)], RecordTotals{});

  // Packets go on being counted, a whole burst a poll. Their flows' entries are needed at once, so the records in them
  // are lost by name.
  for (unsigned burst = 0; burst < kFlows / FlowShard::kBurst; ++burst) {
    EXPECT_EQ(worker.poll(again, now), FlowShard::kBurst);
  }
  EXPECT_EQ(worker.counters().counted.packets, 2 * kFlows);
  const RecordTotals lost = worker.counters().lost[static_cast<std::size_t>(Loss::ring_full)];
  EXPECT_EQ(lost.packets, kFlows - kRoom);
  expect_balanced(worker);

  // The control side is back: what is late comes.
  const std::vector<FlowRecord> first = take(worker.records());
  EXPECT_EQ(first.size(), kRoom);
  std::uint64_t records = 0;
  now += 2'000'000'000;
  for (unsigned poll = 0; poll < 3000; ++poll) {
    worker.poll(source, now += 1'000'000);
    records += take(worker.records()).size();
  }
  EXPECT_EQ(records, kFlows);
  EXPECT_EQ(worker.counters().in_table, RecordTotals{});
  expect_balanced(worker);
}

}  // namespace
}  // namespace weir::test::worker_test
