// A file that is moved away while records come: reopened, it is made anew, and no record is in both or in neither.
#include <gtest/gtest.h>

#include <filesystem>

#include "control/export/export_hub.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::reopen_test {
namespace {

using test::balanced;
using test::content_of;
using test::eventually;
using test::numbered_batch;
using test::TemporaryFolder;

std::size_t lines_of(const std::string& file) {
  const std::string text = content_of(file);
  EXPECT_TRUE(text.empty() || text.back() == '\n') << file << " ends within a record";
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

class Reopen : public testing::Test {
 protected:
  Reopen() {
    auto hub = ExportHub::open({"json:" + file_}, ExportContext{});
    EXPECT_TRUE(hub) << hub.error();
    hub_ = std::move(*hub);
    hub_->offer(numbered_batch(0, 300), false);
    EXPECT_TRUE(eventually([&] { return hub_->snapshot()[0].exported.records == 300; }));
  }
  /// Closes; all 500 records left.
  void finish() {
    hub_->offer(numbered_batch(300, 200), false);
    EXPECT_TRUE(hub_->finish(std::chrono::seconds(20)).empty());
    const ExporterSnapshot snapshot = hub_->snapshot()[0];
    EXPECT_EQ(snapshot.exported.records, 500U);
    EXPECT_TRUE(balanced(snapshot));
  }

  const TemporaryFolder folder_;
  const std::string file_ = folder_.path("flows.json");
  const std::string moved_ = folder_.path("flows.json.1");
  std::unique_ptr<ExportHub> hub_;
};

TEST_F(Reopen, OfAMovedFileMakesANewOneAndLeavesWhatCameBeforeInTheOldOne) {
  std::filesystem::rename(file_, moved_);
  EXPECT_EQ(hub_->reopen(), std::vector<std::string>{});
  EXPECT_TRUE(std::filesystem::exists(file_)) << "also without a further record";
  finish();
  EXPECT_EQ(lines_of(moved_), 300U);
  EXPECT_EQ(lines_of(file_), 200U);
}

TEST_F(Reopen, OfAFileThatIsStillThereChangesNothing) {
  EXPECT_EQ(hub_->reopen(), std::vector<std::string>{});
  finish();
  EXPECT_EQ(lines_of(file_), 500U);
}

TEST_F(Reopen, GoesOnBehindWhatAnotherFileOfTheNameHolds) {
  std::filesystem::rename(file_, moved_);
  std::ofstream(file_) << "somebody's line\n";
  EXPECT_EQ(hub_->reopen(), std::vector<std::string>{});
  finish();
  EXPECT_EQ(lines_of(file_), 201U);
}

TEST_F(Reopen, OfAFileThatCannotBeMadeSaysSoAndGoesOnInTheOldOne) {
  std::filesystem::rename(file_, moved_);
  std::filesystem::create_directory(file_);
  const std::vector<std::string> problems = hub_->reopen();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_TRUE(problems[0].starts_with("export 'json:" + file_ + "': cannot write file")) << problems[0];
  finish();
  EXPECT_EQ(lines_of(moved_), 500U);
}

}  // namespace
}  // namespace weir::reopen_test
