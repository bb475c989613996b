// InterfaceNamesSection: what the interfaces of a flow are called (--interfaces).
#pragma once

#include <utility>

#include "proto/record/field.h"

namespace weir {

struct InterfaceNamesSection {
  static constexpr std::size_t kNameOctets = 32;

  // UTF-8, zeros after it. Of the initiator's packets.
  char ingress_name[kNameOctets];
  char egress_name[kNameOctets];

  /// Makes them those of the responder's packets, which come in where the initiator's leave.
  void turn() { std::swap(ingress_name, egress_name); }
};
static_assert(sizeof(InterfaceNamesSection) == 64 && std::has_unique_object_representations_v<InterfaceNamesSection>);

// clang-format off
inline constexpr auto kInterfaceNamesFields = std::to_array<Field>({
    {.name = "in_if_name", .form = Form::characters, .place = WEIR_PLACE(InterfaceNamesSection, ingress_name),
     .protobuf = {1813}, .wire = {WireRule::plain, 82}, .marks = kZeroIsNone,
     .meaning = "name of the interface in_if (--interfaces), at most 32 octets"},
    {.name = "out_if_name", .form = Form::characters, .place = WEIR_PLACE(InterfaceNamesSection, egress_name),
     .protobuf = {1814}, .wire = {WireRule::plain, 256, kOwnElement}, .marks = kZeroIsNone,
     .meaning = "name of the interface out_if, likewise"},
});
// clang-format on

}  // namespace weir
