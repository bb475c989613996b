#include "control/ledger/flood_watch.h"

#include <gtest/gtest.h>

namespace weir::flood_watch_test {
namespace {

TEST(FloodWatch, SaysNothingOfWhatChanceMakes) {
  FloodWatch watch;
  // A million new flows a second in a full table: one in 10^4 is far, ten times that for good measure.
  FloodWatch::Sample sample;
  for (int second = 1; second <= 100; ++second) {
    sample.flows_created += 1'000'000;
    sample.far_inserts += 1'000;
    sample.longest_probe = 7;
    EXPECT_FALSE(watch.look(sample, second));
    EXPECT_FALSE(watch.report().suspected);
  }
  EXPECT_EQ(watch.report().far_inserts, 100'000U);
  EXPECT_EQ(watch.report().recent, 1'000U);
}

TEST(FloodWatch, SaysNothingOfAFewFarKeysInAQuietSecond) {
  FloodWatch watch;
  EXPECT_FALSE(watch.look({.flows_created = 70, .far_inserts = 63, .longest_probe = 5}, 1));
  EXPECT_FALSE(watch.report().suspected);
}

TEST(FloodWatch, RaisesTheFlagOnceAndKeepsItForAMinuteAfterTheLast) {
  FloodWatch watch;
  EXPECT_TRUE(watch.look({.flows_created = 500, .far_inserts = 400, .longest_probe = 16}, 10));
  EXPECT_FALSE(watch.look({.flows_created = 1'000, .far_inserts = 800, .longest_probe = 16}, 11)) << "said already";
  EXPECT_TRUE(watch.report().suspected);
  EXPECT_EQ(watch.report().longest_probe, 16U);
  EXPECT_FALSE(watch.look({.flows_created = 1'001, .far_inserts = 800, .longest_probe = 16}, 70.9));
  EXPECT_TRUE(watch.report().suspected);
  EXPECT_FALSE(watch.look({.flows_created = 1'002, .far_inserts = 800, .longest_probe = 16}, 71));
  EXPECT_FALSE(watch.report().suspected);
  EXPECT_TRUE(watch.look({.flows_created = 2'000, .far_inserts = 1'700, .longest_probe = 16}, 80)) << "raised again";
}

}  // namespace
}  // namespace weir::flood_watch_test
