// LengthsSection: what the metric `lengths` tells of the lengths of a flow's packets and of the time between them.
//
// The time between two packets is that between one packet of a direction and the direction's next one in the same
// record: n packets have n - 1 of them. A direction with fewer than two packets has 0 in all values of time.
// The histograms are a section of their own (histograms.h).
#pragma once

#include "proto/record/field.h"

namespace weir {

struct LengthsSection {
  std::uint64_t ip_payload_octets[2];
  std::uint64_t iat_min_ns[2];
  std::uint64_t iat_max_ns[2];
  std::uint64_t iat_mean_ns[2];
  std::uint64_t iat_stddev_ns[2];
  std::uint32_t length_min[2];
  std::uint32_t length_max[2];
  std::uint32_t length_mean[2];
  std::uint32_t length_stddev[2];
};
static_assert(sizeof(LengthsSection) == 112 && std::has_unique_object_representations_v<LengthsSection>);

// clang-format off
inline constexpr auto kLengthsFields = std::to_array<Field>({
    {.name = "ip_payload_bytes", .sides = Sides::sided, .place = WEIR_SIDED(LengthsSection, ip_payload_octets),
     .protobuf = {1042, 1043}, .wire = {WireRule::plain, 59, kOwnElement}, .unit = Unit::octets,
     .meaning = "octets above the IP header and its extension headers"},
    {.name = "length_min", .sides = Sides::sided, .place = WEIR_SIDED(LengthsSection, length_min),
     .protobuf = {1130, 1131}, .wire = {WireRule::plain, 50, kOwnElement}, .unit = Unit::octets,
     .meaning = "IP octets of the shortest packet"},
    {.name = "length_max", .sides = Sides::sided, .place = WEIR_SIDED(LengthsSection, length_max),
     .protobuf = {1132, 1133}, .wire = {WireRule::plain, 51, kOwnElement}, .unit = Unit::octets,
     .meaning = "IP octets of the longest packet"},
    {.name = "length_mean", .sides = Sides::sided, .place = WEIR_SIDED(LengthsSection, length_mean),
     .protobuf = {1134, 1135}, .wire = {WireRule::plain, 52, kOwnElement}, .unit = Unit::octets,
     .meaning = "mean IP octets of a packet, rounded"},
    {.name = "length_stddev", .sides = Sides::sided, .place = WEIR_SIDED(LengthsSection, length_stddev),
     .protobuf = {1136, 1137}, .wire = {WireRule::plain, 53, kOwnElement}, .unit = Unit::octets,
     .meaning = "standard deviation of the IP octets of all packets, rounded"},
    {.name = "iat_min_ns", .sides = Sides::sided, .place = WEIR_SIDED(LengthsSection, iat_min_ns),
     .protobuf = {1140, 1141}, .wire = {WireRule::plain, 54, kOwnElement}, .unit = Unit::nanoseconds,
     .meaning = "least time between a packet and the next one of its direction"},
    {.name = "iat_max_ns", .sides = Sides::sided, .place = WEIR_SIDED(LengthsSection, iat_max_ns),
     .protobuf = {1142, 1143}, .wire = {WireRule::plain, 55, kOwnElement}, .unit = Unit::nanoseconds,
     .meaning = "greatest such time"},
    {.name = "iat_mean_ns", .sides = Sides::sided, .place = WEIR_SIDED(LengthsSection, iat_mean_ns),
     .protobuf = {1144, 1145}, .wire = {WireRule::plain, 56, kOwnElement}, .unit = Unit::nanoseconds,
     .meaning = "mean of these times, rounded"},
    {.name = "iat_stddev_ns", .sides = Sides::sided, .place = WEIR_SIDED(LengthsSection, iat_stddev_ns),
     .protobuf = {1146, 1147}, .wire = {WireRule::plain, 57, kOwnElement}, .unit = Unit::nanoseconds,
     .meaning = "standard deviation of these times, rounded"},
});
// clang-format on

}  // namespace weir
