// The walk's tunnel steps: from the payload of an IP header to the next Ethernet frame, PPP frame or IP header inside.
//
// enter() decides whether a tunnel is walked, so that the header of a tunnel that is not walked still shows in a trace.
#include <array>

#include "dataplane/packet/headers.h"
#include "dataplane/packet/layer_walk_trace.h"

namespace weir {

/// What the innermost IP header carries, with at_ at it.
LayerWalk::Next LayerWalk::payload() {
  switch (payload_protocol_) {
    case kProtocolIpv4:
    case kProtocolIpv6:
      return ipip();
    case kProtocolIcmp:
    case kProtocolIcmpv6:
      if (payload_protocol_ == ip_.protocol) icmp();
      return Next::done;
    case kProtocolUdp:
      return Next::udp;
    case kProtocolGre:
      return Next::gre;
    case kProtocolAh:
      return ip_.version == 4 ? Next::ah : Next::done;  // IPv6: an extension header, walked before
    case kProtocolEtherIp:
      return Next::etherip;
    case kProtocolL2tpV3:
      return Next::l2tpv3;
    case kProtocolMplsInIp:
      return mpls_ip();
    default:
      return Next::done;
  }
}

/// RFC 2003, RFC 2473, RFC 4213: the IP protocol field says which version is inside.
LayerWalk::Next LayerWalk::ipip() {
  const Next inside = payload_protocol_ == kProtocolIpv4 ? Next::ipv4 : Next::ipv6;
  if (behind_ah_ && options_.walks(TunnelType::ah)) return enter(TunnelType::ah, ah_spi_, inside);
  return enter(TunnelType::ipip, 0, inside);
}

/// RFC 4023 §3.
LayerWalk::Next LayerWalk::mpls_ip() {
  if (left() < 4) return stop(Reject::mpls_truncated);
  return enter(TunnelType::mpls_ip, be32(0) >> 12, Next::mpls);
}

/// RFC 7510 §3.
LayerWalk::Next LayerWalk::mpls_udp() {
  if (left() < 4) return stop(Reject::mpls_truncated);
  return enter(TunnelType::mpls_udp, be32(0) >> 12, Next::mpls);
}

/// The authentication header over IPv4 (RFC 4302 §2), where it is what the protocol field says; only what lies in a
/// tunnel after it is of interest.
LayerWalk::Next LayerWalk::ah() {
  if (left() < 12) return Next::done;
  const std::size_t octets = (at_[1] + std::size_t{2}) * 4;
  if (octets < 12 || left() < octets) return Next::done;
  payload_protocol_ = at_[0];
  behind_ah_ = true;
  ah_spi_ = be32(4);
  pass("AH", octets, "next header %u, SPI 0x%x", unsigned{payload_protocol_}, ah_spi_);
  return Next::payload;
}

/// The step of a tunnel's name.
LayerWalk::Next LayerWalk::udp_step(TunnelType type) {
  static constexpr std::array kSteps = {Next::done,
#define WEIR_X(name, text, on, told, port, what) Next::name,
                                        WEIR_TUNNELS(WEIR_X)
#undef WEIR_X
  };
  return kSteps[static_cast<std::size_t>(type)];
}

/// RFC 768. The destination port announces a tunnel, and the source port where the tunnel's row says so.
LayerWalk::Next LayerWalk::udp() {
  if (left() < sizeof(UdpHeader)) return Next::done;
  const std::uint16_t source = be16(0);
  const std::uint16_t destination = be16(2);
  const unsigned length = be16(4);
  // RFC 2675 §4: 0 in a jumbogram, whose IP header says how long it is, and with segmentation offload. Else less than a
  // header is no UDP.
  const bool is_long = length == 0 && (ip_.version == 6 || ip_.length_from_frame);
  if (length < sizeof(UdpHeader) && !is_long) {
    remark("a UDP length that is less than the UDP header");
    return Next::done;
  }
  if (!is_long) bound(length);
  pass("UDP", sizeof(UdpHeader), "%u to %u", unsigned{source}, unsigned{destination});
  for (const TunnelPort& port : options_.udp_ports) {
    if (port.port == destination || (port.port == source && announced_by_source(port.type))) return udp_step(port.type);
  }
  return Next::done;
}

/// RFC 7348 §5. The flag that says the VNI is valid is not asked for: senders exist that leave it out.
LayerWalk::Next LayerWalk::vxlan() {
  if (left() < 8) return Next::done;
  const std::uint32_t vni = be32(4) >> 8;
  pass("VXLAN", 8, "VNI %u", vni);
  return enter(TunnelType::vxlan, vni, Next::ethernet);
}

/// The number space that VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe §3.2) and NSH (RFC 8300 §2.2) share.
LayerWalk::Next LayerWalk::next_protocol(unsigned number) {
  switch (number) {
    case 1:
      return Next::ipv4;
    case 2:
      return Next::ipv6;
    case 3:
      return Next::ethernet;
    case 4:
      return options_.walks(TunnelType::nsh) ? Next::nsh : Next::done;
    case 5:
      return Next::mpls;
    default:
      return Next::done;
  }
}

LayerWalk::Next LayerWalk::vxlan_gpe() {
  if (left() < 8) return Next::done;
  const std::uint32_t vni = be32(4) >> 8;
  const unsigned number = (at_[0] & 0x04) != 0 ? at_[3] : 3;  // P: the next protocol field is there; else VXLAN
  pass("VXLAN-GPE", 8, "VNI %u, next protocol %u", vni, number);
  return enter(TunnelType::vxlan_gpe, vni, next_protocol(number));
}

/// RFC 8926 §3.4.
LayerWalk::Next LayerWalk::geneve() {
  if (left() < 8) return Next::done;
  const std::size_t octets = 8 + (at_[0] & 0x3fu) * std::size_t{4};
  const bool version_fits = at_[0] >> 6 == 0;
  const std::uint16_t protocol = be16(2);
  const std::uint32_t vni = be32(4) >> 8;
  if (!version_fits || left() < octets) return Next::done;
  pass("GENEVE", octets, "VNI %u, type 0x%04x", vni, unsigned{protocol});
  switch (protocol) {
    case kEtherTypeIpv4:
      return enter(TunnelType::geneve, vni, Next::ipv4);
    case kEtherTypeIpv6:
      return enter(TunnelType::geneve, vni, Next::ipv6);
    case kEtherTypeTransparentBridging:
      return enter(TunnelType::geneve, vni, Next::ethernet);
    case kEtherTypeMpls:
    case kEtherTypeMplsMulticast:
      return enter(TunnelType::geneve, vni, Next::mpls);
    case kEtherTypeVlan:
    case kEtherTypeQinQ:
      tags_ = 0;
      return enter(TunnelType::geneve, vni, Next::vlan_tag);
    case kEtherTypeNsh:
      return options_.walks(TunnelType::geneve) && options_.walks(TunnelType::nsh) ? Next::nsh : Next::done;
    default:
      return Next::done;
  }
}

/// 3GPP TS 29.281 §5.1 and §5.2.
LayerWalk::Next LayerWalk::gtp_u() {
  constexpr std::uint8_t kGPdu = 255;
  if (left() < 8) return Next::done;
  const unsigned flags = at_[0];
  // Version 1, protocol type GTP (not GTP').
  if ((flags & 0xf0) != 0x30 || at_[1] != kGPdu) return Next::done;
  const std::uint32_t tunnel = be32(4);
  bound(std::size_t{8} + be16(2));
  std::size_t octets = 8;
  if ((flags & 7) != 0) {  // any of extension header, sequence number, N-PDU number: room for all three
    octets += 4;
    if (left() < octets) return Next::done;
    unsigned type = (flags & 4) != 0 ? at_[11] : 0;
    while (type != 0) {
      // The length of an extension header is in units of four octets, at its front; the next type at its end.
      if (left() < octets + 4 || !spend()) return Next::done;
      const std::size_t extension = at_[octets] * std::size_t{4};
      if (extension == 0 || left() < octets + extension) return Next::done;
      octets += extension;
      type = at_[octets - 1];
    }
  }
  pass("GTP-U", octets, "TEID 0x%x", tunnel);
  if (left() == 0) return Next::done;
  if (left() >= 2 && at_[0] == 0xff && at_[1] == 0x03) return enter(TunnelType::gtp_u, tunnel, Next::ppp);
  // TS 29.281 §4.3.0: the PDU may be an Ethernet frame; nothing says so but that it is no IP packet.
  const unsigned version = at_[0] >> 4;
  return enter(TunnelType::gtp_u, tunnel, version == 4 || version == 6 ? Next::ip : Next::ethernet);
}

/// L2TPv2 data messages (RFC 2661 §3.1); the version field tells L2TPv3 (RFC 3931 §4.1.2.1) apart.
LayerWalk::Next LayerWalk::l2tp() {
  if (left() < 6) return Next::done;
  const unsigned flags = be16(0);
  const unsigned version = flags & 0x0f;
  const bool control = (flags & 0x8000) != 0;
  if (control) return Next::done;
  if (version == 3) return Next::l2tpv3;
  if (version != 2) return Next::done;
  const bool has_length = (flags & 0x4000) != 0;
  const bool has_sequence = (flags & 0x0800) != 0;
  const bool has_offset = (flags & 0x0200) != 0;
  std::size_t octets = has_length ? 4 : 2;
  if (left() < octets + 4) return Next::done;
  const std::uint32_t id = be32(octets);
  if (has_length) bound(be16(2));
  octets += 4;
  if (has_sequence) octets += 4;
  if (has_offset) {
    if (left() < octets + 2) return Next::done;
    octets += std::size_t{2} + be16(octets);
  }
  if (left() < octets) return Next::done;
  pass("L2TPv2", octets, "tunnel %u, session %u", id >> 16, id & 0xffff);
  return enter(TunnelType::l2tp, id, Next::ppp);
}

/// L2TPv3 data messages (RFC 3931 §4.1): session id, then a cookie of 0, 4 or 8 octets, then perhaps the default
/// sublayer of 4. The endpoints agreed on both, and the packet does not say: the first place where an Ethernet frame
/// (RFC 4719) with an IP packet begins, or a PPP frame, is taken. Over UDP (§4.1.2.1) flags and a version come first,
/// which tell L2TPv2 on the same port apart.
LayerWalk::Next LayerWalk::l2tpv3() {
  if (payload_protocol_ == kProtocolUdp) {
    if (left() < 4 || (be16(0) & 0x8000) != 0) return Next::done;
    if ((be16(0) & 0x0f) != 3) return Next::l2tp;
    pass("L2TPv3 over UDP", 4);
  }
  if (left() < 4) return Next::done;
  const std::uint32_t session = be32(0);
  if (session == 0) return Next::done;  // a control message
  for (std::size_t offset = 4; offset <= 16; offset += 4) {
    if (left() < offset + 4) return Next::done;
    if (be32(offset) >> 8 == 0xff0300 && (at_[offset + 3] == 0x21 || at_[offset + 3] == 0x57)) {
      pass("L2TPv3", offset, "session %u", session);
      return enter(TunnelType::l2tpv3, session, Next::ppp);
    }
    if (left() < offset + 15) return Next::done;
    const unsigned type = be16(offset + 12);
    const unsigned nibble = at_[offset + 14] >> 4;
    const bool tag = type == kEtherTypeVlan || type == kEtherTypeQinQ;
    if (tag || (type == kEtherTypeIpv4 && nibble == 4) || (type == kEtherTypeIpv6 && nibble == 6)) {
      pass("L2TPv3", offset, "session %u", session);
      return enter(TunnelType::l2tpv3, session, Next::ethernet);
    }
  }
  return Next::done;
}

/// RFC 8300 §2.
LayerWalk::Next LayerWalk::nsh() {
  if (left() < 8) return Next::done;
  const std::size_t octets = (be16(0) & 0x3fu) * std::size_t{4};
  const bool version_fits = at_[0] >> 6 == 0;
  if (!version_fits || octets < 8 || left() < octets) return Next::done;
  const unsigned number = at_[3];
  const std::uint32_t path = be32(4);
  pass("NSH", octets, "path %u, index %u", path >> 8, path & 0xff);
  return enter(TunnelType::nsh, path, next_protocol(number));
}

/// RFC 4380 §5.1.1: authentication and origin indication may stand before the IPv6 packet, in this order.
LayerWalk::Next LayerWalk::teredo() {
  if (left() >= 4 && be16(0) == 0x0001) {
    const std::size_t octets = std::size_t{4} + at_[2] + at_[3] + 8 + 1;
    if (left() < octets) return Next::done;
    pass("Teredo authentication", octets);
  }
  if (left() >= 8 && be16(0) == 0x0000) pass("Teredo origin", 8);
  if (left() == 0 || at_[0] >> 4 != 6) return Next::done;
  return enter(TunnelType::teredo, 0, Next::ipv6);
}

/// RFC 3378 §3: version 3, reserved, then an Ethernet frame.
LayerWalk::Next LayerWalk::etherip() {
  if (left() < 2 || at_[0] >> 4 != 3) return Next::done;
  pass("EtherIP", 2);
  return enter(TunnelType::etherip, 0, Next::ethernet);
}

/// RFC 5415 §4.3: a data packet that is neither in DTLS nor a keep-alive, nor a later fragment of another. Inside is an
/// 802.3 frame, or with the T flag an 802.11 frame (§4.3, wireless binding 1), of which some access points swap the two
/// octets of frame control.
LayerWalk::Next LayerWalk::capwap() {
  constexpr unsigned kNative = 0x100, kFragment = 0x80, kKeepAlive = 0x08, kWirelessBinding = 1;
  if (left() < 8 || at_[0] != 0) return Next::done;  // version 0, a CAPWAP header
  const unsigned flags = be32(0) & 0x1ffU;
  const unsigned binding = be32(0) >> 9 & 0x1fU;
  const unsigned radio = be32(0) >> 14 & 0x1fU;
  const std::size_t octets = (be32(0) >> 19 & 0x1fU) * std::size_t{4};
  if (octets < 8 || left() < octets || (flags & kKeepAlive) != 0) return Next::done;
  pass("CAPWAP", octets, "radio %u, binding %u", radio, binding);
  if ((flags & kFragment) != 0 && (load_be<std::uint16_t>(at_ - octets + 6) & 0xfff8) != 0) {
    remark("a later fragment of a CAPWAP packet");
    return Next::done;
  }
  if ((flags & kNative) == 0) return enter(TunnelType::capwap, radio, Next::ethernet);
  if (binding != kWirelessBinding || left() < 2) return Next::done;
  // A data frame has version 0 and type 2 in its first octet, and a direction in its second.
  const auto is_data = [](unsigned control, unsigned direction) {
    return (control & 0x0f) == 0x08 && (direction & 3) != 0;
  };
  swapped_control_ = !is_data(at_[0], at_[1]) && is_data(at_[1], at_[0]);
  return enter(TunnelType::capwap, radio, Next::ieee80211);
}

/// TZSP: version, type, protocol of the frame, then fields of type, length and value until the one that ends them.
LayerWalk::Next LayerWalk::tzsp() {
  constexpr unsigned kPadding = 0, kEnd = 1;
  if (left() < 5 || at_[0] != 1 || at_[1] > 1) return Next::done;  // type 0: received, 1: to be sent
  const unsigned protocol = be16(2);
  std::size_t octets = 4;
  for (unsigned field = kPadding; field != kEnd;) {
    if (left() < octets + 1 || !spend()) return Next::done;
    field = at_[octets++];
    if (field == kPadding || field == kEnd) continue;
    if (left() < octets + 1) return Next::done;
    octets += std::size_t{1} + at_[octets];
  }
  if (left() < octets) return Next::done;
  pass("TZSP", octets, "protocol %u", protocol);
  switch (protocol) {
    case 1:
      return enter(TunnelType::tzsp, 0, Next::ethernet);
    case 18:
      return enter(TunnelType::tzsp, 0, Next::ieee80211);
    case 119:
      return enter(TunnelType::tzsp, 0, Next::prism);
    case 127:
      return enter(TunnelType::tzsp, 0, Next::avs);
    default:
      return Next::done;
  }
}

/// draft-massar-v6ops-ayiya-02 §3: lengths of identity and signature, opcode, next header, time, then both of them.
LayerWalk::Next LayerWalk::ayiya() {
  constexpr unsigned kForward = 1;
  if (left() < 8) return Next::done;
  const std::size_t octets = 8 + (std::size_t{1} << (at_[0] >> 4)) + (at_[1] >> 4) * std::size_t{4};
  const unsigned next = at_[3];
  if ((at_[2] & 0x0f) != kForward || left() < octets) return Next::done;
  pass("AYIYA", octets, "next header %u", next);
  if (next == kProtocolIpv4) return enter(TunnelType::ayiya, 0, Next::ipv4);
  if (next == kProtocolIpv6) return enter(TunnelType::ayiya, 0, Next::ipv6);
  return Next::done;
}

}  // namespace weir
