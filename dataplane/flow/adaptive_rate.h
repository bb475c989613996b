// AdaptiveRate: the N of --sample rate=PPS, a power of two, as a function of how many packets were offered by when.
//
// N is the least that keeps the rate of the last second at or below PPS. It is held for at least ten seconds, since
// each change ends the record of every flow that goes on. It rises by the last second's rate, and falls by the greatest
// second of the last ten, so that traffic which trembles at a border changes nothing. The first second is not sampled.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/flow/sampling.h"

namespace weir {

class AdaptiveRate {
 public:
  static constexpr std::uint64_t kSecondNs = 1'000'000'000;
  static constexpr std::uint64_t kHoldNs = 10 * kSecondNs;

  explicit AdaptiveRate(std::uint64_t most_pps) : most_pps_(std::max<std::uint64_t>(most_pps, 1)) {}

  /// To be told, once a second or oftener, of all packets offered so far. `now_ns` may run back: then all begins anew,
  /// but for the level.
  unsigned level_at(std::uint64_t packets, std::uint64_t now_ns) {
    if (!started_ || now_ns < second_ns_) {
      const bool first = !started_;
      started_ = true;
      second_ns_ = now_ns;
      packets_ = packets;
      peak_pps_ = 0;
      // The first level was not chosen by anybody, and need not be held.
      rises_at_ns_ = first ? now_ns : now_ns + kHoldNs;
      falls_at_ns_ = now_ns + kHoldNs;
      return level_;
    }
    const std::uint64_t ns = now_ns - second_ns_;
    if (ns < kSecondNs) return level_;
    const double pps =
        static_cast<double>(packets - packets_) * static_cast<double>(kSecondNs) / static_cast<double>(ns);
    second_ns_ = now_ns;
    packets_ = packets;
    peak_pps_ = std::max(peak_pps_, pps);
    if (level_for(pps) > level_ && now_ns >= rises_at_ns_) {
      change(level_for(pps), now_ns);
    } else if (now_ns >= falls_at_ns_) {
      if (level_for(peak_pps_) < level_) {
        change(level_for(peak_pps_), now_ns);
      } else {
        peak_pps_ = 0;
        falls_at_ns_ = now_ns + kHoldNs;
      }
    }
    return level_;
  }
  [[nodiscard]] unsigned level() const { return level_; }

 private:
  [[nodiscard]] unsigned level_for(double pps) const {
    unsigned level = 0;
    for (; level < Sampling::kMostLevel && pps > static_cast<double>(most_pps_); ++level) pps /= 2;
    return level;
  }
  void change(unsigned level, std::uint64_t now_ns) {
    level_ = level;
    peak_pps_ = 0;
    rises_at_ns_ = falls_at_ns_ = now_ns + kHoldNs;
  }

  std::uint64_t most_pps_;
  bool started_ = false;
  unsigned level_ = 0;
  std::uint64_t second_ns_ = 0;  ///< when the second at hand began
  std::uint64_t packets_ = 0;    ///< offered by then
  double peak_pps_ = 0;          ///< of the seconds since falls_at_ns_ was set
  std::uint64_t rises_at_ns_ = 0;
  std::uint64_t falls_at_ns_ = 0;
};

}  // namespace weir
