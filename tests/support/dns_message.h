// DNS messages for tests, octet by octet (RFC 1035 section 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::test {

inline std::string dns_u16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

/// "www.example.org" as labels, each after its length, and the root's.
inline std::string dns_name(std::string_view name) {
  std::string octets;
  while (!name.empty()) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    octets += static_cast<char>(label.size());
    octets += label;
    name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
  }
  return octets + '\0';
}

inline std::string dns_question(std::string_view name, unsigned type = 1, unsigned klass = 1) {
  return dns_name(name) + dns_u16(type) + dns_u16(klass);
}

/// A message with one question.
inline std::string dns_message(unsigned id, unsigned flags, const std::string& question, unsigned answers = 0) {
  return dns_u16(id) + dns_u16(flags) + dns_u16(1) + dns_u16(answers) + dns_u16(0) + dns_u16(0) + question;
}

/// The same over TCP: after its length.
inline std::string dns_over_tcp(const std::string& message) {
  return dns_u16(static_cast<unsigned>(message.size())) + message;
}

inline constexpr unsigned kDnsQuery = 0x0100;     // recursion desired
inline constexpr unsigned kDnsResponse = 0x8180;  // and available
inline constexpr unsigned kDnsNoSuchName = 0x8183;

}  // namespace weir::test
