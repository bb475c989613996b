// --idle: what the workers do without packets (the ladder is dataplane/idle.h's).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/idle.h"

namespace weir {

enum class IdleChoice : std::uint8_t {
  automatic,  ///< poll on cores that the kernel keeps free of others, else wait, by RX interrupt where there is one
  poll,
  pause,
  sleep,  ///< wait by short sleeps only, on every core
};

/// CPUs in the kernel's list of isolated ones (/sys/devices/system/cpu/isolated): isolcpus on its command line.
std::vector<unsigned> isolated_cpus(const std::string& file = "/sys/devices/system/cpu/isolated");

/// What the worker on `cpu` does.
IdleMode idle_mode(IdleChoice choice, unsigned cpu, const std::vector<unsigned>& isolated);

}  // namespace weir
