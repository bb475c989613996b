// EgressSection: where a flow left the observer. Exporters of other makers say it; records of packets do not have it
// yet.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct EgressSection {
  std::uint32_t interface;
  std::uint32_t reserved;  ///< zero
};
static_assert(sizeof(EgressSection) == 8);

inline constexpr auto kEgressFields = std::to_array<Field>({
    {.name = "out_if",
     .place = WEIR_PLACE(EgressSection, interface),
     .protobuf = {19},
     .wire = {WireRule::plain, 14},
     .meaning = "egress interface; only in records that weir-collect decoded"},
});

}  // namespace weir
