#include "control/tls_fingerprint.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "proto/base/byte_order.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

// Extension types (IANA).
constexpr std::uint16_t kServerName = 0;
constexpr std::uint16_t kSupportedGroups = 10;
constexpr std::uint16_t kPointFormats = 11;
constexpr std::uint16_t kSignatureAlgorithms = 13;
constexpr std::uint16_t kAlpn = 16;

void append_hex(std::string& to, unsigned value, unsigned digits) {
  while (digits-- > 0) to += "0123456789abcdef"[value >> (4 * digits) & 0xf];
}

/// Empty: OpenSSL does not have it.
std::string hex_digest(std::string_view text, const EVP_MD* kind) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned octets = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &octets, kind, nullptr) != 1) return {};
  std::string hex;
  for (unsigned i = 0; i < octets; ++i) append_hex(hex, digest[i], 2);
  return hex;
}

/// Numbers of two octets each, without those of RFC 8701.
std::vector<std::uint16_t> numbers(Octets octets) {
  std::vector<std::uint16_t> all;
  for (std::size_t at = 0; at + 2 <= octets.size(); at += 2) {
    const auto number = load_be<std::uint16_t>(octets.data() + at);
    if (!is_grease(number)) all.push_back(number);
  }
  return all;
}
/// Those of an extension that is a list of them after its length in octets.
std::vector<std::uint16_t> listed(const TlsHello& hello, std::uint16_t type) {
  const auto* const extension = hello.find(type);
  return extension == nullptr || extension->data.size() < 2 ? std::vector<std::uint16_t>()
                                                            : numbers(extension->data.subspan(2));
}
std::vector<std::uint16_t> extension_types(const TlsHello& hello) {
  std::vector<std::uint16_t> types;
  for (const TlsHello::Extension& extension : hello.extensions) {
    if (!is_grease(extension.type)) types.push_back(extension.type);
  }
  return types;
}

std::string decimal(const std::vector<std::uint16_t>& all) {
  std::string text;
  for (const std::uint16_t number : all) {
    if (!text.empty()) text += '-';
    text += std::to_string(number);
  }
  return text;
}
std::string hex(const std::vector<std::uint16_t>& all) {
  std::string text;
  for (const std::uint16_t number : all) {
    if (!text.empty()) text += ',';
    append_hex(text, number, 4);
  }
  return text;
}

std::string_view ja4_version(std::uint16_t version) {
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    default:
      return "00";
  }
}

bool is_alphanumeric(std::uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// The first and the last character of the first protocol, or of its hexadecimal digits where one is none of ASCII's
/// letters and digits.
std::string ja4_protocol(const TlsHello& hello) {
  const auto* const extension = hello.find(kAlpn);
  if (extension == nullptr || extension->data.size() < 4 || extension->data[2] == 0) return "00";
  const Octets protocol =
      extension->data.subspan(3, std::min<std::size_t>(extension->data[2], extension->data.size() - 3));
  const std::uint8_t first = protocol.front(), last = protocol.back();
  if (is_alphanumeric(first) && is_alphanumeric(last)) return {static_cast<char>(first), static_cast<char>(last)};
  std::string digits;
  append_hex(digits, first >> 4, 1);
  append_hex(digits, last, 1);
  return digits;
}

/// 99 stands for more, too.
std::string two_digits(std::size_t count) {
  const std::size_t shown = std::min<std::size_t>(count, 99);
  return (shown < 10 ? "0" : "") + std::to_string(shown);
}

/// The first 12 digits of the hash; of nothing, zeros.
std::string ja4_hash(const std::string& text) {
  return text.empty() ? std::string(12, '0') : hex_digest(text, EVP_sha256()).substr(0, 12);
}

}  // namespace

std::string ja3_text(const TlsHello& hello) {
  std::vector<std::uint16_t> formats;
  if (const auto* const extension = hello.find(kPointFormats); extension != nullptr && !extension->data.empty()) {
    const Octets octets = extension->data.subspan(1);
    formats.assign(octets.begin(), octets.end());
  }
  return std::to_string(hello.version) + ',' + decimal(numbers(hello.suites)) + ',' + decimal(extension_types(hello)) +
         ',' + decimal(listed(hello, kSupportedGroups)) + ',' + decimal(formats);
}

std::string ja3(const TlsHello& hello) {
  return hex_digest(ja3_text(hello), EVP_md5());
}

std::string ja4(const TlsHello& hello, char transport) {
  std::vector<std::uint16_t> suites = numbers(hello.suites);
  std::vector<std::uint16_t> types = extension_types(hello);
  std::string text(1, transport);
  text.append(ja4_version(offered_version(hello)));
  text += hello.find(kServerName) != nullptr ? 'd' : 'i';
  text += two_digits(suites.size()) + two_digits(types.size()) + ja4_protocol(hello);
  std::sort(suites.begin(), suites.end());
  std::sort(types.begin(), types.end());
  types.erase(std::remove_if(types.begin(), types.end(),
                             [](std::uint16_t type) { return type == kServerName || type == kAlpn; }),
              types.end());
  std::string hashed = hex(types);
  const std::vector<std::uint16_t> algorithms = listed(hello, kSignatureAlgorithms);
  if (!algorithms.empty()) hashed += '_' + hex(algorithms);
  return text + '_' + ja4_hash(hex(suites)) + '_' + ja4_hash(hashed);
}

}  // namespace weir
