// Quic2017Section: what only the header that QUIC had in 2017 shows (--metrics quic:2017): packet numbers, key phases,
// a measurement byte.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct Quic2017Section {
  std::uint64_t packet_number[2];  ///< by Direction, like all arrays here
  std::uint32_t truncated;
  std::uint32_t unknown_types;
  std::uint8_t key_phase[2];
  std::uint8_t measurement_byte[2];
  std::uint8_t reserved[4];  ///< zero

  static constexpr std::uint8_t kNoKeyPhase = 255;
};
static_assert(sizeof(Quic2017Section) == 32 && std::has_unique_object_representations_v<Quic2017Section>);

// clang-format off
inline constexpr auto kQuic2017Fields = std::to_array<Field>({
    {.name = "quic_packet_number", .sides = Sides::sided, .place = WEIR_SIDED(Quic2017Section, packet_number),
     .protobuf = {1730, 1731}, .wire = {WireRule::plain, 242, kOwnElement},
     .meaning = "greatest full packet number of the direction (RFC 9000 appendix A.3)"},
    {.name = "quic_key_phase", .sides = Sides::sided, .place = WEIR_SIDED(Quic2017Section, key_phase),
     .protobuf = {1732, 1733}, .wire = {WireRule::plain, 243, kOwnElement},
     .meaning = "key phase of its last short header; 255: there was none"},
    {.name = "quic_measurement_byte", .sides = Sides::sided, .place = WEIR_SIDED(Quic2017Section, measurement_byte),
     .protobuf = {1734, 1735}, .wire = {WireRule::plain, 244, kOwnElement},
     .meaning = "first octet after its last header (quic:measurement-byte)"},
    {.name = "quic_truncated", .place = WEIR_PLACE(Quic2017Section, truncated), .protobuf = {1736},
     .wire = {WireRule::plain, 245, kOwnElement}, .unit = Unit::packets,
     .meaning = "datagrams that end before their header does"},
    {.name = "quic_unknown_types", .place = WEIR_PLACE(Quic2017Section, unknown_types), .protobuf = {1737},
     .wire = {WireRule::plain, 246, kOwnElement}, .unit = Unit::packets,
     .meaning = "datagrams whose first octet is no type of 2017"},
});
// clang-format on

}  // namespace weir
