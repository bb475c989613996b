// Flows of all workers are swapped: what becomes of it where a worker does not poll, where it is undone, and where it
// goes on to the end.
#include "control/probe/flow_swap.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "tests/support/flow_packet.h"
#include "tests/support/frame_list.h"
#include "tests/support/packet_builder.h"

namespace weir::test {
namespace {

using std::chrono::seconds;

const KeyHash kHash({1, 2, 3, 4, 5, 6});

WorkerOptions options_of(std::uint32_t capacity) {
  WorkerOptions options;
  options.capacity = capacity;
  return options;
}

std::vector<FlowSwap::Next> to(const WorkerOptions& options) {
  return {{0, {options, options.capacity, nullptr}}};
}

/// A worker without packets, in a thread of its own.
class Polling {
 public:
  explicit Polling(Worker& worker)
      : thread_([this, &worker] {
          FrameList source;
          for (std::uint64_t now_ns = kEpochNs; !stop_; now_ns += 1000) worker.poll(source, now_ns);
        }) {}
  ~Polling() {
    stop_ = true;
    thread_.join();
  }
  Polling(const Polling&) = delete;
  Polling& operator=(const Polling&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class FlowSwapTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FrameList source;
    source.frames = {packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 53).bytes()};
    worker_.poll(source, kEpochNs);
  }
  [[nodiscard]] RecordTotals in_table() const { return worker_.counters().in_table; }

  Worker worker_{options_of(100), kHash};
};

TEST_F(FlowSwapTest, EndsTheFlowsOfBeforeAndSaysWhatItMade) {
  WorkerOptions next = options_of(200);
  next.metrics = Metrics().with<Layer2>();
  const auto swap = FlowSwap::make({&worker_}, to(next));
  ASSERT_NE(swap, nullptr);
  EXPECT_GT(swap->octets(), worker_.shard().octets());
  EXPECT_EQ(swap->tables().at(0).capacity, 200U);
  EXPECT_TRUE(swap->tables().at(0).metrics.any());
  swap->touch({0});
  {
    const Polling polling(worker_);
    EXPECT_TRUE(swap->accept(seconds(10)));
    EXPECT_FALSE(swap->go_on()) << "nobody has said use()";
    swap->use();
    EXPECT_TRUE(swap->go_on_for(seconds(10)));
  }
  EXPECT_EQ(worker_.shard().capacity(), 200U);
  EXPECT_EQ(in_table(), RecordTotals{});
  EXPECT_EQ(worker_.counters().emitted.records, 1U);
}

TEST_F(FlowSwapTest, IsUndoneWhereAWorkerDoesNotPoll) {
  const auto swap = FlowSwap::make({&worker_}, to(options_of(200)));
  ASSERT_NE(swap, nullptr);
  EXPECT_FALSE(swap->accept(std::chrono::nanoseconds(0)));
  EXPECT_TRUE(swap->go_on());
  const Polling polling(worker_);
  const auto again = FlowSwap::make({&worker_}, to(options_of(300)));
  EXPECT_TRUE(again->accept(seconds(10)));
  again->use();
  EXPECT_TRUE(again->go_on_for(seconds(10)));
}

TEST_F(FlowSwapTest, IsUndoneAfterAllAreReady) {
  const auto swap = FlowSwap::make({&worker_}, to(options_of(200)));
  {
    const Polling polling(worker_);
    EXPECT_TRUE(swap->accept(seconds(10)));
    swap->undo();
    EXPECT_TRUE(swap->go_on_for(seconds(10)));
  }
  EXPECT_EQ(worker_.shard().capacity(), 100U);
  EXPECT_EQ(in_table().records, 1U);
}

}  // namespace
}  // namespace weir::test
