// A number with a unit, "1.5s" or "100M", read exactly: the ground of durations, sizes and rates.
//
// The number has digits, and digits on both sides of its point if it has one; no sign, no exponent, no blanks. All
// arithmetic is on integers, so that 0.1s is 100000000 ns and nothing is rounded: what is finer than the smallest unit,
// or greater than 64 bits, is an error.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace weir {

struct QuantityUnit {
  std::string_view name;  ///< "": the number may stand alone
  std::uint64_t factor;   ///< in what the result counts
};

enum class QuantityError : std::uint8_t {
  not_a_number,  ///< or a unit that is not known
  unit_missing,
  too_fine,   ///< a fraction of what the result counts
  too_great,  ///< more than 64 bits
};

tl::expected<std::uint64_t, QuantityError> parse_quantity(std::string_view text, std::span<const QuantityUnit> units);

/// "65536", "64k", "1.5G" to octets: k (or K), M and G are powers of 1024. Error: what is wrong and what is right.
tl::expected<std::uint64_t, std::string> parse_size(std::string_view text);

/// "250000", "250k", "1.5M" to a count: k (or K), M and G are powers of 1000. Error: what is wrong and what is right.
tl::expected<std::uint64_t, std::string> parse_count(std::string_view text);

}  // namespace weir
