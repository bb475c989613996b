// What is known of HTTP/1.x (RFC 9112) where headers are looked for and where they are decoded: the names of the fields
// that a record has, and how much of a line is kept.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace weir {

/// Of fields that are kept, in lower case, with their colons.
inline constexpr std::array<std::string_view, 4> kHttpFieldNames{"host:", "user-agent:", "referer:", "content-type:"};

/// " HTTP/1.1": what a request line ends with.
inline constexpr std::size_t kHttpVersionOctets = 9;
/// Octets of a line that are kept, without the line feed: a text of 254 octets (field.h), and what is around it.
inline constexpr std::size_t kHttpMostRequestLine = 300;
inline constexpr std::size_t kHttpMostFieldLine = 290;  ///< with lines that go on (obs-fold)

[[nodiscard]] constexpr char http_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
/// Whether `name`, one of kHttpFieldNames, begins with these octets in either case.
[[nodiscard]] constexpr bool http_name_begins(std::string_view name, std::string_view octets) {
  if (octets.size() > name.size()) return false;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    if (http_lower(octets[i]) != name[i]) return false;
  }
  return true;
}

}  // namespace weir
