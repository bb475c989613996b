// SampleClock: the time that a worker goes by whose packets carry the kernel's time (CLOCK_REALTIME).
//
// It follows that clock where it runs or is set forward. Where it is set back, flows still have to end: time then runs
// at half its pace until the clock has caught up.
#pragma once

#include <algorithm>
#include <cstdint>

namespace weir {

class SampleClock {
 public:
  /// ns since 1970 that never run back. `wall_ns`: CLOCK_REALTIME; `mono_ns`: CLOCK_MONOTONIC, at the same moment.
  std::uint64_t at(std::uint64_t wall_ns, std::uint64_t mono_ns) {
    const std::uint64_t passed = mono_ns > mono_ns_ ? mono_ns - mono_ns_ : 0;
    now_ns_ = now_ns_ == 0 ? wall_ns : std::max(wall_ns, now_ns_ + passed / 2);
    mono_ns_ = mono_ns;
    return now_ns_;
  }

 private:
  std::uint64_t now_ns_ = 0;
  std::uint64_t mono_ns_ = 0;
};

}  // namespace weir
