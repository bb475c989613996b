#include "proto/base/quantity.h"

#include <algorithm>
#include <array>
#include <limits>

namespace weir {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kMostFractionDigits = 18;  ///< 10^18 fits into 64 bits

__extension__ using Wide = unsigned __int128;

constexpr auto kSizes =
    std::to_array<QuantityUnit>({{"", 1}, {"k", 1 << 10}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}});
constexpr auto kCounts =
    std::to_array<QuantityUnit>({{"", 1}, {"k", 1'000}, {"K", 1'000}, {"M", 1'000'000}, {"G", 1'000'000'000}});

std::string error_text(QuantityError error, std::string_view what, std::string_view form) {
  switch (error) {
    case QuantityError::too_fine:
      return "not a whole " + std::string(what) + "; " + std::string(form);
    case QuantityError::too_great:
      return "more than 64 bits can hold; " + std::string(form);
    case QuantityError::not_a_number:
    case QuantityError::unit_missing:
      break;
  }
  return "not a " + std::string(what) + "; " + std::string(form);
}

}  // namespace

tl::expected<std::uint64_t, QuantityError> parse_quantity(std::string_view text, std::span<const QuantityUnit> units) {
  const auto take_digits = [&text] {
    const std::string_view digits = text.substr(0, text.find_first_not_of(kDigits));
    text.remove_prefix(digits.size());
    return digits;
  };
  const std::string_view whole = take_digits();
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits();
    if (fraction.empty()) return tl::make_unexpected(QuantityError::not_a_number);
  }
  if (whole.empty()) return tl::make_unexpected(QuantityError::not_a_number);
  const auto unit = std::find_if(units.begin(), units.end(), [&](const QuantityUnit& one) { return one.name == text; });
  if (unit == units.end()) {
    return tl::make_unexpected(text.empty() ? QuantityError::unit_missing : QuantityError::not_a_number);
  }

  std::uint64_t number = 0;
  for (const char c : whole) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (number > (kMost - digit) / 10) return tl::make_unexpected(QuantityError::too_great);
    number = number * 10 + digit;
  }
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  if (fraction.size() > kMostFractionDigits) return tl::make_unexpected(QuantityError::too_fine);
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;
  for (const char c : fraction) {
    numerator = numerator * 10 + static_cast<std::uint64_t>(c - '0');
    denominator *= 10;
  }
  // Each product of two 64-bit numbers fits into 128 bits, and so does their sum.
  const Wide part = Wide{numerator} * unit->factor;
  if (part % denominator != 0) return tl::make_unexpected(QuantityError::too_fine);
  const Wide value = Wide{number} * unit->factor + part / denominator;
  if (value > kMost) return tl::make_unexpected(QuantityError::too_great);
  return static_cast<std::uint64_t>(value);
}

tl::expected<std::uint64_t, std::string> parse_size(std::string_view text) {
  return parse_quantity(text, kSizes).map_error([](QuantityError error) {
    return error_text(error, "number of octets", "expected a number, with k, M or G if it is large, such as 100M");
  });
}

tl::expected<std::uint64_t, std::string> parse_count(std::string_view text) {
  return parse_quantity(text, kCounts).map_error([](QuantityError error) {
    return error_text(error, "number", "expected a number, with k, M or G if it is large, such as 1.5M");
  });
}

}  // namespace weir
