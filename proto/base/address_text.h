// IP and MAC addresses as text.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir {

/// Most octets of an address as text: "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" is never written, but 45 is what
/// INET6_ADDRSTRLEN allows for.
inline constexpr std::size_t kAddressTextMaxOctets = 45;

/// Writes the address (network order; 4 octets for ip_version 4, else 16) in the text form of RFC 5952, as inet_ntop()
/// gives it: lower case, no leading zeros, the first longest run of zero groups as "::", ::ffff:a.b.c.d for mapped
/// addresses. No terminating zero. Returns the end; `out` has room for kAddressTextMaxOctets.
char* write_address_text(char* out, const std::uint8_t* address, std::uint8_t ip_version);

inline constexpr std::size_t kMacTextOctets = 17;

/// Writes the 6 octets as "02:00:00:00:00:0a". No terminating zero. Returns the end, kMacTextOctets further on.
char* write_mac_text(char* out, const std::uint8_t* mac);

}  // namespace weir
