// One line of a prefix file in weir's own text form: a prefix, and what is known of it.
//
//   10.20.0.0/16  as=64500 name="Example Net" next_hop=192.0.2.1 domain=internal country=DE
//
// Every key may be left out. README.md of this folder describes the form.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "control/enrich/route_map_builder.h"

namespace weir {

struct PrefixLine {
  AddressBits address;
  std::uint8_t length = 0;
  bool ipv6 = false;
  std::uint32_t as_number = 0;
  IpAddress next_hop;
  std::string name;
  char country[2] = {0, 0};
  Domain domain = Domain::unknown;
};

/// `line` is neither empty nor a comment. Error: what is wrong, and what was expected.
tl::expected<PrefixLine, std::string> parse_prefix_line(std::string_view line);

/// "10.0.0.0/8" into the address and length of `line`. The address must have nothing after the prefix.
tl::expected<void, std::string> parse_prefix(std::string_view text, PrefixLine& line);

/// 1 to 4294967295; with or without "AS" before it.
tl::expected<std::uint32_t, std::string> parse_as_number(std::string_view text);

/// A line of the one-line form of bgpdump (-m), of a table.
struct BgpdumpLine {
  PrefixLine prefix;
  std::vector<std::uint32_t> path;  ///< the neighbour first; without AS sets and confederations
  std::uint32_t local_preference = 0;
  std::uint8_t origin = 0;  ///< 0 IGP, 1 EGP, 2 incomplete

  /// Whether a router would rather take this path (RFC 4271 section 9.1): the greater local preference, then the
  /// shorter path, then the lower origin.
  [[nodiscard]] bool better_than(const BgpdumpLine& other) const;
};

tl::expected<void, std::string> parse_bgpdump_line(std::string_view line, BgpdumpLine& out);

/// Whether the line is one of bgpdump.
bool is_bgpdump(std::string_view line);

}  // namespace weir
