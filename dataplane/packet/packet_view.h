// PacketView: a frame as an input hands it to a worker, without owning its octets.
#pragma once

#include <cstdint>

namespace weir {

/// What the first octet of a frame is. Values are weir's own; inputs map their link types to them.
enum class LinkType : std::uint8_t {
  ethernet,
  raw_ip,       ///< IPv4 or IPv6, told apart by the version field
  ipv4,         ///< IPv4 only
  ipv6,         ///< IPv6 only
  linux_sll,    ///< Linux cooked capture
  linux_sll2,   ///< Linux cooked capture, version 2
  bsd_null,     ///< BSD loopback: address family in the byte order of some machine (NULL) or of the network (LOOP)
  ppp,          ///< PPP, with or without HDLC-like framing
  ppp_hdlc,     ///< PPP in HDLC-like framing, or Cisco HDLC
  ppp_pppd,     ///< PPP with a direction in place of the address octet
  pppoe,        ///< PPPoE session header first
  cisco_hdlc,   ///< Cisco HDLC
  frame_relay,  ///< Q.922 address, then RFC 2427 or Cisco's encapsulation
  mpls,         ///< a label stack first
  ieee80211,    ///< 802.11
  radiotap,     ///< 802.11 behind a radiotap header
  prism,        ///< 802.11 behind a Prism or an AVS header
  avs,          ///< 802.11 behind an AVS header
};
inline constexpr unsigned kLinkTypes = 18;

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
