#include "control/enrich/prefix_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

#include "proto/base/json_string.h"
#include "proto/base/number_text.h"

namespace weir {
namespace {

using Checked = tl::expected<void, std::string>;

tl::unexpected<std::string> wrong(std::string_view text, std::string_view expected) {
  constexpr std::size_t kShown = 60;  // a line of a file that is something else has no end
  const std::string_view shown = text.substr(0, kShown);
  return tl::make_unexpected(
      fmt::format("'{}{}': expected {}", printable(shown), shown.size() < text.size() ? "..." : "", expected));
}

template <typename T>
bool read_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// The next word of `rest`, which is taken off; empty at the end. A value may stand in quotes.
std::string_view next_word(std::string_view& rest) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t from = std::min(rest.find_first_not_of(kBlanks), rest.size());
  rest.remove_prefix(from);
  std::size_t end = 0;
  bool quoted = false;
  for (; end < rest.size() && (quoted || kBlanks.find(rest[end]) == std::string_view::npos); ++end) {
    if (rest[end] == '"') quoted = !quoted;
  }
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

Checked set_as(std::string_view value, PrefixLine& line) {
  return parse_as_number(value).map([&](std::uint32_t number) { line.as_number = number; });
}

Checked set_name(std::string_view value, PrefixLine& line) {
  constexpr std::string_view kExpected = "a name such as Example or \"Example Net\"";
  if (value.empty()) return wrong(value, kExpected);
  if (value.front() == '"') {
    if (value.size() < 3 || value.back() != '"') return wrong(value, kExpected);
    value = value.substr(1, value.size() - 2);
  }
  if (value.find('"') != std::string_view::npos || value.find('\0') != std::string_view::npos) {
    return wrong(value, kExpected);
  }
  // Protobuf's strings are UTF-8, and readers refuse a record that has another one.
  for (std::string_view rest = value; !rest.empty(); rest.remove_prefix(utf8_length(rest))) {
    if (utf8_length(rest) == 0) return wrong(value, "a name in UTF-8");
  }
  line.name = value;
  return {};
}

Checked set_next_hop(std::string_view value, PrefixLine& line) {
  const auto address = parse_ip_address(std::string(value));
  if (!address) return wrong(value, "an address such as 192.0.2.1");
  if ((address->ip_version == 6) != line.ipv6) {
    return wrong(value, line.ipv6 ? "an IPv6 address, as the prefix is" : "an IPv4 address, as the prefix is");
  }
  line.next_hop = *address;
  return {};
}

Checked set_domain(std::string_view value, PrefixLine& line) {
  if (value != "internal" && value != "external") return wrong(value, "internal or external");
  line.domain = value == "internal" ? Domain::internal : Domain::external;
  return {};
}

Checked set_country(std::string_view value, PrefixLine& line) {
  const bool letters = std::all_of(value.begin(), value.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (value.size() != 2 || !letters) return wrong(value, "two capital letters such as DE");
  std::copy(value.begin(), value.end(), line.country);
  return {};
}

struct Key {
  std::string_view name;
  Checked (*set)(std::string_view value, PrefixLine& line);
};
constexpr auto kKeys = std::to_array<Key>(
    {{"as", set_as}, {"name", set_name}, {"next_hop", set_next_hop}, {"domain", set_domain}, {"country", set_country}});

/// The field at `at` of a line of fields that '|' separates; empty where there is none.
class Fields {
 public:
  explicit Fields(std::string_view line) {
    while (count_ < fields_.size()) {
      const std::size_t end = std::min(line.find('|'), line.size());
      fields_[count_++] = line.substr(0, end);
      if (end == line.size()) return;
      line.remove_prefix(end + 1);
    }
  }
  std::string_view operator[](std::size_t at) const { return fields_[at]; }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  std::array<std::string_view, 11> fields_{};
  std::size_t count_ = 0;
};

/// "64500 64501 {64502,64503}": ASes in order. A set of several has no order and stays out (RFC 6472); so do the
/// segments of a confederation, in parentheses, which nobody outside knows (RFC 5065).
Checked read_path(std::string_view text, std::vector<std::uint32_t>& path) {
  path.clear();
  bool confederation = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    confederation = confederation || word.front() == '(' || word.front() == '[';
    const bool closes = word.back() == ')' || word.back() == ']';
    const bool skipped = confederation;
    if (closes) confederation = false;
    if (skipped) continue;
    if (word.front() == '{' && word.back() == '}') {
      word = word.substr(1, word.size() - 2);
      if (word.find(',') != std::string_view::npos) continue;
    }
    std::uint32_t number = 0;
    if (!read_number(word, number)) return wrong(word, "an AS path such as 64500 64501");
    path.push_back(number);
  }
  return {};
}

}  // namespace

tl::expected<std::uint32_t, std::string> parse_as_number(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with("AS")) digits.remove_prefix(2);
  std::uint32_t number = 0;
  if (!read_number(digits, number) || number == 0) return wrong(text, "an AS number from 1 to 4294967295");
  return number;
}

Checked parse_prefix(std::string_view text, PrefixLine& line) {
  constexpr std::string_view kExpected = "a prefix such as 192.0.2.0/24 or 2001:db8::/32";
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return wrong(text, kExpected);
  const auto address = parse_ip_address(std::string(text.substr(0, slash)));
  unsigned length = 0;
  if (!address || !read_number(text.substr(slash + 1), length) || length > address->size() * 8) {
    return wrong(text, kExpected);
  }
  line.ipv6 = address->ip_version == 6;
  line.length = static_cast<std::uint8_t>(length);
  line.address = AddressBits::of(address->octets, address->size());
  if (line.address.first(length) == line.address) return {};
  return wrong(text, fmt::format("no bits after the prefix, as in {}",
                                 prefix_text(line.address.first(length), length, line.ipv6)));
}

tl::expected<PrefixLine, std::string> parse_prefix_line(std::string_view line) {
  PrefixLine parsed;
  if (auto good = parse_prefix(next_word(line), parsed); !good) return tl::make_unexpected(good.error());
  std::array<bool, kKeys.size()> seen{};
  for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
    if (word.front() == '#') break;
    const std::size_t equals = std::min(word.find('='), word.size());
    const auto* const key =
        std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& one) { return one.name == word.substr(0, equals); });
    if (key == kKeys.end() || equals == word.size()) {
      return wrong(word, "as=, name=, next_hop=, domain= or country= with a value");
    }
    bool& again = seen[static_cast<std::size_t>(key - kKeys.begin())];
    if (again) return wrong(word, fmt::format("{}= once", key->name));
    again = true;
    if (auto good = key->set(word.substr(equals + 1), parsed); !good) {
      return tl::make_unexpected(fmt::format("{}={}", key->name, good.error()));
    }
  }
  return parsed;
}

bool is_bgpdump(std::string_view line) {
  return line.starts_with("TABLE_DUMP") || line.starts_with("BGP4MP");
}

bool BgpdumpLine::better_than(const BgpdumpLine& other) const {
  return std::make_tuple(other.local_preference, path.size(), origin) <
         std::make_tuple(local_preference, other.path.size(), other.origin);
}

Checked parse_bgpdump_line(std::string_view line, BgpdumpLine& out) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const Fields fields(line);
  if (fields.size() < 9 || (fields[0] != "TABLE_DUMP" && fields[0] != "TABLE_DUMP2") || fields[2] != "B") {
    return wrong(line,
                 "a line of `bgpdump -m` of a table: TABLE_DUMP2|time|B|peer|AS|prefix|AS path|origin|next hop|...");
  }
  out.prefix = {};
  if (auto good = parse_prefix(fields[5], out.prefix); !good) return good;
  if (auto good = read_path(fields[6], out.path); !good) return good;
  out.prefix.as_number = out.path.empty() ? 0 : out.path.back();
  const std::string_view origin = fields[7];
  if (origin != "IGP" && origin != "EGP" && origin != "INCOMPLETE") return wrong(origin, "IGP, EGP or INCOMPLETE");
  out.origin = origin == "IGP" ? 0 : origin == "EGP" ? 1 : 2;
  const auto hop = parse_ip_address(std::string(fields[8].substr(0, fields[8].find(' '))));
  if (!hop) return wrong(fields[8], "the address of a next hop");
  // A next hop of the other IP version (RFC 8950) has no place in a record.
  if ((hop->ip_version == 6) == out.prefix.ipv6) out.prefix.next_hop = *hop;
  out.local_preference = 0;
  if (!fields[9].empty() && !read_number(fields[9], out.local_preference)) {
    return wrong(fields[9], "a local preference");
  }
  return {};
}

}  // namespace weir
