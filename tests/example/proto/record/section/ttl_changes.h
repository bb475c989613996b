// TtlChangesSection: what the metric `ttl_changes` tells.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct TtlChangesSection {
  std::uint32_t changes[2];  ///< by Direction
};
static_assert(sizeof(TtlChangesSection) == 8);

inline constexpr auto kTtlChangesFields = std::to_array<Field>({
    {.name = "ip_ttl_changes",
     .sides = Sides::sided,
     .place = WEIR_SIDED(TtlChangesSection, changes),
     .protobuf = {1900, 1901},
     .wire = {WireRule::plain, 900, kOwnElement},
     .unit = Unit::packets,
     .meaning = "packets whose TTL differs from that of the packet before"},
});

}  // namespace weir
