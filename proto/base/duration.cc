#include "proto/base/duration.h"

#include <algorithm>
#include <array>

#include "proto/base/quantity.h"

namespace weir {
namespace {

constexpr auto kUnits = std::to_array<QuantityUnit>({{"ns", 1},
                                                     {"us", 1'000},
                                                     {"ms", 1'000'000},
                                                     {"s", 1'000'000'000},
                                                     {"m", 60'000'000'000},
                                                     {"h", 3'600'000'000'000}});

/// "; did you mean 5m?" of "5min": a number with a unit as people write it.
std::string meant(std::string_view text) {
  struct Word {
    std::string_view word;
    std::string_view unit;
  };
  constexpr auto kWords = std::to_array<Word>({{"sec", "s"},
                                               {"secs", "s"},
                                               {"second", "s"},
                                               {"seconds", "s"},
                                               {"min", "m"},
                                               {"mins", "m"},
                                               {"minute", "m"},
                                               {"minutes", "m"},
                                               {"hour", "h"},
                                               {"hours", "h"},
                                               {"hr", "h"},
                                               {"msec", "ms"},
                                               {"usec", "us"},
                                               {"nsec", "ns"},
                                               {"S", "s"},
                                               {"H", "h"}});
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string_view unit = text.substr(digits);
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  std::string_view known;
  for (const QuantityUnit& one : kUnits) known = one.name == unit ? unit : known;  // after a blank
  for (const Word& one : kWords) known = one.word == unit ? one.unit : known;
  const std::string likely = std::string(text.substr(0, digits)).append(known);
  if (known.empty() || !parse_quantity(likely, kUnits)) return {};
  return "; did you mean " + likely + "?";
}

/// 7 as "07".
std::string padded(std::uint64_t value, std::size_t width) {
  const std::string digits = std::to_string(value);
  return std::string(width > digits.size() ? width - digits.size() : 0, '0') + digits;
}

}  // namespace

tl::expected<std::uint64_t, std::string> parse_duration(std::string_view text) {
  return parse_quantity(text, kUnits).map_error([text](QuantityError error) -> std::string {
    constexpr const char* kForm = "expected a number with one of the units ns us ms s m h, such as 1.5s";
    switch (error) {
      case QuantityError::unit_missing:
        return std::string("a unit is missing; ").append(kForm);
      case QuantityError::too_fine:
        return "finer than a nanosecond; expected at most that";
      case QuantityError::too_great:
        return "too long; expected less than 584 years";
      case QuantityError::not_a_number:
        break;
    }
    std::string wrong = "not a duration; ";
    return wrong.append(kForm).append(meant(text));
  });
}

tl::expected<std::uint64_t, std::string> parse_duration(std::string_view text, std::uint64_t least_ns,
                                                        std::uint64_t greatest_ns) {
  auto parsed = parse_duration(text);
  if (parsed && (*parsed < least_ns || *parsed > greatest_ns)) {
    return tl::make_unexpected("out of range; expected " + duration_text(least_ns) + " to " +
                               duration_text(greatest_ns));
  }
  return parsed;
}

std::string duration_text(std::uint64_t duration_ns) {
  if (duration_ns == 0) return "0s";
  // The default timeouts read better as 300s than as 5m, so minutes are only used from ten up.
  for (auto unit = kUnits.rbegin(); unit != kUnits.rend(); ++unit) {
    if (duration_ns % unit->factor != 0) continue;
    if (unit->name == "m" && duration_ns / unit->factor < 10) continue;
    return std::to_string(duration_ns / unit->factor).append(unit->name);
  }
  return std::to_string(duration_ns) + "ns";
}

std::string short_duration_text(std::uint64_t duration_ns) {
  if (duration_ns == 0) return "0 s";
  if (duration_ns < 1'000) return std::to_string(duration_ns) + " ns";
  if (duration_ns < 1'000'000) return std::to_string(duration_ns / 1'000) + " us";
  const std::uint64_t ms = duration_ns / 1'000'000;
  if (ms < 1'000) return std::to_string(ms) + " ms";
  const std::uint64_t s = ms / 1'000;
  if (s < 60) return std::to_string(s) + "." + padded(ms % 1'000, 3) + " s";
  if (s < 3'600) return std::to_string(s / 60) + "m" + padded(s % 60, 2) + "s";
  return std::to_string(s / 3'600) + "h" + padded(s / 60 % 60, 2) + "m";
}

}  // namespace weir
