// LiveClock: nanoseconds since 1970 from the time-stamp counter, for one worker.
//
// Read once a burst: 10 ns, no system call. Once a second it is compared with the wall clock and the difference is
// slewed away over the next second, by at most a twentieth of it, so that time never runs back. A wall clock that was
// set ahead by more than a second is followed at once (flows are then idle, as anybody can see); one that was set
// back is waited for at 19 parts of 20.
//
// The sources are arguments of tick(): the clock itself reads nothing and can be tested without time passing.
#pragma once

#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <ctime>

namespace weir {

class LiveClock {
 public:
  /// `tsc` and `wall_ns` were read together; `tsc_hz` is the counter's rate as well as it is known.
  LiveClock(std::uint64_t tsc, std::uint64_t wall_ns, std::uint64_t tsc_hz)
      : anchor_tsc_(tsc),
        anchor_ns_(wall_ns),
        tsc_hz_(tsc_hz),
        ns_per_tick_(rate(1.0)),
        next_anchor_tsc_(tsc + tsc_hz) {}

  static std::uint64_t read_tsc() { return __rdtsc(); }
  static std::uint64_t read_wall_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
  }

  [[nodiscard]] std::uint64_t at(std::uint64_t tsc) const {
    __extension__ using Wide = unsigned __int128;
    return anchor_ns_ + static_cast<std::uint64_t>((static_cast<Wide>(tsc - anchor_tsc_) * ns_per_tick_) >> kShift);
  }
  /// Whether a second is over and anchor() should be called.
  [[nodiscard]] bool anchor_due(std::uint64_t tsc) const { return tsc >= next_anchor_tsc_; }
  void anchor(std::uint64_t tsc, std::uint64_t wall_ns) {
    const std::uint64_t mine = at(tsc);
    const auto ahead = static_cast<std::int64_t>(wall_ns - mine);  // > 0: the wall clock is ahead of this one
    anchor_tsc_ = tsc;
    anchor_ns_ = ahead > kSecond ? wall_ns : mine;
    const double error = ahead > kSecond ? 0 : static_cast<double>(ahead) / static_cast<double>(kSecond);
    ns_per_tick_ = rate(1.0 + std::clamp(error, -kMaxSlew, kMaxSlew));
    next_anchor_tsc_ = tsc + tsc_hz_;
  }
  /// Time now, read from the machine's counter; re-anchored when due.
  std::uint64_t now_ns() {
    const std::uint64_t tsc = read_tsc();
    if (anchor_due(tsc)) [[unlikely]]
      anchor(tsc, read_wall_ns());
    return at(tsc);
  }

 private:
  static constexpr unsigned kShift = 32;
  static constexpr std::int64_t kSecond = 1'000'000'000;
  static constexpr double kMaxSlew = 0.05;

  [[nodiscard]] std::uint64_t rate(double factor) const {
    return static_cast<std::uint64_t>(factor * 1e9 * 4294967296.0 / static_cast<double>(tsc_hz_));
  }

  std::uint64_t anchor_tsc_;
  std::uint64_t anchor_ns_;
  std::uint64_t tsc_hz_;
  std::uint64_t ns_per_tick_;  ///< times 2^32
  std::uint64_t next_anchor_tsc_;
};

}  // namespace weir
