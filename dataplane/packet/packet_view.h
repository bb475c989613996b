// PacketView: a frame as an input hands it to a worker, without owning its octets.
#pragma once

#include <cstdint>
#include <type_traits>

#include "dataplane/packet/link_type.h"

namespace weir {

/// Bits of PacketView::marks: what the source found out about a frame. Where it sets none, nobody looks.
enum ViewMark : std::uint8_t {
  kFrameFilteredOut = 1,  ///< --frame-filter says no
  kLengthFromHeader = 2,  ///< the input cut the frame and forgot its length: the outermost IP header's counts
};

struct PacketView {
  const std::uint8_t* data;         ///< first octet of the link-layer header; contiguous for captured_octets
  std::uint32_t captured_octets;    ///< octets readable at data: headers are complete in them, payload need not be
  std::uint32_t frame_octets;       ///< octets of the frame on the wire (without FCS); >= captured_octets
  std::uint64_t time_ns;            ///< when the packet was seen, ns since 1970
  std::uint32_t ingress_interface;  ///< 0: unknown
  LinkType link_type;
  std::uint8_t marks;  ///< bits of ViewMark
};
static_assert(sizeof(PacketView) <= 32 && std::is_trivially_default_constructible_v<PacketView>,
              "two views a cache line; an array of them that a source fills costs nothing before");

}  // namespace weir
