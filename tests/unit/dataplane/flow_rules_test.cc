// When a flow ends, said by the rules alone: no table, no timer, no packet.
#include "dataplane/flow/flow_rules.h"

#include <gtest/gtest.h>

#include "tests/support/flow_packet.h"

namespace weir::test::flow_rules_test {
namespace {

FlowTimeouts timeouts() {
  FlowTimeouts out;
  out.idle_ns = 30_s;
  out.active_ns = 100_s;
  out.linger_ns = 2_s;
  return out;
}

/// A flow from kEpochNs on whose low side sent last after `last_ns`, with one packet.
FlowEntry entry(std::uint64_t last_ns, std::uint8_t state = FlowEntry::kSeen) {
  FlowEntry out{};
  out.tail = 1;
  out.start_ns = kEpochNs;
  out.packets[0] = 1;
  out.set_last_offset_ns(0, last_ns);
  out.state = state;
  return out;
}

constexpr std::uint8_t kBothSeen = FlowEntry::kSeen | FlowEntry::kSeen << 1;

TEST(FlowRules, AFlowIsIdleWhenTheGapIsGreaterThanTheTimeout) {
  const FlowRules rules(timeouts());
  EXPECT_EQ(rules.deadline(entry(5_s)), kEpochNs + 35_s + 1);
  EXPECT_EQ(rules.timeout_reason(entry(5_s)), EndReason::idle_timeout);
  EXPECT_EQ(rules.due_ns(entry(5_s), EndReason::idle_timeout), kEpochNs + 35_s);
}

TEST(FlowRules, AFlowIsReportedWhenItsAgeReachesTheActiveTimeout) {
  const FlowRules rules(timeouts());
  EXPECT_EQ(rules.deadline(entry(70_s)), kEpochNs + 100_s) << "at the same time as idle, but for the nanosecond";
  EXPECT_EQ(rules.timeout_reason(entry(70_s)), EndReason::active_timeout);
  EXPECT_EQ(rules.due_ns(entry(70_s), EndReason::active_timeout), kEpochNs + 100_s);
  EXPECT_EQ(rules.timeout_reason(entry(69_s)), EndReason::idle_timeout) << "what comes first counts";
}

TEST(FlowRules, AFlowWithoutPacketsSinceItsReportHasNothingToReport) {
  const FlowRules rules(timeouts());
  FlowEntry reported = entry(70_s);
  reported.packets[0] = 0;
  EXPECT_EQ(rules.active_deadline(reported), FlowRules::kNever);
  EXPECT_EQ(rules.deadline(reported), kEpochNs + 100_s + 1);
}

TEST(FlowRules, RstOrFinOfAllWhoEverSentClosesAFlow) {
  EXPECT_FALSE(FlowRules::closed(entry(0, kBothSeen)));
  EXPECT_TRUE(FlowRules::closed(entry(0, kBothSeen | FlowEntry::kRst)));
  EXPECT_TRUE(FlowRules::closed(entry(0, kBothSeen | FlowEntry::kFin | FlowEntry::kFin << 1)));
}

TEST(FlowRules, OfAClosedFlowTheLingerStandsInForTheIdleTimeout) {
  const FlowEntry closed = entry(5_s, kBothSeen | FlowEntry::kRst);
  const FlowRules rules(timeouts());
  EXPECT_EQ(rules.deadline(closed), kEpochNs + 7_s + 1);
  EXPECT_EQ(rules.timeout_reason(closed), EndReason::end_of_flow);
  EXPECT_EQ(rules.due_ns(closed, EndReason::end_of_flow), kEpochNs + 7_s);
  FlowTimeouts shorter = timeouts();
  shorter.idle_ns = 1_s;
  EXPECT_EQ(FlowRules(shorter).deadline(closed), kEpochNs + 6_s + 1) << "where that is shorter still";
}

TEST(FlowRules, WhatWasOverBeforeItsTimeoutWasSetIsDueAtThatMoment) {
  const FlowRules rules(timeouts(), kEpochNs + 200_s);
  EXPECT_EQ(rules.due_ns(entry(5_s), EndReason::idle_timeout), kEpochNs + 200_s);
  EXPECT_EQ(rules.due_ns(entry(5_s), EndReason::active_timeout), kEpochNs + 200_s);
  EXPECT_EQ(rules.due_ns(entry(5_s, kBothSeen | FlowEntry::kRst), EndReason::end_of_flow), kEpochNs + 200_s);
  EXPECT_EQ(rules.due_ns(entry(180_s), EndReason::idle_timeout), kEpochNs + 210_s);
  EXPECT_EQ(rules.due_ns(entry(5_s), EndReason::forced_end), 0U);
  EXPECT_EQ(rules.deadline(entry(5_s)), kEpochNs + 35_s + 1) << "it is over all the same";
}

TEST(FlowRules, NobodyCouldKnowWhenAFlowWouldBeForcedToEnd) {
  const FlowRules rules(timeouts());
  EXPECT_EQ(rules.due_ns(entry(5_s), EndReason::forced_end), 0U);
  EXPECT_EQ(rules.due_ns(entry(5_s), EndReason::lack_of_resources), 0U);
}

TEST(FlowRules, FinAndRstSayNothingOfAFlowThatIsManyConnections) {
  KeyFields key;
  EXPECT_TRUE(for_key(timeouts(), key).tcp_close);
  key.source_port = false;
  EXPECT_FALSE(for_key(timeouts(), key).tcp_close);
}

}  // namespace
}  // namespace weir::test::flow_rules_test
