// memif rings: reads what the two sides of a memif share in their shared memory.
//
// net_memif does not check that both sides have the same number of queues. A server with more receive queues than its
// client has transmit queues reads the client's first ring through every queue without a ring of its own: each packet
// arrives more than once, and the tail that such a queue writes makes the client overwrite unread packets. The driver
// does not say how many rings a peer brought, or whether the peer has read what it was given.
//
// The shared memory says both. Its layout is memif's wire format, the same for every implementation: region 0 begins
// with the rings, client-to-server ones first, each a header of 128 octets (a cookie; flags and the head index; the
// tail index 64 octets on) and 2^n descriptors of 16. The region is a memory-file mapping, so it is found by name in
// /proc/self/maps. It is read through /proc/self/mem, where unmapped memory is an error value instead of a signal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::dpdk {

struct MemifRing {
  std::uint16_t head = 0;
  std::uint16_t tail = 0;
  unsigned slots = 0;
};

struct MemifRegion {
  std::vector<MemifRing> rings;
};

/// Region 0 of every memif that is connected in this process.
std::vector<MemifRegion> memif_regions();

/// The rings in `octets`, the start of a region; stops where the cookies stop. For tests.
std::vector<MemifRing> parse_memif_rings(const std::vector<std::uint8_t>& octets);

}  // namespace weir::dpdk
