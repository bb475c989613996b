// LabelSection: the top MPLS label of a flow's first packet, which every flow that has labels carries.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct LabelSection {
  std::uint32_t label;     ///< the 20 bits of the label (RFC 3032 section 2.1)
  std::uint32_t reserved;  ///< zero
};
static_assert(sizeof(LabelSection) == 8);

inline constexpr auto kLabelFields = std::to_array<Field>({
    {.name = "mpls_label",
     .place = WEIR_PLACE(LabelSection, label),
     .protobuf = {81},
     .wire = {WireRule::label, 70, 0, 3},
     .marks = kOptionalInProto,
     .meaning = "top MPLS label of the first packet's first label stack"},
});

}  // namespace weir
