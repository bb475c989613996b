#include "control/export/token_bucket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace weir::token_bucket_test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

/// rate * time, rounded down, without leaving 64 bits.
std::uint64_t tokens_in(std::uint64_t rate, std::uint64_t ns) {
  return rate * (ns / kSecond) + rate * (ns % kSecond) / kSecond;
}

TEST(TokenBucket, LetsEverythingPassWithoutARate) {
  TokenBucket bucket(0, 5);
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(bucket.take(2, 5));
}

TEST(TokenBucket, GivesABurstAndThenTheRate) {
  TokenBucket bucket(1000, 0);  // a hundredth of the rate is 10: the least burst, 30, is more
  int taken = 0;
  while (bucket.take(1, 0)) ++taken;
  EXPECT_EQ(taken, 30);
  EXPECT_EQ(bucket.ready_ns(1), 1'000'000U);  // 1000 a second: one every millisecond
  EXPECT_FALSE(bucket.take(1, 999'999));
  EXPECT_TRUE(bucket.take(1, 1'000'000));
  EXPECT_FALSE(bucket.take(1, 1'000'000));
}

TEST(TokenBucket, NeverGivesMoreThanRateTimesTimeAndABurst) {
  for (const std::uint32_t rate : {1U, 7U, 30U, 999U, 50'000U, 123'457U, 1'000'000'000U}) {
    std::mt19937_64 random(rate);
    TokenBucket bucket(rate, 0);
    const std::uint64_t burst = std::max<std::uint64_t>(rate / 100, 30);
    std::uint64_t now = 0;
    std::uint64_t taken = 0;
    for (int i = 0; i < 20'000; ++i) {
      now += random() % 1'000'000;
      while (taken < 2'000'000 && bucket.take(2, now)) taken += 2;
      ASSERT_LE(taken, tokens_in(rate, now) + burst) << rate;
    }
    if (rate <= 50'000) {
      // And it is not stingy either: asked all the time, it gives nearly all of it.
      EXPECT_GE(taken + 2 + rate / 1000, std::min<std::uint64_t>(tokens_in(rate, now) + burst, 2'000'000)) << rate;
    }
  }
}

TEST(TokenBucket, IsReadyWhenItSays) {
  TokenBucket bucket(3, 0);
  while (bucket.take(2, 0)) continue;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t ready = bucket.ready_ns(2);
    ASSERT_FALSE(bucket.take(2, ready - 1));
    ASSERT_TRUE(bucket.take(2, ready));
  }
}

TEST(TokenBucket, DoesNotOverflowAfterAnAge) {
  TokenBucket bucket(1'000'000'000, 0);
  while (bucket.take(30, 0)) continue;
  EXPECT_TRUE(bucket.take(30, std::uint64_t{1} << 63));
  EXPECT_EQ(bucket.ready_ns(1), std::uint64_t{1} << 63);
}

TEST(TokenBucket, IgnoresAClockThatStandsOrGoesBack) {
  TokenBucket bucket(1000, kSecond);
  while (bucket.take(1, kSecond)) continue;
  EXPECT_FALSE(bucket.take(1, kSecond));
  EXPECT_FALSE(bucket.take(1, 0));
  EXPECT_TRUE(bucket.take(1, kSecond + 1'000'000));
}

}  // namespace
}  // namespace weir::token_bucket_test
