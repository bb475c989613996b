// TlsCertificateSection: what the metric `tls` tells of the certificate that the server of a flow presents (RFC 5280),
// up to TLS 1.2: from TLS 1.3 on it is encrypted.
//
// A worker copies the beginning of the certificate into `octets`, and the control side puts texts there
// (control/tls_certificate.h) before anything else sees the record. Extensions and signature, which come last, are not
// needed: so the beginning is as good as the whole.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct TlsCertificateSection {
  // Places of texts in `octets`.
  static constexpr std::size_t kSubjectAt = 0;
  static constexpr std::size_t kIssuerAt = kTextPlaceOctets;
  static constexpr std::size_t kPublicKeyAt = 2 * kTextPlaceOctets;
  static constexpr std::size_t kMost = 4 * kTextPlaceOctets;

  std::uint64_t not_before;  ///< seconds since 1970
  std::uint64_t not_after;
  std::uint8_t octets[kMost];
  std::uint16_t certificate_octets;  ///< of `octets` that are a certificate as it came; 0: it was decoded
  std::uint8_t known;                ///< bits, see below
  std::uint8_t reserved[5];          ///< zero

  // Bits of `known`.
  static constexpr unsigned kSubject = 1;
  static constexpr unsigned kIssuer = 2;
  static constexpr unsigned kPublicKey = 4;
  static constexpr unsigned kValidity = 8;
};
static_assert(sizeof(TlsCertificateSection) == 1048 && std::has_unique_object_representations_v<TlsCertificateSection>);

#define WEIR_IF_KNOWN(bits) WEIR_PRESENCE(TlsCertificateSection, known, (bits))
#define WEIR_TEXT_AT(place) WEIR_TEXT(TlsCertificateSection, octets[TlsCertificateSection::place])
#define WEIR_CUT_AT(place) WEIR_TEXT_CUT(TlsCertificateSection, octets[TlsCertificateSection::place])

// clang-format off
inline constexpr auto kTlsCertificateFields = std::to_array<Field>({
    {.name = "tls_subject_cn", .form = Form::text, .place = WEIR_TEXT_AT(kSubjectAt), .protobuf = {1320},
     .wire = {WireRule::text, 150, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsCertificateSection::kSubject),
     .meaning = "common name of the server certificate's subject, UTF-8"},
    {.name = "tls_subject_cn_cut", .place = WEIR_CUT_AT(kSubjectAt), .protobuf = {1321},
     .wire = {WireRule::plain, 151, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsCertificateSection::kSubject),
     .meaning = "1: that is not whole"},
    {.name = "tls_issuer_cn", .form = Form::text, .place = WEIR_TEXT_AT(kIssuerAt), .protobuf = {1322},
     .wire = {WireRule::text, 152, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsCertificateSection::kIssuer),
     .meaning = "common name of its issuer, UTF-8"},
    {.name = "tls_issuer_cn_cut", .place = WEIR_CUT_AT(kIssuerAt), .protobuf = {1323},
     .wire = {WireRule::plain, 153, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsCertificateSection::kIssuer),
     .meaning = "1: that is not whole"},
    {.name = "tls_public_key", .form = Form::text, .place = WEIR_TEXT_AT(kPublicKeyAt), .protobuf = {1324},
     .wire = {WireRule::text, 154, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsCertificateSection::kPublicKey),
     .meaning = "algorithm of its public key by OpenSSL's name (rsaEncryption, id-ecPublicKey); one without: its OID"},
    {.name = "tls_not_before", .place = WEIR_PLACE(TlsCertificateSection, not_before), .protobuf = {1325},
     .wire = {WireRule::plain, 155, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsCertificateSection::kValidity),
     .meaning = "it is valid from then on, seconds since 1970"},
    {.name = "tls_not_after", .place = WEIR_PLACE(TlsCertificateSection, not_after), .protobuf = {1326},
     .wire = {WireRule::plain, 156, kOwnElement}, .presence = WEIR_IF_KNOWN(TlsCertificateSection::kValidity),
     .meaning = "it is valid until then"},
    {.name = "tls_certificate_known", .place = WEIR_PLACE(TlsCertificateSection, known),
     .wire = {WireRule::plain, 157, kOwnElement}, .marks = kNotInJson,
     .meaning = "which values there are: 1 the subject's name, 2 the issuer's, 4 the algorithm, 8 the validity"},
});
// clang-format on
#undef WEIR_CUT_AT
#undef WEIR_TEXT_AT
#undef WEIR_IF_KNOWN

}  // namespace weir
