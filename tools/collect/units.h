// Durations and amounts as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace weir {

/// A number with a unit, "10s", "1.5m", "250ms" (ns, us, ms, s, m, h), in ns. Error: one line.
tl::expected<std::uint64_t, std::string> parse_duration_ns(std::string_view text);

/// "812 ns", "1.204 s", "3m07s", "2h05m": at most 8 characters up to 99 hours.
std::string duration_text(std::uint64_t duration_ns);

/// "999 B", "1.50 kB", "12.3 MB": powers of 1000, three digits.
std::string octets_text(std::uint64_t octets);

/// Digits in groups of three: "12,345,678".
std::string grouped(std::uint64_t number);

/// "2024-05-01 12:34:56.789", UTC.
std::string time_text(std::uint64_t time_ns);

}  // namespace weir
