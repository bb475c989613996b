// The walk's link-layer steps: from the first octet of a frame to an EtherType or an IP header.
#include <algorithm>

#include "dataplane/packet/headers.h"
#include "dataplane/packet/layer_walk_trace.h"

namespace weir {

LayerWalk::Next LayerWalk::first_step() const {
  switch (view_.link_type) {
    case LinkType::ethernet:
      return Next::ethernet;
    case LinkType::raw_ip:
      return Next::ip;
    case LinkType::ipv4:
      return Next::ipv4;
    case LinkType::ipv6:
      return Next::ipv6;
    case LinkType::linux_sll:
      return Next::linux_sll;
    case LinkType::linux_sll2:
      return Next::linux_sll2;
    case LinkType::bsd_null:
      return Next::bsd_null;
    case LinkType::ppp:
      return Next::ppp;
    case LinkType::ppp_hdlc:
      return Next::ppp_hdlc;
    case LinkType::ppp_pppd:
      return Next::ppp_pppd;
    case LinkType::pppoe:
      return Next::pppoe;
    case LinkType::cisco_hdlc:
      return Next::cisco_hdlc;
    case LinkType::frame_relay:
      return Next::frame_relay;
    case LinkType::mpls:
      return Next::mpls;
    case LinkType::ieee80211:
      return Next::ieee80211;
    case LinkType::radiotap:
      return Next::radiotap;
    case LinkType::prism:
      return Next::prism;
    case LinkType::avs:
      return Next::avs;
  }
  return Next::done;
}

/// IEEE 802.3 §3.1.1.
LayerWalk::Next LayerWalk::ethernet() {
  if (left() < sizeof(EthernetHeader)) return stop(Reject::link_truncated);
  ether_type_ = be16(12);
  tags_ = 0;
  pass("Ethernet", sizeof(EthernetHeader), "type 0x%04x", unsigned{ether_type_});
  return Next::ether_type;
}

LayerWalk::Next LayerWalk::ether_type() {
  switch (ether_type_) {
    case kEtherTypeIpv4:
      return Next::ipv4;
    case kEtherTypeIpv6:
      return Next::ipv6;
    case kEtherTypeVlan:
    case kEtherTypeQinQ:
    case kEtherTypeQinQOld:
      return Next::vlan_tag;
    case kEtherTypeMpls:
    case kEtherTypeMplsMulticast:
      return Next::mpls;
    case kEtherTypePppoeSession:
      return Next::pppoe;
    case kEtherTypePppoeDiscovery:
      return stop(Reject::ppp_control);
    case kEtherTypeTransparentBridging:
      return Next::ethernet;
    case kEtherTypeArp:
    case kEtherTypeRarp:
      return stop(Reject::ether_type_arp);
    case kEtherTypeNsh:
      if (options_.walks(TunnelType::nsh)) return Next::nsh;
      return stop(Reject::ether_type_other);
    default:
      break;
  }
  if (ether_type_ >= kEtherTypeFirst) return stop(Reject::ether_type_other);
  bound(ether_type_);  // IEEE 802.3 §3.2.6: it is the length of what follows
  return Next::llc;
}

/// IEEE 802.1Q §9.3, with any of the three tag protocol identifiers.
LayerWalk::Next LayerWalk::vlan_tag() {
  if (tags_ == kMaxVlanTags) return stop(Reject::vlan_too_deep);
  if (left() < sizeof(VlanTag)) return stop(Reject::vlan_truncated);
  ++tags_;
  const auto& tag = header_at<VlanTag>(at_);
  // The outermost tag of the frame itself: one inside a tunnel belongs to somebody else's network.
  if (!has_vlan_ && ip_.version == 0 && tunnels_ == 0) {
    has_vlan_ = true;
    vlan_id_ = tag.vlan_id();
  }
  ether_type_ = tag.ether_type.host();
  pass("VLAN tag", sizeof(VlanTag), "VLAN %u, type 0x%04x", unsigned{tag.vlan_id()}, unsigned{ether_type_});
  return Next::ether_type;
}

/// IEEE 802.2 §3.2: destination and source access point, control.
LayerWalk::Next LayerWalk::llc() {
  constexpr std::uint8_t kSnap = 0xaa;     // RFC 1042
  constexpr std::uint8_t kIp = 0x06;       // access point of IP, IEEE 802 numbers of IANA
  constexpr std::uint8_t kUnnumbered = 3;  // unnumbered information
  if (left() < 3 || at_[2] != kUnnumbered) return stop(Reject::ether_type_length);
  const std::uint8_t destination = at_[0];
  const std::uint8_t source = at_[1];
  if (destination != source || (destination != kSnap && destination != kIp)) return stop(Reject::ether_type_length);
  pass("LLC", 3);
  return destination == kSnap ? Next::snap : Next::ipv4;
}

/// Organisation code and protocol: RFC 1042, and RFC 2684 §5.2 and RFC 2427 §4.2 for bridged frames.
LayerWalk::Next LayerWalk::snap() {
  if (left() < 5) return stop(Reject::ether_type_length);
  const std::uint32_t organisation = be32(0) >> 8;
  const std::uint16_t protocol = be16(3);
  pass("SNAP", 5, "organisation 0x%06x, protocol 0x%04x", organisation, unsigned{protocol});
  if (organisation == 0x0080c2 && (protocol == 0x0001 || protocol == 0x0007)) return Next::ethernet;
  // 0x0000f8: IEEE 802.1H, EtherTypes that a bridge has to keep apart.
  const bool is_ether_type = organisation == 0 || organisation == 0x0000f8;
  if (!is_ether_type || protocol < kEtherTypeFirst) return stop(Reject::ether_type_length);
  ether_type_ = protocol;
  return Next::ether_type;
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

/// RFC 2427 §3 and §4, or Cisco's form with an EtherType right behind the address.
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
  pass("Linux cooked", 16, "type 0x%04x", unsigned{ether_type_});
  if (device == 824) return stop(Reject::link_protocol);  // ARPHRD_NETLINK: the protocol is netlink's own
  if (device == 803) return Next::radiotap;               // ARPHRD_IEEE80211_RADIOTAP
  if (device == 770) return Next::frame_relay;            // ARPHRD_FRAD
  if (ether_type_ < kEtherTypeFirst && ether_type_ != 0x0004) return stop(Reject::link_protocol);
  return ether_type_ == 0x0004 ? Next::llc : Next::ether_type;  // 0x0004: an LLC header follows
}

/// LINKTYPE_LINUX_SLL2: protocol, reserved, interface (4), device type, packet type, address length, address (8).
LayerWalk::Next LayerWalk::linux_sll2() {
  if (left() < 20) return stop(Reject::link_truncated);
  const unsigned device = be16(8);
  ether_type_ = be16(0);
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

/// IEEE 802.11 §9.2, data frames.
LayerWalk::Next LayerWalk::ieee80211() {
  if (left() < 2) return stop(Reject::link_truncated);
  const unsigned type = at_[0] >> 2 & 3;
  const unsigned subtype = at_[0] >> 4;
  const unsigned flags = at_[1];
  const bool version_fits = (at_[0] & 3) == 0;
  // Subtype bit 2: no data (§9.2.4.1.3).
  if (!version_fits || type != 2 || (subtype & 4) != 0) return stop(Reject::wifi_no_data);
  std::size_t octets = 24;
  if ((flags & 3) == 3) octets += 6;  // to and from the distribution system: a fourth address
  std::size_t quality = 0;
  if ((subtype & 8) != 0) {  // quality of service
    quality = octets;
    octets += 2;
    if ((flags & 0x80) != 0) octets += 4;  // +HTC
  }
  if (left() < octets) return stop(Reject::link_truncated);
  if ((at_[22] & 0x0f) != 0) return stop(Reject::wifi_no_data);  // a later fragment: no LLC header
  if ((flags & 0x40) != 0) return stop(Reject::wifi_protected);
  const bool aggregate = quality != 0 && (at_[quality] & 0x80) != 0;
  // §9.2.4.5.10: a mesh control field follows. Outside a mesh the bit means something else; the field's reserved bits
  // and its address extension then tell an LLC header apart.
  const bool maybe_mesh = quality != 0 && (flags & 2) != 0 && (at_[quality + 1] & 1) != 0;
  if (data_pad_) octets = (octets + 3) & ~std::size_t{3};
  if (left() < octets) return stop(Reject::link_truncated);
  pass("802.11 data", octets);
  if (aggregate) {
    // §9.3.2.2: the first of several frames in one stands for all: a frame counts once.
    if (left() < 14) return stop(Reject::link_truncated);
    const unsigned length = be16(12);
    pass("A-MSDU subframe", 14);
    bound(length);
  } else if (maybe_mesh && left() >= 6 && at_[0] < 3) {
    const std::size_t mesh =
        6 + at_[0] * std::size_t{6};  // §9.2.4.7.3: flags, time to live, sequence number, addresses
    if (left() < mesh) return stop(Reject::link_truncated);
    pass("802.11 mesh control", mesh);
  }
  return Next::llc;
}

/// radiotap.org: version, pad, length (little endian), bitmaps of what is there, then that. Of all fields only the
/// flags matter: whether the 802.11 header is padded.
LayerWalk::Next LayerWalk::radiotap() {
  const auto le32 = [this](std::size_t offset) { return __builtin_bswap32(be32(offset)); };
  if (left() < 8) return stop(Reject::link_truncated);
  const std::size_t octets = at_[2] | static_cast<std::size_t>(at_[3]) << 8;
  if (octets < 8 || left() < octets) return stop(Reject::link_truncated);
  const std::uint32_t present = le32(4);
  std::size_t fields = 8;
  for (std::uint32_t more = present; (more >> 31) != 0;) {  // bit 31: another bitmap follows
    if (fields + 4 > octets) return stop(Reject::link_truncated);
    if (!spend()) return stop(Reject::too_many_headers);
    more = le32(fields);
    fields += 4;
  }
  constexpr std::uint32_t kTsft = 1;
  constexpr std::uint32_t kFlags = 2;
  if ((present & kTsft) != 0) fields = ((fields + 7) & ~std::size_t{7}) + 8;  // fields are aligned to their size
  data_pad_ = (present & kFlags) != 0 && fields < octets && (at_[fields] & 0x20) != 0;
  pass("radiotap", octets);
  return Next::ieee80211;
}

/// LINKTYPE_IEEE802_11_PRISM: message code and length in the byte order of the machine that wrote it, 144 octets as a
/// rule. Drivers put AVS headers into such files, too.
LayerWalk::Next LayerWalk::prism() {
  if (left() < 8) return stop(Reject::link_truncated);
  if ((be32(0) & 0xfffff000) == 0x80211000) return Next::avs;
  const std::uint32_t big = be32(4);
  const std::uint32_t octets = big > 0xffff ? __builtin_bswap32(big) : big;
  if (octets < 8 || left() < octets) return stop(Reject::link_truncated);
  pass("Prism", octets);
  return Next::ieee80211;
}

/// AVS: version and length, big endian.
LayerWalk::Next LayerWalk::avs() {
  if (left() < 8) return stop(Reject::link_truncated);
  const std::uint32_t octets = be32(4);
  if (octets < 8 || left() < octets) return stop(Reject::link_truncated);
  pass("AVS", octets);
  return Next::ieee80211;
}

/// One label stack entry, RFC 3032 §2.1.
LayerWalk::Next LayerWalk::mpls() {
  if (left() < 4) return stop(Reject::mpls_truncated);
  const std::uint32_t entry = be32(0);
  last_label_ = entry >> 12;
  if (!has_label_) {
    has_label_ = true;
    label_ = last_label_;
  }
  pass("MPLS label", 4, "%u", last_label_);
  return (entry & 0x100) != 0 ? Next::mpls_payload : Next::mpls;
}

/// Nothing names what follows a label stack; as RFC 4928 §3 has it, the first four bits tell IP from the rest.
LayerWalk::Next LayerWalk::mpls_payload() {
  if (left() == 0) return stop(Reject::mpls_truncated);
  switch (at_[0] >> 4) {
    case 4:
      return Next::ipv4;
    case 6:
      return Next::ipv6;
    case 0:
      return mpls_pw();
    default:
      return stop(Reject::mpls_payload);
  }
}

/// RFC 4385 §3: a control word; RFC 4448 §4.6: an Ethernet frame behind it. Other pseudo-wires look alike.
LayerWalk::Next LayerWalk::mpls_pw() {
  if (!options_.walks(TunnelType::mpls_pw) || left() < 4) return stop(Reject::mpls_payload);
  pass("pseudo-wire control word", 4);
  const Next inside = enter(TunnelType::mpls_pw, last_label_, Next::ethernet);
  return inside == Next::done ? stop(Reject::mpls_payload) : inside;
}

}  // namespace weir
