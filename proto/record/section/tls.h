// TlsSection: what the metric `tls` tells of a flow's TLS handshake: what the ClientHello offers and what the
// ServerHello chooses (RFC 8446 section 4.1, RFC 5246 section 7.4.1).
//
// A worker does not decode them. It copies what is needed of both into `octets`, and the control side puts texts there
// (control/tls_hello.h) before anything else sees the record.
//
// What a worker keeps of a hello: its version (2 octets); of a ClientHello the length of its cipher suites (2 octets)
// and they, of a ServerHello the cipher suite; then each extension's type (2 octets), the length (2 octets) of what is
// kept of its data, and that: all of the extensions that are decoded, nothing of the others. Of an SSL 2.0 ClientHello
// it keeps the version alone.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct TlsSection {
  static constexpr std::size_t kMostClient = 896;  ///< of a ClientHello that are kept, from octets[0] on
  static constexpr std::size_t kMostServer = 128;  ///< of a ServerHello, from octets[kMostClient] on

  // Places of texts in `octets`.
  static constexpr std::size_t kSniAt = 0;
  static constexpr std::size_t kAlpnAt = kTextPlaceOctets;
  static constexpr std::size_t kJa3At = 2 * kTextPlaceOctets;
  static constexpr std::size_t kJa4At = 3 * kTextPlaceOctets;

  std::uint8_t octets[4 * kTextPlaceOctets];
  std::uint16_t client_version;
  std::uint16_t server_version;
  std::uint16_t cipher;
  std::uint16_t client_octets;  ///< kept of a ClientHello; with server_octets 0: the section was decoded
  std::uint16_t server_octets;  ///< kept of a ServerHello
  std::uint8_t kept;            ///< bits, see below; 0 in a section that was decoded
  std::uint8_t known;           ///< bits, see below
  std::uint8_t reserved[4];     ///< zero

  // Bits of `kept`.
  static constexpr unsigned kClientWhole = 1;  ///< all that is needed of the ClientHello is there
  static constexpr unsigned kSsl2 = 2;         ///< it is one of SSL 2.0

  // Bits of `known`.
  static constexpr unsigned kClient = 1;
  static constexpr unsigned kServer = 2;
  static constexpr unsigned kSni = 4;
  static constexpr unsigned kAlpn = 8;
  static constexpr unsigned kJa3 = 16;
  static constexpr unsigned kJa4 = 32;
};
static_assert(sizeof(TlsSection) == 1040 && std::has_unique_object_representations_v<TlsSection>);
static_assert(sizeof(TlsSection::octets) == TlsSection::kMostClient + TlsSection::kMostServer);

#define WEIR_IF_KNOWN(bits) WEIR_PRESENCE(TlsSection, known, (bits))

// clang-format off
inline constexpr auto kTlsFields = std::to_array<Field>({
    {.name = "tls_client_version", .place = WEIR_PLACE(TlsSection, client_version), .protobuf = {1300},
     .wire = {WireRule::plain, 140, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsSection::kClient),
     .meaning = "greatest version that the ClientHello offers (772: TLS 1.3, 771: TLS 1.2, 2: SSL 2.0)"},
    {.name = "tls_server_version", .place = WEIR_PLACE(TlsSection, server_version), .protobuf = {1301},
     .wire = {WireRule::plain, 141, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsSection::kServer),
     .meaning = "version that the ServerHello chooses"},
    {.name = "tls_cipher", .place = WEIR_PLACE(TlsSection, cipher), .protobuf = {1302},
     .wire = {WireRule::plain, 142, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsSection::kServer),
     .meaning = "cipher suite that it chooses (IANA)"},
    {.name = "tls_sni", .form = Form::text, .place = WEIR_TEXT(TlsSection, octets[TlsSection::kSniAt]),
     .protobuf = {1303}, .wire = {WireRule::text, 143, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsSection::kSni),
     .meaning = "server name that the ClientHello asks for (RFC 6066), as sent"},
    {.name = "tls_sni_cut", .place = WEIR_TEXT_CUT(TlsSection, octets[TlsSection::kSniAt]), .protobuf = {1304},
     .wire = {WireRule::plain, 144, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsSection::kSni),
     .meaning = "1: the name is not whole: no more of it was captured or had room"},
    {.name = "tls_alpn", .form = Form::text, .place = WEIR_TEXT(TlsSection, octets[TlsSection::kAlpnAt]),
     .protobuf = {1305}, .wire = {WireRule::text, 145, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsSection::kAlpn),
     .meaning = "application protocol (RFC 7301) that the ServerHello chooses, else the first one offered"},
    {.name = "tls_alpn_cut", .place = WEIR_TEXT_CUT(TlsSection, octets[TlsSection::kAlpnAt]), .protobuf = {1306},
     .wire = {WireRule::plain, 146, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsSection::kAlpn),
     .meaning = "1: that is not whole"},
    {.name = "tls_ja3", .form = Form::text, .place = WEIR_TEXT(TlsSection, octets[TlsSection::kJa3At]),
     .protobuf = {1307}, .wire = {WireRule::text, 147, kOwnElement, 32}, .presence = WEIR_IF_KNOWN(TlsSection::kJa3),
     .meaning = "JA3 of the ClientHello: an MD5 in hexadecimal digits"},
    {.name = "tls_ja4", .form = Form::text, .place = WEIR_TEXT(TlsSection, octets[TlsSection::kJa4At]),
     .protobuf = {1308}, .wire = {WireRule::text, 148, kOwnElement, 36}, .presence = WEIR_IF_KNOWN(TlsSection::kJa4),
     .meaning = "JA4 of the ClientHello"},
    {.name = "tls_known", .place = WEIR_PLACE(TlsSection, known), .wire = {WireRule::plain, 149, kOwnElement},
     .marks = kNotInJson,
     .meaning = "which values there are: 1 the client's version, 2 the server's and the cipher, 4 server name, 8 ALPN, "
                "16 JA3, 32 JA4"},
});
// clang-format on
#undef WEIR_IF_KNOWN

}  // namespace weir
