#include "proto/decode/element_rules.h"

#include <algorithm>
#include <array>

#include "proto/element/information_elements.h"
#include "proto/record/fields.h"

namespace weir {
namespace {

#define WEIR_BASE(member) static_cast<std::uint16_t>(offsetof(ScratchRecord, base) + offsetof(FlowRecord, member))
#define WEIR_OWN(member) static_cast<std::uint16_t>(offsetof(ScratchRecord, member))

constexpr std::uint16_t kFirst = WEIR_BASE(first_ns[0]), kLast = WEIR_BASE(last_ns[0]);
constexpr std::uint16_t kReverseFirst = WEIR_BASE(first_ns[1]), kReverseLast = WEIR_BASE(last_ns[1]);
constexpr std::uint16_t kBytes = WEIR_BASE(octets[0]), kReverseBytes = WEIR_BASE(octets[1]);
constexpr std::uint16_t kPackets = WEIR_BASE(packets[0]), kReversePackets = WEIR_BASE(packets[1]);
constexpr std::uint16_t kSourcePort = WEIR_BASE(ports[0]), kDestinationPort = WEIR_BASE(ports[1]);
constexpr std::uint16_t kIcmp = WEIR_OWN(icmp[0][0]), kReverseIcmp = WEIR_OWN(icmp[1][0]);
constexpr std::uint16_t kIcmpCode = WEIR_OWN(icmp[0][1]), kReverseIcmpCode = WEIR_OWN(icmp[1][1]);

constexpr ElementRule rule(std::uint16_t element, std::uint8_t rank, Action action, std::uint8_t octets,
                           std::uint16_t target, std::uint16_t reverse = kNowhere) {
  return {element, false, rank, action, octets, target, reverse, Section::base, 0, false};
}
constexpr ElementRule out_counter(ElementRule made) {
  made.out_counter = true;
  return made;
}

// Numbers and names are IANA's (information_elements.h). They go before what the field table says of the same element.
constexpr auto kListed = std::to_array<ElementRule>({
    rule(8, 0, kAddress4, 4, WEIR_BASE(source_address)),
    rule(27, 0, kAddress16, 16, WEIR_BASE(source_address)),
    rule(12, 0, kAddress4, 4, WEIR_BASE(destination_address)),
    rule(28, 0, kAddress16, 16, WEIR_BASE(destination_address)),
    rule(85, 1, kInteger, 8, kBytes, kReverseBytes),
    rule(231, 2, kInteger, 8, kBytes),         // initiatorOctets
    rule(232, 2, kInteger, 8, kReverseBytes),  // responderOctets
    rule(86, 1, kInteger, 8, kPackets, kReversePackets),
    rule(298, 2, kInteger, 8, kPackets),
    rule(299, 2, kInteger, 8, kReversePackets),
    rule(156, 0, kNtp, 8, kFirst, kReverseFirst),  // flowStartNanoseconds
    rule(157, 0, kNtp, 8, kLast, kReverseLast),
    rule(154, 1, kNtp, 8, kFirst, kReverseFirst),  // flowStartMicroseconds
    rule(155, 1, kNtp, 8, kLast, kReverseLast),
    rule(152, 2, kMilliseconds, 8, kFirst, kReverseFirst),
    rule(153, 2, kMilliseconds, 8, kLast, kReverseLast),
    rule(158, 3, kDeltaMicroseconds, 8, kFirst),
    rule(159, 3, kDeltaMicroseconds, 8, kLast),
    rule(22, 4, kUptime, 8, kFirst, kReverseFirst),
    rule(21, 4, kUptime, 8, kLast, kReverseLast),
    rule(150, 5, kSeconds, 8, kFirst, kReverseFirst),
    rule(151, 5, kSeconds, 8, kLast, kReverseLast),
    rule(325, 6, kNtp, 8, kFirst),  // observationTimeNanoseconds and coarser: of an event, not of a flow
    rule(324, 7, kNtp, 8, kFirst),
    rule(323, 8, kMilliseconds, 8, kFirst),
    rule(322, 9, kSeconds, 8, kFirst),
    rule(161, 0, kDurationMilliseconds, 8, WEIR_OWN(duration_ns)),
    rule(162, 1, kDurationMicroseconds, 8, WEIR_OWN(duration_ns)),
    rule(160, 0, kInteger, 8, WEIR_OWN(system_init_ms)),
    rule(7, 0, kInteger, 2, kSourcePort),
    rule(180, 1, kInteger, 2, kSourcePort),  // udpSourcePort
    rule(182, 2, kInteger, 2, kSourcePort),  // tcpSourcePort
    rule(11, 0, kInteger, 2, kDestinationPort),
    rule(181, 1, kInteger, 2, kDestinationPort),
    rule(183, 2, kInteger, 2, kDestinationPort),
    rule(58, 0, kInteger, 2, WEIR_BASE(vlan_id)),
    rule(243, 1, kInteger, 2, WEIR_BASE(vlan_id)),  // dot1qVlanId
    rule(6, 0, kInteger, 2, WEIR_OWN(tcp_control_bits[0]), WEIR_OWN(tcp_control_bits[1])),
    rule(60, 0, kInteger, 1, WEIR_OWN(ip_version)),
    rule(32, 0, kIcmpTypeCode, 2, kIcmp, kReverseIcmp),
    rule(139, 0, kIcmpTypeCode, 2, kIcmp, kReverseIcmp),
    rule(176, 1, kInteger, 1, kIcmp, kReverseIcmp),
    rule(178, 1, kInteger, 1, kIcmp, kReverseIcmp),
    rule(177, 1, kInteger, 1, kIcmpCode, kReverseIcmpCode),
    rule(179, 1, kInteger, 1, kIcmpCode, kReverseIcmpCode),
    rule(35, 0, kInteger, 1, WEIR_OWN(sampling_algorithm)),
    rule(34, 0, kInteger, 4, WEIR_OWN(sampling.plain_rate)),
    rule(50, 0, kInteger, 4, WEIR_OWN(sampling.sampler_rate)),
    rule(304, 0, kInteger, 4, WEIR_OWN(sampling.algorithm)),
    rule(305, 0, kInteger, 4, WEIR_OWN(sampling.interval)),
    rule(306, 0, kInteger, 4, WEIR_OWN(sampling.space)),
    rule(309, 0, kInteger, 4, WEIR_OWN(sampling.size)),
    rule(310, 0, kInteger, 4, WEIR_OWN(sampling.population)),
    rule(311, 0, kInteger, 8, WEIR_OWN(sampling.probability)),
    rule(302, 0, kInteger, 8, WEIR_OWN(sampler_id)),  // selectorId
    rule(48, 1, kInteger, 8, WEIR_OWN(sampler_id)),   // samplerId
});

/// The outer header of a template that names two.
constexpr auto kOuter = std::to_array<ElementRule>({
    rule(8, 0, kOctets, 4, WEIR_OWN(outer.ipv4[0])),
    rule(12, 0, kOctets, 4, WEIR_OWN(outer.ipv4[1])),
    rule(27, 0, kOctets, 16, WEIR_OWN(outer.ipv6[0])),
    rule(28, 0, kOctets, 16, WEIR_OWN(outer.ipv6[1])),
    rule(7, 0, kInteger, 2, WEIR_OWN(outer.ports[0])),
    rule(11, 0, kInteger, 2, WEIR_OWN(outer.ports[1])),
    rule(6, 0, kInteger, 2, WEIR_OWN(outer.tcp_control_bits)),
    rule(4, 0, kInteger, 1, WEIR_OWN(outer.protocol)),
    rule(5, 0, kInteger, 1, WEIR_OWN(outer.ip_tos)),
    rule(60, 0, kInteger, 1, WEIR_OWN(outer.ip_version)),
});

/// The addresses of a header that has those of both families.
constexpr auto kFamilies = std::to_array<ElementRule>({
    rule(8, 0, kOctets, 4, WEIR_OWN(families.ipv4[0])),
    rule(12, 0, kOctets, 4, WEIR_OWN(families.ipv4[1])),
    rule(27, 0, kOctets, 16, WEIR_OWN(families.ipv6[0])),
    rule(28, 0, kOctets, 16, WEIR_OWN(families.ipv6[1])),
});

template <typename Rules>
const ElementRule* find_in(const Rules& rules, std::uint16_t element) {
  for (const ElementRule& one : rules) {
    if (one.element == element) return &one;
  }
  return nullptr;
}

/// RFC 3954: OUT_BYTES and OUT_PKTS are what left. Beside IN_BYTES they are the way back (so do weir, nProbe and
/// others), alone they are the flow's own counters (egress accounting). IPFIX: after a middlebox, so neither.
constexpr auto kOutCounters = std::to_array<ElementRule>({
    out_counter(rule(23, 9, kInteger, 8, kBytes, kReverseBytes)),
    out_counter(rule(24, 9, kInteger, 8, kPackets, kReversePackets)),
});

constexpr std::uint16_t place_of(Section section, std::uint16_t offset) {
  return static_cast<std::uint16_t>(offsetof(ScratchRecord, base) +
                                    (section == Section::base ? 0 : section_offset(kAllSections, section)) + offset);
}

/// How many rules a row of the field table makes by itself.
constexpr std::size_t rules_of(const FieldRow& row) {
  switch (row.field.wire.rule) {
    case WireRule::plain:
      return row.field.place.octets != 0 ? 1 : 0;
    case WireRule::mapped:
    case WireRule::tunnel_id:
    case WireRule::label:
    case WireRule::text:
      return 1;
    case WireRule::by_family:
      return row.section == Section::base ? 0 : 2;
    case WireRule::label_stack:
      return LabelStackSection::kMost;
    case WireRule::histogram:
      return kHistogramBins;
    default:
      return 0;
  }
}

constexpr ElementRule rule_of(const FieldRow& row, std::size_t index) {
  const Field& field = row.field;
  ElementRule made;
  made.element = static_cast<std::uint16_t>(field.wire.element + index);
  made.own = field.wire.enterprise == kOwnElement;
  made.section = row.section;
  made.expected = !whole_text(field.wire);
  made.octets = static_cast<std::uint8_t>(field.place.octets);
  if (field.wire.rule == WireRule::by_family) {
    made.element = index == 0 ? field.wire.element : field.wire.element6;
    made.family = index == 0 ? 4 : 6;
    if (field.form == Form::address) made.octets = index == 0 ? 4 : 16;
  }
  const bool octets = field.form == Form::mac || field.form == Form::community_id || field.form == Form::characters ||
                      field.form == Form::address;
  made.action = field.wire.rule == WireRule::mapped  ? kTunnelAddress
                : octets                             ? kOctets
                : field.wire.rule == WireRule::label ? kLabel
                : field.wire.rule == WireRule::text  ? kText
                                                     : kInteger;
  made.target = place_of(row.section, field.place.offset[0]);
  made.reverse = field.sides == Sides::sided ? place_of(row.section, field.place.offset[1]) : kNowhere;
  if (field.form == Form::text) ++made.target;  // its length: the mark before it is a field of its own
  if (field.wire.rule == WireRule::label_stack) {
    made.octets = sizeof(std::uint32_t);
    made.target = static_cast<std::uint16_t>(made.target + index * sizeof(std::uint32_t));
  }
  if (field.wire.rule == WireRule::histogram) {
    made.octets = sizeof(std::uint32_t);
    made.target = static_cast<std::uint16_t>(made.target + index * sizeof(std::uint32_t));
    made.reverse = static_cast<std::uint16_t>(made.reverse + index * sizeof(std::uint32_t));
  }
  return made;
}

constexpr std::size_t table_rule_count() {
  std::size_t count = 0;
  for (const FieldRow& row : kFieldRows) count += rules_of(row);
  return count;
}

/// What the rows of the field table say.
constexpr auto kOfTable = [] {
  std::array<ElementRule, table_rule_count()> rules{};
  std::size_t at = 0;
  for (const FieldRow& row : kFieldRows) {
    for (std::size_t i = 0; i < rules_of(row); ++i) rules[at++] = rule_of(row, i);
  }
  return rules;
}();

constexpr bool has_rule(const FieldRow& row) {
  const auto found = [&](const auto& rules) {
    for (const ElementRule& one : rules) {
      if (one.element == row.field.wire.element && one.own == (row.field.wire.enterprise == kOwnElement)) return true;
    }
    return false;
  };
  // Which element times have depends on the format: 22 and 21, or 152 and 153.
  const WireRule wire = row.field.wire.rule;
  if (wire == WireRule::none || wire == WireRule::flow_start || wire == WireRule::flow_end) return true;
  if (wire == WireRule::packet_lists) return true;  // own_lists.h
  return found(kListed) || found(kOfTable);
}
static_assert(std::all_of(kFieldRows.begin(), kFieldRows.end(), has_rule), "every field that is sent is decoded");

/// Taken wherever one of their elements is there: other exporters send them, too.
constexpr std::uint32_t kTakenFromAnybody = section_bit(Section::tunnel) | section_bit(Section::label) |
                                            section_bit(Section::esp) | section_bit(Section::egress) |
                                            section_bit(Section::direction) | section_bit(Section::routing);

/// Elements of the section that weir sends in any case.
constexpr std::size_t expected_count(Section section) {
  std::size_t count = 0;
  for (const ElementRule& one : kOfTable) count += one.section == section && one.expected ? 1 : 0;
  return count;
}

}  // namespace

const ElementRule* find_outer_rule(std::uint16_t element) {
  return find_in(kOuter, element);
}
const ElementRule* find_family_rule(std::uint16_t element) {
  return find_in(kFamilies, element);
}

HeaderPlaces header_places(FlowVersion version, const std::vector<FieldSpec>& fields) {
  std::size_t protocols = 0, ipv4 = 0, ipv6 = 0, ipv4_sources = 0, ipv6_sources = 0;
  bool first_is_ipv4 = false;
  for (const FieldSpec& field : fields) {
    const ElementId id = identify(version, field);
    if (!id.known || id.own || id.reverse) continue;
    protocols += id.element == 4 ? 1 : 0;
    ipv4 += id.element == 8 || id.element == 12 ? 1 : 0;
    ipv6 += id.element == 27 || id.element == 28 ? 1 : 0;
    if (id.element == 8 && ipv6_sources + ipv4_sources == 0) first_is_ipv4 = true;
    ipv4_sources += id.element == 8 ? 1 : 0;
    ipv6_sources += id.element == 27 ? 1 : 0;
  }
  HeaderPlaces places;
  places.two_headers = protocols >= 2 && ipv4_sources + ipv6_sources >= 2;
  if (!places.two_headers) {
    places.both_families = ipv4 != 0 && ipv6 != 0;
  } else {  // of the inner header: what is left when the outer one has its source
    places.both_families = ipv4_sources > (first_is_ipv4 ? 1U : 0U) && ipv6_sources > (first_is_ipv4 ? 0U : 1U);
  }
  return places;
}

ElementId identify(FlowVersion version, const FieldSpec& field) {
  ElementId id;
  id.element = field.element;
  if (field.scope) return id;
  if (field.enterprise == kReverseEnterprise && version == FlowVersion::ipfix) {
    id.reverse = true;
  } else if (field.enterprise == kExampleEnterprise && version == FlowVersion::ipfix) {
    id.own = true;
  } else if (field.enterprise != 0) {
    return id;
  } else if (version == FlowVersion::netflow9 && field.element > kWeirNetflow9Elements) {
    id.own = true;
    id.element = static_cast<std::uint16_t>(field.element - kWeirNetflow9Elements);
  }
  if (id.own && id.element > kWeirReverseElements) {
    id.reverse = true;
    id.element = static_cast<std::uint16_t>(id.element - kWeirReverseElements);
  }
  id.known = true;
  return id;
}

const ElementRule* find_element_rule(FlowVersion version, const ElementId& id, std::uint32_t sections) {
  if (!id.known) return nullptr;
  const auto find = [&](const auto& rules) -> const ElementRule* {
    const auto* const found = std::find_if(rules.begin(), rules.end(), [&](const ElementRule& one) {
      const std::uint32_t bit = section_bit(one.section);
      return one.element == id.element && one.own == id.own && (bit & ~sections) == 0;
    });
    return found == rules.end() ? nullptr : found;
  };
  if (version == FlowVersion::netflow9 && !id.reverse) {
    if (const ElementRule* const found = find(kOutCounters)) return found;
  }
  const ElementRule* const listed = find(kListed);
  return listed != nullptr ? listed : find(kOfTable);
}

bool can_read(const ElementRule& rule, std::uint16_t octets) {
  switch (rule.action) {
    case kAddress4:
      return octets == 4;
    case kAddress16:
    case kTunnelAddress:
      return octets == 16;
    case kOctets:
      return octets == rule.octets;
    case kText:
      return octets != 0;  // kVariableLength, too
    case kLabel:
      return octets == 3;
    case kInteger:  // more than 8 octets are not in RFC 7011 section 6.2, and exporters send them
      return octets != 0 && octets <= 16;
    default:
      return octets != 0 && octets <= 8;
  }
}

std::uint32_t sections_of(FlowVersion version, const std::vector<FieldSpec>& fields) {
  // Of each section the elements that are there, by their place in kOfTable.
  std::array<bool, kOfTable.size()> there{};
  for (const FieldSpec& field : fields) {
    const ElementId id = identify(version, field);
    if (!id.known || id.reverse) continue;
    for (std::size_t i = 0; i < kOfTable.size(); ++i) {
      const ElementRule& one = kOfTable[i];
      if (one.element == id.element && one.own == id.own && can_read(one, field.octets)) there[i] = true;
    }
  }
  std::array<std::size_t, kSectionCount> counts{};
  for (std::size_t i = 0; i < kOfTable.size(); ++i) {
    if (there[i] && kOfTable[i].expected) ++counts[static_cast<std::size_t>(kOfTable[i].section)];
  }
  std::uint32_t sections = 0;
  for (std::size_t i = 1; i < kSectionCount; ++i) {
    const auto section = static_cast<Section>(i);
    const std::uint32_t bit = section_bit(section);
    const std::size_t least = (bit & kTakenFromAnybody) != 0 ? 1 : expected_count(section);
    if (counts[i] >= least && counts[i] != 0) sections |= bit;
  }
  // A record with a label stack has its top label there.
  if ((sections & section_bit(Section::label_stack)) != 0) sections &= ~section_bit(Section::label);
  return sections;
}

}  // namespace weir
