// Durations as people write and read them, in nanoseconds inside.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace weir {

/// Ten years: the greatest time that a program can be told to run (--duration).
inline constexpr std::uint64_t kGreatestRunNs = 87'600ULL * 3'600'000'000'000;

/// "1.5s", "30s", "250ms": a number with one of the units ns us ms s m h, exact to the nanosecond. Error: what is wrong
/// and what is right, in one line that does not repeat the text.
tl::expected<std::uint64_t, std::string> parse_duration(std::string_view text);

/// The same, from `least_ns` to `greatest_ns`.
tl::expected<std::uint64_t, std::string> parse_duration(std::string_view text, std::uint64_t least_ns,
                                                        std::uint64_t greatest_ns);

/// The shortest form that parse_duration reads back as the same: "90s", "1500ms", "2h".
std::string duration_text(std::uint64_t duration_ns);

/// Rounded down for the eye: "812 ns", "1.204 s", "3m07s", "2h05m"; at most 8 characters up to 99 hours.
std::string short_duration_text(std::uint64_t duration_ns);

}  // namespace weir
