#include "control/config/sampling_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>

namespace weir {
namespace {

constexpr const char* kExpected =
    "expected none, packets=1:N, packets=1:N,deterministic, flows=1:N or rate=PPS, such as packets=1:100";

std::optional<std::uint64_t> number_of(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || fault != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

/// What follows `name=`; nothing: `text` does not begin so.
std::optional<std::string_view> value_of(std::string_view text, std::string_view name) {
  if (!text.starts_with(name) || text.size() == name.size() || text[name.size()] != '=') return std::nullopt;
  return text.substr(name.size() + 1);
}

}  // namespace

tl::expected<Sampling, std::string> parse_sampling(std::string_view text) {
  Sampling sampling;
  if (text == "none") return sampling;
  if (const auto rate = value_of(text, "rate")) {
    const auto most = number_of(*rate);
    if (!most || *most == 0 || *most > UINT32_MAX) {
      return tl::unexpected(
          fmt::format("'{}': expected packets per second, 1 to {}, such as rate=1000000", *rate, UINT32_MAX));
    }
    sampling.by = Sampling::By::rate;
    sampling.most_pps = *most;
    return sampling;
  }
  auto share = value_of(text, "packets");
  sampling.by = share ? Sampling::By::packets : Sampling::By::flows;
  if (share && share->ends_with(",deterministic")) {
    sampling.deterministic = true;
    share->remove_suffix(std::string_view(",deterministic").size());
  }
  if (!share) share = value_of(text, "flows");
  if (!share) return tl::unexpected(std::string(kExpected));
  const auto one_in = share->starts_with("1:") ? number_of(share->substr(2)) : std::nullopt;
  if (!one_in || *one_in == 0 || *one_in > Sampling::kMostOneIn) {
    return tl::unexpected(
        fmt::format("'{}': expected 1:N with N from 1 to {}, such as 1:100", *share, Sampling::kMostOneIn));
  }
  sampling.one_in = static_cast<std::uint32_t>(*one_in);
  return sampling;
}

tl::expected<KeyHash::Seed, std::string> parse_sampling_key(std::string_view text) {
  constexpr std::size_t kDigitsAWord = 16;
  constexpr std::size_t kMostWords = 4;
  if (text.size() < kDigitsAWord || text.size() > kMostWords * kDigitsAWord) return tl::unexpected(std::string());
  KeyHash::Seed seed{};
  for (std::size_t at = 0; at < text.size(); at += kDigitsAWord) {
    const std::string_view digits = text.substr(at, kDigitsAWord);
    const auto [end, fault] =
        std::from_chars(digits.data(), digits.data() + digits.size(), seed[at / kDigitsAWord], 16);
    if (fault != std::errc() || end != digits.data() + digits.size()) return tl::unexpected(std::string());
  }
  // All words of the hash have secret bits, however short the key: splitmix64 (Steele, Lea and Flood, 2014) over it.
  std::uint64_t state = text.size();
  for (unsigned round = 0; round < 2; ++round) {
    for (std::uint64_t& word : seed) {
      state = (state ^ word) + 0x9e37'79b9'7f4a'7c15;
      state = (state ^ state >> 30) * 0xbf58'476d'1ce4'e5b9;
      state = (state ^ state >> 27) * 0x94d0'49bb'1331'11eb;
      word ^= state ^ state >> 31;
    }
  }
  return seed;
}

}  // namespace weir
