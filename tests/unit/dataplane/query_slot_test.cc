// Flows that are asked for while they are counted: each copy is the record that the flow would leave.
#include "dataplane/query/query_slot.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/flow/flow_shard.h"
#include "dataplane/worker.h"
#include "tests/support/flow_packet.h"

namespace weir::test::query_slot_test {
namespace {

const KeyHash kHash({1, 2, 3, 4, 5, 6});

/// A shard that is counted into by hand.
class Rig {
 public:
  explicit Rig(std::uint32_t capacity, const Metrics& metrics = {})
      : ring_(ring_lines(1024)),
        shard_(capacity, kHash, FlowTimeouts{}, counters_, ring_, RingFull::lose, WhenFull::evict, metrics) {}

  void count(const FlowPacket& packet) {
    ParsedPacket parsed = packet.packet();
    const PacketFacts facts{};
    shard_.prepare({&parsed, 1});
    shard_.process({&parsed, 1}, shard_.metrics().any() ? &facts : nullptr);
  }
  /// `flows` of one packet each, of 100 octets and the flow's number more.
  void fill(unsigned flows) {
    for (unsigned i = 0; i < flows; ++i) {
      count(flow_packet()
                .from("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250), 1000)
                .to("10.9.0.1", 53)
                .octets(100 + i));
    }
  }
  FlowShard& shard() { return shard_; }
  std::map<std::uint64_t, std::uint64_t> drained() {
    shard_.drain(kEpochNs + 1_s);
    std::map<std::uint64_t, std::uint64_t> octets;
    ring_.consume(SIZE_MAX, [&](const RingLine& line) {
      const RecordView record = RecordMessage::record(line);
      ++octets[record->total_octets()];
    });
    return octets;
  }

 private:
  FlowCounters counters_{};
  RecordRing ring_;
  FlowShard shard_;
};

TEST(QuerySlot, AnswersNothingUntilItIsAsked) {
  Rig rig(64);
  rig.fill(3);
  QuerySlot slot;
  EXPECT_TRUE(slot.answered());
  EXPECT_FALSE(slot.asked());
  slot.answer(rig.shard(), 8);
  EXPECT_TRUE(slot.answered());
}

TEST(QuerySlot, CopiesTheRecordsThatTheFlowsLeaveLater) {
  Rig rig(512);
  rig.fill(300);
  rig.count(flow_packet().from("10.9.0.1", 53).to("10.0.0.7", 1000).octets(40).at(5_ms));
  QuerySlot slot;
  slot.ask({});
  EXPECT_TRUE(slot.asked());
  unsigned polls = 0;
  for (; !slot.answered(); ++polls) slot.answer(rig.shard(), 8);
  EXPECT_EQ(polls, 38U) << "300 flows, eight a poll";
  const FlowPage& page = slot.page();
  EXPECT_TRUE(page.complete());
  ASSERT_EQ(page.size(), 300U);
  std::map<std::uint64_t, std::uint64_t> seen;
  for (std::uint32_t i = 0; i < page.size(); ++i) {
    ++seen[page.record(i)->total_octets()];
    EXPECT_EQ(page.record(i)->end_reason, EndReason{});
    EXPECT_EQ(page.record(i)->deadline_ms, 0U);
    if (page.record(i)->packets[kReverse] == 0) continue;
    EXPECT_EQ(page.record(i)->octets[kForward], 107U);
    EXPECT_EQ(page.record(i)->octets[kReverse], 40U);
    EXPECT_EQ(page.record(i)->end_ns(), kEpochNs + 5_ms);
  }
  EXPECT_EQ(page.now_ns(), rig.shard().now_ns());
  EXPECT_EQ(rig.drained(), seen) << "asking changed nothing";
}

TEST(QuerySlot, HandsAFullPageBackAndGoesOnWithTheRest) {
  Rig rig(8192);
  rig.fill(5000);
  QuerySlot slot;
  slot.ask({});
  while (!slot.answered()) slot.answer(rig.shard(), 8);
  EXPECT_EQ(slot.page().size(), FlowPage::kMostFlows);
  EXPECT_FALSE(slot.page().complete());
  const FlowRange rest = slot.page().rest();
  EXPECT_EQ(rest.begin, FlowPage::kMostFlows);
  const FlowPage& first = slot.page();
  const std::uint64_t last_octets = first.record(FlowPage::kMostFlows - 1)->total_octets();
  slot.ask(rest);
  while (!slot.answered()) slot.answer(rig.shard(), 8);
  EXPECT_EQ(first.size(), FlowPage::kMostFlows) << "the first page is as it was while the second is filled";
  EXPECT_EQ(first.record(FlowPage::kMostFlows - 1)->total_octets(), last_octets);
  EXPECT_EQ(slot.page().size(), 5000 - FlowPage::kMostFlows);
  EXPECT_TRUE(slot.page().complete());
}

TEST(QuerySlot, PassesOverFreeEntriesAndEmptyFlows) {
  Rig rig(64);
  rig.fill(4);
  rig.shard().advance(kEpochNs + 40_s, 64);  // idle for longer than 30 s
  EXPECT_EQ(rig.shard().size(), 0U);
  rig.count(flow_packet().from("10.1.0.1", 1).to("10.2.0.1", 2).at(50_s));
  QuerySlot slot;
  slot.ask({});
  while (!slot.answered()) slot.answer(rig.shard(), 8);
  EXPECT_EQ(slot.page().size(), 1U);
  EXPECT_TRUE(slot.page().complete());
}

TEST(QuerySlot, CopiesSectionsOfMetricsWhereTheyAreAskedFor) {
  Rig rig(8192, Metrics{}.with<Lengths>());
  rig.fill(4000);
  QuerySlot slot;
  slot.ask({});
  while (!slot.answered()) slot.answer(rig.shard(), 8);
  ASSERT_EQ(slot.page().size(), 4000U);
  EXPECT_FALSE(slot.page().record(0).has(Section::lengths));
  slot.ask({.with_metrics = true});
  while (!slot.answered()) slot.answer(rig.shard(), 8);
  ASSERT_TRUE(slot.page().record(0).has(Section::lengths));
  EXPECT_EQ(slot.page().record(0).find<LengthsSection>()->length_min[kForward],
            slot.page().record(0)->octets[kForward]);
  EXPECT_LT(slot.page().size(), 4000U) << "longer records, fewer a page";
  EXPECT_FALSE(slot.page().complete());
  const std::uint32_t number = slot.page().entry(5);
  slot.ask({number, number + 1, true});
  slot.answer(rig.shard(), 8);
  ASSERT_TRUE(slot.answered());
  EXPECT_EQ(slot.page().size(), 1U);
  EXPECT_EQ(slot.page().entry(0), number);
}

}  // namespace
}  // namespace weir::test::query_slot_test
