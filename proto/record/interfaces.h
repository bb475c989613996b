// By which interfaces a direction of a flow came in and left: turned round for the responder's direction, where the
// record knows both ways.
#pragma once

#include <cstdint>

#include "proto/record/sections.h"

namespace weir {

[[nodiscard]] inline std::uint32_t ingress_of(RecordView record, Direction way) {
  if (way == kForward) return record->ingress_interface;
  const auto* const egress = record.find<EgressSection>();
  return egress == nullptr || egress->reverse_interface == 0 ? record->ingress_interface : egress->interface;
}

[[nodiscard]] inline std::uint32_t egress_of(const EgressSection& egress, Direction way) {
  return way == kForward || egress.reverse_interface == 0 ? egress.interface : egress.reverse_interface;
}

/// Whether the responder's packets come in where the initiator's leave.
[[nodiscard]] inline bool interfaces_turn(RecordView record) {
  const auto* const egress = record.find<EgressSection>();
  return egress != nullptr && egress->reverse_interface != 0;
}

}  // namespace weir
