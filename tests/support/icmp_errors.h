// Frames of ICMP errors for tests: who sends them to whom, why, and the packet that they quote.
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/packet_builder.h"

namespace weir::test {

struct ErrorFrame {
  std::string from;
  std::string to;
  unsigned type = 3;
  unsigned code = 1;
  std::uint32_t mtu = 0;  ///< in the last two octets of the ICMP header, of ICMPv6 in the last four
};

/// The error after what `below` has so far (Ethernet, tags, tunnels). `quoted`: IP octets.
inline PacketBuilder icmp_error(PacketBuilder below, const ErrorFrame& error, const Bytes& quoted) {
  const Bytes mtu{static_cast<std::uint8_t>(error.mtu >> 24), static_cast<std::uint8_t>(error.mtu >> 16),
                  static_cast<std::uint8_t>(error.mtu >> 8), static_cast<std::uint8_t>(error.mtu)};
  const bool ipv6 = error.from.find(':') != std::string::npos;
  // RFC 792, RFC 4443 §3.1: type, code, checksum, four octets, then the quote.
  Bytes message{static_cast<std::uint8_t>(error.type), static_cast<std::uint8_t>(error.code), 0, 0};
  message.insert(message.end(), mtu.begin(), mtu.end());
  message.insert(message.end(), quoted.begin(), quoted.end());
  if (ipv6) return below.ipv6(error.from, error.to).protocol(58).payload(message);
  return below.ipv4(error.from, error.to).protocol(1).payload(message);
}

inline Bytes icmp_error_frame(const ErrorFrame& error, const Bytes& quoted) {
  return icmp_error(packet().eth(), error, quoted).bytes();
}

inline Bytes cut_to(Bytes octets, std::size_t size) {
  octets.resize(size);
  return octets;
}

}  // namespace weir::test
