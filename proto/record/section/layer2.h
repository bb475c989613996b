// Layer2Section: what the metric `layer2` tells of the frames of a flow and of the IP header beyond the key.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct Layer2Section {
  std::uint8_t source_mac[6];       ///< of the initiator's first packet; 0 where the link layer has no MAC addresses
  std::uint8_t destination_mac[6];  ///< likewise
  std::uint16_t inner_vlan_id;      ///< of the second tag of the flow's first packet, 0 without one
  std::uint8_t ttl[2];              ///< IPv4 TTL or IPv6 hop limit of the direction's first packet
  std::uint8_t ttl_min[2];
  std::uint8_t ttl_max[2];
  std::uint32_t fragment_id[2];   ///< identification of the direction's first packet: IPv4, or a fragment of IPv6
  std::uint32_t flow_label[2];    ///< IPv6, 20 bits, of the direction's first packet
  std::uint32_t fragments[2];     ///< IP fragments, the first ones included
  std::uint32_t reserved;         ///< zero
  std::uint64_t outer_octets[2];  ///< IP octets of the outermost IP header
};
static_assert(sizeof(Layer2Section) == 64 && std::has_unique_object_representations_v<Layer2Section>,
              "a record with it has three lines");

// clang-format off
inline constexpr auto kLayer2Fields = std::to_array<Field>({
    {.name = "src_mac", .sides = Sides::mirrored, .form = Form::mac,
     .place = WEIR_MIRRORED(Layer2Section, source_mac, destination_mac), .protobuf = {27},
     .wire = {WireRule::plain, 56}, .meaning = "source MAC address of the initiator's first packet"},
    {.name = "dst_mac", .sides = Sides::mirrored, .form = Form::mac,
     .place = WEIR_MIRRORED(Layer2Section, destination_mac, source_mac), .protobuf = {28},
     .wire = {WireRule::plain, 80}, .meaning = "destination MAC address of the initiator's first packet"},
    {.name = "inner_vlan_id", .place = WEIR_PLACE(Layer2Section, inner_vlan_id), .protobuf = {1030},
     .wire = {WireRule::plain, 245}, .meaning = "VLAN id of the second tag (QinQ) of the first packet"},
    {.name = "ip_ttl", .sides = Sides::sided, .place = WEIR_SIDED(Layer2Section, ttl), .protobuf = {25, 1031},
     .wire = {WireRule::plain, 192}, .meaning = "TTL or hop limit of the first packet"},
    {.name = "ip_ttl_min", .sides = Sides::sided, .place = WEIR_SIDED(Layer2Section, ttl_min), .protobuf = {1032, 1033},
     .wire = {WireRule::plain, 52}, .meaning = "least TTL or hop limit"},
    {.name = "ip_ttl_max", .sides = Sides::sided, .place = WEIR_SIDED(Layer2Section, ttl_max), .protobuf = {1034, 1035},
     .wire = {WireRule::plain, 53}, .meaning = "greatest TTL or hop limit"},
    {.name = "ipv6_flow_label", .sides = Sides::sided, .place = WEIR_SIDED(Layer2Section, flow_label),
     .protobuf = {37, 1036}, .wire = {WireRule::plain, 31}, .meaning = "IPv6 flow label of the first packet"},
    {.name = "fragment_id", .sides = Sides::sided, .place = WEIR_SIDED(Layer2Section, fragment_id),
     .protobuf = {35, 1041}, .wire = {WireRule::plain, 54},
     .meaning = "IP identification of the first packet (IPv6: of its fragment header)"},
    {.name = "ip_fragments", .sides = Sides::sided, .place = WEIR_SIDED(Layer2Section, fragments),
     .protobuf = {1037, 1038}, .wire = {WireRule::plain, 7, kOwnElement}, .unit = Unit::packets,
     .meaning = "IP fragments, first ones included"},
    {.name = "outer_bytes", .sides = Sides::sided, .place = WEIR_SIDED(Layer2Section, outer_octets),
     .protobuf = {1039, 1040}, .wire = {WireRule::plain, 8, kOwnElement}, .unit = Unit::octets,
     .meaning = "IP octets of the outermost IP header"},
});
// clang-format on

}  // namespace weir
