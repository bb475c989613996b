// Counters of one moment: all workers answer, one keeps silent, one is over.
#include "control/probe/moment.h"

#include <gtest/gtest.h>

#include <thread>

#include "control/ledger/ledger_report.h"

namespace weir::moment_test {
namespace {

constexpr std::chrono::nanoseconds kNoPatience{0};

/// Two workers as the probe sees them, without threads: each answers when the test says so.
class LastMomentTest : public testing::Test {
 protected:
  struct Worker {
    SnapshotBox<WorkerCounters> box;
    WorkerCounters counters;
    std::atomic<bool> at_rest{false};

    /// One record of one packet more, which the drain has not taken.
    void count() {
      counters.received.add(60);
      counters.counted.add(60);
      counters.counted_ip_octets += 46;
      counters.emitted += {1, 1, 46};
    }
  };

  void drain_all() {
    for (std::size_t i = 0; i < 2; ++i) totals_.drained[i] = workers_[i].counters.emitted;
  }
  /// Both workers poll while refresh() waits.
  void refresh_with_both_polling() {
    std::atomic<bool> over{false};
    std::thread polls([&] {
      while (!over.load()) {
        for (Worker& worker : workers_) worker.box.answer([&] { return worker.counters; });
      }
    });
    moments_.refresh(std::chrono::seconds(20));
    over.store(true);
    polls.join();
  }

  std::array<Worker, 2> workers_;
  DrainTotals totals_{.drained = std::vector<RecordTotals>(2), .overflow = {}, .exporters = {}};
  LastMoment moments_{{{&workers_[0].box, [&] { return workers_[0].counters; }, &workers_[0].at_rest},
                       {&workers_[1].box, [&] { return workers_[1].counters; }, &workers_[1].at_rest}},
                      [this] { return totals_; }};
};

TEST_F(LastMomentTest, HasNothingToShowBeforeAllWorkersHaveAnsweredOnce) {
  moments_.refresh(kNoPatience);
  EXPECT_FALSE(moments_.last().has_value());
  EXPECT_TRUE(moments_.stale());
  EXPECT_EQ(moments_.silent(), 0U);
}

TEST_F(LastMomentTest, TakesTheCountersOfWorkersThatAnswer) {
  workers_[0].count();
  workers_[1].count();
  workers_[1].count();
  refresh_with_both_polling();
  ASSERT_TRUE(moments_.last().has_value());
  EXPECT_FALSE(moments_.stale());
  EXPECT_EQ(moments_.last()->counters[0].received, (PacketCount{1, 60}));
  EXPECT_EQ(moments_.last()->counters[1].received, (PacketCount{2, 120}));
}

TEST_F(LastMomentTest, KeepsTheLastWholeMomentWhileAWorkerIsSilentAlthoughTheDrainGoesOn) {
  workers_[0].count();
  refresh_with_both_polling();
  const std::uint64_t then = moments_.last()->wall_ns;

  // Worker 1 empties its table: it answers no more, and what it emits is drained.
  workers_[0].count();
  for (int i = 0; i < 5; ++i) workers_[1].count();
  drain_all();
  moments_.refresh(kNoPatience);
  workers_[0].box.answer([&] { return workers_[0].counters; });
  moments_.refresh(kNoPatience);
  EXPECT_TRUE(moments_.stale());
  EXPECT_EQ(moments_.silent(), 1U);
  EXPECT_EQ(moments_.last()->wall_ns, then) << "stale since the last whole moment";
  EXPECT_EQ(moments_.last()->counters[0].received.packets, 1U) << "worker 0's answer would not fit worker 1's";
  EXPECT_EQ(moments_.last()->totals.drained[1], RecordTotals{}) << "nor would the drain's totals of now";
  const v1::Ledger ledger = make_running_ledger(moments_.last()->counters, moments_.last()->totals, {});
  EXPECT_TRUE(ledger.balanced()) << ledger.ShortDebugString();
}

TEST_F(LastMomentTest, ReadsTheCountersOfAWorkerThatIsOverWhereTheyLie) {
  workers_[1].count();
  workers_[1].at_rest.store(true);
  workers_[0].at_rest.store(true);
  drain_all();
  moments_.refresh(kNoPatience);
  EXPECT_FALSE(moments_.stale());
  ASSERT_TRUE(moments_.last().has_value());
  EXPECT_EQ(moments_.last()->counters[1].received.packets, 1U);
  EXPECT_EQ(moments_.last()->totals.drained[1], (RecordTotals{1, 1, 46}));
}

TEST_F(LastMomentTest, PutsANewQuestionOnceTheOldOneIsAnswered) {
  moments_.refresh(kNoPatience);
  ASSERT_TRUE(moments_.stale());
  for (Worker& worker : workers_) worker.box.answer([&] { return worker.counters; });  // to the old question
  workers_[0].count();
  moments_.refresh(kNoPatience);
  EXPECT_TRUE(moments_.stale()) << "the answer is older than the question";
  refresh_with_both_polling();
  EXPECT_FALSE(moments_.stale());
  EXPECT_EQ(moments_.last()->counters[0].received.packets, 1U);
}

TEST_F(LastMomentTest, DoesNotWaitAgainForAWorkerThatWasSilentForLong) {
  moments_.refresh(std::chrono::milliseconds(300));
  const auto start = std::chrono::steady_clock::now();
  moments_.refresh(std::chrono::milliseconds(300));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(300));
  EXPECT_TRUE(moments_.stale());
}

TEST_F(LastMomentTest, TellsForHowLongEachWorkerHasBeenSilent) {
  using std::chrono::nanoseconds;
  using std::chrono::seconds;
  moments_.refresh(kNoPatience);
  workers_[0].box.answer([&] { return workers_[0].counters; });
  const auto asked = LastMoment::Clock::now();  // a little after the question
  const std::vector<nanoseconds> silences = moments_.silences(asked + seconds(5));
  ASSERT_EQ(silences.size(), 2U);
  EXPECT_EQ(silences[0], nanoseconds(0));
  EXPECT_GE(silences[1], seconds(5));
  workers_[1].at_rest.store(true);
  EXPECT_EQ(moments_.silences(asked + seconds(6))[1], nanoseconds(0)) << "its loop is over: it need not poll";
}

}  // namespace
}  // namespace weir::moment_test
