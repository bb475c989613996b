// What QUIC says before it is encrypted: the headers of its packets (RFC 9000 section 17, RFC 9369 section 3.2), as far
// as an observer can read them.
//
// A worker counts by them and the control side derives keys from them, so both read them here. Nothing past the octets
// that are there is read, whatever the lengths in them say. A version is known if weir knows what its long headers look
// like: 1, 2, the drafts from 22 on, and what others made of these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "proto/base/byte_order.h"

namespace weir {

inline constexpr std::uint32_t kQuicVersion1 = 0x0000'0001;       // RFC 9000
inline constexpr std::uint32_t kQuicVersion2 = 0x6b33'43cf;       // RFC 9369
inline constexpr std::uint32_t kQuicVersion2Draft = 0x709a'50c4;  // draft-ietf-quic-v2
inline constexpr std::uint32_t kQuicGoogle50 = 0x5130'3530;       // "Q050": these headers, a handshake of its own
inline constexpr std::uint32_t kQuicVersionNegotiation = 0;       // RFC 9000 section 17.2.1
inline constexpr std::uint32_t kQuicFirstDraft = 22;              // since then a connection ID has a length of 8 bits
inline constexpr std::uint32_t kQuicLastDraft = 34;
inline constexpr std::uint32_t kQuicMostConnectionId = 20;  // RFC 9000 section 17.2
/// Of a packet with a short header: what header protection samples (RFC 9001 section 5.4.2) and what lies before it.
inline constexpr std::uint32_t kQuicLeastShort = 21;

enum class QuicPacketType : std::uint8_t { initial, zero_rtt, handshake, retry, version_negotiation, short_header };

/// Meant to make the other end negotiate (RFC 9000 section 15): 0x?a?a?a?a.
[[nodiscard]] constexpr bool is_reserved_quic_version(std::uint32_t version) {
  return (version & 0x0f0f'0f0f) == 0x0a0a'0a0a;
}
/// The draft that the version is, or that it is made of; 0: none.
[[nodiscard]] constexpr std::uint32_t quic_draft(std::uint32_t version) {
  if (version >> 8 == 0xff'0000) {
    const std::uint32_t draft = version & 0xff;
    return draft >= kQuicFirstDraft && draft <= kQuicLastDraft ? draft : 0;
  }
  if (version == 0xface'b001) return 22;                            // mvfst
  if (version >= 0xface'b002 && version <= 0xface'b013) return 27;  // mvfst
  // Google's, the last two being T050 and T051.
  if (version == kQuicGoogle50 || version == 0x5430'3530 || version == 0x5430'3531) return 27;
  return 0;
}
[[nodiscard]] constexpr bool is_quic_version_2(std::uint32_t version) {
  return version == kQuicVersion2 || version == kQuicVersion2Draft;
}
[[nodiscard]] constexpr bool is_known_quic_version(std::uint32_t version) {
  return version == kQuicVersion1 || is_quic_version_2(version) || quic_draft(version) != 0 ||
         is_reserved_quic_version(version);
}

/// One packet. A datagram may hold several, one after the other (RFC 9000 section 12.2). It refers to the datagram.
struct QuicPacket {
  QuicPacketType type = QuicPacketType::short_header;
  bool fixed_bit = false;                     ///< which ends may agree to grease (RFC 9287)
  bool spin = false;                          ///< of a short header
  std::uint32_t version = 0;                  ///< 0: of version negotiation, or the header is short
  std::span<const std::uint8_t> destination;  ///< connection ID, if the header is long
  std::span<const std::uint8_t> source;       ///< likewise
  std::span<const std::uint8_t> versions;     ///< of version negotiation: 4 octets each
  std::uint32_t octets = 0;                   ///< of the whole packet, even if not all are there
  std::uint32_t number_at = 0;  ///< where the packet number is, if the packet has a long header and a length
};

namespace quic_detail {

/// Octets that are there, and how many there were.
struct Reader {
  std::span<const std::uint8_t> left;

  bool take(std::size_t count, std::span<const std::uint8_t>& taken) {
    if (count > left.size()) return false;
    taken = left.first(count);
    left = left.subspan(count);
    return true;
  }
  bool connection_id(std::size_t most, std::span<const std::uint8_t>& id) {
    std::span<const std::uint8_t> length;
    return take(1, length) && length[0] <= most && take(length[0], id);
  }
};

}  // namespace quic_detail

/// A variable-length integer (RFC 9000 section 16) at the beginning of `octets`, which then begin after it.
[[nodiscard]] inline std::optional<std::uint64_t> take_quic_integer(std::span<const std::uint8_t>& octets) {
  if (octets.empty()) return {};
  const std::size_t count = std::size_t{1} << (octets[0] >> 6);
  if (octets.size() < count) return {};
  const std::uint64_t value = be_integer(octets.first(count));
  octets = octets.subspan(count);
  return value & (~std::uint64_t{0} >> (66 - 8 * count));
}

/// The types of a long header (RFC 9000 section 17.2, RFC 9369 section 3.2).
[[nodiscard]] constexpr QuicPacketType quic_long_type(std::uint8_t first, std::uint32_t version) {
  constexpr QuicPacketType kTypes[] = {QuicPacketType::initial, QuicPacketType::zero_rtt, QuicPacketType::handshake,
                                       QuicPacketType::retry};
  const unsigned bits = first >> 4 & 3U;
  return kTypes[is_quic_version_2(version) ? (bits + 3) & 3U : bits];
}

/// The packet that begins with `there`. `whole`: octets from there to the datagram's end, as many as there are or more.
/// Nothing: it is none of a known version.
[[nodiscard]] inline std::optional<QuicPacket> read_quic_packet(std::span<const std::uint8_t> there,
                                                                std::uint32_t whole) {
  if (there.empty()) return {};
  const std::uint8_t first = there[0];
  QuicPacket packet;
  packet.octets = whole;
  packet.fixed_bit = (first & 0x40) != 0;
  if ((first & 0x80) == 0) {
    if (whole < kQuicLeastShort) return {};
    packet.spin = (first & 0x20) != 0;
    return packet;
  }
  if (there.size() < 7) return {};
  packet.version = load_be<std::uint32_t>(there.data() + 1);
  quic_detail::Reader reader{there.subspan(5)};
  if (packet.version == kQuicVersionNegotiation) {
    // Its IDs may be longer (RFC 9000 section 17.2.1). Zeros are not rare, hence a version that is known.
    if (!reader.connection_id(255, packet.destination) || !reader.connection_id(255, packet.source)) return {};
    const std::size_t listed = whole - (there.size() - reader.left.size());
    packet.versions = reader.left.first(reader.left.size() / 4 * 4);
    packet.type = QuicPacketType::version_negotiation;
    for (std::size_t at = 0; listed % 4 == 0 && at < packet.versions.size(); at += 4) {
      if (is_known_quic_version(load_be<std::uint32_t>(packet.versions.data() + at))) return packet;
    }
    return {};
  }
  // A reserved version is but 16 bits; nobody who sends one has agreed to anything yet.
  if (!is_known_quic_version(packet.version) || (is_reserved_quic_version(packet.version) && !packet.fixed_bit) ||
      !reader.connection_id(kQuicMostConnectionId, packet.destination) ||
      !reader.connection_id(kQuicMostConnectionId, packet.source)) {
    return {};
  }
  packet.type = quic_long_type(first, packet.version);
  if (packet.type == QuicPacketType::retry) return packet;  // ends with the datagram
  if (packet.type == QuicPacketType::initial) {
    const std::optional<std::uint64_t> token = take_quic_integer(reader.left);
    std::span<const std::uint8_t> octets;
    if (!token || !reader.take(*token, octets)) return {};
  }
  const std::optional<std::uint64_t> length = take_quic_integer(reader.left);
  packet.number_at = static_cast<std::uint32_t>(there.size() - reader.left.size());
  if (!length || *length > whole - packet.number_at) return {};
  packet.octets = packet.number_at + static_cast<std::uint32_t>(*length);
  return packet;
}

/// A packet number from its low `bits` and the greatest one before: the one nearest to what is expected next (RFC 9000
/// appendix A.3).
[[nodiscard]] constexpr std::uint64_t full_packet_number(std::uint64_t greatest, std::uint64_t low, unsigned bits) {
  const std::uint64_t window = std::uint64_t{1} << bits;
  const std::uint64_t expected = greatest + 1;
  const std::uint64_t candidate = (expected & ~(window - 1)) | low;
  if (candidate + window / 2 <= expected && candidate < (std::uint64_t{1} << 62) - window) return candidate + window;
  if (candidate > expected + window / 2 && candidate >= window) return candidate - window;
  return candidate;
}

}  // namespace weir
