// TLS handshakes for tests, octet by octet (RFC 8446 section 4.1, RFC 5246 section 7.4).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace weir::test {

inline std::string tls_number(std::uint64_t value, unsigned octets) {
  std::string text;
  for (unsigned i = octets; i-- > 0;) text += static_cast<char>(value >> (8 * i));
  return text;
}
/// Octets after their length.
inline std::string tls_vector(std::string_view octets, unsigned length_octets) {
  return tls_number(octets.size(), length_octets).append(octets);
}
inline std::string tls_numbers(const std::vector<std::uint16_t>& numbers) {
  std::string octets;
  for (const std::uint16_t number : numbers) octets += tls_number(number, 2);
  return octets;
}

inline std::string tls_extension(std::uint16_t type, std::string_view data = {}) {
  return tls_number(type, 2) + tls_vector(data, 2);
}
inline std::string tls_server_name(std::string_view name) {
  return tls_extension(0, tls_vector(std::string(1, '\0') + tls_vector(name, 2), 2));
}
inline std::string tls_alpn(std::initializer_list<std::string_view> protocols) {
  std::string list;
  for (const std::string_view protocol : protocols) list += tls_vector(protocol, 1);
  return tls_extension(16, tls_vector(list, 2));
}
/// Of a ClientHello.
inline std::string tls_versions(const std::vector<std::uint16_t>& versions) {
  return tls_extension(43, tls_vector(tls_numbers(versions), 1));
}
inline std::string tls_groups(const std::vector<std::uint16_t>& groups) {
  return tls_extension(10, tls_vector(tls_numbers(groups), 2));
}
inline std::string tls_formats(std::string_view formats) {
  return tls_extension(11, tls_vector(formats, 1));
}
inline std::string tls_algorithms(const std::vector<std::uint16_t>& algorithms) {
  return tls_extension(13, tls_vector(tls_numbers(algorithms), 2));
}

/// A handshake message, without its record.
inline std::string tls_message(std::uint8_t type, std::string_view body) {
  return static_cast<char>(type) + tls_vector(body, 3);
}
/// Without extensions there is no list of them either.
inline std::string client_hello(std::uint16_t version, const std::vector<std::uint16_t>& suites,
                                std::string_view extensions, std::string_view session = {}) {
  std::string body = tls_number(version, 2) + std::string(32, 'r') + tls_vector(session, 1) +
                     tls_vector(tls_numbers(suites), 2) + tls_vector(std::string(1, '\0'), 1);
  if (!extensions.empty()) body += tls_vector(extensions, 2);
  return tls_message(1, body);
}
inline std::string server_hello(std::uint16_t version, std::uint16_t suite, std::string_view extensions = {},
                                std::string_view session = {}) {
  std::string body =
      tls_number(version, 2) + std::string(32, 'R') + tls_vector(session, 1) + tls_number(suite, 2) + '\0';
  if (!extensions.empty()) body += tls_vector(extensions, 2);
  return tls_message(2, body);
}
/// Up to TLS 1.2.
inline std::string certificate_message(std::initializer_list<std::string_view> certificates) {
  std::string chain;
  for (const std::string_view certificate : certificates) chain += tls_vector(certificate, 3);
  return tls_message(11, tls_vector(chain, 3));
}
/// A record of type handshake, if nothing else is said.
inline std::string tls_record(std::string_view content, std::uint8_t type = 22, std::uint16_t version = 0x0301) {
  return static_cast<char>(type) + tls_number(version, 2) + tls_vector(content, 2);
}

inline std::string ssl2_client_hello(std::uint16_t version, unsigned suites = 3) {
  const std::string body = '\1' + tls_number(version, 2) + tls_number(std::uint64_t{suites} * 3, 2) + tls_number(0, 2) +
                           tls_number(16, 2) + std::string(std::size_t{suites} * 3, 's') + std::string(16, 'c');
  return tls_number(0x8000 | body.size(), 2) + body;
}

/// What a worker keeps of a ClientHello: see TlsSection. `extensions`: those that are decoded as they are, others
/// without data.
inline std::string kept_client_hello(std::uint16_t version, const std::vector<std::uint16_t>& suites,
                                     std::string_view extensions) {
  return (tls_number(version, 2) + tls_vector(tls_numbers(suites), 2)).append(extensions);
}

}  // namespace weir::test
