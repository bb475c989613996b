// AsNamesSection: names of the autonomous systems of a flow's two ends, and their countries (--prefixes).
#pragma once

#include "proto/record/field.h"

namespace weir {

struct AsNamesSection {
  static constexpr std::size_t kNameOctets = 64;

  // UTF-8, zeros after it; a name that is longer ends with an ellipsis there.
  char source_name[kNameOctets];
  char destination_name[kNameOctets];
  char source_country[2];  ///< ISO 3166-1 alpha-2
  char destination_country[2];
  std::uint8_t reserved[4];
};
static_assert(sizeof(AsNamesSection) == 136 && std::has_unique_object_representations_v<AsNamesSection>);

// clang-format off
inline constexpr auto kAsNamesFields = std::to_array<Field>({
    {.name = "src_as_name", .sides = Sides::mirrored, .form = Form::characters,
     .place = WEIR_MIRRORED(AsNamesSection, source_name, destination_name), .protobuf = {1808},
     .wire = {WireRule::plain, 252, kOwnElement}, .marks = kZeroIsNone,
     .meaning = "name of the initiator's AS or prefix, at most 64 octets"},
    {.name = "dst_as_name", .sides = Sides::mirrored, .form = Form::characters,
     .place = WEIR_MIRRORED(AsNamesSection, destination_name, source_name), .protobuf = {1809},
     .wire = {WireRule::plain, 253, kOwnElement}, .marks = kZeroIsNone,
     .meaning = "name of the responder's AS or prefix, at most 64 octets"},
    {.name = "src_country", .sides = Sides::mirrored, .form = Form::characters,
     .place = WEIR_MIRRORED(AsNamesSection, source_country, destination_country), .protobuf = {1810},
     .wire = {WireRule::plain, 254, kOwnElement}, .marks = kZeroIsNone,
     .meaning = "country of the initiator (ISO 3166-1 alpha-2)"},
    {.name = "dst_country", .sides = Sides::mirrored, .form = Form::characters,
     .place = WEIR_MIRRORED(AsNamesSection, destination_country, source_country), .protobuf = {1811},
     .wire = {WireRule::plain, 255, kOwnElement}, .marks = kZeroIsNone,
     .meaning = "country of the responder (ISO 3166-1 alpha-2)"},
});
// clang-format on

}  // namespace weir
