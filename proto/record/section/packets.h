// PacketsSection: the first packets of a record, in the order in which they came, as the metric `packets` kept them.
#pragma once

#include <algorithm>

#include "proto/record/field.h"

namespace weir {

/// A packet of the list.
struct FirstPacket {
  std::uint32_t ip_octets;
  std::uint32_t offset_low_ns;  ///< since the list's first packet, 48 bits: 78 hours
  std::uint16_t offset_high_ns;
  std::uint8_t direction;
  std::uint8_t tcp_flags;

  static constexpr std::uint64_t kMostOffset = (std::uint64_t{1} << 48) - 1;

  [[nodiscard]] std::uint64_t offset_ns() const { return std::uint64_t{offset_high_ns} << 32 | offset_low_ns; }
  void set_offset_ns(std::uint64_t offset) {
    offset = std::min(offset, kMostOffset);
    offset_low_ns = static_cast<std::uint32_t>(offset);
    offset_high_ns = static_cast<std::uint16_t>(offset >> 32);
  }
};
static_assert(sizeof(FirstPacket) == 12, "five of them, and where the next five are, are a line of the pool");

struct PacketsSection {
  static constexpr std::uint32_t kMost = 30;

  FirstPacket packets[kMost];
  std::uint32_t count;     ///< of those that are set, from the first
  std::uint32_t reserved;  ///< zero

  [[nodiscard]] std::uint32_t size() const { return std::min(count, kMost); }
};
static_assert(sizeof(PacketsSection) == 368 && std::has_unique_object_representations_v<PacketsSection>);

/// What the list says of a packet, in this order, in JSON, protobuf and IPFIX.
struct ListedFact {
  std::string_view name;
  std::uint8_t octets;  ///< in IPFIX
  std::uint64_t greatest;
  std::uint64_t (*get)(const FirstPacket& packet);
  void (*set)(FirstPacket& packet, std::uint64_t value);
};
inline constexpr auto kListedFacts = std::to_array<ListedFact>({
    {"length", 4, UINT32_MAX, [](const FirstPacket& packet) -> std::uint64_t { return packet.ip_octets; },
     [](FirstPacket& packet, std::uint64_t value) { packet.ip_octets = static_cast<std::uint32_t>(value); }},
    {"time_offset_ns", 6, FirstPacket::kMostOffset, [](const FirstPacket& packet) { return packet.offset_ns(); },
     [](FirstPacket& packet, std::uint64_t value) { packet.set_offset_ns(value); }},
    {"direction", 1, kReverse, [](const FirstPacket& packet) -> std::uint64_t { return packet.direction; },
     [](FirstPacket& packet, std::uint64_t value) { packet.direction = static_cast<std::uint8_t>(value); }},
    {"flags", 1, UINT8_MAX, [](const FirstPacket& packet) -> std::uint64_t { return packet.tcp_flags; },
     [](FirstPacket& packet, std::uint64_t value) { packet.tcp_flags = static_cast<std::uint8_t>(value); }},
});

inline constexpr auto kPacketsFields = std::to_array<Field>({
    {.name = "first_packets",
     .form = Form::packets,
     .place = WEIR_PLACE(PacketsSection, packets),
     .protobuf = {1160},
     .wire = {WireRule::packet_lists, 80, kOwnElement},
     .meaning = "the record's first packets, at most 30: IP octets, time since the first of them, direction (0: of the "
                "initiator, 1: of the responder), TCP flags"},
});

}  // namespace weir
