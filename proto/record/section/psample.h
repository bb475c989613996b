// PsampleSection: what the kernel's packet sampler (psample, --input psample) tells of the packets of a flow beyond
// their octets: the group that they were sampled for, and what only switches know. A value that no message had has no
// bit in `known`: JSON and protobuf leave it out, and NetFlow and IPFIX, whose templates are fixed, send 0 and `known`
// beside it.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct PsampleSection {
  // By Direction. Of the messages that had one.
  std::uint64_t latency_min_ns[2];
  std::uint64_t latency_mean_ns[2];
  std::uint64_t latency_max_ns[2];
  std::uint64_t queue_octets_max[2];  ///< greatest occupancy of the queue that a packet left by
  std::uint64_t tunnel_id;            ///< of the tunnel's metadata, of the first packet that had some; 0: none
  std::uint32_t group;                ///< of the flow's key
  std::uint16_t queue[2];             ///< traffic class of the port that the last packet left by
  std::uint8_t known;                 ///< bits, see below
  std::uint8_t reserved[7];
  std::uint8_t cookie[32];  ///< hexadecimal, of the first packet that had one; zeros: none

  // Bits of `known`.
  static constexpr unsigned kLatency = 1;
  static constexpr unsigned kQueue = 2;
  static constexpr unsigned kQueueOctets = 4;
};
static_assert(sizeof(PsampleSection) == 120 && std::has_unique_object_representations_v<PsampleSection>,
              "a plain record with it and an egress has four lines");

#define WEIR_IF_KNOWN(bits) WEIR_PRESENCE(PsampleSection, known, (bits))

// clang-format off
inline constexpr auto kPsampleFields = std::to_array<Field>({
    {.name = "psample_group", .place = WEIR_PLACE(PsampleSection, group), .protobuf = {1860},
     .wire = {WireRule::plain, 260, kOwnElement}, .meaning = "group that psample sampled the packets for"},
    {.name = "psample_latency_min_ns", .sides = Sides::sided, .place = WEIR_SIDED(PsampleSection, latency_min_ns),
     .protobuf = {1861, 1862}, .wire = {WireRule::plain, 261, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(PsampleSection::kLatency), .meaning = "least time that a packet spent in the switch"},
    {.name = "psample_latency_mean_ns", .sides = Sides::sided, .place = WEIR_SIDED(PsampleSection, latency_mean_ns),
     .protobuf = {1863, 1864}, .wire = {WireRule::plain, 262, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(PsampleSection::kLatency), .meaning = "mean time that packets spent in the switch"},
    {.name = "psample_latency_max_ns", .sides = Sides::sided, .place = WEIR_SIDED(PsampleSection, latency_max_ns),
     .protobuf = {1865, 1866}, .wire = {WireRule::plain, 263, kOwnElement}, .unit = Unit::nanoseconds,
     .presence = WEIR_IF_KNOWN(PsampleSection::kLatency), .meaning = "greatest time that a packet spent in the switch"},
    {.name = "psample_queue", .sides = Sides::sided, .place = WEIR_SIDED(PsampleSection, queue),
     .protobuf = {1867, 1868}, .wire = {WireRule::plain, 264, kOwnElement},
     .presence = WEIR_IF_KNOWN(PsampleSection::kQueue), .meaning = "queue of the switch that the last packet left by"},
    {.name = "psample_queue_bytes_max", .sides = Sides::sided, .place = WEIR_SIDED(PsampleSection, queue_octets_max),
     .protobuf = {1869, 1870}, .wire = {WireRule::plain, 265, kOwnElement}, .unit = Unit::octets,
     .presence = WEIR_IF_KNOWN(PsampleSection::kQueueOctets),
     .meaning = "greatest fill of the queue that a packet left by"},
    {.name = "psample_tunnel_id", .place = WEIR_PLACE(PsampleSection, tunnel_id), .protobuf = {1871},
     .wire = {WireRule::plain, 266, kOwnElement}, .marks = kZeroIsNone,
     .meaning = "id of the tunnel that the kernel took the packets out of, or puts them into"},
    {.name = "psample_cookie", .form = Form::characters, .place = WEIR_PLACE(PsampleSection, cookie),
     .protobuf = {1872}, .wire = {WireRule::plain, 267, kOwnElement}, .marks = kZeroIsNone,
     .meaning = "cookie of the filter that sampled the packets, hexadecimal"},
    {.name = "psample_known", .place = WEIR_PLACE(PsampleSection, known), .wire = {WireRule::plain, 268, kOwnElement},
     .marks = kNotInJson,
     .meaning = "which values the messages had: 1 the latency, 2 the queue, 4 its fill"},
});
// clang-format on
#undef WEIR_IF_KNOWN

}  // namespace weir
