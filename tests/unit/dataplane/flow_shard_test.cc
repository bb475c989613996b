// When flows begin and end, packet by packet, and what their records say.
#include "dataplane/flow/flow_shard.h"

#include <gtest/gtest.h>

#include "tests/support/meter.h"

namespace weir::test::flow_shard_test {
namespace {

FlowPacket request() {
  return flow_packet().from("10.0.0.2", 40000).to("10.0.0.1", 80).tcp(kFlagAck);
}
FlowPacket reply() {
  return flow_packet().from("10.0.0.1", 80).to("10.0.0.2", 40000).tcp(kFlagAck);
}
FlowPacket datagram() {
  return flow_packet().from("10.0.0.2", 5000).to("10.0.0.1", 53).udp();
}

TEST(FlowShard, BothDirectionsOfAConversationAreOneFlowWhoseSourceSentFirst) {
  Meter meter;
  meter.add(request().octets(100).tos(8).vlan(42).at(0));
  meter.add(reply().octets(200).tos(16).at(1_s));
  meter.add(request().octets(50).at(3_s));
  meter.drain(4_s);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  const FlowRecord& r = records[0];
  const std::uint8_t source[4] = {10, 0, 0, 2};
  const std::uint8_t destination[4] = {10, 0, 0, 1};
  EXPECT_EQ(std::memcmp(r.source_address, source, 4), 0);
  EXPECT_EQ(std::memcmp(r.destination_address, destination, 4), 0);
  EXPECT_EQ(r.source_port(), 40000);
  EXPECT_EQ(r.destination_port(), 80);
  EXPECT_EQ(r.protocol, 6);
  EXPECT_EQ(r.ip_version, 4);
  EXPECT_EQ(r.ether_type, 0x0800);
  EXPECT_EQ(r.vlan_id, 42);
  EXPECT_EQ(r.packets[kForward], 2U);
  EXPECT_EQ(r.octets[kForward], 150U);
  EXPECT_EQ(r.packets[kReverse], 1U);
  EXPECT_EQ(r.octets[kReverse], 200U);
  EXPECT_EQ(r.ip_tos[kForward], 8);
  EXPECT_EQ(r.ip_tos[kReverse], 16);
  EXPECT_EQ(r.first_ns[kForward], kEpochNs);
  EXPECT_EQ(r.last_ns[kForward], kEpochNs + 3_s);
  EXPECT_EQ(r.first_ns[kReverse], kEpochNs + 1_s);
  EXPECT_EQ(r.last_ns[kReverse], kEpochNs + 1_s);
  EXPECT_EQ(r.sampling_rate, 1U);
  EXPECT_EQ(r.end_reason, EndReason::forced_end);
  meter.expect_balanced();
}

TEST(FlowShard, AnIpv6FlowKeepsItsWholeAddresses) {
  Meter meter;
  meter.add(flow_packet().from("2001:db8::2", 7).to("2001:db8::1", 9).udp());
  meter.add(flow_packet().from("2001:db8::1", 9).to("2001:db8::2", 7).udp());
  meter.add(flow_packet().from("2001:db8:0:1::2", 7).to("2001:db8::1", 9).udp());  // differs in the second half only
  meter.drain(1_s);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 2U);
  std::uint8_t two[16];
  inet_pton(AF_INET6, "2001:db8::2", two);
  EXPECT_EQ(std::memcmp(records[0].source_address, two, 16), 0);
  EXPECT_EQ(records[0].ether_type, 0x86dd);
  EXPECT_EQ(records[0].packets[kReverse], 1U);
  meter.expect_balanced();
}

TEST(FlowShard, AGapOfExactlyTheIdleTimeoutDoesNotEndAFlowAndOneNanosecondMoreDoes) {
  Meter meter;
  meter.add(datagram().at(0));
  meter.add(datagram().at(30_s));
  meter.add(datagram().at(60_s + 1));
  auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].packets[kForward], 2U);
  EXPECT_EQ(records[0].end_reason, EndReason::idle_timeout);
  meter.drain(61_s);
  records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].start_ns(), kEpochNs + 60_s + 1);
  meter.expect_balanced();
}

TEST(FlowShard, ATimerEndsAnIdleFlowWithinATickOfItsDeadline) {
  Meter meter;
  meter.add(datagram().at(0));
  meter.pass(30_s);
  EXPECT_TRUE(meter.records().empty());
  meter.pass(30_s + 2 * TimerWheel::kTickNs);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::idle_timeout);
  EXPECT_EQ(meter.shard.size(), 0U);
  meter.expect_balanced();
}

TEST(FlowShard, TheRecordIsTheSameWhetherATimerOrAPacketFoundTheIdleFlow) {
  Meter by_timer;
  by_timer.add(datagram().at(0));
  by_timer.pass(40_s);
  by_timer.add(datagram().at(50_s));
  Meter by_packet;
  by_packet.add(datagram().at(0));
  by_packet.add(datagram().at(50_s));
  const auto one = by_timer.records();
  const auto two = by_packet.records();
  ASSERT_EQ(one.size(), 1U);
  ASSERT_EQ(two.size(), 1U);
  EXPECT_EQ(std::memcmp(&one[0], &two[0], sizeof(FlowRecord)), 0);
}

TEST(FlowShard, AFlowIsReportedWhenItsAgeReachesTheActiveTimeoutAndKeepsItsDirection) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 60_s;
  Meter meter(1024, timeouts);
  for (unsigned second = 0; second < 60; second += 20) meter.add(request().at(second * 1_s));
  meter.add(reply().at(60_s));  // age 60 s: belongs to the next record, although the responder sends it
  auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::active_timeout);
  EXPECT_EQ(records[0].packets[kForward], 3U);
  meter.drain(61_s);
  records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].ports[kForward], 40000);
  EXPECT_EQ(records[0].packets[kForward], 0U);
  EXPECT_EQ(records[0].first_ns[kForward], 0U);
  EXPECT_EQ(records[0].packets[kReverse], 1U);
  EXPECT_EQ(records[0].start_ns(), kEpochNs + 60_s);
  meter.expect_balanced();
}

TEST(FlowShard, AFlowReportedByATimerKeepsItsDirectionUntilItIsIdle) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 60_s;
  Meter meter(1024, timeouts);
  meter.add(request().at(40_s));
  meter.add(request().at(60_s));
  meter.add(request().at(85_s));
  meter.pass(101_s);  // age 60 s at 100 s
  ASSERT_EQ(meter.records().size(), 1U);
  EXPECT_EQ(meter.shard.size(), 1U);  // waits for its next packet
  meter.add(reply().at(110_s));       // 25 s after the last
  meter.pass(141_s);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].ports[kForward], 40000);
  EXPECT_EQ(records[0].packets[kReverse], 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::idle_timeout);
  EXPECT_EQ(meter.shard.size(), 0U);
  meter.expect_balanced();
}

TEST(FlowShard, ATimerReportsTheNextRecordInTimeWhereTheActiveTimeoutIsTheShorterOne) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 10_s;
  timeouts.idle_ns = 60_s;
  Meter meter(1024, timeouts);
  meter.add(request().at(0));
  meter.pass(10_s + 2 * TimerWheel::kTickNs);
  ASSERT_EQ(meter.records().size(), 1U);
  meter.add(request().at(15_s));  // the next record's first packet
  meter.pass(25_s - 1);
  EXPECT_TRUE(meter.records().empty());
  meter.pass(25_s + 2 * TimerWheel::kTickNs);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::active_timeout);
  EXPECT_EQ(records[0].start_ns(), kEpochNs + 15_s);
  meter.expect_balanced();
}

TEST(FlowShard, AReportedFlowWithoutFurtherPacketsLeavesWithoutASecondRecord) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 20_s;
  Meter meter(1024, timeouts);
  meter.add(datagram().at(0));
  meter.pass(25_s);
  EXPECT_EQ(meter.records().size(), 1U);
  EXPECT_EQ(meter.counters.in_table, RecordTotals{});
  meter.pass(31_s);
  EXPECT_TRUE(meter.records().empty());
  EXPECT_EQ(meter.shard.size(), 0U);
  meter.expect_balanced();
}

TEST(FlowShard, AfterFinFromBothSidesTrailingAcksBelongToTheFlowAndTheLingerEndsIt) {
  Meter meter;
  meter.add(request().tcp(kFlagSyn).at(0));
  meter.add(reply().tcp(kFlagSyn | kFlagAck).at(10_ms));
  meter.add(request().tcp(kFlagFin | kFlagAck).at(20_ms));
  meter.add(reply().tcp(kFlagFin | kFlagAck).at(30_ms));
  meter.add(request().tcp(kFlagAck).at(40_ms));
  meter.pass(2_s);
  EXPECT_TRUE(meter.records().empty());
  meter.pass(2_s + 40_ms + 2 * TimerWheel::kTickNs);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].packets[kForward], 3U);
  EXPECT_EQ(records[0].packets[kReverse], 2U);
  EXPECT_EQ(records[0].tcp_flags[kForward], kFlagSyn | kFlagFin | kFlagAck);
  EXPECT_EQ(records[0].tcp_flags[kReverse], kFlagSyn | kFlagFin | kFlagAck);
  EXPECT_EQ(records[0].end_reason, EndReason::end_of_flow);
  meter.expect_balanced();
}

TEST(FlowShard, AFinFromOneSideOfTwoIsNoEnd) {
  Meter meter;
  meter.add(request().at(0));
  meter.add(reply().at(1_s));
  meter.add(request().tcp(kFlagFin | kFlagAck).at(2_s));
  meter.pass(20_s);
  EXPECT_TRUE(meter.records().empty());
  meter.add(reply().octets(1500).at(25_s));  // half-closed: the other side still sends
  meter.pass(40_s);
  EXPECT_TRUE(meter.records().empty());
  meter.expect_balanced();
}

TEST(FlowShard, AFinEndsAFlowOfWhichOnlyOneSideIsSeen) {
  Meter meter;
  meter.add(request().tcp(kFlagFin | kFlagAck).at(0));
  meter.pass(3_s);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::end_of_flow);
  meter.expect_balanced();
}

TEST(FlowShard, ARstEndsAFlowAndABareSynAfterItOpensTheNextAtOnce) {
  Meter meter;
  meter.add(request().tcp(kFlagSyn).at(0));
  meter.add(reply().tcp(kFlagRst | kFlagAck).at(10_ms));
  meter.add(request().tcp(kFlagSyn).at(20_ms));
  auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::end_of_flow);
  EXPECT_EQ(records[0].total_packets(), 2U);
  meter.pass(10_s);  // the new flow is open: no linger ends it
  EXPECT_TRUE(meter.records().empty());
  meter.expect_balanced();
}

TEST(FlowShard, ABareSynFromTheOtherSideTurnsTheNextFlowAround) {
  Meter meter;
  meter.add(request().tcp(kFlagRst).at(0));
  meter.add(reply().tcp(kFlagSyn).at(10_ms));
  meter.drain(1_s);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].ports[kForward], 40000);
  EXPECT_EQ(records[1].ports[kForward], 80);
}

TEST(FlowShard, ASynInAnOpenFlowIsARetransmission) {
  Meter meter;
  meter.add(request().tcp(kFlagSyn).at(0));
  meter.add(request().tcp(kFlagSyn).at(1_s));
  EXPECT_TRUE(meter.records().empty());
}

TEST(FlowShard, WithTcpCloseOffFlagsEndNothing) {
  FlowTimeouts timeouts;
  timeouts.tcp_close = false;
  Meter meter(1024, timeouts);
  meter.add(request().tcp(kFlagRst).at(0));
  meter.add(request().tcp(kFlagSyn).at(10_s));
  meter.pass(20_s);
  EXPECT_TRUE(meter.records().empty());
  meter.expect_balanced();
}

TEST(FlowShard, PacketsStampedEarlierWidenTheRecordAndEndNothing) {
  Meter meter;
  meter.add(datagram().at(100_s));
  meter.add(datagram().at(101_s).stamped(20_s));  // stamped 81 s back: effective time stands still or goes on
  meter.add(datagram().at(102_s).stamped(60_s));
  meter.drain(103_s);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].first_ns[kForward], kEpochNs + 20_s);
  EXPECT_EQ(records[0].last_ns[kForward], kEpochNs + 100_s);
  meter.expect_balanced();
}

TEST(FlowShard, TheGreatestStampCountsWhenTimeGoesOnAfterRunningBack) {
  Meter meter;
  meter.add(datagram().at(100_s).stamped(50_s));
  meter.add(datagram().at(100_s).stamped(70_s));
  meter.add(datagram().at(101_s));
  meter.drain(103_s);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].first_ns[kForward], kEpochNs + 50_s);
  EXPECT_EQ(records[0].last_ns[kForward], kEpochNs + 101_s);
}

TEST(FlowShard, AFullTableEvictsAFlowForLackOfResourcesAndCountsEveryPacket) {
  Meter meter(64);
  for (unsigned i = 0; i < 1000; ++i) {
    meter.add(datagram().from("10.1.0.1", static_cast<std::uint16_t>(i)).at(i * 1_ms));
  }
  const auto records = meter.records();
  EXPECT_EQ(records.size(), 1000U - 64U);
  for (const FlowRecord& record : records) EXPECT_EQ(record.end_reason, EndReason::lack_of_resources);
  EXPECT_EQ(meter.counters.evictions, 936U);
  meter.expect_balanced();
}

TEST(FlowShard, EvictionTakesTheStalestOfTheNeighbours) {
  // Eight flows are fewer than the ten that are compared, so the stalest of all goes.
  Meter meter(8);
  for (unsigned i = 0; i < 8; ++i) meter.add(datagram().from("10.1.0.1", static_cast<std::uint16_t>(i)).at(i * 1_ms));
  meter.add(datagram().from("10.1.0.1", 0).at(100_ms));  // the first is fresh again
  meter.add(datagram().from("10.1.0.1", 8).at(200_ms));
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_NE(records[0].ports[kForward], 0) << "the flow with the latest packet was evicted";
  meter.expect_balanced();
}

TEST(FlowShard, ATimerThatFindsTheRingFullTriesAgainAndLosesNothing) {
  Meter meter(1024, {}, 4);
  for (unsigned i = 0; i < 10; ++i) meter.add(datagram().from("10.1.0.1", static_cast<std::uint16_t>(i)).at(0));
  meter.pass(31_s);
  EXPECT_EQ(meter.counters.emitted.records, 4U);
  EXPECT_GE(meter.counters.late_expiries, 6U);
  EXPECT_EQ(meter.shard.size(), 6U);
  meter.expect_balanced();
  std::size_t records = meter.records().size();
  for (unsigned i = 1; i <= 3; ++i) {
    meter.pass(31_s + i * 4 * TimerWheel::kTickNs);
    records += meter.records().size();
  }
  EXPECT_EQ(records, 10U);
  EXPECT_EQ(meter.counters.lost[static_cast<std::size_t>(Loss::ring_full)], RecordTotals{});
  meter.expect_balanced();
}

TEST(FlowShard, WhereTheEntryMustBeVacatedAFullRingLosesTheRecordByName) {
  Meter meter(1024, {}, 1);
  meter.add(datagram().octets(100).at(0));
  meter.add(datagram().octets(200).at(31_s));
  meter.add(datagram().octets(300).at(62_s));
  EXPECT_EQ(meter.counters.lost[static_cast<std::size_t>(Loss::ring_full)], (RecordTotals{1, 1, 200}));
  meter.expect_balanced();
}

TEST(FlowShard, ABurstOfPacketsOfOneNewFlowMakesOneFlow) {
  Meter meter;
  std::vector<ParsedPacket> burst;
  for (unsigned i = 0; i < 32; ++i)
    burst.push_back((i % 2 == 0 ? request() : reply()).octets(100).at(i * 1_ms).packet());
  meter.add_burst(burst);
  EXPECT_EQ(meter.shard.size(), 1U);
  meter.drain(1_s);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].packets[kForward], 16U);
  EXPECT_EQ(records[0].packets[kReverse], 16U);
}

TEST(FlowShard, AJumpOfDecadesEndsEverythingInOnePass) {
  Meter meter(4096);
  for (unsigned i = 0; i < 4000; ++i) {
    meter.add(datagram().from("10.1.0.1", static_cast<std::uint16_t>(i)).at(i * 10_ms));
  }
  meter.pass(30ULL * 365 * 86400 * 1_s);
  EXPECT_EQ(meter.records().size(), 4000U);
  EXPECT_EQ(meter.shard.size(), 0U);
  meter.add(datagram().at(30ULL * 365 * 86400 * 1_s + 1_s));
  meter.pass(30ULL * 365 * 86400 * 1_s + 40_s);
  EXPECT_EQ(meter.records().size(), 1U);
  meter.expect_balanced();
}

TEST(FlowShard, AtTheEndAFlowWhoseTimeoutWasOverSaysSo) {
  Meter meter;
  meter.add(datagram().at(0));
  meter.add(datagram().from("10.9.9.9", 1).at(40_s));
  meter.drain(40_s);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].end_reason, EndReason::idle_timeout);
  EXPECT_EQ(records[1].end_reason, EndReason::forced_end);
  meter.expect_balanced();
}

TEST(FlowShard, ADrainedShardIsEmptyAndTakesFlowsAgain) {
  constexpr unsigned kFlows =
      20000;  // more than the least index holds: it has grown, and is growing, when it is emptied
  Meter meter(1U << 16, {}, 1U << 16);
  const std::uint32_t least = meter.shard.table().index().homes();
  for (const std::uint64_t begin : {0_s, 100_s}) {
    for (unsigned i = 0; i < kFlows; ++i) {
      meter.add(datagram().from("10.1.0.1", static_cast<std::uint16_t>(i)).at(begin));
    }
    EXPECT_EQ(meter.shard.size(), kFlows);
    EXPECT_GT(meter.shard.table().index().homes(), least);
    meter.drain(begin + 1_s);
    const auto records = meter.records();
    EXPECT_EQ(records.size(), kFlows);
    for (const FlowRecord& record : records) EXPECT_EQ(record.packets[kForward], 1U);
    EXPECT_EQ(meter.shard.size(), 0U);
    EXPECT_EQ(meter.shard.table().used_limit(), 0U);
    EXPECT_EQ(meter.shard.table().index().homes(), least);
    meter.pass(begin + 50_s);  // no timer is left that could fire
    EXPECT_TRUE(meter.records().empty());
    meter.expect_balanced();
  }
}

TEST(FlowShard, ExpiriesInOneCallAreBoundedByTheBudget) {
  Meter meter(4096);
  for (unsigned i = 0; i < 1000; ++i) meter.add(datagram().from("10.1.0.1", static_cast<std::uint16_t>(i)).at(0));
  meter.pass(60_s, 64);
  EXPECT_EQ(meter.records().size(), 64U);
  meter.pass(60_s, 64);
  EXPECT_EQ(meter.records().size(), 64U);
  meter.pass(60_s);
  EXPECT_EQ(meter.records().size(), 1000U - 128U);
  meter.expect_balanced();
}

}  // namespace
}  // namespace weir::test::flow_shard_test
