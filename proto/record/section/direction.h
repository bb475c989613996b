// DirectionSection: which way the packets of a flow passed the interface at which they were seen. An observer inside a
// host says it, of each interface; so do exporters of other makers.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct DirectionSection {
  std::uint8_t direction;  ///< flowDirection (IANA 61): 0 ingress, 1 egress
  std::uint8_t reserved[7];
};
static_assert(sizeof(DirectionSection) == 8);

inline constexpr auto kDirectionFields = std::to_array<Field>({
    {.name = "flow_direction",
     .place = WEIR_PLACE(DirectionSection, direction),
     .protobuf = {1854},
     .wire = {WireRule::plain, 61},
     .marks = kOptionalInProto,
     .meaning = "which way the packets passed the interface: 0 ingress, 1 egress"},
});

}  // namespace weir
