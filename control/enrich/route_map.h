// RouteMap: from an address to what the prefix files say of it, for reading by any number of threads.
//
// Several files make one map: of each prefix of any of them it has what they say together, each by its own longest
// prefix, and of each fact what the first file says that knows it. So an address costs one search, however many files
// there are, and a list of names does not hide the table of routes before it.
//
// What a prefix stands for is 4 octets in the trie: the length that src_net and dst_net tell (of the first file of
// routes that has the address) and the number of a Route. Equal routes, next hops, AS paths and names are kept once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/enrich/prefix_trie.h"
#include "proto/base/address_bits.h"
#include "proto/base/ip_address.h"
#include "proto/record/section/routing.h"

namespace weir {

/// What is known of a prefix. Numbers of next hops, paths and names are of the map that has the route; 0: none.
struct alignas(32) Route {
  std::uint32_t as_number = 0;  ///< 0: unknown
  std::uint32_t as_path = 0;
  std::uint32_t name = 0;
  std::uint32_t next_hop = 0;
  std::uint32_t bgp_next_hop = 0;
  char country[2] = {0, 0};
  Domain domain = Domain::unknown;
  std::uint8_t reserved[9] = {};  // the rest of half a cache line, so that no route lies in two

  friend bool operator==(const Route&, const Route&) = default;
};
static_assert(sizeof(Route) == 32 && std::has_unique_object_representations_v<Route>,
              "two to a cache line; hashed as memory");

class RouteMap {
 public:
  /// What find() gives; 0: no prefix holds the address.
  using Value = PrefixTrie::Value;
  static constexpr unsigned kRouteBits = 24;
  static constexpr std::size_t kMostRoutes = std::size_t{1} << kRouteBits;

  static constexpr Value value_of(unsigned length, std::uint32_t route) { return length << kRouteBits | route; }
  /// The prefix length that a value tells; 0: none, or a default route.
  static constexpr std::uint8_t length_of(Value value) { return static_cast<std::uint8_t>(value >> kRouteBits); }

  [[nodiscard]] const PrefixTrie& trie(std::uint8_t ip_version) const { return tries_[ip_version == 4 ? 0 : 1]; }
  [[nodiscard]] const Route& route(Value value) const { return routes_[value & (kMostRoutes - 1)]; }
  /// Asks for the memory of route(value).
  void prefetch_route(Value value) const { __builtin_prefetch(&route(value)); }
  /// Some route has an AS path or a name.
  [[nodiscard]] bool has_texts() const { return paths_.size() > 1 || names_.size() > 1; }
  /// Asks for the memory of the path and the name of route(value), which is there by now.
  void prefetch_texts(Value value) const {
    const Route& known = route(value);
    if (known.as_path != 0) __builtin_prefetch(&paths_[known.as_path]);
    if (known.name != 0) __builtin_prefetch(&names_[known.name]);
  }
  /// The AS number of each address, of the IP version 4 or 6, into the same place of `as_numbers`; 0: unknown.
  void find_as_numbers(std::uint8_t ip_version, std::span<const AddressBits> addresses,
                       std::span<std::uint32_t> as_numbers) const;
  [[nodiscard]] const IpAddress& hop(std::uint32_t number) const { return hops_[number]; }
  [[nodiscard]] std::string_view name(std::uint32_t number) const;
  /// The neighbour first, the origin last.
  [[nodiscard]] std::span<const std::uint32_t> path(std::uint32_t number) const;

  /// A prefix is named internal, so every address that no file gives a domain is external.
  [[nodiscard]] bool names_the_inside() const { return names_the_inside_; }

  [[nodiscard]] std::size_t prefixes() const { return prefixes_; }
  /// Memory that it takes.
  [[nodiscard]] std::size_t octets() const;

 private:
  friend class RouteMapBuilder;

  std::array<PrefixTrie, 2> tries_;  ///< IPv4, IPv6
  HugePageVector<Route> routes_;     ///< the first one stands for no prefix
  std::vector<IpAddress> hops_;
  HugePageVector<std::uint32_t> paths_;  ///< each its count and its numbers
  std::string names_;                    ///< each its length in an octet, and its octets
  std::size_t prefixes_ = 0;
  bool names_the_inside_ = false;
};

}  // namespace weir
