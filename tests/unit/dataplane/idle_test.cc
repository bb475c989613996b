// The ladder, step by step, and how long a sleep may be.
#include "dataplane/idle.h"

#include <gtest/gtest.h>

namespace weir::idle_test {
namespace {

using Step = IdleLadder::Step;

TEST(IdleLadder, GoesDownAsTheQueuesStayEmptyAndUpWithTheFirstPacket) {
  IdleLadder ladder(IdleMode::wait);
  EXPECT_EQ(ladder.after(true, 1'000), Step::poll);
  EXPECT_EQ(ladder.after(false, 10'000), Step::poll);
  EXPECT_EQ(ladder.after(false, 11'999), Step::poll);
  EXPECT_EQ(ladder.after(false, 12'000), Step::pause);
  EXPECT_EQ(ladder.after(false, 59'999), Step::pause);
  EXPECT_EQ(ladder.after(false, 60'000), Step::wait);
  EXPECT_EQ(ladder.after(false, 10'000'000), Step::wait);
  EXPECT_EQ(ladder.after(true, 10'000'001), Step::poll);
  EXPECT_EQ(ladder.after(false, 10'000'002), Step::poll) << "50 us count from the last packet again";
  EXPECT_EQ(ladder.after(false, 10'050'002), Step::wait);
}

TEST(IdleLadder, StopsAtTheRungItWasGiven) {
  IdleLadder poll(IdleMode::poll);
  IdleLadder pause(IdleMode::pause);
  for (const std::uint64_t now : {0ULL, 1'000'000ULL, 60'000'000'000ULL}) {
    EXPECT_EQ(poll.after(false, now), Step::poll);
    EXPECT_EQ(pause.after(false, now), now == 0 ? Step::poll : Step::pause);
  }
}

TEST(LongestSleep, IsHalfOfWhatTheRingHoldsAtLineRate) {
  // 84 octets of wire a minimum-size frame: 67.2 ns at 10 Gbit/s, so 4096 of them are 275251 ns.
  EXPECT_EQ(longest_sleep_ns(4096, 10'000), 137'625U);
  EXPECT_EQ(longest_sleep_ns(1024, 10'000), 34'406U);
  EXPECT_EQ(longest_sleep_ns(4096, 100'000), 13'762U);
}

TEST(LongestSleep, IsNoneWhereItWouldBeShorterThanItsOwnCostAndNeverLong) {
  EXPECT_EQ(longest_sleep_ns(1024, 100'000), 0U) << "3.4 us";
  EXPECT_EQ(longest_sleep_ns(4096, 0), 0U);
  EXPECT_EQ(longest_sleep_ns(4096, 1'000), 1'000'000U) << "1.4 ms, cut";
}

}  // namespace
}  // namespace weir::idle_test
