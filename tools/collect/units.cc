#include "tools/collect/units.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <ctime>

namespace weir {

tl::expected<std::uint64_t, std::string> parse_duration_ns(std::string_view text) {
  constexpr double kLongestNs = 9.2e18;  // 292 years: what a signed count of ns can hold
  const auto wrong = [&] {
    return tl::make_unexpected(
        fmt::format("'{}' is no duration: a number with ns, us, ms, s, m or h, such as 10s", text));
  };
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !(number >= 0)) return wrong();
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  double scale = 0;
  if (unit == "ns") scale = 1;
  if (unit == "us") scale = 1e3;
  if (unit == "ms") scale = 1e6;
  if (unit == "s") scale = 1e9;
  if (unit == "m") scale = 60e9;
  if (unit == "h") scale = 3600e9;
  if (scale == 0 || number * scale > kLongestNs) return wrong();
  return static_cast<std::uint64_t>(std::llround(number * scale));
}

std::string duration_text(std::uint64_t duration_ns) {
  if (duration_ns == 0) return "0 s";
  if (duration_ns < 1'000) return fmt::format("{} ns", duration_ns);
  if (duration_ns < 1'000'000) return fmt::format("{} us", duration_ns / 1'000);
  if (duration_ns < 1'000'000'000) return fmt::format("{} ms", duration_ns / 1'000'000);
  const std::uint64_t ms = duration_ns / 1'000'000;
  const std::uint64_t s = ms / 1'000;
  if (s < 60) return fmt::format("{}.{:03} s", s, ms % 1'000);
  if (s < 3'600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  return fmt::format("{}h{:02}m", s / 3'600, s / 60 % 60);
}

std::string octets_text(std::uint64_t octets) {
  if (octets < 1'000) return fmt::format("{} B", octets);
  constexpr std::string_view kPrefixes = "kMGTPE";
  auto value = static_cast<double>(octets) / 1'000;
  std::size_t prefix = 0;
  // 999.5 would be shown as "1000": it belongs to the next prefix.
  while (value >= 999.5) {
    value /= 1'000;
    ++prefix;
  }
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}B", value, decimals, kPrefixes[prefix]);
}

std::string grouped(std::uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t place = digits.size(); place > 3;) {
    place -= 3;
    digits.insert(place, 1, ',');
  }
  return digits;
}

std::string time_text(std::uint64_t time_ns) {
  const auto seconds = static_cast<std::time_t>(time_ns / 1'000'000'000);
  std::tm utc{};
  if (gmtime_r(&seconds, &utc) == nullptr) return fmt::format("{} ns", time_ns);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, time_ns / 1'000'000 % 1'000);
}

}  // namespace weir
