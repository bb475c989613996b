// TcpSection: what the metric `tcp` tells of a TCP flow. Flow-wide facts come from SYN segments; windows are as on the
// wire, without the scale.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct TcpSection {
  std::uint64_t payload_octets[2];  ///< by length: retransmissions count again
  std::uint64_t options[2];         ///< bit n: an option of kind n was seen, kinds 0 to 63
  std::uint32_t zero_windows[2];    ///< segments that announce a window of 0, RST excepted
  std::uint32_t syn_count[2];
  std::uint32_t fin_count[2];
  std::uint32_t rst_count[2];
  std::uint16_t initial_window[2];  ///< of the direction's first segment
  std::uint16_t max_window[2];
  std::uint16_t mss[2];         ///< of the SYN's option, 0 without one
  std::uint16_t syn_octets[2];  ///< IP octets of the first SYN
  std::uint8_t initial_flags[2];
  std::uint8_t window_scale[2];    ///< of the SYN's option; 0 also where there was none
  std::uint8_t sack_permitted[2];  ///< 1: the SYN offered it
  std::uint8_t timestamps[2];      ///< 1: the SYN offered them
};
static_assert(sizeof(TcpSection) == 88 && std::has_unique_object_representations_v<TcpSection>);

// clang-format off
inline constexpr auto kTcpFields = std::to_array<Field>({
    {.name = "tcp_initial_flags", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, initial_flags),
     .protobuf = {1050, 1051}, .wire = {WireRule::plain, 9, kOwnElement}, .meaning = "flags of the first segment"},
    {.name = "tcp_syn_count", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, syn_count),
     .protobuf = {1052, 1053}, .wire = {WireRule::plain, 10, kOwnElement}, .unit = Unit::packets,
     .meaning = "segments with SYN"},
    {.name = "tcp_fin_count", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, fin_count),
     .protobuf = {1054, 1055}, .wire = {WireRule::plain, 11, kOwnElement}, .unit = Unit::packets,
     .meaning = "segments with FIN"},
    {.name = "tcp_rst_count", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, rst_count),
     .protobuf = {1056, 1057}, .wire = {WireRule::plain, 12, kOwnElement}, .unit = Unit::packets,
     .meaning = "segments with RST"},
    {.name = "tcp_initial_window", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, initial_window),
     .protobuf = {1058, 1059}, .wire = {WireRule::plain, 186}, .meaning = "window of the first segment, unscaled"},
    {.name = "tcp_max_window", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, max_window),
     .protobuf = {1060, 1061}, .wire = {WireRule::plain, 13, kOwnElement}, .meaning = "greatest window, unscaled"},
    {.name = "tcp_zero_window", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, zero_windows),
     .protobuf = {1062, 1063}, .wire = {WireRule::plain, 14, kOwnElement}, .unit = Unit::packets,
     .meaning = "segments that announce a window of 0, RST excepted"},
    {.name = "tcp_mss", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, mss), .protobuf = {1064, 1065},
     .wire = {WireRule::plain, 15, kOwnElement}, .unit = Unit::octets, .meaning = "maximum segment size that the SYN offers"},
    {.name = "tcp_window_scale", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, window_scale),
     .protobuf = {1066, 1067}, .wire = {WireRule::plain, 238, 0, 2}, .meaning = "window scale that the SYN offers"},
    {.name = "tcp_sack_permitted", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, sack_permitted),
     .protobuf = {1068, 1069}, .wire = {WireRule::plain, 16, kOwnElement}, .meaning = "1: the SYN permits SACK"},
    {.name = "tcp_timestamps", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, timestamps),
     .protobuf = {1070, 1071}, .wire = {WireRule::plain, 17, kOwnElement}, .meaning = "1: the SYN offers timestamps"},
    {.name = "tcp_syn_bytes", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, syn_octets),
     .protobuf = {1072, 1073}, .wire = {WireRule::plain, 18, kOwnElement}, .unit = Unit::octets,
     .meaning = "IP octets of the first SYN"},
    {.name = "tcp_options", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, options), .protobuf = {1074, 1075},
     .wire = {WireRule::plain, 209}, .meaning = "bit n: an option of kind n was seen"},
    {.name = "payload_bytes", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, payload_octets),
     .protobuf = {1076, 1077}, .wire = {WireRule::plain, 19, kOwnElement}, .unit = Unit::octets,
     .meaning = "octets of TCP payload, by length: retransmissions count again"},
});
// clang-format on

}  // namespace weir
