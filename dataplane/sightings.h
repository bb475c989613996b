// Sightings: the packets that a monitor saw lately at ports of pairs (--pair), so that what is seen at both ports of a
// pair counts once: the first sighting in the flow, the second one as a duplicate.
//
// Compared are the first 64 octets of the IP packet that makes the flow, as far as they were captured, without what a
// router between the ports changes (TTL or hop limit, the checksum of the IPv4 header), and its length. What is around
// it is not compared: MAC addresses, tags, tunnels. TCP, UDP and ICMP have their checksum in these octets, so that
// packets of different payload differ. Of the octets a keyed hash of 64 bits is kept: two ports of 10 Gbit/s full
// of 64-byte frames show different packets with the same one about three times a year.
//
// A packet is a duplicate if the other port of its pair had such a packet at most 10 ms before, which was not taken for
// the first sighting of another one: packets that a sender repeats come in at one port, and each is counted.
//
// Both sightings have to meet in one worker. Symmetric RSS has the same key on all ports, so they do; where workers
// hand packets over, the owner of the flow sees both.
//
// A set of four for each hash, 2 MiB in all: the oldest one goes. At 13 million packets a second it is forgotten after
// 10 ms; then a duplicate counts like any packet.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/flow/key_hash.h"
#include "dataplane/flow/port_pairs.h"
#include "dataplane/memory.h"
#include "dataplane/packet/flow_filter.h"
#include "dataplane/packet/flow_key.h"

namespace weir {

/// What tells the packet at `header` from others; never 0.
[[nodiscard]] inline std::uint64_t sighting_of(const FlowHeader& header, const KeyHash& hash) {
  constexpr std::size_t kCompared = 64;
  std::array<std::uint8_t, kCompared + sizeof(std::uint64_t)> octets{};
  std::memcpy(octets.data(), header.data, std::min<std::size_t>(header.captured_octets, kCompared));
  if (octets[0] >> 4 == 4) {
    octets[8] = 0;                // RFC 791 section 3.1: time to live
    octets[10] = octets[11] = 0;  // header checksum
  } else {
    octets[7] = 0;  // RFC 8200 section 3: hop limit
  }
  std::memcpy(octets.data() + kCompared, &header.ip_octets, sizeof header.ip_octets);
  std::array<std::uint64_t, sizeof octets / sizeof(std::uint64_t)> words;
  std::memcpy(words.data(), octets.data(), sizeof words);
  const std::uint64_t sighting = hash.of_words(words);
  return sighting != 0 ? sighting : 1;
}

class Sightings {
 public:
  static constexpr std::uint64_t kWindowNs = 10'000'000;

  /// Without pairs there is nothing to remember, and no memory.
  explicit Sightings(const PortPairs& pairs) : pairs_(pairs), sets_(pairs.any() ? kSets : 0) {}
  [[nodiscard]] bool on() const { return pairs_.any(); }
  [[nodiscard]] bool ok() const { return !on() || sets_.size() == kSets; }
  void touch(Touching* touching) { sets_.touch(touching); }
  [[nodiscard]] std::size_t octets() const { return sets_.octets(); }

  /// Whether the packet was seen at the other port. Else it is remembered.
  [[nodiscard]] bool is_duplicate(const ParsedPacket& packet, std::uint64_t now_ns) {
    if ((packet.facts & kHasAddition) == 0 || packet.sighting == 0) return false;
    const std::uint32_t other = pairs_.egress_of(packet.ingress_interface);
    if (other == 0) return false;
    Set& set = sets_[packet.sighting >> (64 - kSetBits)];
    std::size_t oldest = 0;
    for (std::size_t i = 0; i < kWays; ++i) {
      Sighting& seen = set[i];
      if (seen.packet == packet.sighting && seen.interface() == other &&
          ((now_ns - seen.time_ns()) & kTimeMask) <= kWindowNs) {
        seen = {};  // it is taken
        return true;
      }
      if (seen.time_ns() < set[oldest].time_ns()) oldest = i;
    }
    set[oldest] = {packet.sighting, now_ns << kInterfaceBits | packet.ingress_interface};
    return false;
  }

 private:
  static constexpr unsigned kSetBits = 15;
  static constexpr std::size_t kSets = std::size_t{1} << kSetBits;
  static constexpr std::size_t kWays = 4;
  static constexpr unsigned kInterfaceBits = 6;
  static constexpr std::uint64_t kTimeMask = ~std::uint64_t{0} >> kInterfaceBits;  ///< it runs over in 9 years
  static_assert(PortPairs::kMostInterfaces <= 1U << kInterfaceBits);

  struct Sighting {
    std::uint64_t packet = 0;  ///< 0: none
    std::uint64_t seen = 0;    ///< when, without the upper bits of the time, and where

    [[nodiscard]] std::uint64_t time_ns() const { return seen >> kInterfaceBits; }
    [[nodiscard]] std::uint32_t interface() const {
      return static_cast<std::uint32_t>(seen) & ((1U << kInterfaceBits) - 1);
    }
  };
  struct alignas(64) Set {
    std::array<Sighting, kWays> sightings;
    Sighting& operator[](std::size_t index) { return sightings[index]; }
  };
  static_assert(sizeof(Set) == 64, "one miss a packet");

  PortPairs pairs_;
  MappedArray<Set> sets_;
};

}  // namespace weir
