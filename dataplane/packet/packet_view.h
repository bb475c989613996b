// PacketView: a frame as an input hands it to a worker, without owning its octets.
#pragma once

#include <cstdint>

#include "dataplane/packet/link_type.h"

namespace weir {

struct PacketView {
  const std::uint8_t* data;         ///< first octet of the link-layer header; contiguous for captured_octets
  std::uint32_t captured_octets;    ///< octets readable at data: headers are complete in them, payload need not be
  std::uint32_t frame_octets;       ///< octets of the frame on the wire (without FCS); >= captured_octets
  std::uint64_t time_ns;            ///< when the packet was seen, ns since 1970
  std::uint32_t ingress_interface;  ///< 0: unknown
  LinkType link_type;
};
static_assert(sizeof(PacketView) <= 32, "two views a cache line");

}  // namespace weir
