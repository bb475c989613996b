#include "control/export/option_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "proto/base/duration.h"
#include "proto/base/quantity.h"

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
                                                            std::uint64_t least, std::uint64_t greatest) {
  auto parsed = parse_duration(text);
  if (parsed && *parsed >= least && *parsed <= greatest) return parsed;
  return Error(fmt::format("{} '{}' is not a duration from {} to {}{}", name, text, duration_text(least),
                           duration_text(greatest), parsed ? "" : ": " + parsed.error()));
}

tl::expected<std::uint64_t, std::string> option_octets(std::string_view name, std::string_view text,
                                                       std::uint64_t least) {
  auto size = parse_size(text);
  if (size && *size >= least) return size;
  return Error(fmt::format("{} '{}' is not a size from {} up, as in 100M (units: k, M, G)", name, text, least));
}

tl::expected<std::size_t, std::string> option_choice(std::string_view name, std::string_view text,
                                                     std::span<const std::string_view> words) {
  const auto found = std::find(words.begin(), words.end(), text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  return Error(fmt::format("{} '{}' is not one of {}", name, text, joined(words, ", ")));
}

OptionResult option_hex(std::string_view name, std::string_view text, std::span<std::uint8_t> octets) {
  const auto wrong = [&] {
    return Error(fmt::format("{}: expected {} hexadecimal digits, as 'openssl rand -hex {}' makes them", name,
                             2 * octets.size(), octets.size()));
  };
  if (text.size() != 2 * octets.size()) return wrong();
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const char* const digits = text.data() + 2 * i;
    const auto [end, code] = std::from_chars(digits, digits + 2, octets[i], 16);
    if (code != std::errc{} || end != digits + 2) return wrong();
  }
  return {};
}

std::string joined(std::span<const std::string_view> words, std::string_view separator) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? std::string_view{} : separator).append(word);
  return text;
}

}  // namespace weir
