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

std::size_t RouteMap::octets() const {
  return tries_[0].octets() + tries_[1].octets() + routes_.capacity() * sizeof(Route) +
         hops_.capacity() * sizeof(IpAddress) + paths_.capacity() * sizeof(std::uint32_t) + names_.capacity();
}

}  // namespace weir
