// QuicSection: what the metric `quic` tells of a flow's QUIC packets by what their headers say (RFC 9000 section 17):
// version, connection IDs, packets by type, round-trip times.
//
// What the client says in its Initial packets is in QuicHelloSection, what only the header of 2017 has in
// Quic2017Section.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct QuicSection {
  std::uint64_t spin_min_ns[2];  ///< by Direction, like all arrays here
  std::uint64_t spin_mean_ns[2];
  std::uint64_t spin_half_min_ns[2];  ///< from the probe to the end that sends this direction, and back
  std::uint64_t handshake_ns;
  std::uint32_t version;
  std::uint32_t initial[2];
  std::uint32_t handshake[2];
  std::uint32_t short_header[2];
  std::uint32_t id_changes[2];
  std::uint32_t spin_samples[2];
  std::uint32_t zero_rtt;
  std::uint32_t retry;
  std::uint32_t version_negotiation;
  std::uint8_t source_id_octets[2];
  std::uint8_t destination_id_octets[2];
  std::uint8_t known;        ///< bits, see below
  std::uint8_t reserved[3];  ///< zero

  // Bits of `known`.
  static constexpr unsigned kHandshake = 1;
};
static_assert(sizeof(QuicSection) == 120 && std::has_unique_object_representations_v<QuicSection>);

// clang-format off
inline constexpr auto kQuicFields = std::to_array<Field>({
    {.name = "quic_version", .place = WEIR_PLACE(QuicSection, version), .protobuf = {1700},
     .wire = {WireRule::plain, 220, kOwnElement},
     .meaning = "version of the flow's last long header (1: RFC 9000, 1798521807: version 2 of RFC 9369)"},
    {.name = "quic_scid_length", .sides = Sides::sided, .place = WEIR_SIDED(QuicSection, source_id_octets),
     .protobuf = {1701, 1702}, .wire = {WireRule::plain, 221, kOwnElement}, .unit = Unit::octets,
     .meaning = "length of the source connection ID in the direction's first Initial, 0-RTT or Handshake packet"},
    {.name = "quic_dcid_length", .sides = Sides::sided, .place = WEIR_SIDED(QuicSection, destination_id_octets),
     .protobuf = {1703, 1704}, .wire = {WireRule::plain, 222, kOwnElement}, .unit = Unit::octets,
     .meaning = "length of the destination connection ID in that packet"},
    {.name = "quic_initial", .sides = Sides::sided, .place = WEIR_SIDED(QuicSection, initial),
     .protobuf = {1705, 1706}, .wire = {WireRule::plain, 223, kOwnElement}, .unit = Unit::packets,
     .meaning = "Initial packets; one of several in a datagram counts, too, like those of the other types"},
    {.name = "quic_0rtt", .place = WEIR_PLACE(QuicSection, zero_rtt), .protobuf = {1707},
     .wire = {WireRule::plain, 224, kOwnElement}, .unit = Unit::packets, .meaning = "0-RTT packets"},
    {.name = "quic_handshake", .sides = Sides::sided, .place = WEIR_SIDED(QuicSection, handshake),
     .protobuf = {1708, 1709}, .wire = {WireRule::plain, 225, kOwnElement}, .unit = Unit::packets,
     .meaning = "Handshake packets"},
    {.name = "quic_retry", .place = WEIR_PLACE(QuicSection, retry), .protobuf = {1710},
     .wire = {WireRule::plain, 226, kOwnElement}, .unit = Unit::packets, .meaning = "Retry packets"},
    {.name = "quic_short", .sides = Sides::sided, .place = WEIR_SIDED(QuicSection, short_header),
     .protobuf = {1711, 1712}, .wire = {WireRule::plain, 227, kOwnElement}, .unit = Unit::packets,
     .meaning = "packets with a short header, after the flow's first long one"},
    {.name = "quic_version_negotiation", .place = WEIR_PLACE(QuicSection, version_negotiation), .protobuf = {1713},
     .wire = {WireRule::plain, 228, kOwnElement}, .unit = Unit::packets, .meaning = "Version Negotiation packets"},
    {.name = "quic_id_changes", .sides = Sides::sided, .place = WEIR_SIDED(QuicSection, id_changes),
     .protobuf = {1714, 1715}, .wire = {WireRule::plain, 229, kOwnElement},
     .meaning = "how often the destination connection ID in short headers changed, as in a migration (RFC 9000 9.5)"},
    {.name = "quic_spin_rtt_min_ns", .sides = Sides::sided, .place = WEIR_SIDED(QuicSection, spin_min_ns),
     .protobuf = {1716, 1717}, .wire = {WireRule::plain, 230, kOwnElement}, .unit = Unit::nanoseconds,
     .meaning = "least round-trip time between the ends by the direction's spin bits (RFC 9000 17.4); 0: no sample"},
    {.name = "quic_spin_rtt_mean_ns", .sides = Sides::sided, .place = WEIR_SIDED(QuicSection, spin_mean_ns),
     .protobuf = {1718, 1719}, .wire = {WireRule::plain, 231, kOwnElement}, .unit = Unit::nanoseconds,
     .meaning = "mean of these times; 0: no sample"},
    {.name = "quic_spin_rtt_samples", .sides = Sides::sided, .place = WEIR_SIDED(QuicSection, spin_samples),
     .protobuf = {1720, 1721}, .wire = {WireRule::plain, 232, kOwnElement}, .meaning = "how many of them there are"},
    {.name = "quic_spin_rtt_half_min_ns", .sides = Sides::sided, .place = WEIR_SIDED(QuicSection, spin_half_min_ns),
     .protobuf = {1722, 1723}, .wire = {WireRule::plain, 233, kOwnElement}, .unit = Unit::nanoseconds,
     .meaning = "least time from the probe to the direction's sender and back by the spin bits of both; 0: none"},
    {.name = "quic_handshake_rtt_ns", .place = WEIR_PLACE(QuicSection, handshake_ns), .protobuf = {1724},
     .wire = {WireRule::plain, 234, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_PRESENCE(QuicSection, known, QuicSection::kHandshake),
     .meaning = "the client's first Initial packet to its first Handshake packet after one of the server's"},
    {.name = "quic_known", .place = WEIR_PLACE(QuicSection, known), .wire = {WireRule::plain, 235, kOwnElement},
     .marks = kNotInJson, .meaning = "which values there are: 1 the round-trip time of the handshake"},
});
// clang-format on

}  // namespace weir
