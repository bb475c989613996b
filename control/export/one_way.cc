// What is to be turned around comes from the field table, so that a new section needs nothing here. Only the computed
// fields of the base, which have no place in the table, and interfaces, which lie in two sections, are turned by hand.
#include "control/export/one_way.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "proto/record/fields.h"
#include "proto/record/interfaces.h"

namespace weir {
namespace {

/// Two places of a section that belong to the two directions.
struct Pair {
  Section section = Section::base;
  Sides sides = Sides::flow;
  Place place{};
};

constexpr bool is_pair(const Field& field) {
  if (field.place.octets == 0) return false;
  // Source and destination each have a row with the same two places.
  if (field.sides == Sides::mirrored) return field.place.offset[kForward] < field.place.offset[kReverse];
  return field.sides == Sides::sided;
}

constexpr std::size_t pair_count() {
  std::size_t count = 0;
  for (const FieldRow& row : kFieldRows) count += is_pair(row.field) ? 1 : 0;
  return count;
}

constexpr std::array<Pair, pair_count()> make_pairs() {
  std::array<Pair, pair_count()> pairs{};
  std::size_t at = 0;
  for (const FieldRow& row : kFieldRows) {
    if (is_pair(row.field)) pairs[at++] = {row.section, row.field.sides, row.field.place};
  }
  return pairs;
}

constexpr auto kPairs = make_pairs();

constexpr bool sections_have_places() {
  for (const FieldRow& row : kFieldRows) {
    if (row.section != Section::base && row.field.sides != Sides::flow && row.field.place.octets == 0) return false;
  }
  return true;
}
static_assert(sections_have_places(), "a computed field per direction outside the base has to be turned by hand, too");

void turn(const Pair& pair, Direction way, std::uint8_t* section) {
  std::uint8_t* const forward = section + pair.place.offset[kForward];
  std::uint8_t* const reverse = section + pair.place.offset[kReverse];
  if (pair.sides == Sides::mirrored) {
    if (way == kReverse) std::swap_ranges(forward, forward + pair.place.octets, reverse);
    return;
  }
  if (way == kReverse) std::memcpy(forward, reverse, pair.place.octets);
  std::memset(reverse, 0, pair.place.octets);
}

void turn_computed(FlowRecord& base, Direction way) {
  const auto keep = [way](auto& pair) {
    pair[kForward] = pair[way];
    pair[kReverse] = 0;
  };
  keep(base.first_ns);
  keep(base.last_ns);
  if (base.is_icmp()) {
    keep(base.ports);
  } else if (way == kReverse) {
    std::swap(base.ports[kForward], base.ports[kReverse]);
  }
}

}  // namespace

OwnedRecord one_way(RecordView record, Direction way) {
  OwnedRecord result(record);
  Section section = Section::base;
  auto* octets = static_cast<std::uint8_t*>(result.add(section));
  for (const Pair& pair : kPairs) {
    if (pair.section != Section::base && !record.has(pair.section)) continue;
    if (pair.section != section) {
      section = pair.section;
      octets = static_cast<std::uint8_t*>(result.add(section));  // it is there
    }
    turn(pair, way, octets);
  }
  turn_computed(result.base(), way);
  if (way == kReverse && record.has(Section::direction)) section_of<DirectionSection>(result.base()).turn();
  if (way == kReverse && record.has(Section::interface_names) && interfaces_turn(record)) {
    section_of<InterfaceNamesSection>(result.base()).turn();
  }
  if (const auto* const egress = record.find<EgressSection>()) {
    result->ingress_interface = ingress_of(record, way);
    section_of<EgressSection>(result.base()) = {egress_of(*egress, way), 0};
  }
  // The deadline is kept as a distance from the last packet, which the other direction may have sent.
  if (record->deadline_ms != 0) result->set_deadline_ns(record->deadline_ns());
  return result;
}

}  // namespace weir
