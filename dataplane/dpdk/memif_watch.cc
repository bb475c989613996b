#include "dataplane/dpdk/memif_watch.h"

#include <cstdio>
#include <utility>

#include "dataplane/dpdk/memif_rings.h"

namespace weir::dpdk {

MemifWatch::MemifWatch(std::vector<Port> ports, std::vector<PortGate>& gates, std::string program)
    : ports_(std::move(ports)), gates_(gates), program_(std::move(program)), problems_(ports_.size()) {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i].memif_server) gates_[i].open.store(false, std::memory_order_release);
  }
}

MemifWatch::~MemifWatch() {
  stop_.store(true);
  if (thread_.joinable()) thread_.join();
}

std::string MemifWatch::problem(unsigned index) const {
  const std::lock_guard lock(mutex_);
  return index < problems_.size() ? problems_[index] : std::string();
}

void MemifWatch::look() {
  bool any_new = false;
  std::vector<bool> is_new(ports_.size());
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    if (!ports_[i].memif_server) continue;
    if (link_of(ports_[i]).up) {
      is_new[i] = !gates_[i].open.load(std::memory_order_relaxed);
      any_new |= is_new[i];
      continue;
    }
    gates_[i].open.store(false, std::memory_order_release);
    const std::lock_guard lock(mutex_);
    problems_[i].clear();
  }
  if (!any_new) return;
  const std::vector<MemifRegion> regions = memif_regions();

  // The driver does not say which region is which port's. It need not: every memif of this process has the same
  // number of queues, so every region must have the same number of rings. A ring is looked at only with the link up,
  // that is, after the peer wrote it.
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    if (!is_new[i]) continue;
    const std::size_t expected = ports_[i].receive_queues + ports_[i].transmit_queues;
    std::string problem;
    for (const MemifRegion& region : regions) {
      if (region.rings.size() == expected) continue;
      problem = ports_[i].name + ": the memif peer has " + std::to_string(region.rings.size()) +
                " rings in both directions together, " + std::to_string(expected) + " are needed (" +
                std::to_string(ports_[i].receive_queues) +
                " queues each way): nothing is received until it comes back with as many queues";
    }
    // Without a region there is nothing to compare and nothing to receive.
    const bool open = problem.empty() && !regions.empty();
    const std::lock_guard lock(mutex_);
    if (problem != problems_[i] && !problem.empty())
      std::fprintf(stderr, "%s: %s\n", program_.c_str(), problem.c_str());
    problems_[i] = std::move(problem);
    gates_[i].open.store(open, std::memory_order_release);
  }
}

void MemifWatch::run() {
  thread_ = std::thread([this] {
    while (!stop_.load()) {
      look();
      std::this_thread::sleep_for(kPeriod);
    }
  });
}

}  // namespace weir::dpdk
