// Rates: how fast and how evenly the workers worked between two moments. A pure function of their counters.
#pragma once

#include <cstdint>
#include <vector>

#include "control/probe/moment.h"

namespace weir {

struct WorkerRate {
  std::uint64_t packets_per_second = 0;
  std::uint64_t frame_bits_per_second = 0;
  double share = 0;   ///< of the packets that all workers received
  double busy = 0;    ///< share of the time: awake, and in a poll that found packets
  double asleep = 0;  ///< share of the time in which the core was given away
};

struct Rates {
  std::vector<WorkerRate> workers;  ///< empty: there were no two moments to compare
  double skew = 0;                  ///< packets of the busiest worker over the mean; 1: even, 0: no packets

  [[nodiscard]] std::uint64_t packets_per_second() const;
  [[nodiscard]] std::uint64_t frame_bits_per_second() const;
};

/// Both moments are of the same workers. Empty where no time lies between them.
Rates rates_between(const Moment& before, const Moment& latest);

}  // namespace weir
