// TunnelSection: the tunnel around a flow, as its first packet had it. The parser fills it in, the flow table keeps it,
// a record carries it: one struct on the whole way.
#pragma once

#include "proto/record/field.h"
#include "proto/record/tunnels.h"

namespace weir {

struct TunnelSection {
  std::uint8_t source[16];       ///< of the IP header that carries the tunnel: its sender; IPv4 in the first 4 octets
  std::uint8_t destination[16];  ///< likewise
  std::uint32_t id;              ///< VNI, TEID, key ...: see WEIR_TUNNELS
  TunnelType type;               ///< the innermost tunnel (layer outer: the outermost)
  std::uint8_t ip_version;       ///< 4 or 6; 0: no IP header carries it (pseudo-wires), the addresses are 0
  std::uint8_t depth;            ///< tunnels around the flow's header; layer outer: 1
  std::uint8_t reserved;         ///< zero
};
static_assert(sizeof(TunnelSection) == 40 && std::has_unique_object_representations_v<TunnelSection>);

// clang-format off
inline constexpr auto kTunnelFields = std::to_array<Field>({
    {.name = "tunnel_type", .form = Form::tunnel, .place = WEIR_PLACE(TunnelSection, type), .protobuf = {1020},
     .wire = {WireRule::plain, 2, kOwnElement}, .meaning = "the tunnel around the flow, by its name in `weir tunnels`"},
    {.name = "tunnel_id", .place = WEIR_PLACE(TunnelSection, id), .protobuf = {1021},
     .wire = {WireRule::tunnel_id, 3, kOwnElement}, .meaning = "VNI, TEID, key, label: see `weir tunnels`"},
    {.name = "tunnel_depth", .place = WEIR_PLACE(TunnelSection, depth), .protobuf = {1022},
     .wire = {WireRule::plain, 6, kOwnElement}, .meaning = "tunnels around the flow's IP header"},
    {.name = "tunnel_src_addr", .sides = Sides::mirrored, .form = Form::address,
     .place = WEIR_MIRRORED(TunnelSection, source, destination), .protobuf = {1023},
     .wire = {WireRule::mapped, 4, kOwnElement}, .marks = kCarrierOnly,
     .meaning = "source address of the IP header that carries the tunnel"},
    {.name = "tunnel_dst_addr", .sides = Sides::mirrored, .form = Form::address,
     .place = WEIR_MIRRORED(TunnelSection, destination, source), .protobuf = {1024},
     .wire = {WireRule::mapped, 5, kOwnElement}, .marks = kCarrierOnly,
     .meaning = "destination address of the IP header that carries the tunnel"},
});
// clang-format on

}  // namespace weir
