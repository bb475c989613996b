// weir-gen's command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/gen/generator.h"

namespace weir::bench {

struct GenOptions {
  GeneratorOptions traffic;
  std::string port;              ///< DPDK device, or empty
  std::string write;             ///< capture file, or empty
  std::uint64_t rate = 100'000;  ///< packets/s in total; 0: as fast as the device takes them
  double duration_s = 0;         ///< 0: not limited by time
  std::uint64_t new_flows = 0;   ///< biflows replaced a second
  unsigned queues = 1;
  std::string manifest;
  bool json = false;
  std::vector<unsigned> cores;
  std::string eal;
};

/// Reads the command line. Nothing: exit with `exit_code`; what there was to say has been printed.
std::optional<GenOptions> read_options(int argc, char** argv, int& exit_code);

}  // namespace weir::bench
