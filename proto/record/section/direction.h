// DirectionSection: which way the flow went through the observer: in, or out.
//
// Exporters of other makers and agents inside a host say it of the interface at which they saw the flow. Of records of
// packets the prefix files know it, if they say which side of the border is the inside: out is from inside to outside
// (control/enrich/).
#pragma once

#include "proto/record/field.h"

namespace weir {

/// flowDirection, IANA information element 61.
enum FlowDirection : std::uint8_t { kIngressFlow = 0, kEgressFlow = 1 };

struct DirectionSection {
  std::uint8_t direction;  ///< FlowDirection of the initiator's packets; those of the responder go the other way
  std::uint8_t reserved[7];

  /// Makes it that of the responder's packets. What is neither of the two stays.
  void turn() {
    if (direction <= kEgressFlow) direction ^= 1;
  }
};
static_assert(sizeof(DirectionSection) == 8);

inline constexpr auto kDirectionFields = std::to_array<Field>({
    {.name = "flow_direction",
     .place = WEIR_PLACE(DirectionSection, direction),
     .protobuf = {1812},
     .wire = {WireRule::plain, 61},
     .marks = kOptionalInProto,
     .meaning = "0 ingress, 1 egress: into or out of the inside that --prefixes names, or what an exporter said"},
});

}  // namespace weir
