#include "bench/poll_times.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace weir::bench {

double tsc_ns() {
  static const double value = [] {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    const std::uint64_t first = tsc();
    Clock::time_point now = start;
    while (now - start < std::chrono::milliseconds(50)) now = Clock::now();
    const std::uint64_t ticks = tsc() - first;
    return std::chrono::duration<double, std::nano>(now - start).count() / static_cast<double>(ticks);
  }();
  return value;
}

double PollTimes::percentile_ns(double share) const {
  if (total_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted && seen != 0) return static_cast<double>(std::min(upper(i), most_)) * tsc_ns();
  }
  return max_ns();
}

}  // namespace weir::bench
