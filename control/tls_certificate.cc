#include "control/tls_certificate.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/record/fields.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

// Tags of DER (X.690 section 8.1.2).
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kObject = 0x06;
constexpr std::uint8_t kUtcTime = 0x17;
constexpr std::uint8_t kGeneralizedTime = 0x18;
constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kVersion = 0xa0;

template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

/// An element of DER, or what there is of one.
struct Element {
  std::uint8_t tag = 0;
  Octets all;  ///< with tag and length
  Octets content;
  bool whole = false;
};

/// The next element, which `from` then begins after. Without value: what is there is none (X.690 section 8.1.3).
std::optional<Element> take(Octets& from) {
  if (from.size() < 2) return std::nullopt;
  std::size_t length = from[1];
  std::size_t header = 2;
  if (length >= 0x80) {
    const std::size_t octets = length & 0x7f;
    if (octets == 0 || octets > 3 || from.size() < header + octets) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < octets; ++i) length = length << 8 | from[header + i];
    header += octets;
  }
  const std::size_t there = std::min(length, from.size() - header);
  const Element element{from[0], from.first(header + there), from.subspan(header, there), there == length};
  from = from.subspan(header + there);
  return element;
}
std::optional<Element> take(Octets& from, std::uint8_t tag) {
  auto element = take(from);
  return element && element->tag == tag ? element : std::nullopt;
}

/// The last common name, which is the most specific one (RFC 2818 section 3.1), as UTF-8.
std::optional<std::string> common_name(const Element& element) {
  const std::uint8_t* at = element.all.data();
  const std::unique_ptr<X509_NAME, Freed<X509_NAME_free>> name(
      d2i_X509_NAME(nullptr, &at, static_cast<long>(element.all.size())));
  int last = -1;
  if (name != nullptr) {
    for (int found = last; (found = X509_NAME_get_index_by_NID(name.get(), NID_commonName, found)) >= 0;) last = found;
  }
  if (last < 0) return std::nullopt;
  const ASN1_STRING* const value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name.get(), last));
  unsigned char* text = nullptr;
  const int octets = ASN1_STRING_to_UTF8(&text, value);
  if (octets < 0) {  // not what its type says: as it came
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                       static_cast<std::size_t>(ASN1_STRING_length(value)));
  }
  std::string utf8(reinterpret_cast<const char*>(text), static_cast<std::size_t>(octets));
  OPENSSL_free(text);
  return utf8;
}

/// Seconds since 1970; an earlier time is 0.
std::optional<std::uint64_t> seconds(Octets& from) {
  const auto element = take(from);
  if (!element || !element->whole || (element->tag != kUtcTime && element->tag != kGeneralizedTime))
    return std::nullopt;
  const std::uint8_t* at = element->all.data();
  const std::unique_ptr<ASN1_TIME, Freed<ASN1_TIME_free>> time(
      d2i_ASN1_TIME(nullptr, &at, static_cast<long>(element->all.size())));
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time.get(), &parts) != 1) return std::nullopt;
  return static_cast<std::uint64_t>(std::max<std::time_t>(timegm(&parts), 0));
}

/// OpenSSL's long name of the object identifier, or its numbers.
std::optional<std::string> object_name(const Element& element) {
  const std::uint8_t* at = element.all.data();
  const std::unique_ptr<ASN1_OBJECT, Freed<ASN1_OBJECT_free>> object(
      d2i_ASN1_OBJECT(nullptr, &at, static_cast<long>(element.all.size())));
  if (object == nullptr) return std::nullopt;
  std::array<char, kNetflow9TextOctets + 1> text{};
  if (OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object.get(), 0) <= 0) return std::nullopt;
  return std::string(text.data());
}

void put(TlsCertificateSection& section, std::size_t place, unsigned known, const std::optional<std::string>& text) {
  if (!text) return;
  put_text_at(section.octets + place, *text);
  section.known = static_cast<std::uint8_t>(section.known | known);
}

/// As far as the elements are what they should be.
void decode(TlsCertificateSection& section, Octets certificate) {
  const auto outer = take(certificate, kSequence);
  if (!outer) return;
  Octets rest = outer->content;
  const auto signed_part = take(rest, kSequence);
  if (!signed_part) return;
  rest = signed_part->content;
  Octets after_version = rest;
  if (take(after_version, kVersion)) rest = after_version;
  if (!take(rest, kInteger) || !take(rest, kSequence)) return;  // serial number, signature algorithm
  const auto issuer = take(rest, kSequence);
  if (!issuer || !issuer->whole) return;
  put(section, TlsCertificateSection::kIssuerAt, TlsCertificateSection::kIssuer, common_name(*issuer));
  const auto validity = take(rest, kSequence);
  if (!validity || !validity->whole) return;
  Octets times = validity->content;
  const auto not_before = seconds(times);
  const auto not_after = not_before ? seconds(times) : std::nullopt;
  if (not_after) {
    section.not_before = *not_before;
    section.not_after = *not_after;
    section.known |= TlsCertificateSection::kValidity;
  }
  const auto subject = take(rest, kSequence);
  if (!subject || !subject->whole) return;
  put(section, TlsCertificateSection::kSubjectAt, TlsCertificateSection::kSubject, common_name(*subject));
  const auto key = take(rest, kSequence);
  if (!key) return;
  rest = key->content;
  const auto algorithm = take(rest, kSequence);
  if (!algorithm) return;
  rest = algorithm->content;
  const auto object = take(rest, kObject);
  if (!object || !object->whole) return;
  put(section, TlsCertificateSection::kPublicKeyAt, TlsCertificateSection::kPublicKey, object_name(*object));
}

}  // namespace

void decode_tls_certificate(TlsCertificateSection& section) {
  const std::size_t octets = std::min<std::size_t>(section.certificate_octets, TlsCertificateSection::kMost);
  if (octets == 0) return;
  std::array<std::uint8_t, TlsCertificateSection::kMost> kept;
  std::memcpy(kept.data(), section.octets, kept.size());
  section = {};
  decode(section, Octets(kept).first(octets));
  ERR_clear_error();
}

}  // namespace weir
