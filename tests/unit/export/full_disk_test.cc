// A disk that is full: a tmpfs of one MiB in a mount namespace of the test's own, filled by somebody else's file. Needs
// the right to mount (root), skipped otherwise.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "control/export/export_hub.h"
#include "control/export/export_queue.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::full_disk_test {
namespace {

using namespace test;

constexpr std::size_t kQueue = 20'000;
constexpr std::uint32_t kBatch = 1000;

/// On a thread that has seen the tmpfs; the threads that it starts see it, too. The rest of the process does not.
void fill_and_empty_the_disk(const std::string& disk, const std::string& elsewhere) {
  {
    std::ofstream other(disk + "/of_somebody_else", std::ios::binary);
    other << std::string(900'000, 'x');
  }
  ExportContext context;
  context.queue_octets = kQueue / kBatch * ExportQueue::octets_of(*numbered_batch(0, kBatch));
  auto opened = ExportHub::open({"protobuf:" + disk + "/a.pb", "protobuf:" + elsewhere}, context);
  ASSERT_TRUE(opened) << opened.error();
  ExportHub& hub = **opened;

  // 124 KiB are left: some 1500 records. What does not fit waits, then is lost by name.
  RecordTotals offered;
  std::uint32_t next = 0;
  const auto offer = [&] {
    const auto batch = numbered_batch(next, kBatch);
    next += kBatch;
    offered += totals_of_batch(*batch);
    hub.offer(batch, false);
    if (next % (kQueue / 2) != 0) return;
    // The other one takes its own, also on a busy machine, where its queue would be full otherwise.
    ASSERT_TRUE(eventually([&] { return hub.snapshot()[1].exported.records == next; }));
  };
  for (int i = 0; i < 50; ++i) offer();
  ASSERT_TRUE(
      eventually([&] { return hub.snapshot()[0].state == "connecting: " + disk + "/a.pb: No space left on device"; }));
  const ExporterSnapshot full = hub.snapshot()[0];
  EXPECT_TRUE(balanced(full));
  EXPECT_EQ(full.drained, offered);
  EXPECT_GT(full.exported.records, 0U) << "there was room for some";
  EXPECT_LT(full.exported.records, 5'000U);
  EXPECT_GT(lost(full, ExportLoss::queue_full).records, 0U);
  EXPECT_EQ(lost(full, ExportLoss::send_failed).records, 0U);
  EXPECT_GE(full.queued.records, kQueue) << "nothing is dropped that the queue can still hold";

  // Room again: it goes on by itself. (The tmpfs grows; to take away the other's file would be too little for all.)
  ASSERT_EQ(mount("none", disk.c_str(), "tmpfs", MS_REMOUNT, "size=16m"), 0);
  ASSERT_TRUE(eventually([&] {
    const ExporterSnapshot now = hub.snapshot()[0];
    return now.state == "up" && now.queued.records < kBatch;
  }));
  offer();
  static_cast<void>(hub.finish(std::chrono::seconds(5)));  // a line about what was lost
  const std::vector<ExporterSnapshot> ended = hub.snapshot();
  EXPECT_TRUE(balanced(ended[0]));
  EXPECT_EQ(ended[0].queued, RecordTotals{});
  EXPECT_EQ(lost(ended[0], ExportLoss::queue_full), lost(full, ExportLoss::queue_full)) << "nothing was lost since";
  EXPECT_EQ(ended[1].exported, offered) << "the other exporter lost nothing";

  // The file holds the exported records and no torn one.
  RecordTotals read;
  const RecordBatch records = records_in(content_of(disk + "/a.pb"));
  for (const RecordView record : records) read.add(*record);
  EXPECT_EQ(read, ended[0].exported);
}

TEST(FullDisk, LosesByNameRecoversByItselfAndHoldsUpNobody) {
  const TemporaryFolder folder;
  const std::string disk = folder.path("disk");
  std::filesystem::create_directory(disk);
  bool may_mount = false;
  std::thread([&] {
    may_mount = unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                mount("weir-test", disk.c_str(), "tmpfs", 0, "size=1m") == 0;
    if (may_mount) fill_and_empty_the_disk(disk, folder.path("elsewhere.pb"));
  }).join();  // the mount goes with the thread's namespace
  if (!may_mount) GTEST_SKIP() << "no right to mount a tmpfs";
}

}  // namespace
}  // namespace weir::full_disk_test
