#include "control/probe/cores.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

namespace weir {
namespace {

constexpr unsigned kMostNodes = 64;

/// The one whose link is in the CPU's folder of sysfs.
std::optional<unsigned> node_of(unsigned cpu) {
  for (unsigned node = 0; node < kMostNodes; ++node) {
    std::error_code error;
    const std::string link = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/node" + std::to_string(node);
    if (std::filesystem::exists(link, error)) return node;
  }
  return std::nullopt;
}

}  // namespace

std::vector<unsigned> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<unsigned> choose_cores(const std::vector<unsigned>& chosen, const std::vector<unsigned>& allowed,
                                   unsigned workers) {
  if (!chosen.empty()) return chosen;
  std::vector<unsigned> cores{allowed[0]};
  const std::size_t spare = allowed.size() - 1;
  for (unsigned i = 0; i < workers; ++i) cores.push_back(spare == 0 ? allowed[0] : allowed[1 + i % spare]);
  return cores;
}

void prefer_memory_of(unsigned cpu) {
  const std::optional<unsigned> node = node_of(cpu);
  if (!node) return;
  const unsigned long nodes = 1UL << *node;
  // Advice: the memory is as good from elsewhere, but farther.
  (void)syscall(SYS_set_mempolicy, MPOL_PREFERRED, &nodes, kMostNodes + 1UL);
}

OffWorkerCores::OffWorkerCores(const std::vector<unsigned>& cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_ZERO(&before_);
  for (const unsigned cpu : allowed_cpus()) {
    CPU_SET(cpu, &before_);
    const auto first_worker = cores.begin() + (cores.empty() ? 0 : 1);
    if (std::find(first_worker, cores.end(), cpu) == cores.end()) CPU_SET(cpu, &set);
  }
  if (CPU_COUNT(&set) != 0) sched_setaffinity(0, sizeof set, &set);
}

OffWorkerCores::~OffWorkerCores() {
  sched_setaffinity(0, sizeof before_, &before_);
}

}  // namespace weir
