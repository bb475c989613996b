// What a killed run leaves in the folder of --state, what the next start says of it, and what it makes of files that
// are something else.
#include "control/probe/last_run.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "control/probe/ledger_keeper.h"
#include "control/service/status_source.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace weir::test::last_run_test {
namespace {

v1::RecordCount count(std::uint64_t records, std::uint64_t packets) {
  v1::RecordCount out;
  out.set_records(records);
  out.set_packets(packets);
  return out;
}

v1::LastRun killed_run() {
  v1::LastRun run;
  run.set_pid(4711);
  run.set_started_ns(1'700'000'000'000'000'000);  // 2023-11-14 22:13:20 UTC
  run.set_seen_ns(1'700'000'060'500'000'000);
  v1::Ledger& ledger = *run.mutable_ledger();
  ledger.set_state("balanced");
  ledger.mutable_received()->set_packets(1000);
  ledger.mutable_counted()->set_packets(990);
  *ledger.mutable_in_table() = count(30, 300);
  *ledger.mutable_in_rings() = count(2, 12);
  v1::ExporterLedger& core = *ledger.add_exporters();
  core.set_name("core");
  *core.mutable_queued() = count(5, 40);
  ledger.add_exporters()->set_name("idle");
  ledger.add_workers()->mutable_received()->set_packets(1000);
  return run;
}

const std::string kSaid =
    "the run before (pid 4711, since 2023-11-14 22:13:20.000 UTC) ended without a stop. At 2023-11-14 22:14:20.500 UTC "
    "it "
    "had received 1000 packets and counted 990 in flows; lost are the records that had not been exported (300 packets "
    "in "
    "30 flows of the table, 12 packets in 2 flows in the record rings, 40 packets in 5 flows queued for core) and what "
    "came after that";

TEST(LastRun, IsFoundByTheNextStartWithWhatItLost) {
  const TemporaryFolder folder;
  LastRunFile killed(folder.folder().string());
  const auto nothing = killed.found();
  ASSERT_TRUE(nothing) << nothing.error();
  EXPECT_FALSE(nothing->has_value());
  ASSERT_TRUE(killed.write(killed_run()));
  struct stat info {};
  ASSERT_EQ(stat(folder.path("ledger.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U) << "the names of exporters may hold keys";
  const auto found = LastRunFile(folder.folder().string()).found();
  ASSERT_TRUE(found) << found.error();
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ(last_run_text(**found), kSaid);
  EXPECT_EQ((*found)->ledger().workers_size(), 0) << "the file stays small, however many workers there are";
}

TEST(LastRun, LeavesNothingWhereItEndedInOrder) {
  const TemporaryFolder folder;
  LastRunFile file(folder.folder().string());
  ASSERT_TRUE(file.write(killed_run()));
  ASSERT_TRUE(file.write(killed_run()));
  file.remove();
  EXPECT_TRUE(std::filesystem::is_empty(folder.folder()));
}

TEST(LastRun, KeepsTheLedgerOfTheKilledRunBesideItsOwn) {
  const TemporaryFolder folder;
  ASSERT_TRUE(LastRunFile(folder.folder().string()).write(killed_run()));
  LastRunFile next(folder.folder().string());
  next.remove();  // a start that fails: the file is not its own
  EXPECT_TRUE(std::filesystem::exists(folder.path("ledger.json")));
  v1::LastRun run = killed_run();
  run.set_pid(4712);
  ASSERT_TRUE(next.write(run));
  ASSERT_TRUE(next.write(run));
  EXPECT_NE(contents(folder.path("ledger-before.json")).find("\"pid\":4711,"), std::string::npos);
  EXPECT_NE(contents(folder.path("ledger.json")).find("\"pid\":4712,"), std::string::npos);
}

TEST(LastRun, SaysThatNothingWaitedWhereNothingDid) {
  v1::LastRun run = killed_run();
  run.mutable_ledger()->clear_in_table();
  run.mutable_ledger()->clear_in_rings();
  run.mutable_ledger()->clear_exporters();
  const std::string text = last_run_text(run);
  EXPECT_TRUE(text.ends_with("counted 990 in flows; lost is what came after that")) << text;
}

TEST(LastRun, OfAForeignFileIsOneLineAndNoReasonNotToStart) {
  const TemporaryFolder folder;
  const std::string path = folder.path("ledger.json");
  const std::string whole = [&] {
    LastRunFile file(folder.folder().string());
    EXPECT_TRUE(file.write(killed_run()));
    return contents(path);
  }();
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("hello\n"), std::string("{\"pid\":1,\"seen_ns\":1}"),
        std::string("{\"pid\":\"x\"}"), std::string(3 << 20, '{'), std::string("\0\xff", 2),
        whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 2)}) {
    std::ofstream(path) << text;
    LastRunFile file(folder.folder().string());
    const auto found = file.found();
    ASSERT_FALSE(found) << text.substr(0, 100);
    EXPECT_EQ(found.error(), path + ": no ledger of a weir; what a run before lost is not known");
    EXPECT_TRUE(file.write(killed_run()));
    EXPECT_EQ(contents(path), whole);
  }
}

TEST(LastRun, FollowsNoLinkAndWaitsForNoPipe) {
  const TemporaryFolder folder;
  const std::string path = folder.path("ledger.json");
  const std::string other = folder.path("other");
  std::ofstream(other) << "mine";
  std::filesystem::create_symlink(other, path);
  LastRunFile file(folder.folder().string());
  const auto link = file.found();
  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().find(path + ": "), 0U) << link.error();
  ASSERT_TRUE(file.write(killed_run()));
  EXPECT_EQ(contents(other), "mine");
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(LastRunFile(folder.folder().string()).found());
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_FALSE(LastRunFile(folder.folder().string()).found());
}

TEST(LastRun, NamesOfTheFileCannotForgeLinesOfTheLog) {
  v1::LastRun run = killed_run();
  run.mutable_ledger()->mutable_exporters(0)->set_name("a\nwarning: forged\x1b[2J" + std::string(10'000, 'x'));
  for (int i = 0; i < 1000; ++i) *run.mutable_ledger()->add_exporters() = run.ledger().exporters(0);
  const std::string text = last_run_text(run);
  EXPECT_LT(text.size(), 3000U);
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; })) << text;
  EXPECT_NE(text.find("flows queued for 993 further exporters)"), std::string::npos) << text;
}

/// A probe that counts nothing until it is told to.
class FakeProbe : public StatusSource {
 public:
  v1::StatusReply status() override { return {}; }
  v1::Ledger ledger() override {
    v1::Ledger ledger = killed_run().ledger();
    if (!counts) ledger.set_state("none");
    return ledger;
  }
  v1::RssReply rss() override { return {}; }
  v1::MetricsReply metrics() override { return {}; }
  std::atomic<bool> counts = false;
};

bool soon_there(const std::string& path) {
  for (int i = 0; i < 500 && !std::filesystem::exists(path); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return std::filesystem::exists(path);
}

TEST(LedgerKeeper, WritesFromWhenPacketsAreReceivedUntilTheOrderlyEnd) {
  const TemporaryFolder folder;
  FakeProbe probe;
  {
    LedgerKeeper keeper(folder.folder().string(), probe);
    keeper.finish();
    EXPECT_TRUE(std::filesystem::is_empty(folder.folder())) << "no packet was received";
  }
  probe.counts = true;
  {
    const LedgerKeeper keeper(folder.folder().string(), probe);
    EXPECT_TRUE(soon_there(folder.path("ledger.json")));
  }  // as by an exception
  const auto found = LastRunFile(folder.folder().string()).found();
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->pid(), static_cast<std::uint64_t>(getpid()));
  EXPECT_GE((*found)->seen_ns(), (*found)->started_ns());
  LedgerKeeper keeper(folder.folder().string(), probe);
  EXPECT_TRUE(soon_there(folder.path("ledger-before.json")));
  keeper.finish();
  EXPECT_FALSE(std::filesystem::exists(folder.path("ledger.json")));
}

TEST(LedgerKeeper, WithoutAFolderDoesNothing) {
  FakeProbe probe;
  LedgerKeeper keeper("", probe);
  keeper.finish();
}

}  // namespace
}  // namespace weir::test::last_run_test
