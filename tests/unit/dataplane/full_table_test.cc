// What the three policies make of more flows than the table holds: every packet is accounted for, and what is sampled
// is right in the mean.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "tests/support/meter.h"
#include "tests/support/records.h"

namespace weir::test::full_table_test {
namespace {

FlowPacket udp(unsigned host, std::uint16_t port = 1000) {
  return flow_packet()
      .from("10." + std::to_string(host >> 16 & 255) + "." + std::to_string(host >> 8 & 255) + "." +
                std::to_string(host & 255),
            port)
      .to("192.168.0.1", 53)
      .udp();
}

Meter overflowing(std::size_t ring = 1U << 12) {
  return Meter(64, {}, ring, RingFull::lose, WhenFull::overflow);
}

TEST(Overflow, SendsThePacketsOfFlowsThatFindNoRoomOneByOne) {
  Meter meter = overflowing();
  for (unsigned host = 0; host < 64; ++host) meter.add(udp(host).at(host));
  EXPECT_EQ(meter.shard.size(), 64U);
  meter.add(udp(100).octets(77).tos(9).vlan(5).at(1_s));
  meter.add(udp(100).octets(78).at(2_s));
  meter.add(flow_packet().from("192.168.0.1", 53).to("10.0.0.100", 1000).octets(79).at(3_s));
  meter.add(udp(3).at(3_s));  // has its entry
  const RecordBatch batch = meter.batch();
  ASSERT_EQ(batch.size(), 3U);
  EXPECT_EQ(batch[0]->sections, FlowRecord::kOverflowMark);
  const auto records = bases_of(batch);
  EXPECT_EQ(records[0].end_reason, EndReason::lack_of_resources);
  EXPECT_EQ(records[0].packets[kForward], 1U);
  EXPECT_EQ(records[0].packets[kReverse], 0U);
  EXPECT_EQ(records[0].octets[kForward], 77U);
  EXPECT_EQ(records[0].ip_tos[kForward], 9);
  EXPECT_EQ(records[0].vlan_id, 5);
  EXPECT_EQ(records[0].sampling_rate, 1U);
  EXPECT_EQ(records[0].first_ns[kForward], kEpochNs + 1_s);
  EXPECT_EQ(records[0].last_ns[kForward], kEpochNs + 1_s);
  EXPECT_EQ(records[0].ports[kForward], 1000);
  EXPECT_EQ(records[0].source_address[3], 100);
  EXPECT_EQ(records[2].ports[kForward], 53) << "the direction of the packet, not of the conversation";
  EXPECT_EQ(records[2].destination_address[3], 100);
  EXPECT_EQ(meter.counters.overflowed, 3U);
  EXPECT_EQ(meter.counters.evictions, 0U);
  meter.expect_balanced();
  meter.drain(4_s);
  for (const RecordView record : meter.batch()) EXPECT_EQ(record->sections, 0U);
  meter.expect_balanced();
}

TEST(Overflow, ASinglePacketTellsItsTunnelAndLabelToo) {
  Meter meter = overflowing();
  for (unsigned host = 0; host < 64; ++host) meter.add(udp(host));
  ParsedPacket packet = udp(100).packet();
  packet.facts = kHasTunnel | kHasLabel;
  packet.tunnel.type = TunnelType::vxlan;
  packet.tunnel.id = 77;
  packet.tunnel.ip_version = 4;
  packet.tunnel.depth = 2;
  packet.tunnel.source[0] = 9;
  packet.tunnel.destination[0] = 8;
  packet.mpls_label = 16;
  meter.add(packet);
  meter.add(udp(101));
  const RecordBatch records = meter.batch();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0]->sections, kSectionBit<TunnelSection> | kSectionBit<LabelSection> | FlowRecord::kOverflowMark);
  const auto* const tunnel = records[0].find<TunnelSection>();
  ASSERT_NE(tunnel, nullptr);
  EXPECT_EQ(tunnel->type, TunnelType::vxlan);
  EXPECT_EQ(tunnel->id, 77U);
  EXPECT_EQ(tunnel->ip_version, 4);
  EXPECT_EQ(tunnel->depth, 2);
  EXPECT_EQ(tunnel->source[0], 9);
  EXPECT_EQ(tunnel->destination[0], 8);
  EXPECT_EQ(records[0].find<LabelSection>()->label, 16U);
  EXPECT_EQ(records[1]->sections, FlowRecord::kOverflowMark);
  meter.expect_balanced();
}

TEST(Overflow, TakesFlowsAgainWhenThereIsRoom) {
  Meter meter = overflowing();
  for (unsigned host = 0; host < 65; ++host) meter.add(udp(host));
  EXPECT_EQ(meter.records().size(), 1U);
  meter.pass(60_s);
  EXPECT_EQ(meter.records().size(), 64U);
  meter.add(udp(64).at(61_s));
  EXPECT_TRUE(meter.records().empty());
  EXPECT_EQ(meter.shard.size(), 1U);
  meter.expect_balanced();
}

TEST(Overflow, LosesByNameWhatFindsTheRingFullToo) {
  Meter meter = overflowing(8);
  for (unsigned host = 0; host < 64 + 20; ++host) meter.add(udp(host).octets(100));
  EXPECT_EQ(meter.counters.emitted, (RecordTotals{8, 8, 800}));
  EXPECT_EQ(meter.counters.lost[static_cast<std::size_t>(Loss::table_full)], (RecordTotals{12, 12, 1200}));
  EXPECT_EQ(meter.counters.lost[static_cast<std::size_t>(Loss::ring_full)], RecordTotals{});
  meter.expect_balanced();
}

TEST(NewFlowSampler, DoublesAsTheTableFillsAndFallsBackLate) {
  NewFlowSampler sampler(6400);  // above 4800, in steps of 100
  const auto level_at = [&](std::uint32_t flows) {
    sampler.adjust(flows);
    return sampler.level();
  };
  EXPECT_EQ(level_at(4799), 0U);
  EXPECT_EQ(level_at(4800), 1U);
  EXPECT_EQ(level_at(4899), 1U);
  EXPECT_EQ(level_at(4900), 2U);
  EXPECT_EQ(level_at(4800), 2U) << "not at the border where it rose";
  EXPECT_EQ(level_at(4701), 2U);
  EXPECT_EQ(level_at(4700), 1U);
  EXPECT_EQ(level_at(4600), 0U);
  EXPECT_EQ(level_at(6400), NewFlowSampler::kMaxLevel);
  EXPECT_EQ(level_at(0), 0U);
}

TEST(NewFlowSampler, TakesOneInNAndAtAHigherLevelAmongThoseOfTheLower) {
  std::mt19937_64 random(7);
  NewFlowSampler sampler(6400);
  unsigned taken[4] = {};
  for (int i = 0; i < 80'000; ++i) {
    const std::uint64_t hash = random();
    bool before = true;
    for (unsigned level = 0; level < 4; ++level) {
      sampler.adjust(0);
      sampler.adjust(level == 0 ? 0 : 4800 + 100 * (level - 1));
      ASSERT_EQ(sampler.level(), level);
      const bool takes = sampler.takes(hash);
      EXPECT_TRUE(before || !takes) << "a subset";
      before = takes;
      taken[level] += takes ? 1 : 0;
    }
  }
  EXPECT_EQ(taken[0], 80'000U);
  for (unsigned level = 1; level < 4; ++level) {
    const double p = 1.0 / (1U << level);
    EXPECT_NEAR(taken[level], 80'000 * p, 5 * std::sqrt(80'000 * p * (1 - p)));
  }
}

struct Traffic {
  std::uint64_t time_ns;
  std::uint32_t flow;
};

/// Flows of 1 to 20 packets some 100 ms apart. Their rate comes in waves, so that the level rises and falls while flows
/// live, and most of the time more live than the table holds.
std::vector<Traffic> waves(std::uint32_t flows, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Traffic> packets;
  double at_s = 0;
  for (std::uint32_t flow = 0; flow < flows; ++flow) {
    at_s += 1 / (2500 + 2000 * std::sin(at_s));
    const auto count = 1 + random() % 20;
    double packet_s = at_s;
    for (std::uint64_t i = 0; i < count; ++i) {
      packets.push_back({static_cast<std::uint64_t>(packet_s * 1e9), flow});
      packet_s += 0.001 * static_cast<double>(20 + random() % 160);
    }
  }
  std::stable_sort(packets.begin(), packets.end(), [](auto& a, auto& b) { return a.time_ns < b.time_ns; });
  return packets;
}

TEST(Sample, EstimatesTheTotalsWithoutBias) {
  constexpr unsigned kSeeds = 12;
  constexpr std::uint32_t kFlows = 30'000;
  FlowTimeouts timeouts;
  timeouts.idle_ns = 400'000'000;
  timeouts.active_ns = 1'000'000'000;
  const std::vector<Traffic> traffic = waves(kFlows, 1);
  std::vector<FlowPacket> packets;
  packets.reserve(traffic.size());
  for (const Traffic& packet : traffic) packets.push_back(udp(packet.flow).at(packet.time_ns));
  const auto truth = static_cast<double>(traffic.size());
  double sum_of_errors = 0;  // relative to the truth
  double sum_of_scores = 0;  // relative to their standard deviation
  std::uint64_t sampled_out = 0;
  std::set<std::uint32_t> rates;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    Meter meter(1024, timeouts, 1U << 18, RingFull::lose, WhenFull::sample, {seed, 2, 3, 4, 5, 6});
    std::uint64_t raw = 0;
    for (std::size_t i = 0; i < traffic.size(); ++i) {
      meter.add(packets[i]);
      meter.pass(traffic[i].time_ns);
    }
    meter.drain(traffic.back().time_ns);
    meter.expect_balanced();
    EXPECT_EQ(meter.counters.counted.packets + meter.counters.new_flows_left_out.packets, traffic.size());
    EXPECT_EQ(meter.counters.evictions, 0U) << "the table would not have been full";
    sampled_out += meter.counters.new_flows_left_out.packets;
    // By flow: what its records say together, times their rates; Horvitz and Thompson's variance of it.
    std::map<std::uint32_t, std::pair<double, double>> flows;
    for (const FlowRecord& record : meter.records()) {
      raw += record.total_packets();
      rates.insert(record.sampling_rate);
      const std::uint32_t flow =
          record.source_address[1] << 16 | record.source_address[2] << 8 | record.source_address[3];
      auto& [estimate, rate] = flows[flow];
      estimate += static_cast<double>(record.total_packets()) * record.sampling_rate;
      rate = std::max(rate, static_cast<double>(record.sampling_rate));
    }
    EXPECT_EQ(raw, meter.counters.counted.packets);
    double total = 0;
    double variance = 0;
    for (const auto& [flow, pair] : flows) {
      total += pair.first;
      variance += pair.first * pair.first * (1 - 1 / pair.second);
    }
    const double score = (total - truth) / std::sqrt(variance);
    EXPECT_LT(std::abs(score), 4.5) << "seed " << seed << ": " << total << " of " << truth;
    sum_of_errors += (total - truth) / truth;
    sum_of_scores += score;
  }
  // The mean of 12 scores has a standard deviation of 0.29.
  EXPECT_LT(std::abs(sum_of_scores / kSeeds), 4 / std::sqrt(kSeeds));
  EXPECT_LT(std::abs(sum_of_errors / kSeeds), 0.02);
  EXPECT_GT(sampled_out, traffic.size() * kSeeds / 4) << "there was little to estimate";
  EXPECT_GE(rates.size(), 4U);
  RecordProperty("mean_error_percent", std::to_string(100 * sum_of_errors / kSeeds));
  RecordProperty("mean_score", std::to_string(sum_of_scores / kSeeds));
}

TEST(Sample, KeepsBothDirectionsOrNone) {
  Meter meter(256, {}, 1U << 14, RingFull::lose, WhenFull::sample);
  for (unsigned host = 0; host < 2000; ++host) {
    meter.add(udp(host));
    FlowPacket back = flow_packet();
    back.from("192.168.0.1", 53).to("10.0." + std::to_string(host >> 8) + "." + std::to_string(host & 255), 1000);
    meter.add(back);
  }
  EXPECT_GT(meter.counters.new_flows_left_out.packets, 3000U);
  EXPECT_EQ(meter.counters.evictions, 0U);
  meter.drain(1_s);
  for (const FlowRecord& record : meter.records()) {
    EXPECT_EQ(record.packets[kForward], 1U);
    EXPECT_EQ(record.packets[kReverse], 1U);
  }
  meter.expect_balanced();
}

TEST(Sample, ChangesNothingWhileTheTableHasRoom) {
  Meter meter(1024, {}, 1U << 12, RingFull::lose, WhenFull::sample);
  for (unsigned host = 0; host < 767; ++host) meter.add(udp(host));
  EXPECT_EQ(meter.counters.new_flows_left_out, PacketCount{});
  meter.drain(1_s);
  const auto records = meter.records();
  EXPECT_EQ(records.size(), 767U);
  for (const FlowRecord& record : records) EXPECT_EQ(record.sampling_rate, 1U);
}

}  // namespace
}  // namespace weir::test::full_table_test
