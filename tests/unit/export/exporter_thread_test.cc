// Queue, books and thread with exporters that do as the test says. After each scenario, and at many instants within,
// drained = exported + queued + lost.
#include "control/export/exporter_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "tests/unit/export/export_fixtures.h"

namespace weir {
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
  explicit Scene(std::size_t capacity) {
    auto own = std::make_unique<ExportQueue>("test:", capacity);
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
  Scene scene(1000);
  const auto batch = numbered_batch(0, 700);
  EXPECT_EQ(scene.queue().push(batch, 0), 700U);
  scene.queue().close(ExportTime::max());
  scene.thread->join();
  EXPECT_EQ(scene.snapshot().exported, totals_of_batch(*batch));
  EXPECT_TRUE(balanced(scene.snapshot()));
  EXPECT_EQ(scene.snapshot().state, "up");
}

TEST(ExporterThread, KeepsAsMuchAsFitsAndRefusesTheRestByName) {
  Scene scene(100);
  scene.script.open = false;
  const auto batch = numbered_batch(0, 250);
  const std::size_t taken = scene.queue().push(batch, 0);
  EXPECT_EQ(taken, 100U);
  EXPECT_EQ(scene.queue().push(batch, taken), 100U);  // no room at all now
  scene.queue().refuse(*batch, taken);
  const ExporterSnapshot snapshot = scene.snapshot();
  EXPECT_EQ(snapshot.drained, totals_of_batch(*batch));
  EXPECT_EQ(snapshot.queued, totals_of_batch(*numbered_batch(0, 100)));
  EXPECT_EQ(lost(snapshot, ExportLoss::queue_full), totals_of_batch(*numbered_batch(100, 150)));
  EXPECT_TRUE(balanced(snapshot));
  scene.script.open = true;
  EXPECT_TRUE(eventually([&] { return scene.snapshot().exported.records == 100; }));
  EXPECT_TRUE(balanced(scene.snapshot()));
}

TEST(ExportQueue, BooksWhatComesAfterItIsClosedToTheShutdown) {
  ExportQueue queue("test:", 100);
  queue.close(ExportTime::min());
  const auto batch = numbered_batch(0, 50);
  ASSERT_EQ(queue.push(batch, 0), 0U) << "nobody would take them";
  queue.refuse(*batch, 0);
  const ExporterSnapshot snapshot = queue.snapshot();
  EXPECT_EQ(lost(snapshot, ExportLoss::shutdown), totals_of_batch(*batch));
  EXPECT_EQ(lost(snapshot, ExportLoss::queue_full), RecordTotals{});
  EXPECT_TRUE(balanced(snapshot));
}

TEST(ExporterThread, CutsABatchOfRecordsOfManyLengthsAtAnyOfThem) {
  const auto batch = numbered_batch_with_sections(0, 40);
  ASSERT_EQ((*batch)[39]->sections, kAllSections & ~kSectionBit<LabelStackSection>);
  for (std::size_t room = 1; room < batch->size(); ++room) {
    ExportQueue queue("test:", room);
    EXPECT_EQ(queue.push(batch, 0), room);
    queue.refuse(*batch, room);
    RecordBatch taken;
    // In pieces of one to three records, of which the exporter takes all but one where it can.
    for (std::size_t most = 1; taken.size() < room; most = most % 3 + 1) {
      const RecordSpan records = queue.wait_records(ExportTime::max(), most);
      const RecordSpan mine = records.first(std::max<std::size_t>(1, records.size() - 1));
      taken.append(mine);
      queue.consumed(mine.size());
      queue.exported(totals_of(mine), 1, 0);
    }
    EXPECT_TRUE(same_records(taken.span(), batch->subspan(0, room))) << room;
    const ExporterSnapshot snapshot = queue.snapshot();
    EXPECT_EQ(snapshot.drained, totals_of_batch(*batch));
    EXPECT_EQ(snapshot.exported, totals_of(batch->subspan(0, room)));
    EXPECT_EQ(lost(snapshot, ExportLoss::queue_full), totals_of(batch->subspan(room)));
    EXPECT_TRUE(balanced(snapshot));
  }
}

TEST(ExportQueue, BooksNoLatenessWhereThereIsNoNow) {
  Lateness late;
  late.add(1'000'000'000, 3'000'000'000);
  ExportQueue live("test:", 10);
  live.exported({}, 0, 0, late);
  EXPECT_EQ(live.snapshot().lateness.greatest_ns, 2'000'000'000U);
  ExportQueue capture("test:", 10, false);
  capture.exported({}, 0, 0, late);
  EXPECT_EQ(capture.snapshot().lateness.greatest_ns, 0U);
  EXPECT_EQ(capture.snapshot().lateness.counts, Lateness{}.counts);
}

TEST(ExporterThread, WaitsForRoomEvenForABatchLargerThanTheQueue) {
  Scene scene(64);
  scene.script.most = 7;
  const auto batch = numbered_batch(0, 5000);
  EXPECT_EQ(scene.queue().push_waiting(batch, 0, kForEver), 5000U);
  scene.queue().close(ExportTime::max());
  scene.thread->join();
  EXPECT_EQ(scene.snapshot().exported, totals_of_batch(*batch));
}

TEST(ExporterThread, StopsWaitingForRoomWhenTheExporterFails) {
  Scene scene(64);
  scene.script.open = false;
  const auto batch = numbered_batch(0, 100);
  std::thread failing([&] {
    eventually([&] { return scene.snapshot().queued.records == 64; });
    scene.script.fails = true;
  });
  EXPECT_EQ(scene.queue().push_waiting(batch, 0, kForEver), 100U);
  failing.join();
  EXPECT_TRUE(eventually([&] { return scene.queue().failed(); }));
  // And what comes later is not waited for either.
  EXPECT_EQ(scene.queue().push_waiting(batch, 0, kForEver), 100U);
  const ExporterSnapshot snapshot = scene.snapshot();
  EXPECT_EQ(snapshot.state, "failed: FILE: No space left on device");
  EXPECT_EQ(lost(snapshot, ExportLoss::send_failed).records, 200U);
  EXPECT_EQ(snapshot.queued, RecordTotals{});
  EXPECT_TRUE(balanced(snapshot));
}

TEST(ExporterThread, StopsWaitingForRoomWithoutAConnection) {
  Scene scene(10);
  scene.script.open = false;
  scene.queue().set_connected(false);
  EXPECT_EQ(scene.queue().push_waiting(numbered_batch(0, 25), 0, kForEver), 10U);
  EXPECT_EQ(scene.snapshot().state, "connecting");
}

TEST(ExporterThread, StopsWaitingForRoomWhenPatienceIsOver) {
  Scene scene(10);
  scene.script.open = false;
  EXPECT_EQ(scene.queue().push_waiting(numbered_batch(0, 25), 0, ExportClock::duration::zero()), 10U);
}

TEST(ExporterThread, LosesWhatIsLeftAtTheDeadlineAsShutdown) {
  Scene scene(100);
  scene.script.open = false;
  const auto batch = numbered_batch(0, 80);
  scene.queue().push(batch, 0);
  scene.queue().close(ExportClock::now());
  scene.thread->join();
  EXPECT_EQ(lost(scene.snapshot(), ExportLoss::shutdown), totals_of_batch(*batch));
  EXPECT_TRUE(balanced(scene.snapshot()));
}

TEST(ExporterThread, LosesWhatTheExporterStillHoldsAtTheDeadlineAsShutdown) {
  Scene scene(100);
  scene.script.never_done = true;
  const auto batch = numbered_batch(0, 80);
  scene.queue().push(batch, 0);
  EXPECT_TRUE(eventually([&] { return scene.queue().nothing_waits(); }));
  EXPECT_EQ(scene.snapshot().queued, totals_of_batch(*batch));
  scene.queue().close(ExportClock::now() + std::chrono::milliseconds(5));
  scene.thread->join();
  EXPECT_EQ(lost(scene.snapshot(), ExportLoss::shutdown), totals_of_batch(*batch));
  EXPECT_TRUE(balanced(scene.snapshot()));
}

TEST(ExporterThread, BalancesAtEveryInstant) {
  Scene scene(300);
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
    const std::size_t next = scene.queue().push(batch, 0);
    if (next < batch->size()) scene.queue().refuse(*batch, next);
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
  auto own = std::make_unique<ExportQueue>("test:", 10);
  auto exporter = std::make_unique<ScriptedExporter>(script, *own);
  own->push(numbered_batch(0, 10), 0);
  const ExporterThread thread(std::move(own), std::move(exporter));
  SUCCEED();  // the destructor must not wait for the exporter
}

}  // namespace
}  // namespace weir
