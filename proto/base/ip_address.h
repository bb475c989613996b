// IpAddress: one address of IPv4 or IPv6 as a value, or none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace weir {

struct IpAddress {
  std::uint8_t octets[16] = {};  ///< network order; IPv4 in the first 4
  std::uint8_t ip_version = 0;   ///< 4 or 6; 0: none

  [[nodiscard]] bool has_value() const { return ip_version != 0; }
  /// Octets of the address: 4, 16, or 0.
  [[nodiscard]] std::size_t size() const { return ip_version == 4 ? 4 : ip_version == 6 ? 16 : 0; }
  /// As write_address_text() writes it; empty: none.
  [[nodiscard]] std::string text() const;
  bool operator==(const IpAddress&) const = default;
};

/// "192.0.2.1" or "2001:db8::1". nullopt: neither.
std::optional<IpAddress> parse_ip_address(const std::string& text);

}  // namespace weir
