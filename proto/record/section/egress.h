// EgressSection: where a flow left the observer. Exporters of other makers say it, and so do records of packets that
// came in at a port that --pair joins with another one: what comes in at one leaves at the other. The two directions
// then come in at different interfaces.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct EgressSection {
  std::uint32_t interface;          ///< where the initiator's packets leave, and the responder's come in
  std::uint32_t reverse_interface;  ///< where the responder's packets leave; 0: only `interface` is known, of the flow
};
static_assert(sizeof(EgressSection) == 8);

inline constexpr auto kEgressFields = std::to_array<Field>({
    {.name = "out_if",
     .place = WEIR_PLACE(EgressSection, interface),
     .protobuf = {19},
     .wire = {WireRule::plain, 14},
     .meaning = "egress interface: the other port of --pair, or what an exporter said"},
});

}  // namespace weir
