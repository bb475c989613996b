#include "control/probe/cores.h"

#include <algorithm>

namespace weir {

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

OffWorkerCores::OffWorkerCores(const std::vector<unsigned>& cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_ZERO(&before_);
  for (const unsigned cpu : allowed_cpus()) {
    CPU_SET(cpu, &before_);
    if (std::find(cores.begin() + 1, cores.end(), cpu) == cores.end()) CPU_SET(cpu, &set);
  }
  if (CPU_COUNT(&set) != 0) sched_setaffinity(0, sizeof set, &set);
}

OffWorkerCores::~OffWorkerCores() {
  sched_setaffinity(0, sizeof before_, &before_);
}

}  // namespace weir
