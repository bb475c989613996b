// AddressBits: an IP address as bits from the left, as prefixes are compared and looked up.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/base/byte_order.h"

namespace weir {

/// IPv4 lies in the upper half of `high`.
struct AddressBits {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend bool operator==(const AddressBits&, const AddressBits&) = default;
  friend bool operator<(const AddressBits& a, const AddressBits& b) {
    return a.high != b.high ? a.high < b.high : a.low < b.low;
  }

  /// `octets`: 4 or 16, in network order.
  static AddressBits of(const std::uint8_t* address, std::size_t octets) {
    if (octets == 4) return {std::uint64_t{load_be<std::uint32_t>(address)} << 32, 0};
    return {load_be<std::uint64_t>(address), load_be<std::uint64_t>(address + 8)};
  }
  /// The first `length` bits, the rest 0.
  [[nodiscard]] AddressBits first(unsigned length) const {
    const auto mask = [](unsigned bits) { return bits == 0 ? std::uint64_t{0} : ~std::uint64_t{0} << (64 - bits); };
    return {high & mask(length < 64 ? length : 64), low & mask(length > 64 ? length - 64 : 0)};
  }
};

}  // namespace weir
