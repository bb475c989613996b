// RoutingSection: where the two ends of a flow are, as a routing table sees them: autonomous systems, prefixes, next
// hops. weir looks them up after the flow has ended (--prefixes, control/enrich/); exporters of other makers say them.
//
// A value of 0 is one that nobody knows: AS 0 is nobody's (RFC 7607), and 0.0.0.0 and :: are no next hops.
#pragma once

#include <string_view>

#include "proto/record/field.h"

namespace weir {

/// On which side of the border that a prefix file draws an address is.
enum class Domain : std::uint8_t { unknown, internal, external };

/// Of Form::domain.
[[nodiscard]] constexpr std::string_view domain_name(std::uint64_t domain) {
  return domain == static_cast<std::uint64_t>(Domain::internal)   ? "internal"
         : domain == static_cast<std::uint64_t>(Domain::external) ? "external"
                                                                  : "unknown";
}

/// Fields of a record that are 0 since the key of its flow does not have them.
enum NotInKey : std::uint8_t {
  kNoSourceAddress = 1,
  kNoDestinationAddress = 2,
  kNoSourcePort = 4,
  kNoDestinationPort = 8,
  kNoProtocol = 16,
};

struct RoutingSection {
  // By Direction: on the way to the responder, and back. In network order, of the flow's IP version.
  std::uint8_t next_hop[2][16];
  std::uint8_t bgp_next_hop[2][16];
  std::uint32_t source_as;
  std::uint32_t destination_as;
  std::uint32_t next_adjacent_as;      ///< first AS of the path to the destination
  std::uint32_t previous_adjacent_as;  ///< first AS of the path to the source
  std::uint8_t source_net;             ///< prefix length
  std::uint8_t destination_net;
  std::uint8_t in_type;  ///< Domain of the source
  std::uint8_t out_type;
  std::uint8_t ip_version;  ///< the flow's
  std::uint8_t not_in_key;  ///< bits of NotInKey: what --key leaves out, so that the record has 0
  std::uint8_t reserved[2];
};
static_assert(sizeof(RoutingSection) == 88 && std::has_unique_object_representations_v<RoutingSection>,
              "a plain record with it has four lines");

// clang-format off
inline constexpr auto kRoutingFields = std::to_array<Field>({
    {.name = "src_as", .sides = Sides::mirrored, .place = WEIR_MIRRORED(RoutingSection, source_as, destination_as),
     .protobuf = {14}, .wire = {WireRule::plain, 16}, .marks = kZeroIsNone,
     .meaning = "AS number of the initiator's address"},
    {.name = "dst_as", .sides = Sides::mirrored, .place = WEIR_MIRRORED(RoutingSection, destination_as, source_as),
     .protobuf = {15}, .wire = {WireRule::plain, 17}, .marks = kZeroIsNone,
     .meaning = "AS number of the responder's address"},
    {.name = "src_net", .sides = Sides::mirrored, .place = WEIR_MIRRORED(RoutingSection, source_net, destination_net),
     .protobuf = {16}, .wire = {.rule = WireRule::by_family, .element = 9, .element6 = 29}, .marks = kZeroIsNone,
     .meaning = "length of the initiator's prefix: the mask of --key, else the prefix of --prefixes"},
    {.name = "dst_net", .sides = Sides::mirrored, .place = WEIR_MIRRORED(RoutingSection, destination_net, source_net),
     .protobuf = {17}, .wire = {.rule = WireRule::by_family, .element = 13, .element6 = 30}, .marks = kZeroIsNone,
     .meaning = "length of the responder's prefix, likewise"},
    {.name = "next_hop", .sides = Sides::sided, .form = Form::address, .place = WEIR_SIDED(RoutingSection, next_hop),
     .protobuf = {12, 1800}, .wire = {.rule = WireRule::by_family, .element = 15, .element6 = 62},
     .marks = kZeroIsNone, .meaning = "next hop to where the direction goes, as a prefix file names it"},
    {.name = "bgp_next_hop", .sides = Sides::sided, .form = Form::address,
     .place = WEIR_SIDED(RoutingSection, bgp_next_hop), .protobuf = {100, 1801},
     .wire = {.rule = WireRule::by_family, .element = 18, .element6 = 63}, .marks = kZeroIsNone,
     .meaning = "BGP next hop to where the direction goes"},
    {.name = "next_hop_as", .sides = Sides::mirrored,
     .place = WEIR_MIRRORED(RoutingSection, next_adjacent_as, previous_adjacent_as), .protobuf = {13},
     .wire = {WireRule::plain, 128}, .marks = kZeroIsNone, .meaning = "first AS of the path to the responder"},
    {.name = "prev_hop_as", .sides = Sides::mirrored,
     .place = WEIR_MIRRORED(RoutingSection, previous_adjacent_as, next_adjacent_as), .protobuf = {1802},
     .wire = {WireRule::plain, 129}, .marks = kZeroIsNone, .meaning = "first AS of the path to the initiator"},
    {.name = "in_type", .sides = Sides::mirrored, .form = Form::domain,
     .place = WEIR_MIRRORED(RoutingSection, in_type, out_type), .protobuf = {1803},
     .wire = {WireRule::plain, 250, kOwnElement}, .marks = kZeroIsNone,
     .meaning = "where the initiator is: 1 internal, 2 external"},
    {.name = "out_type", .sides = Sides::mirrored, .form = Form::domain,
     .place = WEIR_MIRRORED(RoutingSection, out_type, in_type), .protobuf = {1804},
     .wire = {WireRule::plain, 251, kOwnElement}, .marks = kZeroIsNone,
     .meaning = "where the responder is: 1 internal, 2 external"},
});
// clang-format on

}  // namespace weir
