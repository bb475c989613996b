// FlowFilter: --filter: which packets count, told by the header that makes their flow: the IP header that the parser
// chose, whatever tags, labels and tunnels are around it. (--frame-filter, over the frame as it came, is the source's.)
//
// A monitor asks it once per burst, the packet front once per fragment. The one of `weir read` is libpcap's interpreter
// (dataplane/input/pcap_filter.h), the one of `weir run` machine code where DPDK can (dataplane/dpdk/mbuf_filter.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet/fragment_note.h"
#include "dataplane/packet/packet_view.h"

namespace weir {

/// An IP packet as a filter sees it, from its header on.
struct FlowHeader {
  const std::uint8_t* data = nullptr;  ///< nullptr: it is judged already (ParsedPacket::filtered_by)
  std::uint32_t captured_octets = 0;   ///< of the packet, readable at data
  std::uint32_t ip_octets = 0;         ///< of the packet, by its header

  /// Nothing after the IP packet is part of it.
  static FlowHeader at(const PacketView& view, const HeaderPlace& place) {
    return {view.data + place.offset, std::min(view.captured_octets - place.offset, place.octets), place.octets};
  }
};

class FlowFilter {
 public:
  static constexpr std::size_t kMost = 64;

  FlowFilter() = default;
  FlowFilter(const FlowFilter&) = delete;
  FlowFilter& operator=(const FlowFilter&) = delete;
  virtual ~FlowFilter() = default;

  /// Bit i: the packet of headers[i] counts. At most kMost headers; for those without data the bit says nothing. May be
  /// called by several threads at once.
  [[nodiscard]] virtual std::uint64_t keeps(std::span<const FlowHeader> headers) const = 0;
};

}  // namespace weir
