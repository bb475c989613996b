#include "proto/base/number_text.h"

#include <array>
#include <cstdio>

namespace weir {

std::string grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string scaled(double value, std::string_view unit) {
  static constexpr std::array<const char*, 7> kPrefixes = {"", "k", "M", "G", "T", "P", "E"};
  std::size_t prefix = 0;
  // 999.5 would be shown as "1000": it belongs to the next prefix.
  while (value >= 999.5 && prefix + 1 < kPrefixes.size()) {
    value /= 1000;
    ++prefix;
  }
  const int decimals = prefix == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f %s", decimals, value, kPrefixes[prefix]);
  return std::string(text.data()).append(unit);
}

std::string printable(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    // In UTF-8 the control characters from 0x80 to 0x9f are two octets, of which the first is 0xc2.
    const bool high = octet == 0xc2 && i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xe0) == 0x80;
    if (octet >= 0x20 && octet != 0x7f && !high) {
      shown += text[i];
      continue;
    }
    const unsigned code = high ? static_cast<unsigned char>(text[++i]) : octet;
    std::array<char, 8> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x", code);
    shown += escaped.data();
  }
  return shown;
}

}  // namespace weir
