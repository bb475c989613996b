#include "control/export/option_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;

}  // namespace

tl::expected<std::uint64_t, std::string> option_number(std::string_view name, std::string_view text,
                                                       std::uint64_t least, std::uint64_t greatest) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || value < least || value > greatest) {
    return Error(fmt::format("{} '{}' is not a number from {} to {}", name, text, least, greatest));
  }
  return value;
}

tl::expected<std::uint64_t, std::string> option_duration_ns(std::string_view name, std::string_view text,
                                                            std::uint64_t least, std::uint64_t greatest,
                                                            std::string_view range) {
  struct Unit {
    std::string_view name;
    std::uint64_t ns;
  };
  static constexpr auto kUnits = std::to_array<Unit>({{"ns", 1},
                                                      {"us", 1'000},
                                                      {"ms", 1'000'000},
                                                      {"s", 1'000'000'000},
                                                      {"m", 60'000'000'000},
                                                      {"h", 3'600'000'000'000}});
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc{}) {
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    for (const Unit& known : kUnits) {
      if (unit != known.name || value > greatest / known.ns) continue;
      if (value * known.ns >= least) return value * known.ns;
    }
  }
  return Error(fmt::format("{} '{}' is not a duration {}, as in 20s (units: ns, us, ms, s, m, h)", name, text, range));
}

tl::expected<std::uint64_t, std::string> option_octets(std::string_view name, std::string_view text,
                                                       std::uint64_t least) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const unsigned shift = unit == "k" || unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : 0;
  const bool known = unit.empty() || shift != 0;
  if (code != std::errc{} || !known || value > (UINT64_MAX >> 1 >> shift) || value << shift < least) {
    return Error(fmt::format("{} '{}' is not a size from {} up, as in 100M (units: k, M, G)", name, text, least));
  }
  return value << shift;
}

tl::expected<std::size_t, std::string> option_choice(std::string_view name, std::string_view text,
                                                     std::span<const std::string_view> words) {
  const auto found = std::find(words.begin(), words.end(), text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  return Error(fmt::format("{} '{}' is none of {}", name, text, joined(words, ", ")));
}

std::string joined(std::span<const std::string_view> words, std::string_view separator) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? std::string_view{} : separator).append(word);
  return text;
}

}  // namespace weir
