// The walk's Ethernet steps: from an Ethernet header or LLC to an IP header.
#include <cstring>

#include "dataplane/packet/headers.h"
#include "dataplane/packet/layer_walk_trace.h"

namespace weir {

/// IEEE 802.3 §3.1.1.
LayerWalk::Next LayerWalk::ethernet() {
  if (left() < sizeof(EthernetHeader)) return stop(Reject::link_truncated);
  ether_type_ = be16(12);
  tags_ = 0;
  note_mac_addresses(0, 6);
  pass("Ethernet", sizeof(EthernetHeader), "type 0x%04x", unsigned{ether_type_});
  return Next::ether_type;
}

/// MAC addresses at these offsets: those of the frame's outermost link header count.
void LayerWalk::note_mac_addresses(std::size_t destination, std::size_t source) {
  if (facts_ == nullptr || has_mac_ || ip_.version != 0 || tunnels_ != 0) return;
  has_mac_ = true;
  std::memcpy(facts_->destination_mac, at_ + destination, sizeof facts_->destination_mac);
  std::memcpy(facts_->source_mac, at_ + source, sizeof facts_->source_mac);
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
    case kEtherTypeQinQOld2:
    case kEtherTypeQinQOld3:
      return Next::vlan_tag;
    case kEtherTypeVnTag:
      return Next::vn_tag;
    case kEtherTypeETag:
      return Next::e_tag;
    case kEtherTypeBackbone:
      return Next::i_tag;
    case kEtherTypeFabricPath:
      return Next::fabric_path;
    case kEtherTypeCiscoMetadata:
      return Next::cisco_metadata;
    case kEtherTypeTrill:
      return Next::trill;
    case kEtherTypeHsr:
      return Next::hsr_tag;
    case kEtherTypeArista:
      return Next::arista_timestamp;
    case kEtherTypeMacsec:
      return Next::macsec;
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
  if (organisation == 0x0080c2 && (protocol == 0x0001 || protocol == 0x0007)) {
    if (link_type_ != LinkType::atm && link_type_ != LinkType::sunatm) return Next::ethernet;
    if (left() < 2) return stop(Reject::link_truncated);
    pass("padding", 2);  // RFC 2684 §5.2, figure 3
    return Next::ethernet;
  }
  // 0x0000f8: IEEE 802.1H, EtherTypes that a bridge has to keep apart.
  const bool is_ether_type = organisation == 0 || organisation == 0x0000f8;
  if (!is_ether_type || protocol < kEtherTypeFirst) return stop(Reject::ether_type_length);
  ether_type_ = protocol;
  return Next::ether_type;
}

}  // namespace weir
