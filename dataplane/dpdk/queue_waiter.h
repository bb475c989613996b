// QueueWaiter: how a worker waits for packets on its receive queues: by RX interrupt where every one of its devices
// has them, else by a short sleep.
//
// By interrupt: arm all queues, look once more for what came before the arming (no interrupt tells of it), sleep in
// epoll. An interrupt is masked again as soon as it has woken the worker, so a busy queue raises none. A wait ends
// after kInterruptWaitMs whatever happens: timers (a tick is 16.8 ms), questions and the end of the program are then
// seen.
//
// A worker that others hand packets over to is woken by no interrupt of theirs, so it sleeps instead; the hand-over
// rings are as long as a receive ring.
#pragma once

#include <cstdint>
#include <vector>

namespace weir::dpdk {

class QueueWaiter {
 public:
  struct Queue {
    std::uint16_t port = 0;
    std::uint16_t queue = 0;
  };
  static constexpr int kInterruptWaitMs = 10;

  /// `sleep_ns`: the longest sleep, 0 for none. `interrupts`: the ports were started with RX interrupts.
  QueueWaiter(std::vector<Queue> queues, std::uint64_t sleep_ns, bool interrupts);
  QueueWaiter(const QueueWaiter&) = delete;
  QueueWaiter& operator=(const QueueWaiter&) = delete;

  /// In the worker's thread, always the same. False: there is no way to wait.
  bool wait();

 private:
  bool prepare();
  bool wait_for_interrupt();

  std::vector<Queue> queues_;
  std::uint64_t sleep_ns_;
  bool interrupts_;
  bool prepared_ = false;
};

/// Whether the ports' devices take `queues` for RX interrupts: known only by trying. For `port`, all `queues` of it.
bool has_rx_interrupts(std::uint16_t port, unsigned queues);

}  // namespace weir::dpdk
