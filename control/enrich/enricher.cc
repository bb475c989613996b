#include "control/enrich/enricher.h"

#include <algorithm>
#include <cstring>

namespace weir {
namespace {

template <typename T>
void fill(T& place, T value) {
  if (place == 0) place = value;
}

/// Asks for the memory of the record's base.
void prefetch(const FlowRecord& record) {
  __builtin_prefetch(&record);
  __builtin_prefetch(reinterpret_cast<const std::uint8_t*>(&record) + kRecordLineOctets);
}

void fill_hop(std::uint8_t (&place)[16], const RouteMap& map, std::uint32_t hop) {
  if (hop == 0) return;
  std::uint64_t words[2];
  std::memcpy(words, place, sizeof words);
  if ((words[0] | words[1]) == 0) std::memcpy(place, map.hop(hop).octets, sizeof place);
}

/// On which side of the border the address is.
Domain domain_of(const RouteMap& map, RouteMap::Value value) {
  const Domain domain = map.route(value).domain;
  return domain == Domain::unknown && map.names_the_inside() ? Domain::external : domain;
}

/// Whether flows between these sides pass the border.
bool pass_the_border(Domain from, Domain to) {
  return from != Domain::unknown && to != Domain::unknown && from != to;
}

/// What the prefix of one end says; its next hops are those of the direction that goes there. `masked_net`: the length
/// that the key has of the address, 0: it has the whole. `as_in_key`: the record says the AS by which it was counted.
void fill_end(RoutingSection& routing, const RouteMap& map, RouteMap::Value value, unsigned masked_net, bool as_in_key,
              bool source) {
  const Route& route = map.route(value);
  const Direction way = source ? kReverse : kForward;
  if (!as_in_key) fill(source ? routing.source_as : routing.destination_as, route.as_number);
  fill(source ? routing.source_net : routing.destination_net,
       masked_net != 0 ? static_cast<std::uint8_t>(masked_net) : RouteMap::length_of(value));
  const std::span<const std::uint32_t> path = map.path(route.as_path);
  if (!path.empty()) fill(source ? routing.previous_adjacent_as : routing.next_adjacent_as, path.front());
  fill_hop(routing.next_hop[way], map, route.next_hop);
  fill_hop(routing.bgp_next_hop[way], map, route.bgp_next_hop);
  fill(source ? routing.in_type : routing.out_type, static_cast<std::uint8_t>(domain_of(map, value)));
}

void fill_path(AsPathSection& section, const RouteMap& map, RouteMap::Value value, Direction way) {
  const auto path = map.path(map.route(value).as_path);
  if (section.path[way].count != 0 || path.empty()) return;
  const std::size_t count = std::min<std::size_t>(path.size(), AsPath::kMost);
  section.path[way].count = static_cast<std::uint32_t>(count);
  std::copy_n(path.begin(), count, section.path[way].numbers);
  if (path.size() > count) section.cut[way] = 1;
}

void fill_names(AsNamesSection& section, const RouteMap& map, RouteMap::Value value, bool source) {
  const Route& route = map.route(value);
  const std::string_view name = map.name(route.name);
  char* const place = source ? section.source_name : section.destination_name;
  if (place[0] == 0) std::copy_n(name.begin(), std::min(name.size(), AsNamesSection::kNameOctets), place);
  char* const country = source ? section.source_country : section.destination_country;
  if (country[0] == 0) std::memcpy(country, route.country, sizeof route.country);
}

}  // namespace

void Enricher::enrich(RecordSpan in, const RouteMaps& maps, RecordBatch& out) {
  for (std::size_t from = 0; from < in.size(); from += kGroup) {
    const RecordSpan rest = in.subspan(from);
    // The next group's records come from memory while this one's addresses are searched.
    for (std::size_t i = kGroup; i < std::min(2 * kGroup, rest.size()); ++i) prefetch(*rest[i]);
    enrich_group(rest.first(std::min(kGroup, rest.size())), maps, out);
  }
}

void Enricher::enrich_group(RecordSpan in, const RouteMaps& maps, RecordBatch& out) {
  const unsigned maps_apart = maps.side[kForward] == maps.side[kReverse] ? 0 : 1;
  for (Searches& search : searches_) search.count = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const FlowRecord& record = *in[i];
    const std::uint8_t version = record.ip_version;
    for (const Direction side : {kForward, kReverse}) {
      values_[2 * i + side] = 0;
      if ((version != 4 && version != 6) || bits_.of(version, side) == 0) continue;  // 0: no part of the key
      Searches& search = searches_[2 * maps_apart * side + (version == 4 ? 0 : 1)];
      search.addresses[search.count] =
          AddressBits::of(side == kForward ? record.source_address : record.destination_address, version == 4 ? 4 : 16);
      search.places[search.count++] = static_cast<std::uint8_t>(2 * i + side);
    }
  }
  std::uint64_t lookups = 0;
  std::uint64_t not_found = 0;
  for (unsigned i = 0; i < searches_.size(); ++i) {
    const Searches& search = searches_[i];
    if (search.count == 0) continue;
    const RouteMap& map = *maps.side[i / 2];
    std::array<RouteMap::Value, 2 * kGroup> found;
    map.trie(i % 2 == 0 ? 4 : 6).find_many({search.addresses.data(), search.count}, {found.data(), search.count});
    for (std::size_t j = 0; j < search.count; ++j) {
      map.prefetch_route(found[j]);
      values_[search.places[j]] = found[j];
      not_found += found[j] == 0 ? 1 : 0;
    }
    lookups += search.count;
  }
  for (unsigned i = 0; i < searches_.size(); ++i) {
    const Searches& search = searches_[i];
    const RouteMap& map = *maps.side[i / 2];
    for (std::size_t j = 0; map.has_texts() && j < search.count; ++j) map.prefetch_texts(values_[search.places[j]]);
  }
  lookups_.fetch_add(lookups, std::memory_order_relaxed);
  not_found_.fetch_add(not_found, std::memory_order_relaxed);
  for (std::size_t i = 0; i < in.size(); ++i) enrich_record(in[i], {values_[2 * i], values_[2 * i + 1]}, maps, out);
}

void Enricher::enrich_record(RecordView record, const std::array<RouteMap::Value, 2>& values, const RouteMaps& maps,
                             RecordBatch& out) const {
  const RouteMap& source = *maps.side[kForward];
  const RouteMap& destination = *maps.side[kReverse];
  const bool known = (values[0] | values[1]) != 0;
  const std::uint8_t version = record->ip_version;
  const bool masked = bits_.masks(version, kForward) || bits_.masks(version, kReverse);
  const std::uint8_t left_out = bits_.left_out(version);
  const bool has_addresses = version == 4 || version == 6;  // what a collector decodes may have none
  if (!has_addresses || (!known && !masked && left_out == 0 && !source.names_the_inside())) return out.append(record);
  std::uint32_t wanted = kSectionBit<RoutingSection>;
  const Route& from = source.route(values[0]);
  const Route& to = destination.route(values[1]);
  if ((from.as_path | to.as_path) != 0) wanted |= kSectionBit<AsPathSection>;
  if ((from.name | to.name) != 0 || from.country[0] != 0 || to.country[0] != 0) wanted |= kSectionBit<AsNamesSection>;
  const bool both_ends = bits_.of(version, kForward) != 0 && bits_.of(version, kReverse) != 0;
  const Domain inside_or_out = domain_of(source, values[0]);
  if (both_ends && pass_the_border(inside_or_out, domain_of(destination, values[1]))) {
    wanted |= kSectionBit<DirectionSection>;
  }
  const bool said = record.has(Section::direction);
  out.append_with(record, wanted & ~record->sections);
  FlowRecord& base = out.mutable_base(out.size() - 1);
  auto& routing = section_of<RoutingSection>(base);
  routing.ip_version = version;
  routing.not_in_key = left_out;
  for (const Direction side : {kForward, kReverse}) {
    if (bits_.of(version, side) == 0) continue;
    const unsigned masked_net = bits_.masks(version, side) ? bits_.of(version, side) : 0;
    fill_end(routing, *maps.side[side], values[side], masked_net, bits_.as_in_key[side], side == kForward);
  }
  if ((wanted & kSectionBit<DirectionSection>) != 0 && !said) {
    section_of<DirectionSection>(base).direction = inside_or_out == Domain::internal ? kEgressFlow : kIngressFlow;
  }
  if ((wanted & kSectionBit<AsPathSection>) != 0) {
    auto& paths = section_of<AsPathSection>(base);
    fill_path(paths, destination, values[1], kForward);
    fill_path(paths, source, values[0], kReverse);
  }
  if ((wanted & kSectionBit<AsNamesSection>) != 0) {
    auto& names = section_of<AsNamesSection>(base);
    fill_names(names, source, values[0], true);
    fill_names(names, destination, values[1], false);
  }
}

}  // namespace weir
