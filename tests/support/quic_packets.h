// QUIC packets for tests, octet by octet, with headers as in RFC 9000 section 17 and octets that nobody decrypts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::test {

/// The highest octet first.
inline std::string quic_number(std::uint64_t value, unsigned octets) {
  std::string text;
  while (octets-- > 0) text += static_cast<char>(value >> (8 * octets));
  return text;
}
/// A variable-length integer of 2 octets, up to 16383.
inline std::string quic_integer(std::size_t value) {
  return quic_number(0x4000 | value, 2);
}
inline std::string quic_id(const std::string& id) {
  return static_cast<char>(id.size()) + id;
}

enum : unsigned { kQuicInitial = 0, kQuicZeroRtt = 1, kQuicHandshake = 2, kQuicRetry = 3 };

/// A packet with a long header. `type` as in version 1; `octets` after the length.
inline std::string quic_long(unsigned type, std::uint32_t version, const std::string& destination,
                             const std::string& source, std::size_t octets = 40, const std::string& token = "") {
  const bool second = version == 0x6b3343cf || version == 0x709a50c4;
  const unsigned bits = second ? (type + 1) & 3U : type;
  std::string packet(1, static_cast<char>(0xc0 | bits << 4));
  packet += quic_number(version, 4) + quic_id(destination) + quic_id(source);
  if (type == kQuicRetry) return packet + token + std::string(16, 'i');
  if (type == kQuicInitial) packet += quic_integer(token.size()) + token;
  return packet + quic_integer(octets) + std::string(octets, 'x');
}
inline std::string quic_short(const std::string& destination, bool spin = false, std::size_t octets = 40) {
  return static_cast<char>(spin ? 0x60 : 0x40) + destination + std::string(octets, 'x');
}
inline std::string quic_negotiation(const std::string& destination, const std::string& source,
                                    const std::vector<std::uint32_t>& versions) {
  std::string packet = '\x80' + quic_number(0, 4) + quic_id(destination) + quic_id(source);
  for (const std::uint32_t version : versions) packet += quic_number(version, 4);
  return packet;
}

/// A packet with the long header of 2017.
inline std::string quic_2017_long(unsigned type, std::uint32_t number, const std::string& payload = "",
                                  std::uint32_t version = 0xff000007) {
  return static_cast<char>(type) + std::string("connect.") + quic_number(number, 4) + quic_number(version, 4) + payload;
}

}  // namespace weir::test
