// Lateness: the time from when a flow should have ended to when its record left weir.
//
// When it should have ended, the record says (FlowRecord::deadline_ns()): an idle flow idle_timeout after its last
// packet, an active one active_timeout after its first, a TCP connection the linger after its last packet. A flow that
// was forced to end (a stop) or evicted had no such time and is not measured. Live only: a capture has no "now". A
// record's lateness goes into the bucket of its milliseconds' number of bits: bucket 0 is under 1 ms, bucket i is
// [2^(i-1), 2^i) ms, the last one everything from 65.5 s up. Counting costs a subtraction, a shift and an increment.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

namespace weir {

class Lateness {
 public:
  static constexpr std::size_t kBuckets = 18;

  /// Upper end of a bucket in milliseconds; 0: of the last one, which has none.
  static std::uint64_t bucket_end_ms(std::size_t bucket) {
    return bucket + 1 == kBuckets ? 0 : std::uint64_t{1} << bucket;
  }

  /// A record left at now_ns that should have left at deadline_ns; 0: it is not measured.
  void add(std::uint64_t deadline_ns, std::uint64_t now_ns) {
    if (deadline_ns == 0) return;
    const std::uint64_t late_ns = now_ns > deadline_ns ? now_ns - deadline_ns : 0;
    const auto bits = static_cast<std::size_t>(std::bit_width(late_ns / 1'000'000));
    ++counts[std::min(bits, kBuckets - 1)];
    greatest_ns = std::max(greatest_ns, late_ns);
    sum_us += late_ns / 1000;
  }
  Lateness& operator+=(const Lateness& other) {
    for (std::size_t i = 0; i < kBuckets; ++i) counts[i] += other.counts[i];
    greatest_ns = std::max(greatest_ns, other.greatest_ns);
    sum_us += other.sum_us;
    return *this;
  }

  std::array<std::uint64_t, kBuckets> counts{};  ///< records
  std::uint64_t greatest_ns = 0;
  std::uint64_t sum_us = 0;  ///< 64 bits: 10^12 records an hour late each still fit
};

/// The wall clock, as headers and lateness take it.
inline std::uint64_t exporter_clock_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // namespace weir
