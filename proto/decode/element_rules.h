// Which place of a record an element fills, and how.
//
// The elements that weir sends are those of the field table (fields.h): their rules are made from its rows, so that a
// new row is decoded without a line here. What other exporters send for the same places, and what needs more than a
// load and a store (times, ports, ICMP, sampling), is listed in element_rules.cc.
//
// A record is put together in a ScratchRecord: the base with every section at its place, and before it what only the
// end of a record makes something of. Rules name places by their offset in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proto/base/sampling_rate.h"
#include "proto/decode/flow_message.h"
#include "proto/decode/scratch_record.h"

namespace weir {

/// How the octets of a field become the value of a place.
enum Action : std::uint8_t {
  kRaw,  ///< no place: kept as a raw value
  kAddress4,
  kAddress16,
  kByte,
  kU16,
  kU32,
  kU64,
  kU64From32,
  kInteger,  ///< of any length up to 8 octets
  kIpVersion,
  kIcmpTypeCode,
  kLabel,      ///< 3 octets, of which the upper 20 bits are the label (RFC 3032 section 2.1)
  kOctets,     ///< as they come: MAC addresses, Community IDs, IP addresses of which only the end of the record chooses
  kBasicList,  ///< a list (RFC 6313) that may be one of weir's own: own_lists.h
  kText,       ///< of any length: what a place has room for (field.h)
  kTunnelAddress,  ///< 16 octets, IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2)
  kUptime,         ///< v9: 21, 22
  kIpfixUptime,    ///< IPFIX: the same, but the header has no uptime
  kSeconds,
  kMilliseconds,
  kNtp,
  kDeltaMicroseconds,
  kDurationMilliseconds,
  kDurationMicroseconds,
};

inline constexpr std::uint16_t kNowhere = 0xffff;

/// Where an element goes. Of the fields of a template with the same place the one of least rank gets it.
struct ElementRule {
  std::uint16_t element = 0;
  bool own = false;  ///< one of weir's own elements, by its own number
  std::uint8_t rank = 0;
  Action action = kRaw;       ///< kInteger: the exact one is chosen by the lengths
  std::uint8_t octets = 0;    ///< of the place
  std::uint16_t target = 0;   ///< offset in ScratchRecord
  std::uint16_t reverse = 0;  ///< the same for the reverse element
  Section section = Section::base;
  bool expected = true;      ///< weir sends it wherever it sends the section
  std::uint8_t family = 0;   ///< 4 or 6: only in templates of addresses of that IP version, and of no other
  bool out_counter = false;  ///< of v9: beside the counters of the flow it is the way back, alone the flow itself
};

/// An element whatever its dialect: IPFIX has enterprise numbers, and NetFlow v9 numbers of its own for weir's
/// elements.
struct ElementId {
  std::uint16_t element = 0;
  bool own = false;
  bool reverse = false;  ///< RFC 5103; those of weir's own elements lie kWeirReverseElements further on
  bool known = false;    ///< false: a scope, or another enterprise's
};

/// Where a template says which of several headers or families a field is of.
struct HeaderPlaces {
  bool two_headers = false;    ///< outer and inner: of an element that comes twice the first is the outer header's
  bool both_families = false;  ///< of the flow's own addresses
};
HeaderPlaces header_places(FlowVersion version, const std::vector<FieldSpec>& fields);

/// The rules of the fields of such a template; nullptr where the usual ones hold.
const ElementRule* find_outer_rule(std::uint16_t element);
const ElementRule* find_family_rule(std::uint16_t element);

ElementId identify(FlowVersion version, const FieldSpec& field);

/// nullptr: the element has no place. `sections`: those that the template fills; rules of other sections do not count.
const ElementRule* find_element_rule(FlowVersion version, const ElementId& id, std::uint32_t sections);

/// Whether the rule can read a field of this length.
bool can_read(const ElementRule& rule, std::uint16_t octets);

/// The sections that records of such a template may have: tunnel, label, esp, egress, direction and routing by any of
/// their elements, other ones where the template has all elements of the section as weir sends them.
std::uint32_t sections_of(FlowVersion version, const std::vector<FieldSpec>& fields);

}  // namespace weir
