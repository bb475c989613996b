// The length that a frame had on the wire, where the input cut the frame and forgot its length: what the outermost IP
// header says.
//
// net_af_packet hands on what fits into a frame of its ring, with that as the length. Where the kernel joins segments
// (GRO, LRO) or has not cut them yet (TSO, GSO), frames are up to 64 KiB long, so that most of their octets would go
// uncounted. Only a frame that fills its ring frame can have been cut; no other is looked at.
#pragma once

#include <cstdint>

#include "dataplane/packet/headers.h"
#include "dataplane/packet/packet_view.h"

namespace weir {

/// Octets of an Ethernet frame up to the end of its IP packet, by the IP header after at most `kMostTags` VLAN tags. 0:
/// it has no IP header there, or the packet ends within the captured octets.
[[nodiscard]] inline std::uint32_t octets_beyond_capture(const std::uint8_t* frame, std::uint32_t captured_octets) {
  constexpr unsigned kMostTags = 8;
  std::uint32_t at = sizeof(EthernetHeader);
  if (captured_octets < at + sizeof(Ipv6Header)) return 0;
  unsigned ether_type = header_at<EthernetHeader>(frame).ether_type.host();
  for (unsigned tags = 0; tags < kMostTags && (ether_type == kEtherTypeVlan || ether_type == kEtherTypeQinQ); ++tags) {
    ether_type = header_at<VlanTag>(frame + at).ether_type.host();
    at += sizeof(VlanTag);
    if (captured_octets < at + sizeof(Ipv6Header)) return 0;
  }
  std::uint32_t octets = 0;
  if (ether_type == kEtherTypeIpv4 && header_at<Ipv4Header>(frame + at).version() == 4) {
    octets = at + header_at<Ipv4Header>(frame + at).total_length.host();
  } else if (ether_type == kEtherTypeIpv6 && header_at<Ipv6Header>(frame + at).version() == 6) {
    octets =
        at + static_cast<std::uint32_t>(sizeof(Ipv6Header)) + header_at<Ipv6Header>(frame + at).payload_length.host();
  }
  return octets > captured_octets ? octets : 0;
}

}  // namespace weir
