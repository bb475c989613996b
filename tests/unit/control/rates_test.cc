// Rates and skew of two moments, worked out by hand.
#include "control/probe/rates.h"

#include <gtest/gtest.h>

namespace weir::rates_test {
namespace {

Moment moment(double seconds, std::vector<WorkerCounters> counters) {
  Moment out;
  out.at += std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
  out.counters = std::move(counters);
  return out;
}

WorkerCounters counters(std::uint64_t packets, std::uint64_t octets, std::uint64_t polls = 0, std::uint64_t busy = 0,
                        std::uint64_t waited_ns = 0) {
  WorkerCounters out;
  out.received = {packets, octets};
  out.polls = polls;
  out.busy_polls = busy;
  out.waited_ns = waited_ns;
  return out;
}

TEST(Rates, AreDifferencesOverTheTimeBetween) {
  // 2 s: 3000 packets of 100 octets, and 1000 of 1000.
  const Rates rates = rates_between(moment(10, {counters(500, 50'000), counters(7, 7'000)}),
                                    moment(12, {counters(3'500, 350'000), counters(1'007, 1'007'000)}));
  ASSERT_EQ(rates.workers.size(), 2U);
  EXPECT_EQ(rates.workers[0].packets_per_second, 1'500U);
  EXPECT_EQ(rates.workers[0].frame_bits_per_second, 1'200'000U) << "150,000 octets a second";
  EXPECT_EQ(rates.workers[1].packets_per_second, 500U);
  EXPECT_EQ(rates.workers[1].frame_bits_per_second, 4'000'000U);
  EXPECT_EQ(rates.packets_per_second(), 2'000U);
  EXPECT_EQ(rates.frame_bits_per_second(), 5'200'000U);
}

TEST(Rates, ShareAndSkewSayHowEvenlyTheWorkersAreLoaded) {
  const std::vector<WorkerCounters> none(4);
  // 600, 200, 200 and none: the mean is 250, the busiest has 2.4 times that.
  const Rates rates =
      rates_between(moment(1, none), moment(2, {counters(600, 0), counters(200, 0), counters(200, 0), counters(0, 0)}));
  EXPECT_DOUBLE_EQ(rates.skew, 2.4);
  EXPECT_DOUBLE_EQ(rates.workers[0].share, 0.6);
  EXPECT_DOUBLE_EQ(rates.workers[1].share, 0.2);
  EXPECT_DOUBLE_EQ(rates.workers[3].share, 0);
  EXPECT_DOUBLE_EQ(rates_between(moment(1, none), moment(2, std::vector<WorkerCounters>(4, counters(9, 0)))).skew, 1);
}

TEST(Rates, WithoutPacketsThereIsNoSkewAndNoShare) {
  const Rates rates = rates_between(moment(1, {counters(5, 300)}), moment(2, {counters(5, 300)}));
  ASSERT_EQ(rates.workers.size(), 1U);
  EXPECT_EQ(rates.skew, 0);
  EXPECT_EQ(rates.workers[0].share, 0);
  EXPECT_EQ(rates.workers[0].packets_per_second, 0U);
}

TEST(Rates, BusyIsTheShareOfThePollsWithPacketsInTheTimeThatTheWorkerWasAwake) {
  // Of 4 s it slept 1; of its 1000 polls 500 found packets: 3/4 x 1/2.
  const Rates rates = rates_between(moment(0, {counters(0, 0, 100, 100, 5'000'000'000)}),
                                    moment(4, {counters(0, 0, 1'100, 600, 6'000'000'000)}));
  EXPECT_DOUBLE_EQ(rates.workers[0].asleep, 0.25);
  EXPECT_DOUBLE_EQ(rates.workers[0].busy, 0.375);
}

TEST(Rates, AWorkerIsNeverAsleepForLongerThanTheTimeBetween) {
  const Rates rates =
      rates_between(moment(0, {counters(0, 0, 0, 0, 0)}), moment(1, {counters(0, 0, 10, 5, 1'100'000'000)}));
  EXPECT_EQ(rates.workers[0].asleep, 1);
  EXPECT_EQ(rates.workers[0].busy, 0);
}

TEST(Rates, AreEmptyWithoutTimeBetweenTheMomentsOrAnEarlierOne) {
  const Moment one = moment(5, {counters(5, 300)});
  EXPECT_TRUE(rates_between(one, one).workers.empty());
  EXPECT_TRUE(rates_between(Moment{}, one).workers.empty());
  EXPECT_EQ(rates_between(one, one).skew, 0);
}

}  // namespace
}  // namespace weir::rates_test
