#include "bench/poll_times.h"

#include <gtest/gtest.h>

namespace weir::bench::poll_times_test {
namespace {

TEST(PollTimes, EveryValueFallsIntoABucketWhoseUpperEndIsAtMostAThirtySecondAbove) {
  for (std::uint64_t ticks : {0ULL, 1ULL, 31ULL, 32ULL, 63ULL, 64ULL, 65ULL, 1000ULL, 4095ULL, 4096ULL, 123456789ULL,
                              0x7fffffffffffffffULL}) {
    const std::uint64_t upper = PollTimes::upper(PollTimes::bucket(ticks));
    EXPECT_GE(upper, ticks);
    EXPECT_LE(static_cast<double>(upper), static_cast<double>(ticks) * (1 + 1.0 / 32));
    if (upper != UINT64_MAX) {
      EXPECT_EQ(PollTimes::bucket(upper + 1), PollTimes::bucket(ticks) + 1);
    }
  }
}

TEST(PollTimes, PercentilesOfAThousandDifferentTimesAreWithinThreePercent) {
  PollTimes times;
  for (std::uint64_t ticks = 1; ticks <= 1000; ++ticks) times.add(ticks * 1000);
  EXPECT_EQ(times.total(), 1000U);
  EXPECT_NEAR(times.percentile_ns(0.5), 500'000 * tsc_ns(), 500'000 * tsc_ns() * 0.033);
  EXPECT_NEAR(times.percentile_ns(0.99), 990'000 * tsc_ns(), 990'000 * tsc_ns() * 0.033);
  // The largest is known exactly.
  EXPECT_DOUBLE_EQ(times.percentile_ns(1), 1'000'000 * tsc_ns());
  EXPECT_DOUBLE_EQ(times.max_ns(), 1'000'000 * tsc_ns());
}

TEST(PollTimes, OneSlowPollInTenThousandShowsBeyondTheLastPercentileOnly) {
  PollTimes times;
  for (int i = 0; i < 9'999; ++i) times.add(2'000);
  times.add(1'000'000);
  EXPECT_LT(times.percentile_ns(0.9999), 2'100 * tsc_ns());
  EXPECT_DOUBLE_EQ(times.max_ns(), 1'000'000 * tsc_ns());
  times.clear();
  EXPECT_EQ(times.total(), 0U);
  EXPECT_EQ(times.percentile_ns(0.5), 0);
}

}  // namespace
}  // namespace weir::bench::poll_times_test
