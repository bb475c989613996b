// What of the machine itself makes a probe slow, or keeps it from starting: memory, ports, CPUs, the clock, limits.
//
// Each check is a function of values: the files of a Machine, and what the probe is to be. It adds a finding for each
// thing that it looked at, good ones too, so that a reader sees what was looked at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/doctor/finding.h"
#include "control/doctor/machine.h"

namespace weir {

/// What the probe is to use.
struct Outfit {
  std::vector<std::string> ports;  ///< as --port has them
  std::vector<unsigned> cores;     ///< control's CPU, then one for each worker
  bool cores_chosen = false;       ///< by --cores
};

/// Who runs it.
struct Person {
  bool root = false;
  std::uint64_t capabilities = 0;         ///< effective ones, a bit each (capabilities(7))
  std::uint64_t locked_octets = 0;        ///< RLIMIT_MEMLOCK; UINT64_MAX: no limit
  std::uint64_t open_files = UINT64_MAX;  ///< RLIMIT_NOFILE
};

/// What adjtimex(2) says.
struct ClockState {
  bool synchronised = false;
  std::uint64_t greatest_error_us = 0;
};

/// Huge pages by NUMA node. Ports of the PCI bus need some.
void check_huge_pages(const Machine& machine, const Outfit& outfit, Findings& out);
/// PCI: present, driver, IOMMU, NUMA node. Kernel interfaces (net_af_packet, net_af_xdp): present, up.
void check_ports(const Machine& machine, const Outfit& outfit, const Person& person, Findings& out);
/// Enough CPUs, isolation, governor, two workers on one core.
void check_cpus(const Machine& machine, const Outfit& outfit, Findings& out);
/// `features`: of this CPU, as cpu_features() has them. weir runs, so it has those that weir needs.
void check_cpu_level(std::uint64_t features, Findings& out);
void check_clock(const Machine& machine, const ClockState& clock, Findings& out);
void check_limits(const Person& person, const Outfit& outfit, Findings& out);

}  // namespace weir
