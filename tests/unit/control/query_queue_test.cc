// Questions that take their time: answered in order by one thread, refused when too many wait, none forgotten.
#include "control/service/query_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace weir::query_queue_test {
namespace {

TEST(QueryQueue, AnswersInOrderAndRefusesWhatIsTooMuch) {
  std::atomic<bool> began{false};
  std::atomic<bool> held{true};
  std::vector<int> order;
  {
    QueryQueue queue;
    ASSERT_TRUE(queue.put([&](const auto& /*stopped*/) {
      began = true;
      while (held) std::this_thread::yield();
      order.push_back(0);
    }));
    while (!began) std::this_thread::yield();
    for (std::size_t i = 1; i <= QueryQueue::kMostWaiting; ++i) {
      EXPECT_TRUE(queue.put([&order, i](const auto& /*stopped*/) { order.push_back(static_cast<int>(i)); }));
    }
    EXPECT_FALSE(queue.put([&](const auto& /*stopped*/) { order.push_back(-1); }));
    held = false;
  }
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(QueryQueue, TellsAQuestionThatItIsStopped) {
  std::atomic<bool> began{false};
  bool was_stopped = false;
  auto queue = std::make_unique<QueryQueue>();
  ASSERT_TRUE(queue->put([&](const auto& stopped) {
    began = true;
    while (!stopped()) std::this_thread::yield();
    was_stopped = true;
  }));
  while (!began) std::this_thread::yield();
  queue.reset();
  EXPECT_TRUE(was_stopped);
}

}  // namespace
}  // namespace weir::query_queue_test
