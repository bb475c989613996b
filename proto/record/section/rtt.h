// RttSection: what the metric `rtt` tells of the round-trip times of a TCP flow, seen from where the probe is. The
// client is who sent the SYN; where none was seen, the flow's initiator. A value that was not measured has no bit in
// `known`: JSON and protobuf leave it out, and NetFlow and IPFIX, whose templates are fixed, send 0 and `known` beside
// it.
#pragma once

#include "proto/record/field.h"

namespace weir {

/// Of one side: the times from what the other side sent to this one's answer.
struct RttSamples {
  std::uint64_t min_ns;
  std::uint64_t mean_ns;
  std::uint64_t max_ns;
  std::uint64_t last_ns;
};

struct RttSection {
  std::uint64_t handshake_ns;
  std::uint64_t handshake_client_ns;  ///< SYN/ACK to the client's first ACK
  std::uint64_t handshake_server_ns;  ///< SYN to SYN/ACK
  std::uint64_t application_latency_ns;
  RttSamples client;
  RttSamples server;
  std::uint32_t client_samples;
  std::uint32_t server_samples;
  std::uint8_t by_timestamps;
  std::uint8_t known;  ///< bits, see below
  std::uint8_t reserved[6];

  // Bits of `known`.
  static constexpr unsigned kClientHalf = 1;
  static constexpr unsigned kServerHalf = 2;
  static constexpr unsigned kClientSamples = 4;
  static constexpr unsigned kServerSamples = 8;
  static constexpr unsigned kApplicationLatency = 16;
};
static_assert(sizeof(RttSection) == 112 && std::has_unique_object_representations_v<RttSection>);

#define WEIR_IF_KNOWN(bits) WEIR_PRESENCE(RttSection, known, (bits))

// clang-format off
inline constexpr auto kRttFields = std::to_array<Field>({
    {.name = "rtt_handshake_ns", .place = WEIR_PLACE(RttSection, handshake_ns), .protobuf = {1100},
     .wire = {WireRule::plain, 30, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(RttSection::kClientHalf | RttSection::kServerHalf),
     .meaning = "round-trip time of the handshake: the sum of the two"},
    {.name = "rtt_handshake_client_ns", .place = WEIR_PLACE(RttSection, handshake_client_ns), .protobuf = {1101},
     .wire = {WireRule::plain, 31, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(RttSection::kClientHalf),
     .meaning = "SYN/ACK to the client's first ACK: from the probe to the client and back"},
    {.name = "rtt_handshake_server_ns", .place = WEIR_PLACE(RttSection, handshake_server_ns), .protobuf = {1102},
     .wire = {WireRule::plain, 32, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(RttSection::kServerHalf),
     .meaning = "SYN to SYN/ACK: from the probe to the server and back"},
    {.name = "rtt_client_min_ns", .place = WEIR_PLACE(RttSection, client.min_ns), .protobuf = {1103},
     .wire = {WireRule::plain, 33, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(RttSection::kClientSamples), .meaning = "least time to the client's answer"},
    {.name = "rtt_client_mean_ns", .place = WEIR_PLACE(RttSection, client.mean_ns), .protobuf = {1104},
     .wire = {WireRule::plain, 34, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(RttSection::kClientSamples), .meaning = "mean time to the client's answer"},
    {.name = "rtt_client_max_ns", .place = WEIR_PLACE(RttSection, client.max_ns), .protobuf = {1105},
     .wire = {WireRule::plain, 35, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(RttSection::kClientSamples), .meaning = "greatest time to the client's answer"},
    {.name = "rtt_client_samples", .place = WEIR_PLACE(RttSection, client_samples), .protobuf = {1106},
     .wire = {WireRule::plain, 36, kOwnElement}, .meaning = "how often the client's answer was timed"},
    {.name = "rtt_client_last_ns", .place = WEIR_PLACE(RttSection, client.last_ns), .protobuf = {1107},
     .wire = {WireRule::plain, 37, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(RttSection::kClientSamples), .meaning = "last time to the client's answer"},
    {.name = "rtt_server_min_ns", .place = WEIR_PLACE(RttSection, server.min_ns), .protobuf = {1108},
     .wire = {WireRule::plain, 38, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(RttSection::kServerSamples), .meaning = "least time to the server's answer"},
    {.name = "rtt_server_mean_ns", .place = WEIR_PLACE(RttSection, server.mean_ns), .protobuf = {1109},
     .wire = {WireRule::plain, 39, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(RttSection::kServerSamples), .meaning = "mean time to the server's answer"},
    {.name = "rtt_server_max_ns", .place = WEIR_PLACE(RttSection, server.max_ns), .protobuf = {1110},
     .wire = {WireRule::plain, 40, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(RttSection::kServerSamples), .meaning = "greatest time to the server's answer"},
    {.name = "rtt_server_samples", .place = WEIR_PLACE(RttSection, server_samples), .protobuf = {1111},
     .wire = {WireRule::plain, 41, kOwnElement}, .meaning = "how often the server's answer was timed"},
    {.name = "rtt_server_last_ns", .place = WEIR_PLACE(RttSection, server.last_ns), .protobuf = {1112},
     .wire = {WireRule::plain, 42, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(RttSection::kServerSamples), .meaning = "last time to the server's answer"},
    {.name = "rtt_by_timestamps", .place = WEIR_PLACE(RttSection, by_timestamps), .protobuf = {1113},
     .wire = {WireRule::plain, 43, kOwnElement},
     .meaning = "1: both sides sent timestamps (RFC 7323), which answers had to echo"},
    {.name = "application_latency_ns", .place = WEIR_PLACE(RttSection, application_latency_ns), .protobuf = {1114},
     .wire = {WireRule::plain, 44, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(RttSection::kApplicationLatency),
     .meaning = "first payload of the client to first payload of the server"},
    {.name = "rtt_known", .place = WEIR_PLACE(RttSection, known), .wire = {WireRule::plain, 45, kOwnElement},
     .marks = kNotInJson,
     .meaning = "which values were measured: 1 and 2 the client's and the server's half of the handshake, 4 and 8 their "
                "samples, 16 the application latency"},
});
// clang-format on
#undef WEIR_IF_KNOWN

}  // namespace weir
