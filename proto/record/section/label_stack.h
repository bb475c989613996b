// LabelStackSection: the MPLS label stack of a flow's first packet, outermost label first. The metric layer2 measures
// it; a record that has it has no LabelSection.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct LabelStackSection {
  static constexpr unsigned kMost = 10;  ///< as many as there are elements for them (70-79)

  std::uint32_t labels[kMost];  ///< 24 bits each: label, traffic class, bottom of stack (RFC 3032 section 2.1)
  std::uint32_t count;          ///< of the labels that are set
  std::uint32_t reserved;       ///< zero
};
static_assert(sizeof(LabelStackSection) == 48);

inline constexpr auto kLabelStackFields = std::to_array<Field>({
    {.name = "mpls_label",
     .computed = {4,
                  [](const void* section, Direction) -> std::uint64_t {
                    return static_cast<const LabelStackSection*>(section)->labels[0] >> 4;
                  }},
     .meaning = "top MPLS label of the first packet's first label stack"},
    {.name = "mpls_labels",
     .form = Form::labels,
     .place = WEIR_PLACE(LabelStackSection, labels),
     .protobuf = {81},
     .wire = {WireRule::label_stack, 70, 0, 3},
     .meaning = "labels of the first packet's label stacks, outermost first, at most ten"},
});

}  // namespace weir
