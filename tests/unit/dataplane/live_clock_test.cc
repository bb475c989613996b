#include "dataplane/live_clock.h"

#include <gtest/gtest.h>

namespace weir::live_clock_test {
namespace {

constexpr std::uint64_t kHz = 2'500'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kWall = 1'700'000'000 * kSecond;

TEST(LiveClock, FollowsTheCounterAtItsRate) {
  const LiveClock clock(1000, kWall, kHz);
  EXPECT_EQ(clock.at(1000), kWall);
  EXPECT_NEAR(static_cast<double>(clock.at(1000 + kHz) - kWall), 1e9, 2.0);
}

TEST(LiveClock, SlewsASmallErrorAwayWithinASecond) {
  LiveClock clock(0, kWall, kHz);
  clock.anchor(kHz, kWall + kSecond + 10'000'000);  // the wall clock is 10 ms ahead
  EXPECT_NEAR(static_cast<double>(clock.at(kHz) - kWall), 1e9, 2.0) << "no step";
  EXPECT_NEAR(static_cast<double>(clock.at(2 * kHz) - kWall), 2.01e9, 20.0);
}

TEST(LiveClock, NeverRunsBackWhenTheWallClockIsSetBack) {
  LiveClock clock(0, kWall, kHz);
  std::uint64_t last = clock.at(0);
  for (std::uint64_t second = 1; second < 20; ++second) {
    clock.anchor(second * kHz, kWall + second * kSecond - 3600 * kSecond);  // an hour back
    for (std::uint64_t tenth = 0; tenth < 10; ++tenth) {
      const std::uint64_t now = clock.at(second * kHz + tenth * kHz / 10);
      EXPECT_GE(now, last);
      last = now;
    }
  }
  EXPECT_NEAR(static_cast<double>(last - kWall), 1e9 + 18.9e9 * 0.95, 1e3);
}

TEST(LiveClock, FollowsAWallClockThatWasSetFarAheadAtOnce) {
  LiveClock clock(0, kWall, kHz);
  clock.anchor(kHz, kWall + 100 * kSecond);
  EXPECT_EQ(clock.at(kHz), kWall + 100 * kSecond);
}

}  // namespace
}  // namespace weir::live_clock_test
