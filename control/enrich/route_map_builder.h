// RouteMapBuilder: prefix files to a RouteMap. The readers of files give prefixes to it, file by file.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_map>
#include <vector>

#include "control/enrich/route_map.h"

namespace weir {

/// Which kind of file it is.
enum class PrefixForm : std::uint8_t { text, bgpdump, maxmind };
std::string_view prefix_form_name(PrefixForm form);

/// A prefix as a file has it.
struct FilePrefix {
  AddressBits address;
  std::uint32_t route = 0;  ///< of RouteMapBuilder::add_route()
  std::uint32_t line = 0;   ///< 0: the file has no lines
  std::uint8_t length = 0;
};

/// Of files that are looked up by themselves.
struct FilePrefixes {
  std::string file;
  PrefixForm form = PrefixForm::text;
  std::array<std::vector<FilePrefix>, 2> prefixes;  ///< IPv4, IPv6

  [[nodiscard]] std::size_t size() const { return prefixes[0].size() + prefixes[1].size(); }
};

/// How long the prefixes may be that a map has: longer ones say nothing of an address of which the key has fewer bits.
struct LongestPrefix {
  unsigned ipv4 = 32;
  unsigned ipv6 = 128;

  friend bool operator==(const LongestPrefix&, const LongestPrefix&) = default;
};

class RouteMapBuilder {
 public:
  RouteMapBuilder();

  // Numbers of what routes refer to; equal ones have one number.
  std::uint32_t add_hop(const IpAddress& hop);
  std::uint32_t add_path(std::span<const std::uint32_t> path);
  /// Cut to what a record has room for.
  std::uint32_t add_name(std::string_view name);
  std::uint32_t add_route(const Route& route);

  /// Sorts the prefixes of the file. Error: a prefix that stands there twice, as "FILE:LINE: ...".
  static tl::expected<void, std::string> sort(FilePrefixes& file);

  /// The map of sorted files. Error: more routes than a map can have.
  tl::expected<std::shared_ptr<const RouteMap>, std::string> build(std::span<const FilePrefixes> files,
                                                                   const LongestPrefix& longest);

 private:
  struct Merge;

  std::vector<PrefixTrie::Entry> merge(std::span<const FilePrefixes> files, std::size_t family, unsigned longest);

  // Shared by the maps that are built.
  std::vector<Route> routes_;
  std::vector<IpAddress> hops_;
  std::vector<std::uint32_t> paths_;
  std::string names_;
  std::unordered_map<std::string, std::uint32_t> numbers_;  ///< by what it is, and its octets
};

/// "10.0.0.0/8".
std::string prefix_text(const AddressBits& address, unsigned length, bool ipv6);

}  // namespace weir
