// The bound of an exporter's queue, in octets of memory; waiting for room in it: until it is there, and not where it
// would be no use.
#include "control/export/export_queue.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/export/export_fixtures.h"

namespace weir::export_queue_test {
namespace {

constexpr std::chrono::nanoseconds kForEver = std::chrono::nanoseconds::max();
constexpr std::chrono::nanoseconds kNotAtAll{0};

/// The memory of a batch is that of its records: 128 octets each and 4 for their place, if it was made to measure. The
/// object itself has two vectors of 24 octets, and a queue adds 128 octets for what the allocator and the list take.
constexpr std::size_t octets_of_batch(std::size_t records) {
  return records * 132 + 2 * 24 + 128;
}

std::shared_ptr<const RecordBatch> batch_to_measure(std::uint32_t from, std::uint32_t count) {
  auto batch = std::make_shared<RecordBatch>();
  batch->reserve(count);
  for (const FlowRecord& record : test::numbered_records(from, count)) batch->append(record);
  return batch;
}

TEST(ExportQueue, IsBoundedByTheMemoryOfItsBatches) {
  // 1 MiB = 1 048 576 octets; a batch of 1000 records has 132 176: seven fit, 925 232 octets.
  ExportQueue queue("json:f", 1U << 20);
  std::uint32_t taken = 0;
  while (queue.push(batch_to_measure(taken * 1000, 1000))) ++taken;
  EXPECT_EQ(taken, 7U);
  const ExporterSnapshot full = queue.snapshot();
  EXPECT_EQ(full.queue_octets, 925'232U);
  EXPECT_EQ(full.queue_limit_octets, 1'048'576U);
  // What is left, 123 344 octets, takes a batch of 933 records (123 332 octets) and none of 934.
  EXPECT_FALSE(queue.push(batch_to_measure(0, 934)));
  EXPECT_TRUE(queue.push(batch_to_measure(0, 933)));
  EXPECT_EQ(queue.snapshot().queue_octets, 925'232U + 123'332U);
}

TEST(ExportQueue, CountsABatchWithTheMemoryThatItDoesNotUse) {
  // The drain's batch for a busy second, with two records in it: 4096 records' worth is charged, not two.
  const auto wasteful = std::make_shared<RecordBatch>();
  wasteful->reserve(4096);
  wasteful->append(test::numbered_record(1));
  wasteful->append(test::numbered_record(2));
  EXPECT_EQ(ExportQueue::octets_of(*wasteful), octets_of_batch(4096));
  // Trimmed, it costs what it holds.
  wasteful->trim();
  EXPECT_EQ(ExportQueue::octets_of(*wasteful), octets_of_batch(2));
  EXPECT_EQ((*wasteful)[1]->ports[kForward], 2U);
}

TEST(ExportQueue, ABatchOfTheLongestRecordsStaysWithinWhatIsWaitedFor) {
  for (const std::uint32_t count : {1U, 2U, 3U, 5U, 100U, 4097U, 8192U}) {
    RecordBatch batch;
    for (std::uint32_t i = 0; i < count; ++i) {
      OwnedRecord record(test::numbered_record(i));
      for (std::size_t section = 1; section < kSectionCount; ++section) record.add(static_cast<Section>(section));
      batch.append(record);
    }
    batch.trim();
    EXPECT_LE(batch.allocated_octets(), RecordBatch::most_allocated_octets(count)) << count;
  }
}

/// A queue for ten batches of 100 records that holds eight.
class ExportQueueTest : public testing::Test {
 protected:
  ExportQueueTest() {
    for (std::uint32_t i = 0; i < 8; ++i) EXPECT_TRUE(queue_.push(batch_to_measure(i * 100, 100)));
  }

  /// The exporter takes `count` batches.
  void consume(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(queue_.wait_records(ExportTime::max(), 100).size(), 100U);
      queue_.consumed(100);
    }
  }
  [[nodiscard]] std::uint64_t room() const { return 10 * kOne - queue_.snapshot().queue_octets; }

  static constexpr std::size_t kOne = octets_of_batch(100);
  static constexpr std::size_t kAlone = kOne - ExportQueue::kBatchOverhead;  ///< a batch outside the queue
  ExportQueue queue_{"json:f", 10 * kOne};
};

TEST_F(ExportQueueTest, HasRoomAtOnceForWhatFits) {
  queue_.wait_for_room(kAlone, kForEver);
  EXPECT_EQ(room(), 2 * kOne);
}

TEST_F(ExportQueueTest, IsWaitedForUntilThereIsRoom) {
  std::thread exporter([this] {
    consume(3);
    consume(3);
  });
  queue_.wait_for_room(7 * kOne, kForEver);
  EXPECT_GE(room(), 7 * kOne);
  exporter.join();
  EXPECT_TRUE(queue_.push(batch_to_measure(800, 700)));
}

TEST_F(ExportQueueTest, TakesABatchLargerThanItIsOnceNothingWaits) {
  std::thread exporter([this] { consume(8); });
  queue_.wait_for_room(100 * kOne, kForEver);
  exporter.join();
  EXPECT_EQ(room(), 10 * kOne);
  EXPECT_TRUE(queue_.push(batch_to_measure(0, 10'000)));
  EXPECT_FALSE(queue_.push(batch_to_measure(0, 1)));
}

TEST_F(ExportQueueTest, OfAnExporterThatTakesNothingIsGivenUpOnceUntilItTakesSomething) {
  queue_.wait_for_room(5 * kOne, kNotAtAll);
  EXPECT_EQ(room(), 2 * kOne) << "what does not fit is lost by name";
  queue_.wait_for_room(5 * kOne, kForEver);
  EXPECT_EQ(room(), 2 * kOne) << "not waited for again";
  consume(1);
  std::thread exporter([this] { consume(4); });
  queue_.wait_for_room(5 * kOne, kForEver);
  EXPECT_GE(room(), 5 * kOne);
  exporter.join();
  EXPECT_TRUE(queue_.push(batch_to_measure(800, 500)));
}

TEST_F(ExportQueueTest, OfAnExporterWithoutConnectionOrThatIsClosedIsNotWaitedFor) {
  queue_.set_connected(false, "refused");
  queue_.wait_for_room(5 * kOne, kForEver);
  EXPECT_EQ(room(), 2 * kOne);
  queue_.set_connected(true);
  queue_.close(ExportTime::max());
  queue_.wait_for_room(5 * kOne, kForEver);
  EXPECT_EQ(room(), 2 * kOne);
}

TEST_F(ExportQueueTest, OfAFailedExporterTakesEverythingAsALoss) {
  queue_.fail("disk full", ExportLoss::send_failed);
  queue_.wait_for_room(50 * kOne, kForEver);
  EXPECT_TRUE(queue_.push(batch_to_measure(0, 5000)));
  EXPECT_EQ(test::lost(queue_.snapshot(), ExportLoss::send_failed).records, 5800U);
}

}  // namespace
}  // namespace weir::export_queue_test
