// What becomes of time when clocks are set back, differ, or take turns.
#include "dataplane/flow/time_epochs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/flow_packet.h"

namespace weir::test::time_epochs_test {
namespace {

using Event = TimeEpochs::Event;
constexpr std::uint64_t kHour = 3600_s;

TEST(TimeEpochs, EffectiveTimeIsTheGreatestThatAPacketWasStampedWith) {
  TimeEpochs epochs;
  for (const auto& [stamp, effective] :
       {std::pair{10_s, 10_s}, {12_s, 12_s}, {2_s, 12_s}, {11_s, 12_s}, {13_s, 13_s}}) {
    const TimeEpochs::Step step = epochs.step(kEpochNs + stamp, 0);
    EXPECT_EQ(step.effective_ns, kEpochNs + effective);
    EXPECT_EQ(step.event, Event::none) << "10 s and less are reordering";
  }
  EXPECT_EQ(epochs.effective_ns(), kEpochNs + 13_s);
  EXPECT_EQ(epochs.steady_ns(), kEpochNs + 13_s);
}

TEST(TimeEpochs, AStepBackBeyondAnyReorderingBeginsAnEpochWhoseTimeIsThatOfItsPackets) {
  TimeEpochs epochs;
  (void)epochs.step(kEpochNs, 0);
  (void)epochs.step(kEpochNs + 600_s, 0);
  const TimeEpochs::Step back = epochs.step(kEpochNs - kHour, 0);
  EXPECT_EQ(back.event, Event::epoch);
  EXPECT_EQ(back.effective_ns, kEpochNs - kHour);
  EXPECT_EQ(back.behind_ns, kHour + 600_s);
  EXPECT_EQ(epochs.steady_ns(), kEpochNs + 600_s) << "goes on";
  const TimeEpochs::Step on = epochs.step(kEpochNs - kHour + 1_s, 0);
  EXPECT_EQ(on.event, Event::none);
  EXPECT_EQ(on.effective_ns, kEpochNs - kHour + 1_s);
  EXPECT_EQ(epochs.steady_ns(), kEpochNs + 601_s);
}

TEST(TimeEpochs, APacketWithoutATimeWasSeenAtTheEffectiveOne) {
  TimeEpochs epochs;
  EXPECT_EQ(epochs.step(0, 0).time_ns, 0U) << "there is none yet";
  (void)epochs.step(kEpochNs + 600_s, 0);
  for (const unsigned interface : {0U, 1U}) {
    const TimeEpochs::Step step = epochs.step(0, interface);
    EXPECT_EQ(step.event, Event::none);
    EXPECT_EQ(step.effective_ns, kEpochNs + 600_s);
    EXPECT_EQ(step.time_ns, kEpochNs + 600_s);
  }
}

TEST(TimeEpochs, WhatReorderingMayBeIsAnOption) {
  for (const std::uint64_t most : {0_s, 1_ms, 60_s}) {
    TimeEpochs epochs(most);
    (void)epochs.step(kEpochNs, 0);
    EXPECT_EQ(epochs.step(kEpochNs - most, 0).event, Event::none);
    EXPECT_EQ(epochs.step(kEpochNs - most - 1, 0).event, Event::epoch);
  }
}

TEST(TimeEpochs, AfterOnePacketFromTheFutureTimeGoesOnFromWhereItWas) {
  TimeEpochs epochs;
  (void)epochs.step(kEpochNs, 0);
  EXPECT_EQ(epochs.step(kEpochNs + kHour, 0).event, Event::none) << "a step forward may be a pause";
  EXPECT_EQ(epochs.step(kEpochNs + 1_s, 0).event, Event::epoch);
  for (unsigned i = 2; i < 5000; ++i) {
    const TimeEpochs::Step step = epochs.step(kEpochNs + i * 1_s, 0);
    EXPECT_EQ(step.event, Event::none);
    EXPECT_EQ(step.effective_ns, kEpochNs + i * 1_s);
  }
}

TEST(TimeEpochs, TwoClocksThatTakeTurnsBeginOneEpochInAThousandPacketsAndTheRestIsIgnored) {
  TimeEpochs epochs;
  unsigned begun = 0;
  unsigned ignored = 0;
  std::uint64_t last = 0;
  for (unsigned i = 0; i < 10'000; ++i) {
    const TimeEpochs::Step step = epochs.step(kEpochNs + i * 1_ms + (i % 2 == 0 ? kHour : 0), 0);
    begun += step.event == Event::epoch;
    ignored += step.event == Event::ignored;
    if (step.event != Event::epoch) {
      EXPECT_GE(step.effective_ns, last);
    }
    last = step.effective_ns;
  }
  EXPECT_EQ(begun, 10U);
  EXPECT_EQ(begun + ignored, 5000U) << "every packet of the clock that is behind";
}

TEST(TimeEpochs, ThousandPacketsAfterAnEpochBeganAnotherOneMayBegin) {
  for (const unsigned between : {999U, 1000U}) {
    TimeEpochs epochs;
    (void)epochs.step(kEpochNs, 0);
    EXPECT_EQ(epochs.step(kEpochNs - 1000_s, 0).event, Event::epoch);
    for (unsigned i = 1; i < between; ++i) (void)epochs.step(kEpochNs - 1000_s, 0);
    EXPECT_EQ(epochs.step(kEpochNs - 2000_s, 0).event, between == 1000 ? Event::epoch : Event::ignored);
  }
}

TEST(TimeEpochs, TheFirstPacketOfAFileMayAlwaysBeginOne) {
  TimeEpochs epochs;
  for (unsigned file = 0; file < 5; ++file) {
    epochs.begin_capture();
    const TimeEpochs::Step first = epochs.step(kEpochNs - file * kHour, file % 2);
    EXPECT_EQ(first.event, file == 0 ? Event::none : Event::epoch);
    EXPECT_EQ(first.effective_ns, kEpochNs - file * kHour);
    EXPECT_EQ(epochs.step(kEpochNs - file * kHour + 1_s, file % 2).event, Event::none);
  }
  epochs.begin_capture();
  EXPECT_EQ(epochs.step(kEpochNs, 0).event, Event::none) << "a later file goes on";
}

TEST(TimeEpochs, AnInterfaceWhoseClockDiffersIsMovedByTheDifference) {
  // Which of the two is ahead, and which comes first, changes who is moved and nothing else.
  for (const bool first_ahead : {false, true}) {
    TimeEpochs epochs;
    unsigned offsets = 0;
    std::uint64_t last = 0;
    for (unsigned i = 0; i < 5000; ++i) {
      const bool ahead = (i % 2 == 0) == first_ahead;
      const TimeEpochs::Step step = epochs.step(kEpochNs + i * 1_ms + (ahead ? kHour : 0), i % 2);
      EXPECT_TRUE(step.event == Event::none || step.event == Event::offset);
      if (step.event == Event::offset) {
        EXPECT_EQ(step.behind_ns, kHour - 1_ms);
        ++offsets;
      }
      if (i > 2) {
        EXPECT_LE(step.effective_ns - step.time_ns, 1_ms);
      }
      EXPECT_GE(step.effective_ns, last);
      last = step.effective_ns;
    }
    EXPECT_EQ(offsets, 1U);
    EXPECT_LE(last, kEpochNs + kHour + 5000 * 1_ms);
    EXPECT_GE(last, kEpochNs + kHour + 4990 * 1_ms);
  }
}

TEST(TimeEpochs, TheOwnClockOfOneOfSeveralInterfacesThatIsSetBackBeginsAnEpoch) {
  TimeEpochs epochs;
  for (unsigned i = 0; i < 10; ++i) (void)epochs.step(kEpochNs + i * 1_s, i % 3);
  EXPECT_EQ(epochs.step(kEpochNs - kHour, 1).event, Event::epoch);
  // The others go on as they were: ahead of it now, which moves the one that was set back.
  EXPECT_EQ(epochs.step(kEpochNs + 11_s, 0).event, Event::none);
  const TimeEpochs::Step moved = epochs.step(kEpochNs - kHour + 2_s, 1);
  EXPECT_EQ(moved.event, Event::offset);
  EXPECT_EQ(moved.effective_ns, kEpochNs + 11_s);
  EXPECT_EQ(epochs.step(kEpochNs + 12_s, 2).event, Event::none);
  EXPECT_EQ(epochs.step(kEpochNs - kHour + 4_s, 1).effective_ns, kEpochNs + 13_s);
}

TEST(TimeEpochs, AnyTimesOfAnyInterfacesGiveATimeThatRunsBackOnlyWhereAnEpochBegins) {
  std::mt19937_64 random(5);
  for (unsigned turn = 0; turn < 200; ++turn) {
    TimeEpochs epochs(random() % 2 == 0 ? 10_s : random() % 100_s);
    std::uint64_t last = 0;
    std::uint64_t steady = 0;
    std::uint64_t since = TimeEpochs::kLeastPackets;
    for (unsigned i = 0; i < 3000; ++i) {
      const std::uint64_t span = random() % 3 == 0 ? 10 * kHour : 20_s;
      const TimeEpochs::Step step = epochs.step(kEpochNs + random() % span, static_cast<unsigned>(random() % 4));
      if (step.event == Event::epoch) {
        EXPECT_GE(since, TimeEpochs::kLeastPackets);
        since = 0;
      } else {
        ASSERT_GE(step.effective_ns, last);
      }
      ++since;
      ASSERT_GE(epochs.steady_ns(), steady);
      ASSERT_EQ(step.effective_ns, epochs.effective_ns());
      last = step.effective_ns;
      steady = epochs.steady_ns();
    }
  }
}

}  // namespace
}  // namespace weir::test::time_epochs_test
