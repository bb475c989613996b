// IcmpSection: what the metric `icmp` tells of the ICMP errors that quote packets of a flow. A direction is that of the
// quoted packets; the errors go the other way, and come from a router or from the other end.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct IcmpSection {
  std::uint32_t errors[2];  ///< by Direction
  std::uint32_t mtu[2];     ///< of the last error that named one; 0: none did
  std::uint8_t type[2];     ///< of the last error
  std::uint8_t code[2];
  std::uint8_t reserved[4];
};
static_assert(sizeof(IcmpSection) == 24 && std::has_unique_object_representations_v<IcmpSection>);

// clang-format off
inline constexpr auto kIcmpFields = std::to_array<Field>({
    {.name = "icmp_errors", .sides = Sides::sided, .place = WEIR_SIDED(IcmpSection, errors),
     .protobuf = {1240, 1241}, .wire = {WireRule::plain, 110, kOwnElement}, .unit = Unit::packets,
     .meaning = "ICMP and ICMPv6 errors that quote a packet of this direction"},
    {.name = "icmp_error_mtu", .sides = Sides::sided, .place = WEIR_SIDED(IcmpSection, mtu),
     .protobuf = {1242, 1243}, .wire = {WireRule::plain, 111, kOwnElement}, .unit = Unit::octets,
     .meaning = "next-hop MTU of the last of these errors that says a packet was too big; 0: none named one"},
    {.name = "icmp_error_type", .sides = Sides::sided, .place = WEIR_SIDED(IcmpSection, type),
     .protobuf = {1244, 1245}, .wire = {WireRule::plain, 112, kOwnElement},
     .meaning = "ICMP or ICMPv6 type of the last of these errors"},
    {.name = "icmp_error_code", .sides = Sides::sided, .place = WEIR_SIDED(IcmpSection, code),
     .protobuf = {1246, 1247}, .wire = {WireRule::plain, 113, kOwnElement},
     .meaning = "its code"},
});
// clang-format on

}  // namespace weir
