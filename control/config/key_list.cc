#include "control/config/key_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <set>
#include <system_error>

#include "proto/base/similar.h"
#include "proto/base/split.h"

namespace weir {
namespace {

constexpr const char* kExpected =
    "expected 5tuple, or names of src_addr dst_addr src_port dst_port proto, and of icmp vlan_id inner_vlan_id "
    "mpls_label tunnel_id ip_tos src_mac dst_mac src_as dst_as in_if out_if, separated by commas; src_addr/N and "
    "dst_addr/N for a "
    "prefix of IPv4, src_addr6/N and dst_addr6/N of IPv6";

/// The fields that the key has or has not.
struct Flag {
  std::string_view name;
  bool KeyFields::*member;
};
constexpr auto kFlags = std::to_array<Flag>({{"src_port", &KeyFields::source_port},
                                             {"dst_port", &KeyFields::destination_port},
                                             {"proto", &KeyFields::protocol},
                                             {"icmp", &KeyFields::icmp},
                                             {"vlan_id", &KeyFields::vlan_id},
                                             {"inner_vlan_id", &KeyFields::inner_vlan_id},
                                             {"mpls_label", &KeyFields::mpls_label},
                                             {"tunnel_id", &KeyFields::tunnel_id},
                                             {"ip_tos", &KeyFields::ip_tos},
                                             {"src_mac", &KeyFields::source_mac},
                                             {"dst_mac", &KeyFields::destination_mac},
                                             {"src_as", &KeyFields::source_as},
                                             {"dst_as", &KeyFields::destination_as},
                                             {"in_if", &KeyFields::in_if},
                                             {"out_if", &KeyFields::out_if}});

constexpr auto kNames = [] {
  std::array<std::string_view, 5 + kFlags.size()> names{"5tuple", "src_addr", "dst_addr", "src_addr6", "dst_addr6"};
  for (std::size_t i = 0; i < kFlags.size(); ++i) names[5 + i] = kFlags[i].name;
  return names;
}();

/// What was named of one end's address.
struct Address {
  bool named = false;
  unsigned prefix4 = 32;
  unsigned prefix6 = 128;
};

}  // namespace

tl::expected<KeyFields, std::string> parse_key_list(std::string_view text) {
  KeyFields key;
  key.source_port = key.destination_port = key.protocol = false;
  Address source;
  Address destination;
  std::set<std::string, std::less<>> seen;
  for (const std::string_view item : split(text, ',')) {
    const auto slash = item.find('/');
    const std::string_view name = item.substr(0, slash);
    const bool has_length = slash != std::string_view::npos;
    if (!seen.insert(std::string(name)).second) return tl::unexpected(fmt::format("'{}' is given twice", name));

    const bool of_source = name.starts_with("src_addr");
    const std::string_view version = of_source || name.starts_with("dst_addr") ? name.substr(8) : std::string_view();
    if (has_length || version == "6") {
      if (!of_source && !name.starts_with("dst_addr")) {
        return tl::unexpected(fmt::format("'{}': only an address has a prefix length; {}", item, kExpected));
      }
      if (version != "6" && !version.empty()) {
        return tl::unexpected(
            fmt::format("'{}' is not a field of the key{}; {}", name, did_you_mean(name, kNames), kExpected));
      }
      const unsigned greatest = version == "6" ? 128 : 32;
      const std::string_view digits = has_length ? item.substr(slash + 1) : std::string_view();
      unsigned length = 0;
      const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
      if (fault != std::errc() || end != digits.data() + digits.size() || length == 0 || length > greatest) {
        return tl::unexpected(
            fmt::format("'{}': expected {}/N with a prefix length N of 1 to {}", item, name, greatest));
      }
      Address& address = of_source ? source : destination;
      address.named = true;
      (version == "6" ? address.prefix6 : address.prefix4) = length;
      continue;
    }
    if (name == "5tuple") {
      source.named = destination.named = key.source_port = key.destination_port = key.protocol = true;
    } else if (name == "src_addr") {
      source.named = true;
    } else if (name == "dst_addr") {
      destination.named = true;
    } else if (const auto flag =
                   std::find_if(kFlags.begin(), kFlags.end(), [&](const Flag& f) { return f.name == name; });
               flag != kFlags.end()) {
      key.*flag->member = true;
    } else {
      return tl::unexpected(
          fmt::format("'{}' is not a field of the key{}; {}", name, did_you_mean(name, kNames), kExpected));
    }
  }
  key.source_prefix4 = source.named ? source.prefix4 : 0;
  key.source_prefix6 = source.named ? source.prefix6 : 0;
  key.destination_prefix4 = destination.named ? destination.prefix4 : 0;
  key.destination_prefix6 = destination.named ? destination.prefix6 : 0;
  return key;
}

}  // namespace weir
