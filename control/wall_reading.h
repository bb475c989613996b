// WallReading: the wall clock and the monotonic clock at one moment, by which times of the one become times of the
// other.
//
// The kernel stamps by CLOCK_MONOTONIC, which nobody sets: t is, on the wall, wall now - (monotonic now - t). Both
// clocks are of this machine, since its last start.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>

namespace weir {

struct WallReading {
  std::uint64_t mono_ns = 0;  ///< CLOCK_MONOTONIC
  std::uint64_t wall_ns = 0;  ///< CLOCK_REALTIME, ns since 1970

  /// Whether `mono_time_ns` lies after this reading. Its wall time is then the reading's.
  [[nodiscard]] bool is_before(std::uint64_t mono_time_ns) const { return mono_time_ns > mono_ns; }
  /// A monotonic time as ns since 1970; 0 where the wall clock stands before its age.
  [[nodiscard]] std::uint64_t wall_time_ns(std::uint64_t mono_time_ns) const {
    const std::uint64_t age_ns = is_before(mono_time_ns) ? 0 : mono_ns - mono_time_ns;
    return wall_ns - std::min(age_ns, wall_ns);
  }
};

[[nodiscard]] inline std::uint64_t clock_time_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

[[nodiscard]] inline std::uint64_t monotonic_ns() {
  return clock_time_ns(CLOCK_MONOTONIC);
}

/// Both clocks now. The wall clock is read between two readings of the other one, of which the middle counts.
[[nodiscard]] inline WallReading read_wall_clock() {
  const std::uint64_t before_ns = monotonic_ns();
  const std::uint64_t wall_ns = clock_time_ns(CLOCK_REALTIME);
  return {before_ns + (monotonic_ns() - before_ns) / 2, wall_ns};
}

}  // namespace weir
