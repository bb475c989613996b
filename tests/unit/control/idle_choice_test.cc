#include "control/config/idle_choice.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/process.h"

namespace weir::idle_choice_test {
namespace {

TEST(IdleChoice, AutoPollsOnIsolatedCoresOnly) {
  EXPECT_EQ(idle_mode(IdleChoice::automatic, 3, {2, 3}), IdleMode::poll);
  EXPECT_EQ(idle_mode(IdleChoice::automatic, 1, {2, 3}), IdleMode::wait);
  EXPECT_EQ(idle_mode(IdleChoice::automatic, 1, {}), IdleMode::wait);
}

TEST(IdleChoice, WhatIsAskedForIsDoneOnEveryCore) {
  for (const unsigned cpu : {1U, 3U}) {
    EXPECT_EQ(idle_mode(IdleChoice::poll, cpu, {3}), IdleMode::poll);
    EXPECT_EQ(idle_mode(IdleChoice::pause, cpu, {3}), IdleMode::pause);
    EXPECT_EQ(idle_mode(IdleChoice::sleep, cpu, {3}), IdleMode::wait);
  }
}

TEST(IsolatedCpus, AreReadAsTheKernelWritesThem) {
  const test::TemporaryFolder folder;
  const auto cpus = [&](const std::string& text) {
    std::ofstream(folder.path("isolated")) << text;
    return isolated_cpus(folder.path("isolated"));
  };
  EXPECT_EQ(cpus("\n"), std::vector<unsigned>{});
  EXPECT_EQ(cpus("2-4,7\n"), (std::vector<unsigned>{2, 3, 4, 7}));
  EXPECT_EQ(cpus("nonsense\n"), std::vector<unsigned>{});
  EXPECT_EQ(isolated_cpus(folder.path("missing")), std::vector<unsigned>{});
}

}  // namespace
}  // namespace weir::idle_choice_test
