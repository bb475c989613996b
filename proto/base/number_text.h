// Numbers for people: digits in groups, and figures with a decimal prefix.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t value);

/// A figure with three significant digits and a decimal prefix (k, M, G, T, P, E: powers of 1000):
/// scaled(14'880'952, "pps") is "14.9 Mpps", scaled(1'500, "B") is "1.50 kB".
std::string scaled(double value, std::string_view unit);

/// For a message to people: control characters, which may do anything to a terminal, as "\\x1b"; all else as it is.
std::string printable(std::string_view text);

}  // namespace weir
