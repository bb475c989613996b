// The end of a run as a state machine: time and progress are the test's.
#include "control/probe/quiesce.h"

#include <gtest/gtest.h>

namespace weir::quiesce_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Progress = Quiesce::Progress;

const Quiesce::Time kBegin{seconds(1000)};

Progress progress(std::uint64_t out, std::uint64_t queued, bool drained = false) {
  return {.drained = drained, .out = {out, 2 * out, 120 * out}, .queued = queued};
}

TEST(Quiesce, EndsAtOnceWhenAllIsOut) {
  Quiesce quiesce(kBegin, seconds(15));
  const auto decision = quiesce.look(kBegin + milliseconds(20), progress(7, 0, true));
  EXPECT_TRUE(decision.over);
  EXPECT_FALSE(decision.gives_up);
  EXPECT_EQ(decision.close_within, milliseconds(14'980)) << "closing may take what is left of the whole";
  EXPECT_FALSE(decision.notice.has_value());
}

TEST(Quiesce, WaitsForWhatIsQueuedAndForWhatIsStillInTheRings) {
  Quiesce quiesce(kBegin, seconds(15));
  EXPECT_FALSE(quiesce.look(kBegin + milliseconds(20), progress(0, 5, true)).over);
  EXPECT_FALSE(quiesce.look(kBegin + milliseconds(40), progress(5, 0, false)).over);
  EXPECT_TRUE(quiesce.look(kBegin + milliseconds(60), progress(5, 0, true)).over);
}

TEST(Quiesce, SaysOnceAfterASecondWhatItWaitsFor) {
  Quiesce quiesce(kBegin, seconds(15));
  EXPECT_FALSE(quiesce.look(kBegin + milliseconds(1000), progress(1, 9)).notice.has_value());
  const auto told = quiesce.look(kBegin + milliseconds(1020), progress(2, 8));
  ASSERT_TRUE(told.notice.has_value());
  EXPECT_EQ(
      *told.notice,
      "waiting for the exporters, 8 records queued, for 14 s at most (--stop-timeout); a second signal gives them "
      "up");
  EXPECT_FALSE(told.gives_up);
  EXPECT_FALSE(quiesce.look(kBegin + milliseconds(1040), progress(3, 7)).notice.has_value());
}

TEST(Quiesce, TheWholeStopIsBoundedHoweverMuchMoves) {
  Quiesce quiesce(kBegin, seconds(15));
  for (int ms = 20; ms < 14'000; ms += 20) {
    ASSERT_FALSE(quiesce.look(kBegin + milliseconds(ms), progress(static_cast<std::uint64_t>(ms), 1000)).over) << ms;
  }
  const auto decision = quiesce.look(kBegin + seconds(14), progress(20'000, 1000));
  EXPECT_TRUE(decision.over);
  EXPECT_TRUE(decision.gives_up);
  EXPECT_EQ(decision.close_within, seconds(1));
  ASSERT_TRUE(decision.notice.has_value());
  EXPECT_NE(decision.notice->find("1000 queued records"), std::string::npos) << *decision.notice;
}

TEST(Quiesce, AShortStopKeepsAQuarterOfItsTimeForClosing) {
  Quiesce quiesce(kBegin, milliseconds(400));
  EXPECT_FALSE(quiesce.look(kBegin + milliseconds(299), progress(1, 1)).over);
  const auto decision = quiesce.look(kBegin + milliseconds(300), progress(2, 1));
  EXPECT_TRUE(decision.over);
  EXPECT_EQ(decision.close_within, milliseconds(100));
}

TEST(Quiesce, InALongStopRecordsThatDoNotMoveAreGivenUpBeforeItsEnd) {
  Quiesce quiesce(kBegin, seconds(600));
  EXPECT_FALSE(quiesce.look(kBegin + seconds(1), progress(1, 10)).over);
  EXPECT_FALSE(quiesce.look(kBegin + seconds(16), progress(1, 10)).over);
  EXPECT_FALSE(quiesce.look(kBegin + seconds(16), progress(2, 9)).over) << "one more left";
  EXPECT_FALSE(quiesce.look(kBegin + seconds(31), progress(2, 9)).over);
  const auto decision = quiesce.look(kBegin + milliseconds(31'020), progress(2, 9));
  EXPECT_TRUE(decision.over);
  EXPECT_TRUE(decision.gives_up);
  EXPECT_EQ(decision.close_within, seconds(1));
}

TEST(Quiesce, ASecondSignalGivesUpAtOnce) {
  const auto decision = Quiesce::give_up(progress(2, 9));
  EXPECT_TRUE(decision.over);
  EXPECT_TRUE(decision.gives_up);
  EXPECT_EQ(decision.close_within, seconds(0));
  EXPECT_EQ(*decision.notice, "second signal: 9 queued records, and all that are not queued yet, are given up");
}

}  // namespace
}  // namespace weir::quiesce_test
