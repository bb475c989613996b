// PortPairs: which ports are the two directions of a tap (--pair A,B): what comes in at one leaves at the other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir {

class PortPairs {
 public:
  static constexpr std::uint32_t kMostInterfaces = 64;

  /// Joins two interfaces, each below kMostInterfaces, and not 0.
  void join(std::uint32_t one, std::uint32_t other) {
    partner_[one] = static_cast<std::uint8_t>(other);
    partner_[other] = static_cast<std::uint8_t>(one);
    any_ = true;
  }
  [[nodiscard]] bool any() const { return any_; }
  /// Where packets leave that came in there; 0: the interface is in no pair.
  [[nodiscard]] std::uint32_t egress_of(std::uint32_t interface) const {
    return interface < kMostInterfaces ? partner_[interface] : 0U;
  }

  friend bool operator==(const PortPairs&, const PortPairs&) = default;

 private:
  std::array<std::uint8_t, kMostInterfaces> partner_{};
  bool any_ = false;
};

}  // namespace weir
