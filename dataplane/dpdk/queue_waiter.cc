#include "dataplane/dpdk/queue_waiter.h"

#include <rte_epoll.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace weir::dpdk {
namespace {

// A driver without the call (net_tap) has a descriptor that tells of packets all the time.
bool armed_or_always(int result) {
  return result == 0 || result == -ENOTSUP;
}

}  // namespace

QueueWaiter::QueueWaiter(std::vector<Queue> queues, std::uint64_t sleep_ns, bool interrupts)
    : queues_(std::move(queues)), sleep_ns_(sleep_ns), interrupts_(interrupts && !queues_.empty()) {}

/// What belongs to the thread: its timer slack, its epoll instance.
bool QueueWaiter::prepare() {
  prepared_ = true;
  // The kernel lets ordinary sleeps overrun by 50 us.
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  for (const Queue& queue : queues_) {
    if (!interrupts_) break;
    interrupts_ =
        rte_eth_dev_rx_intr_ctl_q(queue.port, queue.queue, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, nullptr) == 0;
  }
  return interrupts_ || sleep_ns_ != 0;
}

bool QueueWaiter::wait() {
  if (!prepared_) prepare();
  if (interrupts_ && wait_for_interrupt()) return true;
  if (sleep_ns_ == 0) return false;
  const timespec time{0, static_cast<long>(sleep_ns_)};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
  return true;
}

bool QueueWaiter::wait_for_interrupt() {
  std::size_t armed = 0;
  bool waiting = false;
  while (armed < queues_.size() &&
         armed_or_always(rte_eth_dev_rx_intr_enable(queues_[armed].port, queues_[armed].queue))) {
    ++armed;
  }
  if (armed == queues_.size()) {
    waiting = std::any_of(queues_.begin(), queues_.end(),
                          [](const Queue& queue) { return rte_eth_rx_queue_count(queue.port, queue.queue) > 0; });
  } else {
    interrupts_ = false;  // it said so at the start, and does not do it
  }
  if (interrupts_ && !waiting) {
    std::array<rte_epoll_event, 8> events;
    // The event is edge-triggered; one that is not fetched now is fetched next time.
    rte_epoll_wait_interruptible(RTE_EPOLL_PER_THREAD, events.data(), static_cast<int>(events.size()),
                                 kInterruptWaitMs);
  }
  for (std::size_t i = 0; i < armed; ++i) rte_eth_dev_rx_intr_disable(queues_[i].port, queues_[i].queue);
  return interrupts_;
}

bool has_rx_interrupts(std::uint16_t port, unsigned queues) {
  for (unsigned queue = 0; queue < queues; ++queue) {
    const auto number = static_cast<std::uint16_t>(queue);
    if (rte_eth_dev_rx_intr_ctl_q_get_fd(port, number) < 0) return false;
    if (!armed_or_always(rte_eth_dev_rx_intr_enable(port, number))) return false;
    if (!armed_or_always(rte_eth_dev_rx_intr_disable(port, number))) return false;
  }
  return queues != 0;
}

}  // namespace weir::dpdk
