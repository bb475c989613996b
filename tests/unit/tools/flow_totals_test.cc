#include "tools/collect/flow_totals.h"

#include <gtest/gtest.h>

namespace weir::flow_totals_test {
namespace {

FlowRecord record_of(std::uint8_t source, std::uint8_t destination, std::uint64_t forward, std::uint64_t reverse) {
  FlowRecord record{};
  record.source_address[3] = source;
  record.destination_address[3] = destination;
  record.ports[kForward] = 1000;
  record.ports[kReverse] = 80;
  record.protocol = 6;
  record.ip_version = 4;
  record.packets[kForward] = forward;
  record.octets[kForward] = forward * 100;
  record.first_ns[kForward] = 50;
  record.last_ns[kForward] = 60;
  record.packets[kReverse] = reverse;
  record.octets[kReverse] = reverse * 1000;
  record.first_ns[kReverse] = 55;
  record.last_ns[kReverse] = 70;
  return record;
}

TEST(FlowTotals, CountsAConversationSeenBothWaysAsTwoFlows) {
  FlowTotals totals;
  totals.add(record_of(1, 2, 3, 4));
  EXPECT_EQ(totals.records(), 1U);
  EXPECT_EQ(totals.packets(), 7U);
  EXPECT_EQ(totals.octets(), 4300U);
  EXPECT_EQ(totals.flows(), 2U);
}

TEST(FlowTotals, CountsAConversationSeenOneWayAsOneFlow) {
  FlowTotals totals;
  totals.add(record_of(1, 2, 3, 0));
  EXPECT_EQ(totals.flows(), 1U);
}

TEST(FlowTotals, TwoRecordsOfOneTupleAreOneFlowWhicheverSideIsTheInitiator) {
  FlowTotals totals;
  totals.add(record_of(1, 2, 3, 4));
  FlowRecord turned = record_of(2, 1, 5, 6);  // the same conversation, opened by the other side
  turned.ports[kForward] = 80;
  turned.ports[kReverse] = 1000;
  totals.add(turned);
  EXPECT_EQ(totals.flows(), 2U);
  EXPECT_EQ(totals.records(), 2U);
  EXPECT_EQ(totals.packets(), 18U);
  const auto top = totals.top(2);
  ASSERT_EQ(top.size(), 2U);
  // 1 -> 2: 3 forward packets of the first record (300 octets) and 6 reverse ones of the second (6000).
  EXPECT_EQ(top[0].tuple.source_address[3], 1);
  EXPECT_EQ(top[0].sums.packets, 9U);
  EXPECT_EQ(top[0].sums.octets, 6300U);
  // 2 -> 1: 4 reverse packets of the first (4000 octets) and 5 forward ones of the second (500).
  EXPECT_EQ(top[1].tuple.source_address[3], 2);
  EXPECT_EQ(top[1].sums.packets, 9U);
  EXPECT_EQ(top[1].sums.octets, 4500U);
}

TEST(FlowTotals, PortProtocolAndAddressEachTellFlowsApart) {
  FlowTotals totals;
  totals.add(record_of(1, 2, 1, 0));
  FlowRecord other = record_of(1, 2, 1, 0);
  other.protocol = 17;
  totals.add(other);
  other = record_of(1, 2, 1, 0);
  other.ports[kForward] = 1001;
  totals.add(other);
  other = record_of(1, 2, 1, 0);
  other.ports[kReverse] = 81;
  totals.add(other);
  totals.add(record_of(1, 3, 1, 0));
  totals.add(record_of(3, 2, 1, 0));
  EXPECT_EQ(totals.flows(), 6U);
  EXPECT_EQ(totals.packets(), 6U);
}

TEST(FlowTotals, SpansFromTheLeastStartToTheGreatestEnd) {
  FlowTotals totals;
  totals.add(record_of(1, 2, 1, 0));
  FlowRecord earlier = record_of(1, 2, 1, 0);
  earlier.first_ns[kForward] = 10;
  earlier.last_ns[kForward] = 20;
  totals.add(earlier);
  const auto top = totals.top(1);
  ASSERT_EQ(top.size(), 1U);
  EXPECT_EQ(top[0].sums.first_ns, 10U);
  EXPECT_EQ(top[0].sums.last_ns, 60U);
}

TEST(FlowTotals, PastTheBoundSumsOnAndSaysThatFlowsAreMissing) {
  FlowTotals totals(2);
  totals.add(record_of(1, 2, 1, 0));
  totals.add(record_of(1, 3, 1, 0));
  EXPECT_TRUE(totals.complete());
  totals.add(record_of(1, 4, 1, 0));
  EXPECT_FALSE(totals.complete());
  totals.add(record_of(1, 3, 1, 0));  // one of those that are kept
  EXPECT_EQ(totals.flows(), 2U);
  EXPECT_EQ(totals.packets(), 4U);
  EXPECT_EQ(totals.top(10).size(), 2U);
  EXPECT_EQ(totals.top(1)[0].sums.packets, 2U);
}

}  // namespace
}  // namespace weir::flow_totals_test
