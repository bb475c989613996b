// SampleFacts: what the kernel's packet sampler said of a packet beside its octets (--input psample).
//
// A packet does not carry them, so that packets from ports cost what they cost: the source keeps those of its last
// burst in an array, PacketView::ingress_interface is the packet's place in it, and whoever asks for the facts of a
// packet was given the array. It holds until the source receives again, and one worker receives and counts a burst.
#pragma once

#include <cstdint>

#include "dataplane/packet/flow_key.h"

namespace weir {

struct SampleFacts {
  std::uint32_t in_if;   ///< by the kernel's numbers; 0: not known
  std::uint32_t out_if;  ///< likewise
  std::uint32_t group;
  std::uint32_t rate;  ///< what the packet stands for; at least 1
  std::uint64_t latency_ns;
  std::uint64_t queue_octets;
  std::uint64_t tunnel_id;  ///< 0: none
  std::uint8_t cookie[16];  ///< its first octets
  std::uint16_t queue;
  std::uint8_t group_place;  ///< of the group in the source's list, from 1: what a key has of it
  std::uint8_t cookie_octets;
  std::uint8_t known;  ///< bits of PsampleSection::known

  /// The most groups that have a place.
  static constexpr unsigned kMostGroups = 255;
};

/// What a packet stands for that was sampled twice: more than 32 bits is as much as they hold.
[[nodiscard]] inline std::uint32_t times_rate(std::uint32_t one, std::uint32_t other) {
  const std::uint64_t both = std::uint64_t{one} * other;
  return both < UINT32_MAX ? static_cast<std::uint32_t>(both) : UINT32_MAX;
}

/// Of a packet; `facts`: the source's array.
[[nodiscard]] inline const SampleFacts& facts_of(const SampleFacts* facts, const ParsedPacket& packet) {
  return facts[packet.ingress_interface];
}

}  // namespace weir
