// The history of configurations: what it keeps, what survives a restart, and what is left of files that are broken.
#include "control/probe/change_history.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temporary_folder.h"

namespace weir::test::change_history_test {
namespace {

HistoryEntry entry(const std::string& idle) {
  HistoryEntry out{0, 1'700'000'000'000'000'001, {1000, 77}, "config apply weir.conf", {"idle_timeout: 1s -> " + idle},
                   {}};
  out.given.set_idle_timeout(idle);
  out.given.add_export_("json:a?name=\"x\"");
  return out;
}

void write(const std::string& path, const char* text) {
  std::ofstream(path) << text;
}

TEST(ChangeHistory, SurvivesARestartWithAllThatWasSaid) {
  const TemporaryFolder folder;
  const std::string state = folder.path("state");
  {
    auto history = ChangeHistory::open(state);
    ASSERT_TRUE(history) << history.error();
    ASSERT_TRUE(history->add(entry("5s")));
    ASSERT_TRUE(history->add(entry("6s")));
    EXPECT_FALSE(ChangeHistory::open(state)) << "another weir uses it";
  }
  struct stat info {};
  ASSERT_EQ(stat((state + "/history/config-000001.conf").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U) << "URIs may hold keys";
  auto again = ChangeHistory::open(state);
  ASSERT_TRUE(again) << again.error();
  EXPECT_TRUE(again->notices().empty());
  ASSERT_EQ(again->entries().size(), 2U);
  const HistoryEntry* const second = again->find(2);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->time_ns, 1'700'000'000'000'000'001U);
  EXPECT_EQ(second->asker.uid, 1000U);
  EXPECT_EQ(second->asker.pid, 77);
  EXPECT_EQ(second->asked, "config apply weir.conf");
  EXPECT_EQ(second->changes, (std::vector<std::string>{"idle_timeout: 1s -> 6s"}));
  EXPECT_EQ(second->given.SerializeAsString(), entry("6s").given.SerializeAsString());
  EXPECT_EQ(again->find(3), nullptr);
}

TEST(ChangeHistory, KeepsTheLastFifty) {
  const TemporaryFolder folder;
  auto history = ChangeHistory::open(folder.path("state"));
  ASSERT_TRUE(history) << history.error();
  for (unsigned i = 1; i <= 60; ++i) ASSERT_TRUE(history->add(entry(std::to_string(i) + "s")));
  ASSERT_EQ(history->entries().size(), ChangeHistory::kMost);
  EXPECT_EQ(history->entries().front().number, 11U);
  EXPECT_EQ(history->entries().back().number, 60U);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(folder.path("state/history"))) ++files;
  EXPECT_EQ(files, ChangeHistory::kMost);
}

TEST(ChangeHistory, LeavesBrokenFilesOutAndNamesThem) {
  const TemporaryFolder folder;
  const std::string state = folder.path("state");
  {
    auto history = ChangeHistory::open(state);
    ASSERT_TRUE(history) << history.error();
    ASSERT_TRUE(history->add(entry("5s")));
  }
  write(state + "/history/config-000002.conf", "# time_ns: 5\n\nidle_timeot: \"5s\"\n");
  write(state + "/history/config-000003.conf", "idle_timeout: \"5s\"\n");
  write(state + "/history/config-000004.conf.new", "half");
  write(state + "/history/config-x.conf", "");
  auto history = ChangeHistory::open(state);
  ASSERT_TRUE(history) << history.error();
  EXPECT_EQ(history->entries().size(), 1U);
  EXPECT_EQ(history->notices().size(), 2U) << "2 is wrong, and 3 does not say when";
}

TEST(ChangeHistory, WithoutAFolderIsInMemory) {
  auto history = ChangeHistory::open("");
  ASSERT_TRUE(history);
  ASSERT_TRUE(history->add(entry("5s")));
  EXPECT_EQ(history->entries().back().number, 1U);
  EXPECT_FALSE(ChangeHistory::open("/proc/no/such")) << "only the last folder of the path is made";
}

}  // namespace
}  // namespace weir::test::change_history_test
