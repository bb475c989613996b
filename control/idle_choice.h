// --idle: what the workers do without packets (the ladder is dataplane/idle.h's).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/idle.h"

namespace weir {

enum class IdleChoice : std::uint8_t {
  automatic,  ///< poll on cores that the kernel keeps free of others, else wait, by RX interrupt where there is one
  poll,
  pause,
  sleep,  ///< wait by short sleeps only, on every core
};

/// By name: auto, poll, pause, sleep. False: none of them.
bool parse_idle_choice(std::string_view text, IdleChoice& choice);
std::string_view idle_choice_name(IdleChoice choice);

/// CPUs in the kernel's list of isolated ones (/sys/devices/system/cpu/isolated): isolcpus on its command line.
std::vector<unsigned> isolated_cpus(const std::string& file = "/sys/devices/system/cpu/isolated");

/// What the worker on `cpu` does.
IdleMode idle_mode(IdleChoice choice, unsigned cpu, const std::vector<unsigned>& isolated);

}  // namespace weir
