// Octets as a test writes them: "0102 ff", blanks for the reader; and numbers in network order.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace weir::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes hex(std::string_view text) {
  Bytes result;
  int high = -1;
  for (const char c : text) {
    if (c == ' ' || c == '\n') continue;
    const int value = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = value;
    } else {
      result.push_back(static_cast<std::uint8_t>(high * 16 + value));
      high = -1;
    }
  }
  return result;
}

/// `value` as `octets` octets, the highest first.
inline void put(Bytes& out, std::uint64_t value, unsigned octets) {
  while (octets-- > 0) out.push_back(static_cast<std::uint8_t>(value >> (8 * octets)));
}

}  // namespace weir::test
