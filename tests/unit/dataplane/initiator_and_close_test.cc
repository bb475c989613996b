// Who opened a conversation whose beginning was not seen, and how long a closed one waits for what TCP sends again.
#include <gtest/gtest.h>

#include <vector>

#include "dataplane/flow/flow_rules.h"
#include "tests/support/meter.h"

namespace weir::test::initiator_and_close_test {
namespace {

/// A client and a server; which of the two has the greater address must not matter.
struct Ends {
  const char* client;
  const char* server;

  [[nodiscard]] FlowPacket ask(unsigned flags) const {
    return flow_packet().from(client, 40000).to(server, 80).tcp(static_cast<std::uint8_t>(flags));
  }
  [[nodiscard]] FlowPacket answer(unsigned flags) const {
    return flow_packet().from(server, 80).to(client, 40000).tcp(static_cast<std::uint8_t>(flags));
  }
};
constexpr Ends kEnds[] = {
    {"10.0.0.1", "10.0.0.2"}, {"10.0.0.2", "10.0.0.1"}, {"2001:db8::1", "2001:db8::2"}, {"2001:db8::2", "2001:db8::1"}};
constexpr unsigned kSynAck = kFlagSyn | kFlagAck;
constexpr unsigned kFinAck = kFlagFin | kFlagAck;

TEST(Initiator, IsTheReceiverOfASynAckThatIsSeenFirst) {
  for (const Ends& ends : kEnds) {
    SCOPED_TRACE(ends.client);
    Meter meter;
    meter.add(ends.answer(kSynAck).octets(60).tos(4).at(0));
    meter.add(ends.ask(kFlagAck).octets(40).tos(8).at(10_ms));
    meter.add(ends.ask(kFlagSyn).octets(44).at(20_ms));  // overtaken by its answer on the way to the probe
    meter.drain(1_s);
    const auto records = meter.records();
    ASSERT_EQ(records.size(), 1U);
    const FlowRecord& r = records[0];
    EXPECT_EQ(r.source_port(), 40000);
    EXPECT_EQ(r.destination_port(), 80);
    EXPECT_EQ(r.packets[kForward], 2U);
    EXPECT_EQ(r.octets[kForward], 84U);
    EXPECT_EQ(r.packets[kReverse], 1U);
    EXPECT_EQ(r.octets[kReverse], 60U);
    EXPECT_EQ(r.ip_tos[kForward], 8);
    EXPECT_EQ(r.ip_tos[kReverse], 4);
    EXPECT_EQ(r.first_ns[kReverse], kEpochNs);
    EXPECT_EQ(r.first_ns[kForward], kEpochNs + 10_ms);
    EXPECT_EQ(r.last_ns[kForward], kEpochNs + 20_ms);
    EXPECT_EQ(r.tcp_flags[kForward], kFlagSyn | kFlagAck);
    meter.expect_balanced();
  }
}

TEST(Initiator, OfAFlowOfSynAcksAloneIsTheOneThatIsNotHeard) {
  for (const Ends& ends : kEnds) {
    Meter meter;
    meter.add(ends.answer(kSynAck).octets(60).at(0));
    meter.add(ends.answer(kSynAck).octets(60).at(1_s));
    meter.drain(2_s);
    const auto records = meter.records();
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].source_port(), 40000);
    EXPECT_EQ(records[0].packets[kForward], 0U);
    EXPECT_EQ(records[0].first_ns[kForward], 0U);
    EXPECT_EQ(records[0].packets[kReverse], 2U);
    EXPECT_EQ(records[0].start_ns(), kEpochNs);
    EXPECT_EQ(records[0].end_ns(), kEpochNs + 1_s);
  }
}

TEST(Initiator, IsTheSenderOfAnythingElseThatIsSeenFirst) {
  for (const unsigned flags : {unsigned{kFlagSyn}, unsigned{kFlagAck}, kFlagSyn | unsigned{kFlagPsh}, kFinAck,
                               kSynAck | kFlagRst, kSynAck | kFlagFin, 0xffU}) {
    Meter meter;
    meter.add(kEnds[0].ask(flags).at(0));
    meter.drain(1_s);
    const auto records = meter.records();
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].source_port(), 40000) << "flags " << flags;
  }
}

TEST(Initiator, StaysInEveryRecordThatTheActiveTimeoutMakesOfTheFlow) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 20_s;
  for (const Ends& ends : kEnds) {
    for (const bool by_timer : {false, true}) {
      Meter meter(1024, timeouts);
      meter.add(ends.answer(kSynAck).at(0));
      for (unsigned second = 1; second < 60; ++second) {
        meter.add((second % 20 < 10 ? ends.ask(kFlagAck) : ends.answer(kFlagAck)).at(second * 1_s));
        if (by_timer) meter.pass(second * 1_s + 500_ms);
      }
      meter.drain(60_s);
      const auto records = meter.records();
      ASSERT_EQ(records.size(), 3U);
      for (const FlowRecord& record : records) EXPECT_EQ(record.source_port(), 40000);
      EXPECT_EQ(records[0].packets[kForward], 9U);
      EXPECT_EQ(records[0].packets[kReverse], 11U);
    }
  }
}

TEST(Initiator, OfTheNextConversationIsFoundAnew) {
  Meter meter;
  meter.add(kEnds[0].answer(kSynAck).at(0));
  meter.add(kEnds[0].answer(kFlagAck).at(40_s));
  meter.add(kEnds[0].answer(kSynAck).at(80_s));
  meter.drain(81_s);
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].source_port(), 40000);
  EXPECT_EQ(records[1].source_port(), 80);
  EXPECT_EQ(records[2].source_port(), 40000);
}

TEST(Initiator, IsTheReceiverInAFlowThatIsEvictedToo) {
  Meter meter(8);
  for (std::uint16_t port = 0; port < 64; ++port) {
    meter.add(flow_packet().from("10.0.0.2", 80).to("10.0.0.1", port).tcp(kSynAck).at(port * 1_ms));
  }
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 56U);
  for (const FlowRecord& record : records) {
    EXPECT_EQ(record.end_reason, EndReason::lack_of_resources);
    EXPECT_EQ(record.destination_port(), 80);
    EXPECT_EQ(record.packets[kReverse], 1U);
  }
  meter.expect_balanced();
}

TEST(Initiator, IsTheSenderWhereBothEndsAreTheSame) {
  Meter meter;
  meter.add(flow_packet().from("10.0.0.1", 80).to("10.0.0.1", 80).tcp(kSynAck).at(0));
  meter.add(flow_packet().from("::1", 80).to("::1", 80).tcp(kSynAck).at(0));
  meter.drain(1_s);
  for (const FlowRecord& record : meter.records()) {
    EXPECT_EQ(record.packets[kForward], 1U);
    EXPECT_EQ(record.packets[kReverse], 0U);
  }
}

TEST(Initiator, IsTheSenderWhereTheKeyHoldsOtherThingsOfASourceThanOfADestination) {
  KeyFields key;
  key.destination_prefix4 = 0;
  const FlowRules one_end(for_key(FlowTimeouts{}, key));
  EXPECT_EQ(one_end.initiator(kEnds[0].answer(kSynAck).packet()), Side::high);
  key.source_prefix4 = 0;
  const FlowRules alike(for_key(FlowTimeouts{}, key));
  EXPECT_EQ(alike.initiator(kEnds[0].answer(kSynAck).packet()), Side::low);
}

/// A connection that both sides closed, at 0; the client's last acknowledgement was lost.
void open_and_close(Meter& meter, const Ends& ends, std::uint64_t begin = 0) {
  meter.add(ends.ask(kFlagSyn).at(begin));
  meter.add(ends.answer(kSynAck).at(begin + 1_ms));
  meter.add(ends.ask(kFinAck).at(begin + 2_ms));
  meter.add(ends.answer(kFinAck).at(begin + 3_ms));
}

TEST(Linger, WhatIsSentAgainWithTcpsBackOffStaysInTheConversation) {
  for (const Ends& ends : kEnds) {
    for (const unsigned flags : {kFinAck, unsigned{kFlagAck | kFlagPsh}, unsigned{kFlagRst}}) {
      // From the least timeout of common systems to the whole linger, each repeat later than due by up to 5 %.
      for (const std::uint64_t first : {200_ms, 300_ms, 500_ms, 670_ms, 1000_ms, 1001_ms, 1500_ms, 2000_ms}) {
        SCOPED_TRACE(first);
        Meter meter;
        open_and_close(meter, ends);
        std::uint64_t at = 3_ms;
        unsigned repeats = 0;
        for (std::uint64_t gap = first; gap <= 29_s; gap = 2 * gap + gap / 10) {
          meter.add(ends.answer(flags).at(at += gap));
          meter.pass(at + 100_ms);
          ++repeats;
        }
        EXPECT_TRUE(meter.records().empty());
        meter.pass(at + 31_s);
        const auto records = meter.records();
        ASSERT_EQ(records.size(), 1U);
        EXPECT_EQ(records[0].source_port(), 40000);
        EXPECT_EQ(records[0].packets[kForward], 2U);
        EXPECT_EQ(records[0].packets[kReverse], 2U + repeats);
        EXPECT_EQ(records[0].end_reason, EndReason::end_of_flow);
        EXPECT_EQ(meter.shard.size(), 0U);
        meter.expect_balanced();
      }
    }
  }
}

TEST(Linger, APacketWithinAThirdOfItLeavesItAsItIs) {
  Meter meter;
  open_and_close(meter, kEnds[0]);
  meter.add(kEnds[0].answer(kFinAck).at(600_ms));
  meter.add(kEnds[0].answer(kFinAck).at(2600_ms + 1));
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].packets[kReverse], 3U);
  EXPECT_EQ(records[0].end_reason, EndReason::end_of_flow);
  EXPECT_EQ(records[0].deadline_ns(), kEpochNs + 2600_ms);
}

TEST(Linger, TheRecordsDeadlineIsThatOfTheLingerAsItWasThen) {
  for (const bool by_timer : {false, true}) {
    Meter meter;
    open_and_close(meter, kEnds[0]);
    meter.add(kEnds[0].answer(kFinAck).at(1003_ms));  // a gap of 1 s: 4 s from now on
    if (by_timer) meter.pass(5003_ms);
    EXPECT_TRUE(meter.records().empty());
    if (by_timer) {
      meter.pass(5003_ms + 2 * TimerWheel::kTickNs);
    } else {
      meter.add(kEnds[0].answer(kFinAck).at(5003_ms + 1));
    }
    const auto records = meter.records();
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].deadline_ns(), kEpochNs + 5003_ms);
    EXPECT_EQ(records[0].end_reason, EndReason::end_of_flow);
  }
}

TEST(Linger, IsNeverLongerThanTheIdleTimeout) {
  FlowTimeouts timeouts;
  timeouts.idle_ns = 5_s;
  Meter meter(1024, timeouts);
  open_and_close(meter, kEnds[0]);
  meter.add(kEnds[0].answer(kFinAck).at(2_s));
  meter.add(kEnds[0].answer(kFinAck).at(7_s));
  EXPECT_TRUE(meter.records().empty());
  meter.add(kEnds[0].answer(kFinAck).at(12_s + 1));
  const auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].packets[kReverse], 4U);
  EXPECT_EQ(records[0].deadline_ns(), kEpochNs + 12_s);
}

TEST(Linger, HoweverLongABareSynEndsItAndTheNextConversationHasTheShortOne) {
  Meter meter;
  open_and_close(meter, kEnds[0]);
  meter.add(kEnds[0].answer(kFinAck).at(1_s));
  meter.add(kEnds[0].answer(kFinAck).at(3_s));
  open_and_close(meter, kEnds[0], 4_s);
  auto records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].packets[kReverse], 4U);
  meter.pass(6_s + 3_ms);
  EXPECT_TRUE(meter.records().empty());
  meter.pass(6_s + 3_ms + 2 * TimerWheel::kTickNs);
  records = meter.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].packets[kReverse], 2U);
  meter.expect_balanced();
}

TEST(Linger, GoesOnAcrossAnActiveTimeout) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 10_s;
  for (const bool by_timer : {false, true}) {
    Meter meter(1024, timeouts);
    open_and_close(meter, kEnds[1]);
    for (const std::uint64_t at : {1_s, 3_s, 7_s, 15_s, 31_s}) {
      meter.add(kEnds[1].answer(kFinAck).at(at));
      if (by_timer) meter.pass(at + 10_s / 3);
    }
    meter.drain(32_s);
    const auto records = meter.records();
    ASSERT_EQ(records.size(), 3U);
    unsigned packets = 0;
    for (const FlowRecord& record : records) {
      EXPECT_EQ(record.source_port(), 40000);
      packets += static_cast<unsigned>(record.total_packets());
    }
    EXPECT_EQ(packets, 9U);
    meter.expect_balanced();
  }
}

TEST(Linger, AFlowThatKeepsItsTunnelKeepsItWhateverTheLinger) {
  Meter meter;
  ParsedPacket packet = kEnds[0].ask(kFlagRst).at(0).packet();
  packet.facts = kHasTunnel;
  packet.tunnel.type = TunnelType::vxlan;
  packet.tunnel.id = 7;
  meter.add(packet);
  meter.add(kEnds[0].ask(kFlagRst).at(1_s));
  meter.add(kEnds[0].ask(kFlagRst).at(4_s));
  meter.drain(5_s);
  const RecordBatch batch = meter.batch();
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch[0]->packets[kForward], 3U);
  ASSERT_NE(batch[0].find<TunnelSection>(), nullptr);
  EXPECT_EQ(batch[0].find<TunnelSection>()->id, 7U);
}

}  // namespace
}  // namespace weir::test::initiator_and_close_test
