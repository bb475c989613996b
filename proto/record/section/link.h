// LinkSection: what an observer counted at the link layer, and its own clock. The raw records of an eBPF agent have
// both (dataplane/input/raw_record.h).
#pragma once

#include "proto/record/field.h"

namespace weir {

struct LinkSection {
  std::uint64_t octets[2];      ///< by Direction: with the link-layer header; what the kernel had joined counts once
  std::uint64_t start_mono_ns;  ///< of the flow's first packet, CLOCK_MONOTONIC of the observer's machine; 0: unset
  std::uint64_t end_mono_ns;    ///< of its last packet, likewise
};
static_assert(sizeof(LinkSection) == 32 && std::has_unique_object_representations_v<LinkSection>);

// clang-format off
inline constexpr auto kLinkFields = std::to_array<Field>({
    {.name = "link_bytes", .sides = Sides::sided, .place = WEIR_SIDED(LinkSection, octets), .protobuf = {1850, 1851},
     .wire = {WireRule::plain, 352}, .unit = Unit::octets, .marks = kZeroIsNone,
     .meaning = "octets with the link-layer header, as an agent counted them (layer2OctetDeltaCount)"},
    {.name = "start_mono_ns", .place = WEIR_PLACE(LinkSection, start_mono_ns), .protobuf = {1852},
     .wire = {WireRule::plain, 210, kOwnElement}, .unit = Unit::nanoseconds, .marks = kZeroIsNone,
     .meaning = "time of the first packet by the monotonic clock of the agent's machine"},
    {.name = "end_mono_ns", .place = WEIR_PLACE(LinkSection, end_mono_ns), .protobuf = {1853},
     .wire = {WireRule::plain, 211, kOwnElement}, .unit = Unit::nanoseconds, .marks = kZeroIsNone,
     .meaning = "time of the last packet by that clock"},
});
// clang-format on

}  // namespace weir
