// The header that QUIC had in 2017 (draft-ietf-quic-transport-07 section 5, and drafts from 03 on): a type in the first
// octet, connection IDs of 8 octets, packet numbers that nothing hides.
//
// Its long types lack the fixed bit of today's QUIC; its short ones look like today's. So it is read only where a user
// says so (--metrics quic:2017).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <tl/expected.hpp>

#include "proto/base/byte_order.h"
#include "proto/base/quic_header.h"

namespace weir {

enum class Quic2017Type : std::uint8_t {
  version_negotiation = 0x81,
  client_initial = 0x82,
  stateless_retry = 0x83,
  server_cleartext = 0x84,
  client_cleartext = 0x85,
  zero_rtt = 0x86,
  short_header = 0,
};

enum class Quic2017Error : std::uint8_t { truncated, unknown_type };

struct Quic2017Packet {
  Quic2017Type type = Quic2017Type::short_header;
  std::uint8_t key_phase = 0;     ///< of a short header
  std::uint8_t number_bits = 32;  ///< of `number`
  bool has_connection_id = true;
  std::uint32_t version = 0;  ///< of a long header
  std::uint32_t number = 0;   ///< the low bits of the packet number
  std::uint32_t payload_at = 17;
  std::span<const std::uint8_t> versions;  ///< of version negotiation: 4 octets each

  [[nodiscard]] bool is_long() const { return type != Quic2017Type::short_header; }
};

inline constexpr std::uint32_t kQuic2017ConnectionId = 8;  ///< octets
inline constexpr std::uint32_t kQuic2017LongHeader = 17;

/// Whether a first octet is that of a packet; a long one, or either.
[[nodiscard]] constexpr bool is_quic2017_long(std::uint8_t first) {
  return first >= 0x81 && first <= 0x86;
}
[[nodiscard]] constexpr bool is_quic2017_short(std::uint8_t first) {
  return (first & 0x9c) == 0 && (first & 3) != 0;
}
/// Whether the version is one of those whose packets had this header, so that no port is needed to tell them.
[[nodiscard]] constexpr bool is_quic2017_version(std::uint32_t version) {
  return (version > 0xff00'0000 && version <= 0xff00'0009) || is_reserved_quic_version(version);
}

/// The packet that a datagram is.
[[nodiscard]] inline tl::expected<Quic2017Packet, Quic2017Error> read_quic2017_packet(
    std::span<const std::uint8_t> datagram) {
  if (datagram.size() < 2) return tl::unexpected(Quic2017Error::truncated);
  const std::uint8_t first = datagram[0];
  Quic2017Packet packet;
  if (is_quic2017_long(first)) {
    if (datagram.size() < kQuic2017LongHeader) return tl::unexpected(Quic2017Error::truncated);
    packet.type = static_cast<Quic2017Type>(first);
    packet.number = load_be<std::uint32_t>(datagram.data() + 9);
    packet.version = load_be<std::uint32_t>(datagram.data() + 13);
    if (packet.type == Quic2017Type::version_negotiation) {
      packet.versions = datagram.subspan(kQuic2017LongHeader);
      packet.versions = packet.versions.first(packet.versions.size() / 4 * 4);
    }
    return packet;
  }
  if (!is_quic2017_short(first)) return tl::unexpected(Quic2017Error::unknown_type);
  packet.has_connection_id = (first & 0x40) != 0;
  packet.key_phase = (first & 0x20) != 0 ? 1 : 0;
  const std::size_t number_at = packet.has_connection_id ? 1 + kQuic2017ConnectionId : 1;
  const std::size_t octets = std::size_t{1} << ((first & 3U) - 1);
  if (datagram.size() < number_at + octets) return tl::unexpected(Quic2017Error::truncated);
  packet.number = static_cast<std::uint32_t>(be_integer(datagram.subspan(number_at, octets)));
  packet.number_bits = static_cast<std::uint8_t>(8 * octets);
  packet.payload_at = static_cast<std::uint32_t>(number_at + octets);
  return packet;
}

}  // namespace weir
