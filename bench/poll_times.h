// PollTimes: how long polls took, as percentiles, at the cost of two rdtsc and one counter per poll.
//
// A log-linear histogram of TSC ticks: 32 steps for each power of two, so a percentile is right to 3 %. The maximum is
// kept exactly. rdtsc does not wait for the instructions before it; over a poll of a microsecond and more that is
// noise. The TSC's rate is measured once against the system's clock.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace weir::bench {

inline std::uint64_t tsc() {
  return __builtin_ia32_rdtsc();
}
/// Nanoseconds of one TSC tick; measured (50 ms) at the first call.
double tsc_ns();

class PollTimes {
 public:
  void add(std::uint64_t ticks) {
    ++counts_[bucket(ticks)];
    ++total_;
    if (ticks > most_) most_ = ticks;
  }
  void clear() { *this = PollTimes(); }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  /// The time that `share` (0 to 1) of the polls did not exceed.
  [[nodiscard]] double percentile_ns(double share) const;
  [[nodiscard]] double max_ns() const { return static_cast<double>(most_) * tsc_ns(); }

  /// The bucket of `ticks`, and the most ticks that fall into a bucket.
  static constexpr std::size_t bucket(std::uint64_t ticks) {
    if (ticks < kSteps) return static_cast<std::size_t>(ticks);
    const auto shift = static_cast<unsigned>(std::bit_width(ticks)) - kStepBits - 1;
    return shift * kSteps + static_cast<std::size_t>(ticks >> shift);
  }
  static constexpr std::uint64_t upper(std::size_t bucket) {
    if (bucket < 2 * kSteps) return bucket;
    const std::size_t shift = bucket / kSteps - 1;
    return ((bucket - shift * kSteps + 1) << shift) - 1;
  }

 private:
  static constexpr unsigned kStepBits = 5;
  static constexpr std::size_t kSteps = std::size_t{1} << kStepBits;

  std::array<std::uint64_t, (64 - kStepBits + 1) * kSteps> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t most_ = 0;
};

}  // namespace weir::bench
