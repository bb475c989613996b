// TcpSection: what the metric `tcp` tells of a TCP flow. Flow-wide facts come from SYN segments; windows are as on the
// wire, without the scale. What counts as retransmitted, out of order, and so on: dataplane/metric/tcp.h.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct TcpSection {
  std::uint64_t payload_octets[2];        ///< by length: retransmissions count again
  std::uint64_t stream_octets[2];         ///< by sequence number: each octet once
  std::uint64_t retransmitted_octets[2];  ///< of payload
  std::uint64_t options[2];               ///< bit n: an option of kind n was seen, kinds 0 to 63
  std::uint32_t retransmitted[2];
  std::uint32_t out_of_order[2];
  std::uint32_t duplicate_acks[2];
  std::uint32_t keep_alives[2];
  std::uint32_t zero_windows[2];  ///< segments that announce a window of 0, RST excepted
  std::uint32_t zero_window_episodes[2];
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
  std::uint8_t sequence_cut[2];    ///< 1: there were more gaps than are kept
  std::uint8_t reserved[6];        ///< zero
};
static_assert(sizeof(TcpSection) == 168 && std::has_unique_object_representations_v<TcpSection>);

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
    {.name = "tcp_stream_bytes", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, stream_octets),
     .protobuf = {1078, 1079}, .wire = {WireRule::plain, 20, kOwnElement}, .unit = Unit::octets,
     .meaning = "octets of TCP payload, by sequence number: each octet once"},
    {.name = "tcp_retransmitted_packets", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, retransmitted),
     .protobuf = {1080, 1081}, .wire = {WireRule::plain, 21, kOwnElement}, .unit = Unit::packets,
     .meaning = "segments with payload, SYN or FIN of which some was seen before, keep-alives excepted"},
    {.name = "tcp_retransmitted_bytes", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, retransmitted_octets),
     .protobuf = {1082, 1083}, .wire = {WireRule::plain, 22, kOwnElement}, .unit = Unit::octets,
     .meaning = "octets of TCP payload that were seen before, keep-alives excepted"},
    {.name = "tcp_out_of_order", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, out_of_order),
     .protobuf = {1084, 1085}, .wire = {WireRule::plain, 23, kOwnElement}, .unit = Unit::packets,
     .meaning = "segments that fill a gap, or bring both what was seen before and what is new"},
    {.name = "tcp_duplicate_acks", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, duplicate_acks),
     .protobuf = {1086, 1087}, .wire = {WireRule::plain, 24, kOwnElement}, .unit = Unit::packets,
     .meaning = "duplicate ACKs (RFC 5681; with SACK RFC 6675)"},
    {.name = "tcp_keep_alives", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, keep_alives),
     .protobuf = {1088, 1089}, .wire = {WireRule::plain, 25, kOwnElement}, .unit = Unit::packets,
     .meaning = "keep-alives: no or one octet before the next sequence number"},
    {.name = "tcp_zero_window_episodes", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, zero_window_episodes),
     .protobuf = {1090, 1091}, .wire = {WireRule::plain, 26, kOwnElement},
     .meaning = "how often the window became 0"},
    {.name = "tcp_sequence_cut", .sides = Sides::sided, .place = WEIR_SIDED(TcpSection, sequence_cut),
     .protobuf = {1092, 1093}, .wire = {WireRule::plain, 27, kOwnElement},
     .meaning = "1: more than 8 gaps at a time; what counts as retransmitted or out of order is not exact"},
});
// clang-format on

}  // namespace weir
