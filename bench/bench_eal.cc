#include "bench/bench_eal.h"

#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "dataplane/dpdk/eal.h"

namespace weir::bench {
namespace {

// Ten million keys in an rte_hash are 0.7 GB; the ports' mbufs 20 MB each.
constexpr unsigned kHeapMib = 1024;

std::unique_ptr<dpdk::Eal> start() {
  const std::string pid = std::to_string(getpid());
  const std::string memif = ",socket=weir-bench-" + pid + ",socket-abstract=yes,rsize=11";
  dpdk::EalPlan plan;
  plan.program = "weir-bench";
  plan.file_prefix = "weir-bench-" + pid;
  const auto devices = dpdk::parse_devices({kNullDevice + std::string(",size=60"), kRingDevice,
                                            kMemifServer + std::string(",role=server") + memif,
                                            kMemifClient + std::string(",role=client") + memif});
  if (!devices) return nullptr;
  plan.devices = *devices;
  plan.cpus.main = dpdk::allowed_cpus().front();
  plan.memory_mib = kHeapMib;
  plan.hugepages = dpdk::free_hugepages_mib() >= kHeapMib;
  cpu_set_t before;
  CPU_ZERO(&before);
  const bool known = sched_getaffinity(0, sizeof before, &before) == 0;
  auto eal = dpdk::Eal::start(plan);
  if (known) sched_setaffinity(0, sizeof before, &before);
  if (!eal) {
    std::fprintf(stderr, "weir-bench: %s\n", eal.error().c_str());
    return nullptr;
  }
  return std::move(*eal);
}

dpdk::Eal* eal() {
  static const std::unique_ptr<dpdk::Eal> started = start();
  return started.get();
}

}  // namespace

bool start_eal() {
  return eal() != nullptr;
}

bool eal_has_hugepages() {
  return eal() != nullptr && eal()->hugepages();
}

}  // namespace weir::bench
