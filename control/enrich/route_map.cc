#include "control/enrich/route_map.h"

namespace weir {

std::string_view RouteMap::name(std::uint32_t number) const {
  if (number == 0) return {};
  return std::string_view(names_).substr(number + 1, static_cast<std::uint8_t>(names_[number]));
}

std::span<const std::uint32_t> RouteMap::path(std::uint32_t number) const {
  if (number == 0) return {};
  return std::span(paths_).subspan(number + 1, paths_[number]);
}

void RouteMap::find_as_numbers(std::uint8_t ip_version, std::span<const AddressBits> addresses,
                               std::span<std::uint32_t> as_numbers) const {
  trie(ip_version).find_many(addresses, as_numbers);
  for (const std::uint32_t value : as_numbers) __builtin_prefetch(&route(value));
  for (std::uint32_t& value : as_numbers) value = route(value).as_number;
}

std::size_t RouteMap::octets() const {
  return tries_[0].octets() + tries_[1].octets() + routes_.capacity() * sizeof(Route) +
         hops_.capacity() * sizeof(IpAddress) + paths_.capacity() * sizeof(std::uint32_t) + names_.capacity();
}

}  // namespace weir
