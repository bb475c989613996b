// Field: one row of the field table: what a value of a record is called, where it lies, and what it is on every wire.
//
// The table (fields.h) describes a field; flow.proto repeats its name and number, and a test compares the two. JSON,
// protobuf in both directions, templates, encoders, decoders, aligned columns, every maximum length and `weir fields`
// are made from it, most of it at compile time. A new field is a member of its section's struct and one row after it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/record/flow_record.h"

namespace weir {

/// What the two directions of a flow mean for a field.
enum class Sides : std::uint8_t {
  flow,      ///< one value for the flow: both uniflow records of a biflow carry it
  mirrored,  ///< source and destination: the reverse uniflow record has the partner's value
  sided,     ///< one value per direction: the reverse one has a column of its own ("rev_")
};

/// How a value lies in memory, and how it reads.
enum class Form : std::uint8_t {
  number,        ///< unsigned, 1, 2, 4 or 8 octets in host order
  time_ns,       ///< the same, 8 octets: ns since 1970
  address,       ///< 16 octets in network order; which IP version it is of, its section says
  mac,           ///< 6 octets
  tunnel,        ///< TunnelType: JSON and text have its name
  labels,        ///< LabelStackSection: JSON and protobuf have a list of label values
  community_id,  ///< 20 octets: JSON, text and protobuf have "1:" and their base64
  histogram,     ///< kHistogramBins counts of 4 octets: JSON and protobuf have a list
  packets,       ///< PacketsSection: JSON and protobuf have a list of objects
  domain,        ///< Domain: JSON and text have its name
  characters,    ///< as many octets as the place has, zeros after the last one: JSON, text and protobuf have a string
  as_path,       ///< AsPath: JSON and protobuf have a list
  text,          ///< octets, at most kMostTextOctets: whether it was cut, how many they are, they, zeros
};

/// A text is never longer, so that one octet of IPFIX says how long it is (RFC 7011 section 7).
inline constexpr std::size_t kMostTextOctets = 254;
/// Of its place: an octet that is 1 where it was cut, one with its length, and its octets.
inline constexpr std::size_t kTextPlaceOctets = 2 + kMostTextOctets;
/// NetFlow v9 has no fields of variable length: so many octets of a text, zeros after it; fewer, but at least
/// kLeastTextOctets, in a template that would not fit into a message.
inline constexpr std::uint16_t kNetflow9TextOctets = 64;
inline constexpr std::uint16_t kLeastTextOctets = 8;

/// Bins of a histogram: 0 to 15, 16 to 31, 32 to 63, and so on; the last one has 1024 and more.
inline constexpr unsigned kHistogramBins = 8;

/// Where a section says whether it has the value: all bits of `bits` are set in the octet at `offset`.
struct Presence {
  std::uint16_t offset = 0;
  std::uint8_t bits = 0;  ///< 0: the value is there where the section is

  [[nodiscard]] bool holds(const void* section) const {
    return (static_cast<const std::uint8_t*>(section)[offset] & bits) == bits;
  }
  void set(void* section) const {
    auto& octet = static_cast<std::uint8_t*>(section)[offset];
    octet = static_cast<std::uint8_t>(octet | bits);
  }
};

enum class Unit : std::uint8_t { none, octets, packets, nanoseconds };

/// Where a value lies in its section (the base included). Two offsets: of forward and reverse, or of source and
/// destination.
struct Place {
  std::uint16_t offset[2] = {0, 0};
  std::uint16_t octets = 0;  ///< 0: there is none, the value is computed
};

/// A value that is computed: how it is got from its section, and put back.
struct Computed {
  std::uint16_t octets = 0;  ///< that the value may need
  std::uint64_t (*get)(const void* section, Direction side) = nullptr;
  void (*set)(void* section, Direction side, std::uint64_t value) = nullptr;  ///< nullptr: nothing to put back
};

/// Which elements of NetFlow v9 and IPFIX carry the field. encode/ and decode/ know what a rule other than `plain`
/// means, since it depends on profile and dialect.
enum class WireRule : std::uint8_t {
  none,          ///< no element carries it
  plain,         ///< element
  by_family,     ///< element for IPv4, element6 for IPv6
  flow_start,    ///< 22, or 152
  flow_end,      ///< 21, or 153
  vlan,          ///< 58, and 243 where the profile wants it
  icmp,          ///< 32, or 139
  sampling,      ///< 34 and 35
  mapped,        ///< an address of either family in 16 octets, IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2)
  tunnel_id,     ///< element, and 351 (layer2SegmentId) before it
  label,         ///< 3 octets: label, traffic class, bottom of stack (RFC 3032 section 2.1), of the label alone
  label_stack,   ///< ten elements from `element` on, one label of 3 octets each
  histogram,     ///< v9: kHistogramBins elements from `element` on, one bin of 4 octets each; IPFIX: one basicList
  text,          ///< IPFIX: of variable length; v9: kNetflow9TextOctets or less
  packet_lists,  ///< IPFIX only: basicLists of as many elements from `element` on as a packet has facts
};

/// weir's own elements: `enterprise` of a Wire. The number on the wire is kExampleEnterprise's or an option's; NetFlow
/// v9, which has no enterprises, has them at kWeirNetflow9Elements and up.
inline constexpr std::uint32_t kOwnElement = 1;

struct Wire {
  WireRule rule = WireRule::none;
  std::uint16_t element = 0;
  std::uint32_t enterprise = 0;  ///< 0 or kOwnElement
  std::uint8_t octets = 0;       ///< as weir sends it; 0: the length of the place. Of a text: see whole_text()
  std::uint16_t element6 = 0;
  std::string_view name = {};  ///< of `fields=`, where it is not the field's
};

/// A text of exactly Wire::octets, of which a part says nothing: it is sent whole or not at all.
[[nodiscard]] constexpr bool whole_text(const Wire& wire) {
  return wire.rule == WireRule::text && wire.octets != 0;
}

/// What is odd about a field.
enum FieldMark : std::uint8_t {
  kNone = 0,
  kIcmpOnly = 1,          ///< shown where the protocol is ICMP or ICMPv6
  kForwardInJson = 2,     ///< JSON and text have the forward value only
  kNotInJson = 4,         ///< neither JSON nor text have it
  kCarrierOnly = 8,       ///< of a tunnel: only where an IP header carries it
  kOptionalInProto = 16,  ///< protobuf carries a 0, too
  kFollows = 32,          ///< follows from other fields: nothing is read back
  kZeroIsNone = 64        ///< JSON and text leave out a value of zeros
};

struct Field {
  std::string_view name;
  Sides sides = Sides::flow;
  Form form = Form::number;
  Place place{};
  Computed computed{};
  std::uint16_t protobuf[2] = {0, 0};  ///< field numbers of the forward and the reverse value; 0: it is not sent
  Wire wire{};
  Unit unit = Unit::none;
  Presence presence{};
  unsigned marks = kNone;
  std::string_view reverse_name = {};  ///< where it is not "rev_" and the name
  std::string_view meaning;
};

// Places by member. `member` is an array of two, or both have a member of their own.
#define WEIR_PLACE(type, member)                                           \
  ::weir::Place {                                                          \
    {offsetof(type, member), offsetof(type, member)}, sizeof(type::member) \
  }
// NOLINTBEGIN(bugprone-macro-parentheses): offsetof takes a member, no expression
#define WEIR_SIDED(type, member)                                                     \
  ::weir::Place {                                                                    \
    {offsetof(type, member[0]), offsetof(type, member[1])}, sizeof(type::member) / 2 \
  }
#define WEIR_TEXT(type, member)                                                \
  ::weir::Place {                                                              \
    {offsetof(type, member), offsetof(type, member)}, ::weir::kTextPlaceOctets \
  }
#define WEIR_TEXT_CUT(type, member)                     \
  ::weir::Place {                                       \
    {offsetof(type, member), offsetof(type, member)}, 1 \
  }
#define WEIR_PRESENCE(type, member, mask)                                               \
  ::weir::Presence {                                                                    \
    static_cast<std::uint16_t>(offsetof(type, member)), static_cast<std::uint8_t>(mask) \
  }
// NOLINTEND(bugprone-macro-parentheses)
#define WEIR_MIRRORED(type, source, destination)                                \
  ::weir::Place {                                                               \
    {offsetof(type, source), offsetof(type, destination)}, sizeof(type::source) \
  }

}  // namespace weir
