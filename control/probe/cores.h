// Cores: which CPU is control's and which are the workers', and how control's threads keep off those.
#pragma once

#include <sched.h>

#include <vector>

namespace weir {

/// The CPUs that this process may use, in ascending order; never empty.
std::vector<unsigned> allowed_cpus();

/// Control's CPU first, then one per worker. `chosen` (--cores) as it is, where it is not empty. Else the first of
/// `allowed` is control's and the following ones are the workers', in turn where there are too few of them.
std::vector<unsigned> choose_cores(const std::vector<unsigned>& chosen, const std::vector<unsigned>& allowed,
                                   unsigned workers);

/// This thread's memory comes from the NUMA node of that CPU from now on, as long as it has some. Where the kernel does
/// not say which one that is, nothing changes.
void prefer_memory_of(unsigned cpu);

/// While it lives, this thread and the threads that it starts keep off the workers' CPUs, where there are others.
class OffWorkerCores {
 public:
  /// `cores`: what choose_cores() returned; empty: no CPU is a worker's.
  explicit OffWorkerCores(const std::vector<unsigned>& cores);
  OffWorkerCores(const OffWorkerCores&) = delete;
  OffWorkerCores& operator=(const OffWorkerCores&) = delete;
  ~OffWorkerCores();

 private:
  cpu_set_t before_;
};

}  // namespace weir
