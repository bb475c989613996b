// The rule that picks a sampling rate, way by way and where ways contradict each other.
#include "proto/base/sampling_rate.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

namespace weir::sampling_rate_test {
namespace {

constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();

TEST(SamplingRate, IsUnknownWhereNothingIsSaid) {
  EXPECT_EQ(sampling_rate({}), 0U);
  EXPECT_EQ(sampling_rate({.algorithm = 3}), 0U);
  EXPECT_EQ(sampling_rate({.space = 99}), 0U) << "306 alone";
  EXPECT_EQ(sampling_rate({.size = 1}), 0U) << "309 alone";
  EXPECT_EQ(sampling_rate({.population = 100}), 0U) << "310 alone";
}

TEST(SamplingRate, IsSaidByEachWayAlone) {
  EXPECT_EQ(sampling_rate({.interval = 1, .space = 999}), 1000U);
  EXPECT_EQ(sampling_rate({.interval = 10, .space = 30}), 4U);
  EXPECT_EQ(sampling_rate({.interval = 500}), 500U) << "305 without 306 is the rate";
  EXPECT_EQ(sampling_rate({.size = 1, .population = 256}), 256U);
  EXPECT_EQ(sampling_rate({.size = 10, .population = 1000}), 100U);
  EXPECT_EQ(sampling_rate({.probability = std::bit_cast<std::uint64_t>(0.001)}), 1000U);
  EXPECT_EQ(sampling_rate({.probability = std::bit_cast<std::uint32_t>(0.001F)}), 1000U);
  EXPECT_EQ(sampling_rate({.sampler_rate = 64}), 64U);
  EXPECT_EQ(sampling_rate({.plain_rate = 32}), 32U);
}

TEST(SamplingRate, OfOneIsKnownAndNotSampled) {
  EXPECT_EQ(sampling_rate({.interval = 1}), 1U);
  EXPECT_EQ(sampling_rate({.size = 7, .population = 7}), 1U);
  EXPECT_EQ(sampling_rate({.probability = std::bit_cast<std::uint64_t>(1.0)}), 1U);
  EXPECT_EQ(sampling_rate({.plain_rate = 1}), 1U);
}

TEST(SamplingRate, IsTheNearestWholeNumber) {
  EXPECT_EQ(sampling_rate({.size = 3, .population = 1000}), 333U);                   // 333.3
  EXPECT_EQ(sampling_rate({.size = 3, .population = 1001}), 334U);                   // 333.7
  EXPECT_EQ(sampling_rate({.interval = 2, .space = 3}), 3U);                         // 2.5
  EXPECT_EQ(sampling_rate({.probability = std::bit_cast<std::uint64_t>(0.3)}), 3U);  // 3.33
}

TEST(SamplingRate, FollowsTheAlgorithmThatIsNamed) {
  const SamplingFields all{.probability = std::bit_cast<std::uint64_t>(0.125),
                           .interval = 1,
                           .space = 1,
                           .size = 1,
                           .population = 4,
                           .sampler_rate = 16,
                           .plain_rate = 32};
  const auto with = [all](std::uint32_t algorithm) {
    SamplingFields fields = all;
    fields.algorithm = algorithm;
    return sampling_rate(fields);
  };
  EXPECT_EQ(with(1), 2U);
  EXPECT_EQ(with(3), 4U);
  EXPECT_EQ(with(4), 8U);
  EXPECT_EQ(with(0), 2U) << "none named: 305 is first";
  EXPECT_EQ(with(2), 2U) << "by time: no packet count says what that makes";
  EXPECT_EQ(with(kMost), 2U);
}

TEST(SamplingRate, GoesOnWhereTheNamedAlgorithmSaysNothing) {
  EXPECT_EQ(sampling_rate({.interval = 100, .algorithm = 3}), 100U);
  EXPECT_EQ(sampling_rate({.size = 1, .population = 50, .algorithm = 1}), 50U);
  EXPECT_EQ(sampling_rate({.plain_rate = 9, .algorithm = 4}), 9U);
}

TEST(SamplingRate, OfOneGivesWayToOneThatIsGreater) {
  EXPECT_EQ(sampling_rate({.interval = 1, .size = 1, .population = 256}), 256U);
  EXPECT_EQ(sampling_rate({.interval = 1, .size = 1, .population = 256, .algorithm = 3}), 256U);
  EXPECT_EQ(sampling_rate({.interval = 1, .size = 1, .population = 256, .algorithm = 1}), 256U);
  EXPECT_EQ(sampling_rate({.size = 1, .population = 1, .sampler_rate = 1, .plain_rate = 10}), 10U);
}

TEST(SamplingRate, TakesTheOrderOfTheWays) {
  EXPECT_EQ(sampling_rate({.interval = 2, .size = 1, .population = 3, .sampler_rate = 4, .plain_rate = 5}), 2U);
  EXPECT_EQ(sampling_rate({.size = 1, .population = 3, .sampler_rate = 4, .plain_rate = 5}), 3U);
  EXPECT_EQ(sampling_rate({.probability = std::bit_cast<std::uint64_t>(0.25), .sampler_rate = 7}), 4U);
  EXPECT_EQ(sampling_rate({.sampler_rate = 4, .plain_rate = 5}), 4U);
}

TEST(SamplingRate, TakesNoSenseFromNonsense) {
  EXPECT_EQ(sampling_rate({.size = 100, .population = 10}), 0U) << "more taken than there are";
  for (const double probability :
       {-0.5, 1.5, 0.0, 1e-300, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(sampling_rate({.probability = std::bit_cast<std::uint64_t>(probability)}), 0U) << probability;
  }
  EXPECT_EQ(sampling_rate({.probability = std::bit_cast<std::uint32_t>(-1.0F)}), 0U);
  EXPECT_EQ(sampling_rate({.interval = 1, .space = kMost}), 0U) << "2^32 does not fit";
  EXPECT_EQ(sampling_rate({.interval = 1, .space = kMost - 1}), kMost);
  EXPECT_EQ(sampling_rate({.interval = kMost, .space = kMost}), 2U);
  EXPECT_EQ(sampling_rate({.interval = 1, .space = kMost, .plain_rate = 5}), 5U);
}

}  // namespace
}  // namespace weir::sampling_rate_test
