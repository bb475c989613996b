// Octets of any kind as the inside of a JSON string (RFC 8259 section 7), into memory of the caller.
//
// What is UTF-8 stays as it is; quotes, backslashes, control characters and octets that are no UTF-8 are written as
// \u00XX each.
#pragma once

#include <cstddef>
#include <string_view>

namespace weir {

/// Octets that one octet may become.
inline constexpr std::size_t kJsonOctetMost = 6;

/// Writes `text` without quotes to `out`, which has room for kJsonOctetMost per octet. Returns the end.
char* write_json_string(char* out, std::string_view text);

/// Length of the well-formed UTF-8 sequence at the start of `text`; 0: there is none (RFC 3629 §4).
std::size_t utf8_length(std::string_view text);

}  // namespace weir
