// AsLookup: which autonomous system an address is of, for keys that have src_as or dst_as.
//
// The map is made from the files of --prefixes on the control side, which this folder does not include. So it is handed
// in as a plain function and what the function reads. The function is called once a burst and IP version, never per
// packet, so that the waits of its searches overlap. A value holds its map: a worker gets a new one through a
// configuration slot (mailbox.h), and the old map is freed only after the worker has taken the new one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/packet/flow_key.h"
#include "proto/base/address_bits.h"

namespace weir {

/// AS numbers of the two ends of a packet as it travels; 0: unknown, or not asked for.
struct AsPair {
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
};

struct AsLookup {
  /// Writes the AS number of each address, of the IP version 4 or 6, to the same place of `as_numbers`; 0: unknown.
  using Find = void (*)(const void* map, std::uint8_t ip_version, std::span<const AddressBits> addresses,
                        std::span<std::uint32_t> as_numbers);

  Find find = nullptr;
  std::shared_ptr<const void> map{};  ///< what `find` reads; lives as long as this
};

/// Which ends of a packet are looked up.
struct AsEnds {
  bool source = false;
  bool destination = false;

  [[nodiscard]] bool any() const { return source || destination; }
};

/// Most packets of one call of find_as_pairs().
inline constexpr std::size_t kMostAsPairs = 32;

/// Of each packet, whose key is still the parser's, the AS numbers of the ends that are asked for.
void find_as_pairs(const AsLookup& lookup, const AsEnds& ends, std::span<const ParsedPacket> packets,
                   std::span<AsPair> found);

}  // namespace weir
