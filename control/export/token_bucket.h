// TokenBucket: at most so many flow records a second, in small bursts.
//
// What a collector loses is lost in its socket's receive buffer, and silently: nfcapd on a busy machine takes some
// 100 000 records a second. The bucket holds 10 ms of the rate (at least one datagram's worth, kLeastBurst), so that
// the pace holds over every stretch that matters to a buffer of a few hundred kilobytes.
// Time comes from the caller. It counts in units of 1/1e9 token: rate x nanoseconds, exact integers; rate <= 1e9 and a
// refill of at most a second's worth keep every product below 2^63.
#pragma once

#include <algorithm>
#include <cstdint>

namespace weir {

class TokenBucket {
 public:
  /// `rate`: tokens a second, 1 to 1e9; 0: no limit. Full at first.
  TokenBucket(std::uint32_t rate, std::uint64_t now_ns)
      : rate_(rate),
        capacity_(std::max<std::uint64_t>(rate / 100, kLeastBurst) * kUnits),
        level_(capacity_),
        refilled_ns_(now_ns) {}

  /// Takes `tokens` (at most kLeastBurst) if they are there.
  bool take(std::uint32_t tokens, std::uint64_t now_ns) {
    if (rate_ == 0) return true;
    refill(now_ns);
    if (level_ < tokens * kUnits) return false;
    level_ -= tokens * kUnits;
    return true;
  }

  /// When `tokens` will be there if none are taken before.
  [[nodiscard]] std::uint64_t ready_ns(std::uint32_t tokens) const {
    if (rate_ == 0 || level_ >= tokens * kUnits) return refilled_ns_;
    return refilled_ns_ + (tokens * kUnits - level_ + rate_ - 1) / rate_;
  }

  static constexpr std::uint64_t kLeastBurst = 30;  ///< data records of one datagram of 1400 octets

 private:
  static constexpr std::uint64_t kUnits = 1'000'000'000;

  void refill(std::uint64_t now_ns) {
    if (now_ns <= refilled_ns_) return;
    // capacity / rate is at most 30 s of refill (rate 1); beyond it the bucket is full whatever the product says.
    const std::uint64_t elapsed_ns = now_ns - refilled_ns_;
    const std::uint64_t missing = capacity_ - level_;
    level_ = elapsed_ns >= missing / rate_ + 1 ? capacity_ : std::min(capacity_, level_ + elapsed_ns * rate_);
    refilled_ns_ = now_ns;
  }

  std::uint64_t rate_;
  std::uint64_t capacity_;  ///< in units
  std::uint64_t level_;     ///< in units
  std::uint64_t refilled_ns_;
};

}  // namespace weir
