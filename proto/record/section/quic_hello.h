// QuicHelloSection: what a QUIC client says in its Initial packets, and which versions a server offers.
//
// A worker does not decrypt. It copies the client's Initial packets into `octets` and the versions into `offered`, and
// the control side puts texts there (control/quic_hello.h) before anything else sees the record. What the ClientHello
// says besides (version, JA3, JA4) is in the TlsSection of the same record.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct QuicHelloSection {
  /// Of the client's Initial packets, each after its length (2 octets): three datagrams of any Ethernet. A ClientHello
  /// with a post-quantum key has room in two.
  static constexpr std::size_t kMostOctets = 4368;
  static constexpr std::size_t kMostPackets = 8;
  static constexpr std::size_t kMostVersions = 8;

  // Places of texts in `octets`.
  static constexpr std::size_t kSniAt = 0;
  static constexpr std::size_t kAlpnAt = kTextPlaceOctets;
  static constexpr std::size_t kVersionsAt = 2 * kTextPlaceOctets;

  std::uint8_t octets[kMostOctets];
  std::uint32_t offered[kMostVersions];
  std::uint16_t packet_octets;    ///< of `octets` that are packets; 0 with the next: it was decoded
  std::uint8_t offered_versions;  ///< of `offered` that are versions
  std::uint8_t offered_cut;       ///< 1: there were more
  std::uint8_t known;             ///< bits, see below
  std::uint8_t reserved[3];       ///< zero

  // Bits of `known`.
  static constexpr unsigned kSni = 1;
  static constexpr unsigned kAlpn = 2;
  static constexpr unsigned kVersions = 4;
};
static_assert(sizeof(QuicHelloSection) == 4408 && std::has_unique_object_representations_v<QuicHelloSection>);

#define WEIR_IF_KNOWN(bits) WEIR_PRESENCE(QuicHelloSection, known, (bits))

// clang-format off
inline constexpr auto kQuicHelloFields = std::to_array<Field>({
    {.name = "quic_sni", .form = Form::text, .place = WEIR_TEXT(QuicHelloSection, octets[QuicHelloSection::kSniAt]),
     .protobuf = {1725}, .wire = {WireRule::text, 236, kOwnElement}, .presence = WEIR_IF_KNOWN(QuicHelloSection::kSni),
     .meaning = "server name that the client's Initial packets ask for (RFC 6066), as sent"},
    {.name = "quic_sni_cut", .place = WEIR_TEXT_CUT(QuicHelloSection, octets[QuicHelloSection::kSniAt]),
     .protobuf = {1726}, .wire = {WireRule::plain, 237, kOwnElement},
     .presence = WEIR_IF_KNOWN(QuicHelloSection::kSni),
     .meaning = "1: the name is not whole: no more of it was captured or had room"},
    {.name = "quic_alpn", .form = Form::text, .place = WEIR_TEXT(QuicHelloSection, octets[QuicHelloSection::kAlpnAt]),
     .protobuf = {1727}, .wire = {WireRule::text, 238, kOwnElement},
     .presence = WEIR_IF_KNOWN(QuicHelloSection::kAlpn),
     .meaning = "first application protocol (RFC 7301) that they offer"},
    {.name = "quic_alpn_cut", .place = WEIR_TEXT_CUT(QuicHelloSection, octets[QuicHelloSection::kAlpnAt]),
     .protobuf = {1728}, .wire = {WireRule::plain, 239, kOwnElement},
     .presence = WEIR_IF_KNOWN(QuicHelloSection::kAlpn), .meaning = "1: that is not whole"},
    {.name = "quic_offered_versions", .form = Form::text,
     .place = WEIR_TEXT(QuicHelloSection, octets[QuicHelloSection::kVersionsAt]), .protobuf = {1729},
     .wire = {WireRule::text, 240, kOwnElement}, .presence = WEIR_IF_KNOWN(QuicHelloSection::kVersions),
     .meaning = "versions that the first Version Negotiation packet lists, at most 8, in hexadecimal digits"},
    {.name = "quic_hello_known", .place = WEIR_PLACE(QuicHelloSection, known),
     .wire = {WireRule::plain, 241, kOwnElement}, .marks = kNotInJson,
     .meaning = "which values there are: 1 server name, 2 ALPN, 4 offered versions"},
});
// clang-format on
#undef WEIR_IF_KNOWN

}  // namespace weir
