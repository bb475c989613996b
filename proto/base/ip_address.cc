#include "proto/base/ip_address.h"

#include <arpa/inet.h>

#include <utility>

#include "proto/base/address_text.h"

namespace weir {

std::string IpAddress::text() const {
  if (!has_value()) return {};
  char out[kAddressTextMaxOctets];
  return {out, write_address_text(out, octets, ip_version)};
}

std::optional<IpAddress> parse_ip_address(const std::string& text) {
  IpAddress address;
  // inet_pton() stops at a zero octet.
  if (text.find('\0') != std::string::npos) return std::nullopt;
  for (const auto& [family, version] : {std::pair{AF_INET, 4}, std::pair{AF_INET6, 6}}) {
    if (inet_pton(family, text.c_str(), address.octets) != 1) continue;
    address.ip_version = static_cast<std::uint8_t>(version);
    return address;
  }
  return std::nullopt;
}

}  // namespace weir
