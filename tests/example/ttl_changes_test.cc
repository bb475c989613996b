// The metric that dataplane/metric/README.md walks through, in a weir whose lists have its line: measured by FlowShard,
// written as JSON. And a metric that ends flows.
#include <gtest/gtest.h>

#include <bit>
#include <fstream>
#include <iterator>
#include <string>

#include "dataplane/metric/metrics.h"
#include "dataplane/packet/parser.h"
#include "proto/record/flow_json.h"
#include "tests/support/meter.h"
#include "tests/support/packet_builder.h"

namespace weir::test {
namespace {

std::uint32_t bit_of(std::string_view name) {
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    if (Metrics::kInfos[i].name == name) return std::uint32_t{1} << i;
  }
  ADD_FAILURE() << "the list has no " << name;
  return 0;
}

class ExampleMeter : public Meter {
 public:
  explicit ExampleMeter(std::uint32_t metrics, WhenFull when_full = WhenFull::evict)
      : Meter(1024, {}, 1U << 12, RingFull::lose, when_full, {1, 2, 3, 4, 5, 6}, Metrics(metrics)) {}

  /// The frames as one burst, one nanosecond apart.
  void see(const std::vector<PacketBuilder>& builders, std::uint64_t offset_ns = 0) {
    ASSERT_LE(builders.size(), FlowShard::kBurst);
    ParsedPacket packets[FlowShard::kBurst]{};
    PacketFacts facts[FlowShard::kBurst];
    Parser parser;
    for (std::size_t i = 0; i < builders.size(); ++i) {
      const Bytes frame = builders[i].bytes();
      ASSERT_EQ(parser.parse(view_of(frame, kEpochNs + offset_ns + i), packets[i], &facts[i]), Reject::none);
      packets[i].effective_ns = packets[i].time_ns;
    }
    shard.prepare({packets, builders.size()});
    shard.process({packets, builders.size()}, facts);
  }
};

PacketBuilder ask(unsigned ttl = 64, unsigned flags = kAck) {
  return packet().eth().ipv4("10.0.0.2", "10.0.0.1").ttl(ttl).tcp(40000, 80).flags(flags).payload(10);
}
PacketBuilder answer(unsigned ttl = 64, unsigned flags = kAck) {
  return packet().eth().ipv4("10.0.0.1", "10.0.0.2").ttl(ttl).tcp(80, 40000).flags(flags).payload(100);
}

std::string json_of(RecordView record) {
  std::string line(kFlowJsonMaxOctets, '\0');
  line.resize(static_cast<std::size_t>(write_flow_json(line.data(), record) - line.data()));
  return line;
}

TEST(ExampleMetric, CountsChangesOfTheTtlOfEachDirection) {
  ExampleMeter meter(bit_of("ttl_changes"));
  meter.see({ask(60), ask(60), answer(100), ask(61), answer(99), ask(60), answer(98), answer(97)});
  meter.drain(1_s);
  const RecordBatch records = meter.batch();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]->sections, kSectionBit<TtlChangesSection>);
  const auto* section = records[0].find<TtlChangesSection>();
  ASSERT_NE(section, nullptr);
  EXPECT_EQ(section->changes[kForward], 2U);
  EXPECT_EQ(section->changes[kReverse], 3U);
  const std::string json = json_of(records[0]);
  EXPECT_NE(json.find(R"("ip_ttl_changes":2,"rev_ip_ttl_changes":3)"), std::string::npos) << json;
  meter.expect_balanced();
}

TEST(ExampleMetric, LeavesItsSectionOutWhereNothingChanged) {
  ExampleMeter meter(bit_of("ttl_changes"));
  meter.see({ask(0), ask(0), answer(64), answer(64)});
  meter.drain(1_s);
  const RecordBatch records = meter.batch();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]->sections, 0U);
  EXPECT_EQ(json_of(records[0]).find("ip_ttl_changes"), std::string::npos);
  meter.expect_balanced();
}

/// At most three metrics, or all but at most three.
bool is_few_or_most(std::uint32_t metrics) {
  const int count = std::popcount(metrics);
  return count <= 3 || count + 3 >= std::popcount(Metrics::kAll);
}

TEST(ExampleMetric, StandsBesideTheOthersInLineAndSlotWhateverIsChosen) {
  for (std::uint32_t metrics = 1; metrics <= Metrics::kAll; ++metrics) {
    if (!is_few_or_most(metrics)) continue;
    SCOPED_TRACE(metrics);
    ExampleMeter meter(metrics);
    meter.see({ask(60, kSyn), answer(100, kSyn | kAck), ask(61), ask(62), answer(100)});
    meter.drain(1_s);
    const RecordBatch records = meter.batch();
    ASSERT_EQ(records.size(), 1U);
    const auto* changes = records[0].find<TtlChangesSection>();
    const auto* layer2 = records[0].find<Layer2Section>();
    const auto* tcp = records[0].find<TcpSection>();
    ASSERT_EQ(changes != nullptr, (metrics & bit_of("ttl_changes")) != 0);
    ASSERT_EQ(layer2 != nullptr, (metrics & bit_of("layer2")) != 0);
    ASSERT_EQ(tcp != nullptr, (metrics & bit_of("tcp")) != 0);
    if (changes != nullptr) {
      EXPECT_EQ(changes->changes[kForward], 2U);
      EXPECT_EQ(changes->changes[kReverse], 0U);
    }
    if (layer2 != nullptr) {
      EXPECT_EQ(layer2->ttl_min[kForward], 60);
      EXPECT_EQ(layer2->ttl_max[kForward], 62);
      EXPECT_EQ(layer2->ttl_max[kReverse], 100);
      EXPECT_EQ(layer2->source_mac[5], 1);
    }
    if (tcp != nullptr) {
      EXPECT_EQ(tcp->payload_octets[kForward], 30U);
      EXPECT_EQ(tcp->payload_octets[kReverse], 200U);
      EXPECT_EQ(tcp->syn_count[kForward], 1U);
      EXPECT_EQ(tcp->initial_flags[kReverse], kSyn | kAck);
    }
    meter.expect_balanced();
  }
}

TEST(ExampleMetric, MayEndAFlowWhoseNextPacketThenOpensANewOne) {
  const std::uint32_t metrics = bit_of("ttl_changes") | bit_of("ends_on_urgent");
  ExampleMeter meter(metrics);
  // All in one burst, which found the entry of the first flow before it ended. The next flow is opened by the other
  // end.
  meter.see({ask(60), ask(61), ask(62, kAck | kUrg), answer(1), answer(2, kAck | kUrg), ask(5)});
  EXPECT_EQ(meter.shard.size(), 1U);
  EXPECT_EQ(meter.counters.flows_created, 3U);
  EXPECT_EQ(meter.counters.in_table, (RecordTotals{1, 1, 50}));
  meter.expect_balanced();
  const RecordBatch ended = meter.batch();
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0]->end_reason, EndReason::end_of_flow);
  EXPECT_EQ(ended[0]->ports[kForward], 40000);
  EXPECT_EQ(ended[0]->packets[kForward], 3U) << "the packet that ends it is counted in it";
  EXPECT_EQ(ended[0].find<TtlChangesSection>()->changes[kForward], 2U) << "and shown to every metric";
  EXPECT_EQ(ended[1]->end_reason, EndReason::end_of_flow);
  EXPECT_EQ(ended[1]->ports[kForward], 80);
  EXPECT_EQ(ended[1].find<TtlChangesSection>()->changes[kForward], 1U);
  meter.pass(60_s);  // no timer of a flow that ended is left to find another one in its entry
  const RecordBatch last = meter.batch();
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0]->end_reason, EndReason::idle_timeout);
  EXPECT_EQ(last[0]->sections, 0U);
  EXPECT_EQ(meter.shard.size(), 0U);
  meter.expect_balanced();
}

TEST(ExampleMetric, MayEndAFlowAtItsFirstPacketUnderEveryPolicy) {
  for (const WhenFull policy : {WhenFull::evict, WhenFull::overflow, WhenFull::sample}) {
    ExampleMeter meter(bit_of("ends_on_urgent"), policy);
    meter.see({ask(1, kUrg), ask(1, kUrg), answer(1, kUrg)});
    EXPECT_EQ(meter.shard.size(), 0U);
    EXPECT_EQ(meter.batch().size(), 3U);
    EXPECT_EQ(meter.counters.in_table, RecordTotals{});
    meter.expect_balanced();
  }
}

TEST(ExampleMetric, ThatEndsAFlowWithTheRingFullLosesTheRecordByName) {
  Meter meter(1024, {}, 1, RingFull::lose, WhenFull::evict, {1, 2, 3, 4, 5, 6}, Metrics(bit_of("ends_on_urgent")));
  ParsedPacket one = flow_packet().from("10.0.0.1", 1).to("10.0.0.2", 2).tcp(kUrg).packet();
  meter.add(one, PacketFacts{});
  meter.add(one, PacketFacts{});
  EXPECT_EQ(meter.counters.lost[static_cast<std::size_t>(Loss::ring_full)], (RecordTotals{1, 1, 60}));
  EXPECT_EQ(meter.shard.size(), 0U);
  meter.expect_balanced();
}

std::string text_of(const std::string& file) {
  std::ifstream in(std::string(WEIR_SOURCE_FOLDER "/") + file);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(ExampleMetric, IsWhatThePageShows) {
  const std::string page = text_of("dataplane/metric/README.md");
  for (const std::string file : {"proto/record/section/ttl_changes.h", "dataplane/metric/ttl_changes.h"}) {
    const std::string code = text_of("tests/example/" + file);
    ASSERT_FALSE(code.empty()) << file;
    EXPECT_NE(page.find("```cpp\n" + code + "```\n"), std::string::npos)
        << "dataplane/metric/README.md shows another tests/example/" << file;
  }
}

}  // namespace
}  // namespace weir::test
