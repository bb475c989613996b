// MemifWatch: keeps the workers away from a memif whose peer has another number of queues (memif_rings.h says what
// would happen). A memif server accepts peers at any time, so it is watched as long as ports run.
//
// The gate of a memif server is closed until the link is up and every region of the process has one ring for each of
// our queues. It closes again when the link goes down. weir looks every kPeriod; while nothing changes, a look costs a
// read of the link state. It can miss a peer that leaves and another one that comes within one period.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/dpdk/mbuf_source.h"
#include "dataplane/dpdk/port.h"

namespace weir::dpdk {

class MemifWatch {
 public:
  static constexpr std::chrono::milliseconds kPeriod{10};

  /// Watches those of `ports` that are memif servers; `gates` has one gate a port, `program` names us on stderr.
  MemifWatch(std::vector<Port> ports, std::vector<PortGate>& gates, std::string program);
  MemifWatch(const MemifWatch&) = delete;
  MemifWatch& operator=(const MemifWatch&) = delete;
  ~MemifWatch();

  /// What is wrong with the peer of port `index`, or "".
  [[nodiscard]] std::string problem(unsigned index) const;
  /// One look now. The thread does the same.
  void look();
  /// From now on a look every period.
  void run();

 private:
  std::vector<Port> ports_;
  std::vector<PortGate>& gates_;
  std::string program_;
  mutable std::mutex mutex_;
  std::vector<std::string> problems_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace weir::dpdk
