// Queue, books and thread with exporters that do as the test says. After each scenario, and at many instants within,
// drained = exported + queued + lost.
#include "control/export/exporter_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "tests/unit/export/export_fixtures.h"

namespace weir::exporter_thread_test {
namespace {

using test::balanced;
using test::eventually;
using test::lost;
using test::numbered_batch;
using test::numbered_batch_with_sections;
using test::same_records;
using test::totals_of_batch;

/// What a test tells its exporter, and sees of it.
struct Script {
  std::atomic<bool> open{true};               ///< takes records
  std::atomic<bool> fails{false};             ///< fails for good at the next run
  std::atomic<bool> never_done{false};        ///< holds what it took, for ever
  std::atomic<std::uint32_t> most{1U << 30};  ///< takes at most so many at a time
};

class ScriptedExporter final : public Exporter {
 public:
  ScriptedExporter(Script& script, ExportQueue& books) : script_(script), books_(books) {}

  std::size_t take(RecordSpan records, ExportTime now) override {
    if (script_.fails) {
      fail("FILE: No space left on device", ExportLoss::send_failed);
      return 0;
    }
    if (!script_.open) {
      ready_ = now + std::chrono::milliseconds(1);
      return 0;
    }
    const std::size_t count = std::min<std::size_t>(records.size(), script_.most);
    const RecordTotals totals = totals_of(records.first(count));
    held_ += totals;
    if (!script_.never_done) release();
    return count;
  }
  [[nodiscard]] ExportTime ready() const override { return ready_; }
  [[nodiscard]] ExportTime due() const override { return ExportTime::max(); }
  void tick(ExportTime /*now*/) override {}
  bool drain(ExportTime now) override {
    if (!script_.never_done) return true;
    ready_ = now + std::chrono::milliseconds(1);
    return false;
  }
  void abandon(ExportLoss loss) override {
    books_.lost(held_, loss);
    held_ = {};
  }

 private:
  void release() {
    books_.exported(held_, 1, held_.octets);
    held_ = {};
  }

  Script& script_;
  ExportQueue& books_;
  RecordTotals held_;
  ExportTime ready_ = ExportTime::min();
};

struct Scene {
  explicit Scene(std::size_t limit_octets) {
    auto own = std::make_unique<ExportQueue>("test:", limit_octets);
    auto exporter = std::make_unique<ScriptedExporter>(script, *own);
    thread = std::make_unique<ExporterThread>(std::move(own), std::move(exporter));
  }
  ExportQueue& queue() { return thread->queue(); }
  ExporterSnapshot snapshot() { return queue().snapshot(); }

  Script script;
  std::unique_ptr<ExporterThread> thread;
};

constexpr auto kForEver = ExportClock::duration::max();

TEST(ExporterThread, ExportsWhatItIsOffered) {
  Scene scene(kQueueOctets);
  const auto batch = numbered_batch(0, 700);
  EXPECT_TRUE(scene.queue().push(batch));
  scene.queue().close(ExportTime::max());
  scene.thread->join();
  EXPECT_EQ(scene.snapshot().exported, totals_of_batch(*batch));
  EXPECT_TRUE(balanced(scene.snapshot()));
  EXPECT_EQ(scene.snapshot().state, "up");
}

TEST(ExporterThread, KeepsAsManyBatchesAsFitAndRefusesTheRestByName) {
  const auto first = numbered_batch(0, 50);
  const auto second = numbered_batch(50, 50);
  const auto third = numbered_batch(100, 50);
  Scene scene(2 * ExportQueue::octets_of(*first));
  scene.script.open = false;
  EXPECT_TRUE(scene.queue().push(first));
  EXPECT_TRUE(scene.queue().push(second));
  EXPECT_FALSE(scene.queue().push(third)) << "no room at all now";
  scene.queue().refuse(*third);
  const ExporterSnapshot snapshot = scene.snapshot();
  EXPECT_EQ(snapshot.drained, totals_of_batch(*numbered_batch(0, 150)));
  EXPECT_EQ(snapshot.queued, totals_of_batch(*numbered_batch(0, 100)));
  EXPECT_EQ(lost(snapshot, ExportLoss::queue_full), totals_of_batch(*third));
  EXPECT_EQ(snapshot.queue_octets, snapshot.queue_limit_octets);
  EXPECT_TRUE(balanced(snapshot));
  scene.script.open = true;
  EXPECT_TRUE(eventually([&] { return scene.snapshot().exported.records == 100; }));
  EXPECT_TRUE(eventually([&] { return scene.snapshot().queue_octets == 0; }));
  EXPECT_TRUE(balanced(scene.snapshot()));
}

TEST(ExportQueue, BooksWhatComesAfterItIsClosedToTheShutdown) {
  ExportQueue queue("test:", kQueueOctets);
  queue.close(ExportTime::min());
  const auto batch = numbered_batch(0, 50);
  ASSERT_FALSE(queue.push(batch)) << "nobody would take them";
  queue.refuse(*batch);
  const ExporterSnapshot snapshot = queue.snapshot();
  EXPECT_EQ(lost(snapshot, ExportLoss::shutdown), totals_of_batch(*batch));
  EXPECT_EQ(lost(snapshot, ExportLoss::queue_full), RecordTotals{});
  EXPECT_TRUE(balanced(snapshot));
}

TEST(ExportQueue, GivesABatchOfRecordsOfManyLengthsInPieces) {
  const auto batch = numbered_batch_with_sections(0, 40);
  const std::size_t shortest = (*batch)[32].lines();
  EXPECT_EQ(shortest, 2U) << "no section";
  EXPECT_GT((*batch)[39].lines(), 10 * shortest);
  ExportQueue queue("test:", kQueueOctets);
  EXPECT_TRUE(queue.push(batch));
  RecordBatch taken;
  // In pieces of one to three records, of which the exporter takes all but one where it can.
  for (std::size_t most = 1; taken.size() < batch->size(); most = most % 3 + 1) {
    EXPECT_EQ(queue.snapshot().queue_octets, ExportQueue::octets_of(*batch)) << "its memory is there until its end";
    const RecordSpan records = queue.wait_records(ExportTime::max(), most);
    const RecordSpan mine = records.first(std::max<std::size_t>(1, records.size() - 1));
    taken.append(mine);
    queue.consumed(mine.size());
    queue.exported(totals_of(mine), 1, 0);
    EXPECT_TRUE(balanced(queue.snapshot()));
  }
  EXPECT_TRUE(same_records(taken.span(), batch->span()));
  const ExporterSnapshot snapshot = queue.snapshot();
  EXPECT_EQ(snapshot.drained, totals_of_batch(*batch));
  EXPECT_EQ(snapshot.exported, totals_of_batch(*batch));
  EXPECT_EQ(snapshot.queue_octets, 0U);
}

TEST(ExportQueue, BooksNoLatenessWhereThereIsNoNow) {
  Lateness late;
  late.add(1'000'000'000, 3'000'000'000);
  ExportQueue live("test:", kQueueOctets);
  live.exported({}, 0, 0, late);
  EXPECT_EQ(live.snapshot().lateness.greatest_ns, 2'000'000'000U);
  ExportQueue capture("test:", kQueueOctets, false);
  capture.exported({}, 0, 0, late);
  EXPECT_EQ(capture.snapshot().lateness.greatest_ns, 0U);
  EXPECT_EQ(capture.snapshot().lateness.counts, Lateness{}.counts);
}

TEST(ExporterThread, WaitsForRoomEvenForABatchLargerThanTheQueue) {
  Scene scene(64);
  scene.script.most = 7;
  const auto batch = numbered_batch(0, 2500);
  EXPECT_TRUE(scene.queue().push_waiting(batch, kForEver)) << "nothing waits, so it may";
  EXPECT_TRUE(scene.queue().push_waiting(numbered_batch(2500, 2500), kForEver));
  scene.queue().close(ExportTime::max());
  scene.thread->join();
  EXPECT_EQ(scene.snapshot().exported, totals_of_batch(*numbered_batch(0, 5000)));
}

TEST(ExporterThread, StopsWaitingForRoomWhenTheExporterFails) {
  Scene scene(64);
  scene.script.open = false;
  const auto batch = numbered_batch(0, 100);
  EXPECT_TRUE(scene.queue().push(batch));
  std::thread failing([&] { scene.script.fails = true; });
  EXPECT_TRUE(scene.queue().push_waiting(batch, kForEver));
  failing.join();
  EXPECT_TRUE(eventually([&] { return scene.queue().failed(); }));
  // And what comes later is not waited for either.
  EXPECT_TRUE(scene.queue().push_waiting(batch, kForEver));
  const ExporterSnapshot snapshot = scene.snapshot();
  EXPECT_EQ(snapshot.state, "failed: FILE: No space left on device");
  EXPECT_EQ(lost(snapshot, ExportLoss::send_failed).records, 300U);
  EXPECT_EQ(snapshot.queued, RecordTotals{});
  EXPECT_TRUE(balanced(snapshot));
}

TEST(ExporterThread, StopsWaitingForRoomWithoutAConnection) {
  Scene scene(64);
  scene.script.open = false;
  EXPECT_TRUE(scene.queue().push(numbered_batch(0, 25)));
  scene.queue().set_connected(false);
  EXPECT_FALSE(scene.queue().push_waiting(numbered_batch(0, 25), kForEver));
  EXPECT_EQ(scene.snapshot().state, "connecting");
}

TEST(ExporterThread, StopsWaitingForRoomWhenPatienceIsOver) {
  Scene scene(64);
  scene.script.open = false;
  EXPECT_TRUE(scene.queue().push(numbered_batch(0, 25)));
  EXPECT_FALSE(scene.queue().push_waiting(numbered_batch(0, 25), ExportClock::duration::zero()));
}

TEST(ExporterThread, LosesWhatIsLeftAtTheDeadlineAsShutdown) {
  Scene scene(kQueueOctets);
  scene.script.open = false;
  const auto batch = numbered_batch(0, 80);
  scene.queue().push(batch);
  scene.queue().close(ExportClock::now());
  scene.thread->join();
  EXPECT_EQ(lost(scene.snapshot(), ExportLoss::shutdown), totals_of_batch(*batch));
  EXPECT_TRUE(balanced(scene.snapshot()));
}

TEST(ExporterThread, LosesWhatTheExporterStillHoldsAtTheDeadlineAsShutdown) {
  Scene scene(kQueueOctets);
  scene.script.never_done = true;
  const auto batch = numbered_batch(0, 80);
  scene.queue().push(batch);
  EXPECT_TRUE(eventually([&] { return scene.queue().nothing_waits(); }));
  EXPECT_EQ(scene.snapshot().queued, totals_of_batch(*batch));
  scene.queue().close(ExportClock::now() + std::chrono::milliseconds(5));
  scene.thread->join();
  EXPECT_EQ(lost(scene.snapshot(), ExportLoss::shutdown), totals_of_batch(*batch));
  EXPECT_TRUE(balanced(scene.snapshot()));
}

TEST(ExporterThread, BalancesAtEveryInstant) {
  Scene scene(300 * 132);
  scene.script.most = 5;
  std::atomic<bool> done{false};
  std::atomic<int> unbalanced{0};
  std::thread observer([&] {
    while (!done) {
      if (!balanced(scene.snapshot())) ++unbalanced;
    }
  });
  RecordTotals offered;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const auto batch = numbered_batch(i * 50, 1 + i % 50);
    offered += totals_of_batch(*batch);
    if (!scene.queue().push(batch)) scene.queue().refuse(*batch);
    if (i == 200) scene.script.fails = true;
  }
  scene.queue().close(ExportTime::max());
  scene.thread->join();
  done = true;
  observer.join();
  EXPECT_EQ(unbalanced, 0);
  const ExporterSnapshot snapshot = scene.snapshot();
  EXPECT_EQ(snapshot.drained, offered);
  EXPECT_EQ(snapshot.queued, RecordTotals{});
  EXPECT_TRUE(balanced(snapshot));
}

TEST(ExporterThread, EndsWithItsObject) {
  Script script;
  script.open = false;
  auto own = std::make_unique<ExportQueue>("test:", kQueueOctets);
  auto exporter = std::make_unique<ScriptedExporter>(script, *own);
  own->push(numbered_batch(0, 10));
  const ExporterThread thread(std::move(own), std::move(exporter));
  SUCCEED();  // the destructor must not wait for the exporter
}

}  // namespace
}  // namespace weir::exporter_thread_test
