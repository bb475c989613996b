// The walk's capture steps: headers that the capturing program put before the packet, and link layers that occur only
// in old captures. See https://www.tcpdump.org/linktypes.html for those without a reference.
#include "dataplane/packet/headers.h"
#include "dataplane/packet/layer_walk_trace.h"

namespace weir {

/// LINKTYPE_NFLOG: family, version, resource; then attributes as netlink has them: length without padding, type, value.
/// Length and type have the byte order of the machine that logged: types are below 256, which tells it.
LayerWalk::Next LayerWalk::nflog() {
  constexpr unsigned kPayload = 9;
  if (left() < 4) return stop(Reject::link_truncated);
  pass("NFLOG", 4, "family %u", unsigned{at_[0]});
  while (left() >= 4) {
    if (!spend()) return stop(Reject::too_many_headers);
    const bool big = (at_[2] & 0x7f) == 0;
    const std::size_t length = big ? be16(0) : __builtin_bswap16(be16(0));
    const unsigned type = big ? at_[3] : at_[2];
    if (length < 4) return stop(Reject::link_protocol);
    if (type == kPayload) {
      bound(length);
      pass("NFLOG payload", 4, "%zu octets", length - 4);
      return Next::ip;
    }
    const std::size_t octets = (length + 3) & ~std::size_t{3};
    if (left() < octets) return stop(Reject::link_truncated);
    pass("NFLOG attribute", octets, "type %u", type);
  }
  return stop(Reject::link_protocol);  // logged without the packet
}

/// LINKTYPE_PFLOG: the first octet is the length of the header without its padding to four octets.
LayerWalk::Next LayerWalk::pflog() {
  if (left() < 2) return stop(Reject::link_truncated);
  const std::size_t octets = (at_[0] + std::size_t{3}) & ~std::size_t{3};
  if (octets < 4) return stop(Reject::link_protocol);
  if (left() < octets) return stop(Reject::link_truncated);
  pass("PFLOG", octets, "address family %u", unsigned{at_[1]});
  return Next::ip;
}

/// LINKTYPE_PPI: version, flags, length of the header with its fields, link type; little endian.
LayerWalk::Next LayerWalk::ppi() {
  if (left() < 8) return stop(Reject::link_truncated);
  const std::size_t octets = __builtin_bswap16(be16(2));
  const std::uint32_t type = __builtin_bswap32(be32(4));
  if (octets < 8) return stop(Reject::link_protocol);
  if (left() < octets) return stop(Reject::link_truncated);
  pass("PPI", octets, "link type %u", type);
  return first_step(link_type_of(type));
}

/// LINKTYPE_PKTAP: length of the header, kind of record, link type; little endian.
LayerWalk::Next LayerWalk::pktap() {
  constexpr std::uint32_t kPacket = 1;
  if (left() < 12) return stop(Reject::link_truncated);
  const std::size_t octets = __builtin_bswap32(be32(0));
  const std::uint32_t kind = __builtin_bswap32(be32(4));
  const std::uint32_t type = __builtin_bswap32(be32(8));
  if (octets < 12 || kind != kPacket) return stop(Reject::link_protocol);
  if (left() < octets) return stop(Reject::link_truncated);
  pass("PKTAP", octets, "link type %u", type);
  return first_step(link_type_of(type));
}

/// RFC 2684 §5 and §6: LLC, of which 0xfefe03 announces a network layer protocol identifier, or the packet at once.
LayerWalk::Next LayerWalk::atm() {
  if (left() < 4) return stop(Reject::link_truncated);
  if (be32(0) >> 8 != 0xfefe03) return at_[0] == 0xaa ? Next::llc : Next::ip;
  const unsigned protocol = at_[3];
  pass("LLC and network layer protocol identifier", 4, "0x%02x", protocol);
  switch (protocol) {
    case 0xcc:
      return Next::ipv4;
    case 0x8e:
      return Next::ipv6;
    case 0xcf:
      return Next::ppp;  // RFC 2364 §4
    default:
      return stop(Reject::link_protocol);
  }
}

/// IEEE 802.5 §3: access and frame control, addresses, and where the source's first bit is set a route.
LayerWalk::Next LayerWalk::token_ring() {
  std::size_t octets = 14;
  if (left() < octets) return stop(Reject::link_truncated);
  if ((at_[1] & 0xc0) != 0x40) return stop(Reject::link_protocol);  // no LLC frame
  if ((at_[8] & 0x80) != 0) {
    if (left() == octets) return stop(Reject::link_truncated);
    octets += at_[octets] & 0x1fU;  // with the octet that says so
  }
  if (left() < octets) return stop(Reject::link_truncated);
  pass("token ring", octets);
  return Next::llc;
}

/// ISO 9314-2 §7: frame control, addresses.
LayerWalk::Next LayerWalk::fddi() {
  if (left() < 13) return stop(Reject::link_truncated);
  if ((at_[0] & 0xf0) != 0x50) return stop(Reject::link_protocol);  // no LLC frame
  pass("FDDI", 13);
  return Next::llc;
}

/// Headers of a fixed size, of which at most an EtherType is of interest.
LayerWalk::Next LayerWalk::capture_header() {
  struct Header {
    LinkType link_type;
    const char* name;
    std::uint8_t octets;
    std::uint8_t type_at;  ///< of the EtherType, where Next::ether_type follows
    Next next;
  };
  static constexpr Header kHeaders[] = {
      {LinkType::sunatm, "SunATM", 4, 0, Next::atm},
      {LinkType::slip, "SLIP", 16, 0, Next::ip},
      {LinkType::enc, "ENC", 12, 0, Next::ip},
      {LinkType::ipnet, "IPNET", 24, 0, Next::ip},
      {LinkType::ip_over_fc, "Fibre Channel addresses", 16, 0, Next::llc},
      {LinkType::ieee1394, "IEEE 1394", 18, 16, Next::ether_type},
      {LinkType::ipoib, "IPoIB", 44, 40, Next::ether_type},
      {LinkType::netanalyzer, "netANALYZER", 4, 0, Next::ethernet},
      {LinkType::mpacket, "Ethernet preamble", 8, 0, Next::ethernet},
      {LinkType::dsa_brcm, "Ethernet with Broadcom tag", 18, 16, Next::ether_type},
      {LinkType::dsa_brcm_prepend, "Broadcom tag", 4, 0, Next::ethernet},
      {LinkType::dsa, "Ethernet with DSA tag", 18, 16, Next::ether_type},
      {LinkType::edsa, "Ethernet with EDSA tag", 22, 20, Next::ether_type},
      {LinkType::ppp_direction, "direction", 1, 0, Next::ppp},
      {LinkType::cisco_hdlc_direction, "direction", 1, 0, Next::cisco_hdlc},
      {LinkType::frame_relay_direction, "direction", 1, 0, Next::frame_relay},
  };
  for (const Header& header : kHeaders) {
    if (header.link_type != link_type_) continue;
    if (left() < header.octets) return stop(Reject::link_truncated);
    if (header.next == Next::ether_type) ether_type_ = be16(header.type_at);
    pass(header.name, header.octets);
    return header.next;
  }
  return stop(Reject::link_type_unknown);
}

}  // namespace weir
