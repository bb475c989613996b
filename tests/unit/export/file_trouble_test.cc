// What can happen to a file while records come: it is deleted, its folder goes and comes back, it cannot be written.
// Live, the exporter says why and goes on by itself, and its ledger balances at every instant.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "control/export/export_hub.h"
#include "proto/base/unique_fd.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::file_trouble_test {
namespace {

using namespace test;
namespace fs = std::filesystem;

constexpr std::chrono::seconds kLong{20};

std::size_t lines_of(const std::string& file) {
  const std::string text = content_of(file);
  EXPECT_TRUE(text.empty() || text.back() == '\n') << file << " ends within a record";
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// A hub with one exporter, whose ledger is looked at all the time.
class FileTrouble : public testing::Test {
 protected:
  void open(const std::string& uri) {
    ExportContext context;
    auto hub = ExportHub::open({uri}, context);
    ASSERT_TRUE(hub) << hub.error();
    hub_ = std::move(*hub);
    observer_ = std::thread([this] {
      while (!over_) unbalanced_ += balanced(now()) ? 0 : 1;
    });
  }
  void TearDown() override {
    over_ = true;
    if (observer_.joinable()) observer_.join();
    EXPECT_EQ(unbalanced_, 0);
  }
  [[nodiscard]] ExporterSnapshot now() const { return hub_->snapshot()[0]; }
  void offer(std::uint32_t count) {
    hub_->offer(numbered_batch(next_, count), false);
    next_ += count;
  }
  [[nodiscard]] bool comes_to(std::uint64_t exported) const {
    return eventually([&] { return now().exported.records == exported; });
  }
  [[nodiscard]] bool state_comes_to_begin_with(const std::string& text) const {
    return eventually([&] { return now().state.starts_with(text); });
  }
  /// Closes; nothing was lost.
  void finish(std::uint64_t records) {
    EXPECT_TRUE(hub_->finish(kLong).empty());
    EXPECT_EQ(now().exported.records, records);
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path(name); }

  const TemporaryFolder folder_;
  std::unique_ptr<ExportHub> hub_;
  std::uint32_t next_ = 0;
  std::atomic<bool> over_{false};
  std::atomic<int> unbalanced_{0};
  std::thread observer_;
};

TEST_F(FileTrouble, AFileThatWasDeletedIsMadeAnewWithoutASignal) {
  for (const char* const options : {"", "?compression=zstd"}) {
    SCOPED_TRACE(options);
    open("json:" + path("a.json") + options);
    offer(100);
    ASSERT_TRUE(comes_to(100));
    fs::remove(path("a.json"));
    ASSERT_TRUE(eventually([&] { return fs::exists(path("a.json")); })) << "also while no record comes";
    offer(50);
    finish(150);
    if (*options == '\0') {
      EXPECT_EQ(lines_of(path("a.json")), 50U);
    }
    EXPECT_GT(fs::file_size(path("a.json")), 0U);
    TearDown();
    over_ = false;
    next_ = 0;
  }
}

TEST_F(FileTrouble, AFileThatWasMovedAwayIsMadeAnewWithoutASignal) {
  open("json:" + path("a.json"));
  offer(100);
  ASSERT_TRUE(comes_to(100));
  fs::rename(path("a.json"), path("b.json"));
  ASSERT_TRUE(eventually([&] { return fs::exists(path("a.json")); }));
  offer(50);
  finish(150);
  EXPECT_EQ(lines_of(path("a.json")) + lines_of(path("b.json")), 150U);
  EXPECT_GE(lines_of(path("b.json")), 100U);
}

TEST_F(FileTrouble, WhatAFullFileThatWasMovedAwayDoesNotTakeGoesToTheNewOne) {
  // A limit of the size of files in place of a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1 << 16, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  open("json:" + path("a.json"));
  offer(250);
  EXPECT_TRUE(state_comes_to_begin_with("connecting: " + path("a.json") + ": File too large")) << now().state;
  fs::rename(path("a.json"), path("b.json"));
  EXPECT_TRUE(comes_to(250)) << now().state;
  finish(250);
  EXPECT_EQ(lines_of(path("a.json")) + lines_of(path("b.json")), 250U);
  EXPECT_GT(lines_of(path("a.json")), 0U);
  EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
}

TEST_F(FileTrouble, AFileOfItsNameThatAnotherProgramWritesIsWaitedFor) {
  open("json:" + path("a.json"));
  offer(100);
  ASSERT_TRUE(comes_to(100));
  std::ofstream(path("theirs.json")) << "theirs\n";
  UniqueFd theirs(::open(path("theirs.json").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(flock(theirs.get(), LOCK_EX | LOCK_NB), 0);
  fs::rename(path("theirs.json"), path("a.json"));
  ASSERT_TRUE(state_comes_to_begin_with("connecting: another program writes to the file")) << now().state;
  offer(50);
  EXPECT_EQ(content_of(path("a.json")), "theirs\n");
  theirs.reset();
  ASSERT_TRUE(comes_to(150)) << now().state;
  finish(150);
  EXPECT_EQ(lines_of(path("a.json")), 1U + 50);
}

TEST_F(FileTrouble, AFileThatWasCutByCopytruncateHasNoHole) {
  open("json:" + path("a.json"));
  offer(100);
  ASSERT_TRUE(comes_to(100));
  fs::resize_file(path("a.json"), 0);
  offer(50);
  finish(150);
  EXPECT_EQ(lines_of(path("a.json")), 50U);
  EXPECT_EQ(content_of(path("a.json")).find('\0'), std::string::npos);
}

TEST_F(FileTrouble, AFolderThatVanishesAndComesBackIsUsedAgain) {
  for (const char* const options : {"", "?rotate_size=1M"}) {
    SCOPED_TRACE(options);
    fs::create_directory(path("folder"));
    open("json:" + path("folder/a.json") + options);
    offer(100);
    ASSERT_TRUE(comes_to(100));
    fs::remove_all(path("folder"));
    ASSERT_TRUE(state_comes_to_begin_with("connecting: cannot write file '" + path("folder/a.json"))) << now().state;
    EXPECT_TRUE(now().state.ends_with("No such file or directory")) << now().state;
    offer(50);
    EXPECT_EQ(now().queued.records, 50U) << "they wait";
    fs::create_directory(path("folder"));
    ASSERT_TRUE(comes_to(150));
    EXPECT_EQ(now().state, "up");
    finish(150);
    EXPECT_EQ(lines_of(path("folder/a.json")), 50U);
    fs::remove_all(path("folder"));
    TearDown();
    over_ = false;
    next_ = 0;
  }
}

TEST_F(FileTrouble, AFolderThatIsMovedAwayKeepsGettingRecordsUntilThereIsOneOfItsName) {
  fs::create_directory(path("folder"));
  open("json:" + path("folder/a.json"));
  offer(100);
  ASSERT_TRUE(comes_to(100));
  fs::rename(path("folder"), path("away"));
  ASSERT_TRUE(state_comes_to_begin_with("reopening: cannot write file '" + path("folder/a.json"))) << now().state;
  offer(50);
  ASSERT_TRUE(comes_to(150));
  EXPECT_EQ(lines_of(path("away/a.json")), 150U);
  fs::create_directory(path("folder"));
  ASSERT_TRUE(state_comes_to_begin_with("up"));
  offer(25);
  finish(175);
  EXPECT_EQ(lines_of(path("folder/a.json")), 25U);
}

TEST_F(FileTrouble, AFailedReopenShowsItsReason) {
  open("json:" + path("a.json"));
  offer(100);
  ASSERT_TRUE(comes_to(100));
  fs::rename(path("a.json"), path("b.json"));
  fs::create_directory(path("a.json"));
  EXPECT_EQ(hub_->reopen().size(), 1U);
  ASSERT_TRUE(state_comes_to_begin_with("reopening: cannot write file '" + path("a.json") + "': Is a directory"))
      << now().state;
  fs::remove(path("a.json"));
  EXPECT_EQ(hub_->reopen().size(), 0U);
  ASSERT_TRUE(state_comes_to_begin_with("up"));
  offer(10);
  finish(110);
  EXPECT_EQ(lines_of(path("a.json")), 10U);
}

TEST_F(FileTrouble, ADeviceThatIsFullSaysSoAndIsTriedAgain) {
  open("json:/dev/full");
  offer(100);
  ASSERT_TRUE(state_comes_to_begin_with("connecting: /dev/full: No space left on device")) << now().state;
  EXPECT_EQ(now().queued.records, 100U);
  EXPECT_FALSE(hub_->finish(std::chrono::milliseconds(50)).empty());
  EXPECT_EQ(lost(now(), ExportLoss::send_failed).records, 100U);
}

TEST_F(FileTrouble, TheNextReaderOfAFifoGoesOnWithAWholeRecord) {
  const std::string fifo = path("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  auto reader = std::make_unique<UniqueFd>(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK));
  open("json:" + fifo);
  offer(10);
  ASSERT_TRUE(comes_to(10));
  reader.reset();
  offer(10);
  ASSERT_TRUE(eventually([&] { return now().state.find("a FIFO that nobody reads") != std::string::npos; }))
      << now().state;
  reader = std::make_unique<UniqueFd>(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK));
  ASSERT_TRUE(comes_to(20));
  char text[65536];
  const ssize_t got = read(reader->get(), text, sizeof text);
  ASSERT_GT(got, 0);
  EXPECT_EQ(text[0], '{');
  EXPECT_EQ(std::count(text, text + got, '\n'), 10);
  finish(20);
}

TEST_F(FileTrouble, APartThatSomebodyElseMadeIsLeftAlone) {
  std::ofstream(path("precious")) << "precious";
  const std::string part = path("a.json.part");
  const auto refused = [&] {
    ExportContext context;
    return !ExportHub::open({"json:" + path("a.json") + "?rotate_size=1M"}, context);
  };
  fs::create_symlink(path("precious"), part);
  EXPECT_TRUE(refused());
  fs::remove(part);
  fs::create_hard_link(path("precious"), part);
  EXPECT_TRUE(refused());
  fs::remove(part);
  fs::create_directory(part);
  EXPECT_TRUE(refused());
  fs::remove(part);
  EXPECT_EQ(content_of(path("precious")), "precious");

  // What a killed weir left is no obstacle, and no part of the next file.
  std::ofstream(part) << "half a rec";
  open("json:" + path("a.json") + "?rotate_size=1M");
  offer(10);
  finish(10);
  EXPECT_EQ(lines_of(path("a.json")), 10U);
}

TEST_F(FileTrouble, APartThatAnotherWeirWritesIsLeftAlone) {
  open("json:" + path("a.json") + "?rotate_size=1M");
  offer(10);
  ASSERT_TRUE(comes_to(10));
  ExportContext context;
  const auto second = ExportHub::open({"json:" + path("a.json") + "?rotate_size=1M"}, context);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find("another program writes to the file"), std::string::npos) << second.error();
  finish(10);
  EXPECT_EQ(lines_of(path("a.json")), 10U);
}

TEST_F(FileTrouble, AppendKeepsWhatTheFileHolds) {
  std::ofstream(path("a.json")) << "an earlier line\n";
  open("json:" + path("a.json") + "?append=1");
  offer(10);
  finish(10);
  EXPECT_EQ(lines_of(path("a.json")), 11U);
  EXPECT_TRUE(content_of(path("a.json")).starts_with("an earlier line\n"));
}

TEST(ExportHubPrepare, ChangesNoFileBeforeBegin) {
  const TemporaryFolder folder;
  std::ofstream(folder.path("old")) << "precious";
  std::ofstream(folder.path("r.part")) << "left over";
  const std::vector<std::string> uris{"json:" + folder.path("old"), "json:" + folder.path("new"),
                                      "json:" + folder.path("r") + "?rotate_size=1M"};
  {
    const auto hub = ExportHub::prepare(uris, {});
    ASSERT_TRUE(hub) << hub.error();
    EXPECT_EQ(content_of(folder.path("old")), "precious");
    EXPECT_TRUE(fs::exists(folder.path("new"))) << "it can be made";
  }
  EXPECT_EQ(content_of(folder.path("old")), "precious");
  EXPECT_EQ(content_of(folder.path("r.part")), "left over");
  EXPECT_FALSE(fs::exists(folder.path("new"))) << "and goes again";

  const auto hub = ExportHub::prepare(uris, {});
  ASSERT_TRUE(hub && (*hub)->begin());
  EXPECT_EQ(content_of(folder.path("old")), "");
  EXPECT_TRUE((*hub)->finish(kLong).empty());
  EXPECT_TRUE(fs::exists(folder.path("new")));
}

TEST(ExportHub, TakesADeviceTwice) {
  const auto hub = ExportHub::open({"json:/dev/null", "json:/dev/null", "protobuf:/dev/null"}, {});
  ASSERT_TRUE(hub) << hub.error();
  (*hub)->offer(numbered_batch(0, 10), true);
  EXPECT_TRUE((*hub)->finish(kLong).empty());
  for (const ExporterSnapshot& snapshot : (*hub)->snapshot()) EXPECT_EQ(snapshot.exported.records, 10U);
}

}  // namespace
}  // namespace weir::file_trouble_test
