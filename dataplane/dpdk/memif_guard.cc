#include "dataplane/dpdk/memif_guard.h"

#include <rte_ethdev.h>

#include <array>
#include <atomic>
#include <csetjmp>
#include <csignal>

namespace weir::dpdk {
namespace {

constexpr std::array<int, 2> kSignals{SIGSEGV, SIGBUS};

// Of the thread that runs a burst; touched by it and by the handler that interrupts it.
thread_local volatile std::sig_atomic_t inside = 0;
thread_local sigjmp_buf before_burst;

std::atomic<std::uint64_t> faults{0};
std::array<struct sigaction, kSignals.size()> former{};

void on_fault(int number, siginfo_t* /*info*/, void* /*context*/) {
  if (inside != 0) {
    inside = 0;
    siglongjmp(before_burst, 1);
  }
  // This fault has another cause: restore the former handler, which gets the fault when the instruction runs again.
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    if (kSignals[i] == number) sigaction(number, &former[i], nullptr);
  }
}

}  // namespace

void install_memif_guard() {
  static std::atomic<bool> installed{false};
  if (installed.exchange(true)) return;
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  // NODEFER, because a jump leaves the handler and the signal must not stay blocked. So no mask has to be saved.
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &former[i]);
}

std::uint16_t guarded_rx_burst(std::uint16_t port, std::uint16_t queue, rte_mbuf** mbufs, std::uint16_t count) {
  if (sigsetjmp(before_burst, 0) != 0) {
    faults.fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  inside = 1;
  const std::uint16_t result = rte_eth_rx_burst(port, queue, mbufs, count);
  inside = 0;
  return result;
}

std::uint16_t guarded_tx_burst(std::uint16_t port, std::uint16_t queue, rte_mbuf** mbufs, std::uint16_t count) {
  if (sigsetjmp(before_burst, 0) != 0) {
    faults.fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  inside = 1;
  const std::uint16_t result = rte_eth_tx_burst(port, queue, mbufs, count);
  inside = 0;
  return result;
}

std::uint64_t guarded_faults() {
  return faults.load(std::memory_order_relaxed);
}

}  // namespace weir::dpdk
