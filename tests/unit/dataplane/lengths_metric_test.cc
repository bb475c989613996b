// What the metric `lengths` tells of flows whose values were computed by hand, or by the plain definition beside it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <random>
#include <utility>
#include <vector>

#include "dataplane/metric/lengths.h"
#include "tests/support/meter.h"

namespace weir::test::lengths_metric_test {
namespace {

using Bins = std::array<unsigned, kHistogramBins>;

Metrics only_lengths() {
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    if (Metrics::kInfos[i].name == "lengths") return Metrics(1U << i);
  }
  ADD_FAILURE() << "there is no metric of this name";
  return {};
}

class LengthsMeter : public Meter {
 public:
  explicit LengthsMeter(const FlowTimeouts& timeouts = {})
      : Meter(1024, timeouts, 1U << 12, RingFull::lose, WhenFull::evict, {1, 2, 3, 4, 5, 6}, only_lengths()) {}

  void see(const FlowPacket& packet) { add(packet.packet(), PacketFacts{}); }
  OwnedRecord record() {
    const RecordBatch taken = batch();
    EXPECT_EQ(taken.size(), 1U);
    return taken.empty() ? OwnedRecord() : OwnedRecord(taken[0]);
  }
};

template <typename S>
const S& section(const OwnedRecord& record) {
  const auto* const found = record.view().find<S>();
  EXPECT_NE(found, nullptr);
  static constexpr S kAbsent{};
  return found == nullptr ? kAbsent : *found;
}
const LengthsSection& lengths(const OwnedRecord& record) {
  return section<LengthsSection>(record);
}

Bins bins(const std::uint32_t (&histogram)[kHistogramBins]) {
  Bins all{};
  std::copy_n(histogram, kHistogramBins, all.begin());
  return all;
}

FlowPacket ask() {
  return flow_packet().from("10.0.0.2", 1000).to("10.0.0.1", 53).udp();
}
FlowPacket answer() {
  return flow_packet().from("10.0.0.1", 53).to("10.0.0.2", 1000).udp();
}

TEST(LengthsMetric, TellsLeastGreatestMeanAndDeviationOfEachDirection) {
  LengthsMeter meter;
  meter.see(ask().octets(40).at(0));
  meter.see(answer().octets(1500).at(1_ms));
  meter.see(ask().octets(60).at(10_ms));
  meter.see(ask().octets(101).at(40_ms));
  meter.see(answer().octets(1500).at(41_ms));
  meter.drain(1_s);
  const OwnedRecord record = meter.record();
  const LengthsSection& got = lengths(record);
  EXPECT_EQ(got.length_min[kForward], 40U);
  EXPECT_EQ(got.length_max[kForward], 101U);
  EXPECT_EQ(got.length_mean[kForward], 67U);    // 201 / 3
  EXPECT_EQ(got.length_stddev[kForward], 25U);  // sqrt((27^2 + 7^2 + 34^2) / 3) = sqrt(644.67) = 25.39
  EXPECT_EQ(got.length_min[kReverse], 1500U);
  EXPECT_EQ(got.length_stddev[kReverse], 0U);
  EXPECT_EQ(bins(section<HistogramsSection>(record).length[kForward]), (Bins{0, 0, 2, 1, 0, 0, 0, 0}));
  EXPECT_EQ(bins(section<HistogramsSection>(record).length[kReverse]), (Bins{0, 0, 0, 0, 0, 0, 0, 2}));
  EXPECT_EQ(got.iat_min_ns[kForward], 10_ms);
  EXPECT_EQ(got.iat_max_ns[kForward], 30_ms);
  EXPECT_EQ(got.iat_mean_ns[kForward], 20_ms);
  EXPECT_EQ(got.iat_stddev_ns[kForward], 10_ms);
  EXPECT_EQ(got.iat_mean_ns[kReverse], 40_ms);
  EXPECT_EQ(got.iat_stddev_ns[kReverse], 0U);
  EXPECT_EQ(bins(section<HistogramsSection>(record).iat[kForward]), (Bins{1, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(bins(section<HistogramsSection>(record).iat[kReverse]), (Bins{0, 0, 1, 0, 0, 0, 0, 0}));
  meter.expect_balanced();
}

TEST(LengthsMetric, CountsAValueAtTheUpperEdgeToItsBin) {
  LengthsMeter meter;
  std::uint64_t at = 0;
  meter.see(ask().octets(15).at(0));
  for (const unsigned edge : {15U, 16U, 31U, 32U, 63U, 64U, 127U, 128U, 255U, 256U, 511U, 512U, 1023U, 1024U, 9000U}) {
    meter.see(ask().octets(edge).at(at += edge * 1_ms + 999'999));  // whole ms
  }
  meter.drain(at + 1_s);
  const OwnedRecord record = meter.record();
  EXPECT_EQ(bins(section<HistogramsSection>(record).length[kForward]), (Bins{2, 2, 2, 2, 2, 2, 2, 2}));
  EXPECT_EQ(bins(section<HistogramsSection>(record).iat[kForward]), (Bins{1, 2, 2, 2, 2, 2, 2, 2}));
}

TEST(LengthsMetric, OfADirectionWithOnePacketHasNoTimesBetweenPackets) {
  LengthsMeter meter;
  meter.see(ask().octets(77).at(0));
  meter.drain(1_s);
  const OwnedRecord record = meter.record();
  const LengthsSection& got = lengths(record);
  EXPECT_EQ(got.length_min[kForward], 77U);
  EXPECT_EQ(got.length_mean[kForward], 77U);
  EXPECT_EQ(got.iat_min_ns[kForward], 0U);
  EXPECT_EQ(bins(section<HistogramsSection>(record).iat[kForward]), Bins{});
  EXPECT_EQ(got.length_min[kReverse], 0U);
  EXPECT_EQ(bins(section<HistogramsSection>(record).length[kReverse]), Bins{});
}

TEST(LengthsMetric, APacketOlderThanOneBeforeItCameNoTimeAfterIt) {
  LengthsMeter meter;
  meter.see(ask().octets(50).at(0));
  meter.see(ask().octets(50).at(20_ms));
  meter.see(ask().octets(50).at(20_ms).stamped(5_ms));
  meter.see(ask().octets(50).at(50_ms));
  meter.drain(1_s);
  const OwnedRecord record = meter.record();
  const LengthsSection& got = lengths(record);
  EXPECT_EQ(got.iat_min_ns[kForward], 0U);
  EXPECT_EQ(got.iat_max_ns[kForward], 30_ms);
  EXPECT_EQ(got.iat_mean_ns[kForward], 16'666'667U);  // 50 ms / 3
  EXPECT_EQ(bins(section<HistogramsSection>(record).iat[kForward]), (Bins{1, 2, 0, 0, 0, 0, 0, 0}));
}

TEST(LengthsMetric, BeginsAnewAfterAnActiveTimeout) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 1_s;
  LengthsMeter meter(timeouts);
  meter.see(ask().octets(1000).at(0));
  meter.see(ask().octets(1000).at(900_ms));
  meter.see(ask().octets(50).at(1100_ms));
  meter.see(ask().octets(52).at(1110_ms));
  meter.drain(2_s);
  const RecordBatch batch = meter.batch();
  ASSERT_EQ(batch.size(), 2U);
  const LengthsSection& second = *batch[1].find<LengthsSection>();
  EXPECT_EQ(second.length_min[kForward], 50U);
  EXPECT_EQ(second.length_max[kForward], 52U);
  EXPECT_EQ(second.iat_min_ns[kForward], 10_ms) << "the time since the record before is no time between its packets";
  EXPECT_EQ(second.iat_max_ns[kForward], 10_ms);
}

TEST(LengthsMetric, AgreesWithTheDefinitionForManyPackets) {
  std::mt19937_64 random(5);
  for (unsigned round = 0; round < 20; ++round) {
    LengthsMeter meter;
    std::vector<long double> octets, times;
    std::uint64_t at = 0;
    const std::uint64_t longest = round % 2 == 0 ? 1000 : 10_s;
    for (unsigned i = 0; i < 300; ++i) {
      const auto length = static_cast<std::uint32_t>(20 + random() % 9000);
      if (i != 0) {
        const std::uint64_t step = 5_s + random() % longest;  // far from 0: the deviation is small beside the mean
        at += step;
        times.push_back(static_cast<long double>(step));
      }
      octets.push_back(length);
      meter.see(ask().octets(length).at(at));
      if (at > 250_s) break;
    }
    meter.drain(at);
    const RecordBatch batch = meter.batch();
    ASSERT_EQ(batch.size(), 1U);
    const LengthsSection& got = *batch[0].find<LengthsSection>();
    const auto expect = [](const std::vector<long double>& values, std::uint64_t mean, std::uint64_t deviation) {
      const auto count = static_cast<long double>(values.size());
      long double sum = 0, squares = 0;
      for (const long double value : values) sum += value;
      for (const long double value : values) squares += (value - sum / count) * (value - sum / count);
      EXPECT_NEAR(static_cast<double>(mean), static_cast<double>(sum / count), 0.51);
      EXPECT_NEAR(static_cast<double>(deviation), static_cast<double>(std::sqrt(squares / count)), 0.51);
    };
    expect(octets, got.length_mean[kForward], got.length_stddev[kForward]);
    expect(times, got.iat_mean_ns[kForward], got.iat_stddev_ns[kForward]);
  }
}

TEST(LengthsMetric, CountsAndSumsOfManyPacketsAreExact) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 10'000_s;
  LengthsMeter meter(timeouts);
  for (unsigned i = 0; i < 1000; ++i) meter.see(ask().octets(i % 2 == 0 ? 1500 : 100).at(i * 5_s));
  meter.drain(5000_s);
  const OwnedRecord record = meter.record();
  const LengthsSection& got = lengths(record);
  EXPECT_EQ(got.length_mean[kForward], 800U);
  EXPECT_EQ(got.length_stddev[kForward], 700U);
  EXPECT_EQ(got.iat_min_ns[kForward], 5_s);
  EXPECT_EQ(got.iat_max_ns[kForward], 5_s);
  EXPECT_EQ(got.iat_mean_ns[kForward], 5_s);
  EXPECT_EQ(got.iat_stddev_ns[kForward], 0U) << "999 squares of 2.5e19 ns^2, whose sum has no error";
  EXPECT_EQ(bins(section<HistogramsSection>(record).length[kForward]), (Bins{0, 0, 0, 500, 0, 0, 0, 500}));
  EXPECT_EQ(bins(section<HistogramsSection>(record).iat[kForward]), (Bins{0, 0, 0, 0, 0, 0, 0, 999}));
}

TEST(LengthsMetric, TellsLengthsAroundTheGreatestOf16BitsApart) {
  const auto bounds = [](std::initializer_list<std::uint32_t> octets) {
    LengthsMeter meter;
    std::uint64_t at = 0;
    for (const std::uint32_t each : octets) meter.see(ask().octets(each).at(at += 1_ms));
    meter.drain(1_s);
    const OwnedRecord record = meter.record();
    return std::pair{lengths(record).length_min[kForward], lengths(record).length_max[kForward]};
  };
  EXPECT_EQ(bounds({65'534, 65'533}), std::pair(65'533U, 65'534U));
  EXPECT_EQ(bounds({65'535, 65'534}), std::pair(65'534U, 65'535U));
  EXPECT_EQ(bounds({65'536, 65'535}), std::pair(65'535U, 65'536U));
  EXPECT_EQ(bounds({70'000, 65'536, 80'000}), std::pair(65'536U, 80'000U));
  EXPECT_EQ(bounds({40, 70'000, 60}), std::pair(40U, 70'000U));
}

TEST(LengthsMetric, ClaimedLengthsThatNoSumHoldsAreBounded) {
  LengthsMeter meter;
  for (unsigned i = 0; i < 5; ++i) meter.see(ask().octets(UINT32_MAX - i % 2).at(i * 1_ms));
  meter.drain(1_s);
  const OwnedRecord record = meter.record();
  const LengthsSection& got = lengths(record);
  EXPECT_EQ(got.length_min[kForward], UINT32_MAX - 1);
  EXPECT_EQ(got.length_max[kForward], UINT32_MAX);
  EXPECT_EQ(bins(section<HistogramsSection>(record).length[kForward]), (Bins{0, 0, 0, 0, 0, 0, 0, 5}));
  EXPECT_EQ(got.length_stddev[kForward], 0U) << "the sum of squares is not known: no deviation is made up";
}

}  // namespace
}  // namespace weir::test::lengths_metric_test
