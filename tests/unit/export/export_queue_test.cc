// Waiting for room in an exporter's queue: until it is there, and not where it would be no use.
#include "control/export/export_queue.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/export/export_fixtures.h"

namespace weir {
namespace {

using test::numbered_batch;

constexpr std::chrono::nanoseconds kForEver = std::chrono::nanoseconds::max();
constexpr std::chrono::nanoseconds kNotAtAll{0};

/// A queue for 10 records that holds 8.
class ExportQueueTest : public testing::Test {
 protected:
  ExportQueueTest() { EXPECT_EQ(queue_.push(numbered_batch(0, 8), 0), 8U); }

  /// The exporter takes `count` of them.
  void consume(std::size_t count) {
    ASSERT_EQ(queue_.wait_records(ExportTime::max(), count).size(), count);
    queue_.consumed(count);
  }

  ExportQueue queue_{"json:f", 10};
};

TEST_F(ExportQueueTest, HasRoomAtOnceForWhatFits) {
  EXPECT_EQ(queue_.wait_for_room(2, kForEver), 2U);
}

TEST_F(ExportQueueTest, IsWaitedForUntilThereIsRoom) {
  std::thread exporter([this] {
    consume(3);
    consume(3);
  });
  EXPECT_EQ(queue_.wait_for_room(7, kForEver), 7U);
  exporter.join();
  EXPECT_EQ(queue_.push(numbered_batch(8, 8), 0), 8U);
}

TEST_F(ExportQueueTest, NeverPromisesMoreRoomThanItCanHave) {
  std::thread exporter([this] { consume(8); });
  EXPECT_EQ(queue_.wait_for_room(1000, kForEver), 10U);
  exporter.join();
}

TEST_F(ExportQueueTest, OfAnExporterThatTakesNothingIsGivenUpOnceUntilItTakesSomething) {
  EXPECT_EQ(queue_.wait_for_room(5, kNotAtAll), 5U) << "what does not fit is lost by name";
  EXPECT_EQ(queue_.wait_for_room(5, kForEver), 5U) << "not waited for again";
  consume(1);
  std::thread exporter([this] { consume(4); });
  EXPECT_EQ(queue_.wait_for_room(5, kForEver), 5U);
  exporter.join();
  EXPECT_EQ(queue_.push(numbered_batch(8, 5), 0), 5U);
}

TEST_F(ExportQueueTest, OfAnExporterWithoutConnectionOrThatIsClosedIsNotWaitedFor) {
  queue_.set_connected(false, "refused");
  EXPECT_EQ(queue_.wait_for_room(5, kForEver), 5U);
  queue_.set_connected(true);
  queue_.close(ExportTime::max());
  EXPECT_EQ(queue_.wait_for_room(5, kForEver), 5U);
}

TEST_F(ExportQueueTest, OfAFailedExporterTakesEverythingAsALoss) {
  queue_.fail("disk full", ExportLoss::send_failed);
  EXPECT_EQ(queue_.wait_for_room(50, kForEver), 50U);
}

}  // namespace
}  // namespace weir
