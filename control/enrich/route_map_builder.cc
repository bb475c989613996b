#include "control/enrich/route_map_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "proto/base/address_text.h"
#include "proto/base/byte_order.h"
#include "proto/record/section/as_names.h"

namespace weir {
namespace {

constexpr auto kFormNames = std::to_array<std::string_view>({"text", "bgpdump", "maxmind"});

bool before(const FilePrefix& a, const FilePrefix& b) {
  return std::tie(a.address, a.length) < std::tie(b.address, b.length);
}

/// Whether `prefix` holds the other one, or is the same.
bool holds(const FilePrefix& prefix, const AddressBits& address, unsigned length) {
  return prefix.length <= length && address.first(prefix.length) == prefix.address;
}

/// A name that fits, cut between characters where it is longer.
std::string fitting(std::string_view name) {
  constexpr std::string_view kEllipsis = "…";
  constexpr std::size_t kMost = AsNamesSection::kNameOctets;
  if (name.size() <= kMost) return std::string(name);
  std::size_t end = kMost - kEllipsis.size();
  while (end > 0 && (static_cast<std::uint8_t>(name[end]) & 0xc0U) == 0x80) --end;  // within a character
  return std::string(name.substr(0, end)).append(kEllipsis);
}

template <typename T>
std::string key_of(char what, const T* data, std::size_t octets) {
  std::string key(1, what);
  key.append(reinterpret_cast<const char*>(data), octets);
  return key;
}

/// Takes from `other` what `route` does not know.
void complete(Route& route, const Route& other) {
  if (route.as_number == 0) route.as_number = other.as_number;
  if (route.as_path == 0) route.as_path = other.as_path;
  if (route.name == 0) route.name = other.name;
  if (route.next_hop == 0) route.next_hop = other.next_hop;
  if (route.bgp_next_hop == 0) route.bgp_next_hop = other.bgp_next_hop;
  if (route.country[0] == 0) std::memcpy(route.country, other.country, sizeof route.country);
  if (route.domain == Domain::unknown) route.domain = other.domain;
}

}  // namespace

std::string_view prefix_form_name(PrefixForm form) {
  return kFormNames[static_cast<std::size_t>(form)];
}

std::string prefix_text(const AddressBits& address, unsigned length, bool ipv6) {
  std::uint8_t octets[16];
  store_be<std::uint64_t>(octets, address.high);
  store_be<std::uint64_t>(octets + 8, address.low);
  char text[kAddressTextMaxOctets];
  const char* const end = write_address_text(text, octets, ipv6 ? 6 : 4);
  return fmt::format("{}/{}", std::string_view(text, static_cast<std::size_t>(end - text)), length);
}

RouteMapBuilder::RouteMapBuilder() : routes_(1), hops_(1), paths_(1), names_(1, '\0') {}

std::uint32_t RouteMapBuilder::add_hop(const IpAddress& hop) {
  if (!hop.has_value()) return 0;
  const auto [found, fresh] =
      numbers_.try_emplace(key_of('h', hop.octets, hop.size()), static_cast<std::uint32_t>(hops_.size()));
  if (fresh) hops_.push_back(hop);
  return found->second;
}

std::uint32_t RouteMapBuilder::add_path(std::span<const std::uint32_t> path) {
  if (path.empty()) return 0;
  const auto [found, fresh] =
      numbers_.try_emplace(key_of('p', path.data(), path.size_bytes()), static_cast<std::uint32_t>(paths_.size()));
  if (fresh) {
    paths_.push_back(static_cast<std::uint32_t>(path.size()));
    paths_.insert(paths_.end(), path.begin(), path.end());
  }
  return found->second;
}

std::uint32_t RouteMapBuilder::add_name(std::string_view name) {
  if (name.empty()) return 0;
  const std::string kept = fitting(name);
  const auto [found, fresh] =
      numbers_.try_emplace(key_of('n', kept.data(), kept.size()), static_cast<std::uint32_t>(names_.size()));
  if (fresh) {
    names_ += static_cast<char>(kept.size());
    names_ += kept;
  }
  return found->second;
}

std::uint32_t RouteMapBuilder::add_route(const Route& route) {
  const auto [found, fresh] =
      numbers_.try_emplace(key_of('r', &route, sizeof route), static_cast<std::uint32_t>(routes_.size()));
  if (fresh) routes_.push_back(route);
  return found->second;
}

tl::expected<void, std::string> RouteMapBuilder::sort(FilePrefixes& file) {
  for (std::size_t family = 0; family < 2; ++family) {
    std::vector<FilePrefix>& prefixes = file.prefixes[family];
    if (!std::is_sorted(prefixes.begin(), prefixes.end(), before)) {
      std::sort(prefixes.begin(), prefixes.end(), [](const FilePrefix& a, const FilePrefix& b) {
        return std::tie(a.address, a.length, a.line) < std::tie(b.address, b.length, b.line);
      });
    }
    for (std::size_t i = 1; i < prefixes.size(); ++i) {
      const FilePrefix& prefix = prefixes[i];
      if (before(prefixes[i - 1], prefix)) continue;
      return tl::make_unexpected(fmt::format("{}:{}: {} is on line {}, too; expected each prefix once", file.file,
                                             prefix.line, prefix_text(prefix.address, prefix.length, family == 1),
                                             prefixes[i - 1].line));
    }
  }
  return {};
}

/// Goes through the prefixes of all files in order, and knows at each which prefixes of each file hold it.
struct RouteMapBuilder::Merge {
  struct Way {
    std::span<const FilePrefix> left;       ///< not reached yet
    std::vector<const FilePrefix*> around;  ///< those that hold the place that was reached, the longest last
    bool routes = false;                    ///< the file's lengths are those of routes
  };
  std::vector<Way> ways;

  Merge(std::span<const FilePrefixes> files, std::size_t family) {
    for (const FilePrefixes& file : files) {
      ways.push_back({file.prefixes[family], {}, file.form != PrefixForm::maxmind});
    }
  }

  /// Goes to the next prefix of any file, nullptr: there is none.
  const FilePrefix* next() {
    const FilePrefix* least = nullptr;
    for (const Way& way : ways) {
      if (!way.left.empty() && (least == nullptr || before(way.left.front(), *least))) least = &way.left.front();
    }
    if (least == nullptr) return nullptr;
    for (Way& way : ways) {
      while (!way.around.empty() && !holds(*way.around.back(), least->address, least->length)) way.around.pop_back();
      if (way.left.empty() || before(*least, way.left.front())) continue;
      way.around.push_back(&way.left.front());
      way.left = way.left.subspan(1);
    }
    return least;
  }
};

std::vector<PrefixTrie::Entry> RouteMapBuilder::merge(std::span<const FilePrefixes> files, std::size_t family,
                                                      unsigned longest) {
  std::vector<PrefixTrie::Entry> entries;
  Merge merge(files, family);
  while (const FilePrefix* const prefix = merge.next()) {
    if (prefix->length > longest) continue;
    unsigned length = 0;
    Route together;
    const FilePrefix* only = nullptr;
    std::size_t say = 0;
    for (const Merge::Way& way : merge.ways) {
      if (way.around.empty()) continue;
      only = way.around.back();
      ++say;
      complete(together, routes_[only->route]);
      if (way.routes && length == 0) length = only->length;
    }
    const std::uint32_t route = say == 1 ? only->route : add_route(together);
    if (route >= RouteMap::kMostRoutes) return {};
    entries.push_back({prefix->address, RouteMap::value_of(length, route), prefix->length});
  }
  return entries;
}

tl::expected<std::shared_ptr<const RouteMap>, std::string> RouteMapBuilder::build(std::span<const FilePrefixes> files,
                                                                                  const LongestPrefix& longest) {
  auto map = std::make_shared<RouteMap>();
  for (std::size_t family = 0; family < 2; ++family) {
    const std::vector<PrefixTrie::Entry> entries = merge(files, family, family == 0 ? longest.ipv4 : longest.ipv6);
    if (routes_.size() > RouteMap::kMostRoutes) {
      return tl::make_unexpected(fmt::format("more than {} different routes; expected fewer, in fewer or smaller files",
                                             RouteMap::kMostRoutes - 1));
    }
    map->prefixes_ += entries.size();
    map->tries_[family] = PrefixTrie(entries, family == 0 ? 4 : 6);
  }
  map->routes_.assign(routes_.begin(), routes_.end());
  map->hops_ = hops_;
  map->paths_.assign(paths_.begin(), paths_.end());
  map->names_ = names_;
  for (const Route& route : routes_) {
    map->names_the_inside_ = map->names_the_inside_ || route.domain == Domain::internal;
  }
  return map;
}

}  // namespace weir
