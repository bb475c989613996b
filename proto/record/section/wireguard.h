// WireguardSection: what the metric `wireguard` tells of a flow's WireGuard messages: how many there were of each type,
// and the indexes of a handshake.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct WireguardSection {
  std::uint32_t sender;  ///< index of the handshake's initiator, as a number: sent little-endian
  std::uint32_t receiver;
  std::uint32_t initiations;
  std::uint32_t responses;
  std::uint32_t data;
  std::uint16_t cookies;  ///< as many as it can count
  std::uint8_t known;     ///< bits, see below
  std::uint8_t reserved;  ///< zero

  // Bits of `known`.
  static constexpr unsigned kSender = 1;
  static constexpr unsigned kReceiver = 2;
};
static_assert(sizeof(WireguardSection) == 24 && std::has_unique_object_representations_v<WireguardSection>);

#define WEIR_IF_KNOWN(bits) WEIR_PRESENCE(WireguardSection, known, (bits))

// clang-format off
inline constexpr auto kWireguardFields = std::to_array<Field>({
    {.name = "wireguard_sender", .place = WEIR_PLACE(WireguardSection, sender), .protobuf = {1600},
     .wire = {WireRule::plain, 195, kOwnElement}, .presence = WEIR_IF_KNOWN(WireguardSection::kSender),
     .meaning = "index that the initiator of the handshake chose"},
    {.name = "wireguard_receiver", .place = WEIR_PLACE(WireguardSection, receiver), .protobuf = {1601},
     .wire = {WireRule::plain, 196, kOwnElement}, .presence = WEIR_IF_KNOWN(WireguardSection::kReceiver),
     .meaning = "index that its responder chose"},
    {.name = "wireguard_initiations", .place = WEIR_PLACE(WireguardSection, initiations), .protobuf = {1602},
     .wire = {WireRule::plain, 197, kOwnElement}, .meaning = "handshake initiations (type 1)"},
    {.name = "wireguard_responses", .place = WEIR_PLACE(WireguardSection, responses), .protobuf = {1603},
     .wire = {WireRule::plain, 198, kOwnElement}, .meaning = "handshake responses (type 2)"},
    {.name = "wireguard_cookies", .place = WEIR_PLACE(WireguardSection, cookies), .protobuf = {1604},
     .wire = {WireRule::plain, 199, kOwnElement}, .meaning = "cookie replies (type 3), at most 65535"},
    {.name = "wireguard_data", .place = WEIR_PLACE(WireguardSection, data), .protobuf = {1605},
     .wire = {WireRule::plain, 200, kOwnElement}, .meaning = "transport data messages (type 4), keep-alives included"},
    {.name = "wireguard_known", .place = WEIR_PLACE(WireguardSection, known), .wire = {WireRule::plain, 201, kOwnElement},
     .marks = kNotInJson, .meaning = "which indexes there are: 1 the initiator's, 2 the responder's"},
});
// clang-format on
#undef WEIR_IF_KNOWN

}  // namespace weir
