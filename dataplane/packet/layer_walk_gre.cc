// The walk's GRE steps: the header, what carries it, and the headers that only GRE carries.
#include "dataplane/packet/headers.h"
#include "dataplane/packet/layer_walk_trace.h"

namespace weir {
namespace {

/// GRE protocol types 0x8200, 0x8210 ... 0x8370: one for each network of an access point.
bool is_aruba(std::uint16_t protocol) {
  return protocol >= 0x8200 && protocol <= 0x8370 && (protocol & 0x000f) == 0;
}

}  // namespace

/// IP protocol 47.
LayerWalk::Next LayerWalk::gre() {
  return gre_header(TunnelType::gre);
}

/// RFC 8086 §3: version 0, and no bit but those of checksum, key and sequence number (RFC 2784 §2.1, RFC 2890 §2).
LayerWalk::Next LayerWalk::gre_udp() {
  if (left() < 4 || (be16(0) & 0x4fff) != 0) return Next::done;
  return gre_header(TunnelType::gre_udp);
}

/// RFC 2784 and RFC 2890; the source route of RFC 1701 §3; version 1 is PPTP's (RFC 2637 §4.1). `type` is the tunnel
/// that the header makes.
LayerWalk::Next LayerWalk::gre_header(TunnelType type) {
  if (left() < 4) return Next::done;
  const unsigned flags = be16(0);
  const std::uint16_t protocol = be16(2);
  const unsigned version = flags & 7;
  const bool has_checksum = (flags & 0x8000) != 0;
  const bool has_routing = (flags & 0x4000) != 0;
  const bool has_key = (flags & 0x2000) != 0;
  const bool has_sequence = (flags & 0x1000) != 0;
  const bool has_acknowledgment = version == 1 && (flags & 0x0080) != 0;
  if (version > 1) return Next::done;
  std::size_t octets = 4;
  if (has_checksum || has_routing) octets += 4;
  const std::size_t key_at = octets;
  if (has_key) octets += 4;
  if (has_sequence) octets += 4;
  if (has_acknowledgment) octets += 4;
  if (left() < octets) return Next::done;
  std::uint32_t id = has_key ? be32(key_at) : 0;
  if (has_routing) {
    // RFC 1701 §3: entries of address family, offset, length, until one with neither family nor length.
    for (bool last = false; !last;) {
      if (left() < octets + 4 || !spend()) return Next::done;
      last = be16(octets) == 0 && at_[octets + 3] == 0;
      octets += std::size_t{4} + at_[octets + 3];
    }
    if (left() < octets) return Next::done;
  }
  if (version == 1) {
    id &= 0xffff;  // RFC 2637 §4.1: payload length and call id stand in for the key
    pass("GRE version 1", octets, "type 0x%04x, call %u", unsigned{protocol}, id);
    if (left() == 0) return Next::done;  // an acknowledgment alone
  } else {
    pass("GRE", octets, "type 0x%04x, key %u", unsigned{protocol}, id);
  }
  switch (protocol) {
    case kEtherTypeIpv4:
      return enter(type, id, Next::ipv4);
    case kEtherTypeIpv6:
      return enter(type, id, Next::ipv6);
    case kEtherTypeTransparentBridging:
      return enter(type, id, Next::ethernet);
    case kEtherTypePpp:
      return enter(type, id, Next::ppp);
    case kEtherTypeMpls:
    case kEtherTypeMplsMulticast:
      return enter(type, id, Next::mpls);
    case kEtherTypeErspan:
      // draft-foschiano-erspan §4.1: type I has no header of its own, and GRE no sequence number.
      if (!has_sequence) return enter(TunnelType::erspan, 0, Next::ethernet);
      return Next::erspan;
    case kEtherTypeErspan3:
      return Next::erspan3;
    case kEtherTypeNsh:
      return options_.walks(type) && options_.walks(TunnelType::nsh) ? Next::nsh : Next::done;
    case kEtherTypeWccp:
      return Next::wccp;
    default:
      if (!is_aruba(protocol)) return Next::done;
      gre_protocol_ = protocol;
      return Next::aruba;
  }
}

/// draft-mclaggan-wccp-v2rev1 §4.12: version 2 has a redirect header of 4 octets before the packet, version 1 none. Its
/// first octet has flags above; so has an IP version.
LayerWalk::Next LayerWalk::wccp() {
  if (left() < 4) return Next::done;
  const bool ipv4 = at_[0] >> 4 == 4 && (at_[0] & 0x0f) >= 5 && be16(2) <= wire_left() && be16(2) >= sizeof(Ipv4Header);
  if (ipv4) return enter(TunnelType::wccp, 0, Next::ipv4);
  const unsigned service = at_[1];
  pass("WCCP redirect header", 4, "service %u", service);
  return enter(TunnelType::wccp, service, Next::ip);
}

/// 802.11 frames without FCS.
LayerWalk::Next LayerWalk::aruba() {
  return enter(TunnelType::aruba, gre_protocol_, Next::ieee80211);
}

/// Type II: draft-foschiano-erspan §4.2.
LayerWalk::Next LayerWalk::erspan() {
  if (left() < 8) return Next::done;
  const std::uint32_t session = be16(2) & 0x3ffu;
  pass("ERSPAN type II", 8, "session %u", session);
  return enter(TunnelType::erspan, session, Next::ethernet);
}

/// Type III: draft-foschiano-erspan §4.3.
LayerWalk::Next LayerWalk::erspan3() {
  if (left() < 12) return Next::done;
  const std::uint32_t session = be16(2) & 0x3ffu;
  const unsigned frame_type = be16(10) >> 10 & 0x1fu;
  const std::size_t octets = (at_[11] & 1) != 0 ? 20 : 12;  // O: a platform specific subheader
  if (left() < octets) return Next::done;
  pass("ERSPAN type III", octets, "session %u, frame type %u", session, frame_type);
  if (frame_type == 0) return enter(TunnelType::erspan, session, Next::ethernet);
  if (frame_type == 2) return enter(TunnelType::erspan, session, Next::ip);
  return Next::done;
}

}  // namespace weir
