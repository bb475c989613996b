// The walk's first steps: the headers that a frame of a link type other than Ethernet and 802.11 begins with.
#include <cstring>

#include "dataplane/packet/headers.h"
#include "dataplane/packet/layer_walk_trace.h"

namespace weir {

/// With what a frame of this link type begins.
LayerWalk::Next LayerWalk::first_step(LinkType type) {
  static constexpr Next kFirstSteps[] = {
#define WEIR_X(name, number, step) Next::step,
      WEIR_LINK_TYPES(WEIR_X)
#undef WEIR_X
  };
  link_type_ = type;
  return type == LinkType::unknown ? stop(Reject::link_type_unknown) : kFirstSteps[static_cast<std::size_t>(type)];
}

/// RFC 2516 §4.
LayerWalk::Next LayerWalk::pppoe() {
  if (left() < 6) return stop(Reject::ppp_truncated);
  const unsigned length = be16(4);
  const bool session_data = at_[0] == 0x11 && at_[1] == 0;
  pass("PPPoE", 6, "session %u", unsigned{be16(2)});
  if (!session_data) return stop(Reject::ppp_control);
  bound(length);
  return Next::ppp;
}

/// RFC 1661 §2 with RFC 1662 §3.1 where address and control are there, and both compressions (RFC 1661 §6.5, §6.6).
LayerWalk::Next LayerWalk::ppp() {
  std::size_t octets = left() >= 2 && at_[0] == 0xff && at_[1] == 0x03 ? 2 : 0;
  if (left() < octets + 1) return stop(Reject::ppp_truncated);
  unsigned protocol = at_[octets];
  if ((protocol & 1) == 0) {
    if (left() < octets + 2) return stop(Reject::ppp_truncated);
    protocol = be16(octets);
    ++octets;
  }
  ++octets;
  pass("PPP", octets, "protocol 0x%04x", protocol);
  switch (protocol) {
    case 0x0021:
      return Next::ipv4;  // RFC 1332 §2
    case 0x0057:
      return Next::ipv6;  // RFC 5072 §3
    case 0x0281:          // RFC 3032 §4.3
    case 0x0283:
      return Next::mpls;
    case 0x003d:
      return Next::ppp_multilink;
    default:
      return stop(Reject::ppp_control);
  }
}

/// RFC 1990 §3, with the long sequence number, which is the default. The first of a packet's fragments, which may be
/// all of it, begins with a PPP header of its own.
LayerWalk::Next LayerWalk::ppp_multilink() {
  if (left() < 4) return stop(Reject::ppp_truncated);
  const bool begins = (at_[0] & 0x80) != 0;
  pass("PPP multilink", 4, "sequence number %u", be32(0) & 0xffffffU);
  return begins ? Next::ppp : stop(Reject::ppp_control);
}

LayerWalk::Next LayerWalk::ppp_hdlc() {
  if (left() >= 1 && (at_[0] == 0x0f || at_[0] == 0x8f)) return Next::cisco_hdlc;
  return Next::ppp;
}

LayerWalk::Next LayerWalk::ppp_pppd() {
  if (left() < 2) return stop(Reject::ppp_truncated);
  if (at_[1] == 0x03) pass("PPP direction", 2);
  return Next::ppp;
}

/// Address (unicast 0x0f, broadcast 0x8f), control, EtherType: RFC 1547 §4.3.1 names it.
LayerWalk::Next LayerWalk::cisco_hdlc() {
  if (left() < 4) return stop(Reject::link_truncated);
  ether_type_ = be16(2);
  pass("Cisco HDLC", 4, "type 0x%04x", unsigned{ether_type_});
  if (ether_type_ < kEtherTypeFirst) return stop(Reject::link_protocol);
  return Next::ether_type;
}

/// RFC 2427 §3 and §4, or Cisco's form with an EtherType right after the address.
LayerWalk::Next LayerWalk::frame_relay() {
  // Q.922 §3.2: the last of two to four address octets has its lowest bit set.
  std::size_t octets = 1;
  while (octets <= 4 && octets <= left() && (at_[octets - 1] & 1) == 0) ++octets;
  if (octets > left()) return stop(Reject::link_truncated);
  if (octets < 2 || octets > 4) return stop(Reject::link_protocol);
  pass("Frame Relay", octets);
  if (left() < 2) return stop(Reject::link_truncated);
  if (at_[0] != 0x03) {
    ether_type_ = be16(0);
    pass("Cisco Frame Relay type", 2, "type 0x%04x", unsigned{ether_type_});
    return ether_type_ < kEtherTypeFirst ? stop(Reject::link_protocol) : Next::ether_type;
  }
  octets = at_[1] == 0 ? 3 : 2;  // RFC 2427 §3: one octet of padding may stand before the protocol identifier
  if (left() < octets) return stop(Reject::link_truncated);
  const unsigned protocol = at_[octets - 1];
  pass("network layer protocol identifier", octets, "0x%02x", protocol);
  switch (protocol) {
    case 0xcc:
      return Next::ipv4;
    case 0x8e:
      return Next::ipv6;
    case 0x80:
      return Next::snap;
    case 0xcf:
      return Next::ppp;  // RFC 1973 §3
    default:
      return stop(Reject::link_protocol);
  }
}

/// LINKTYPE_LINUX_SLL: packet type, device type, address length, address (8), protocol.
LayerWalk::Next LayerWalk::linux_sll() {
  if (left() < 16) return stop(Reject::link_truncated);
  const unsigned device = be16(2);
  ether_type_ = be16(14);
  note_sender(be16(4), 6);
  pass("Linux cooked", 16, "type 0x%04x", unsigned{ether_type_});
  if (device == 824) return stop(Reject::link_protocol);  // ARPHRD_NETLINK: the protocol is netlink's own
  if (device == 803) return Next::radiotap;               // ARPHRD_IEEE80211_RADIOTAP
  if (device == 770) return Next::frame_relay;            // ARPHRD_FRAD
  if (ether_type_ < kEtherTypeFirst && ether_type_ != 0x0004) return stop(Reject::link_protocol);
  return ether_type_ == 0x0004 ? Next::llc : Next::ether_type;  // 0x0004: an LLC header follows
}

/// Linux cooked headers name the sender alone, by an address of `octets` at `offset`.
void LayerWalk::note_sender(unsigned octets, std::size_t offset) const {
  if (facts_ == nullptr || octets != sizeof facts_->source_mac) return;
  std::memcpy(facts_->source_mac, at_ + offset, sizeof facts_->source_mac);
}

/// LINKTYPE_LINUX_SLL2: protocol, reserved, interface (4), device type, packet type, address length, address (8).
LayerWalk::Next LayerWalk::linux_sll2() {
  if (left() < 20) return stop(Reject::link_truncated);
  const unsigned device = be16(8);
  ether_type_ = be16(0);
  note_sender(at_[11], 12);
  pass("Linux cooked v2", 20, "type 0x%04x", unsigned{ether_type_});
  if (device == 824) return stop(Reject::link_protocol);
  if (device == 803) return Next::radiotap;
  if (device == 770) return Next::frame_relay;
  if (ether_type_ < kEtherTypeFirst && ether_type_ != 0x0004) return stop(Reject::link_protocol);
  return ether_type_ == 0x0004 ? Next::llc : Next::ether_type;
}

/// LINKTYPE_NULL and LINKTYPE_LOOP: four octets of address family, in either byte order: the file does not say on which
/// machine it was written. Families differ in their first octets, so both are tried.
LayerWalk::Next LayerWalk::bsd_null() {
  if (left() < 4) return stop(Reject::link_truncated);
  const std::uint32_t big = be32(0);
  const std::uint32_t family = big > 0xffff ? __builtin_bswap32(big) : big;
  pass("BSD loopback", 4, "address family %u", family);
  switch (family) {
    case 2:
      return Next::ipv4;
    case 10:  // AF_INET6 of Linux,
    case 23:  // Windows,
    case 24:  // NetBSD and OpenBSD,
    case 28:  // FreeBSD,
    case 30:
      return Next::ipv6;  // Darwin
    default:
      return stop(Reject::link_protocol);
  }
}

}  // namespace weir
