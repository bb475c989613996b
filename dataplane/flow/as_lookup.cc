#include "dataplane/flow/as_lookup.h"

#include <array>
#include <cstddef>

namespace weir {
namespace {

/// The addresses of one IP version, and where their AS numbers belong.
struct Searches {
  std::array<AddressBits, 2 * kMostAsPairs> addresses;
  std::array<std::uint32_t*, 2 * kMostAsPairs> places;
  std::size_t count = 0;

  void add(const std::uint8_t* address, std::size_t octets, std::uint32_t& place) {
    addresses[count] = AddressBits::of(address, octets);
    places[count++] = &place;
  }
};

}  // namespace

void find_as_pairs(const AsLookup& lookup, const AsEnds& ends, std::span<const ParsedPacket> packets,
                   std::span<AsPair> found) {
  Searches searches[2];  // IPv4, IPv6
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const FlowKey& key = packets[i].key;
    const bool ipv4 = key.version() == 4;
    const std::size_t octets = ipv4 ? 4 : 16;
    const auto* const addresses = reinterpret_cast<const std::uint8_t*>(key.address);
    const std::size_t source = packets[i].from == Side::high ? octets : 0;
    Searches& of_version = searches[ipv4 ? 0 : 1];
    found[i] = {};
    if (ends.source) of_version.add(addresses + source, octets, found[i].source);
    if (ends.destination) of_version.add(addresses + octets - source, octets, found[i].destination);
  }
  for (unsigned version = 0; version < 2; ++version) {
    const Searches& search = searches[version];
    if (search.count == 0) continue;
    std::array<std::uint32_t, 2 * kMostAsPairs> as_numbers;
    lookup.find(lookup.map.get(), version == 0 ? 4 : 6, {search.addresses.data(), search.count},
                {as_numbers.data(), search.count});
    for (std::size_t i = 0; i < search.count; ++i) *search.places[i] = as_numbers[i];
  }
}

}  // namespace weir
