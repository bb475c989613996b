// The walk's tag steps: what stands between the addresses of an Ethernet frame and its EtherType, and the headers of
// fabrics that carry whole Ethernet frames. Each begins after the EtherType that names it. A tag ends with the
// EtherType of what follows.
#include "dataplane/packet/headers.h"
#include "dataplane/packet/layer_walk_trace.h"

namespace weir {

/// IEEE 802.1Q §9.3, with any of the tag protocol identifiers that are used.
LayerWalk::Next LayerWalk::vlan_tag() {
  if (tags_ == kMaxVlanTags) return stop(Reject::vlan_too_deep);
  if (left() < sizeof(VlanTag)) return stop(Reject::vlan_truncated);
  ++tags_;
  const auto& tag = header_at<VlanTag>(at_);
  // The outermost tag of the frame itself: one inside a tunnel belongs to somebody else's network.
  if (!has_vlan_ && ip_.version == 0 && tunnels_ == 0) {
    has_vlan_ = true;
    vlan_id_ = tag.vlan_id();
  } else if (facts_ != nullptr && tags_ == 2 && ip_.version == 0 && tunnels_ == 0) {
    facts_->inner_vlan_id = tag.vlan_id();
  }
  ether_type_ = tag.ether_type.host();
  pass("VLAN tag", sizeof(VlanTag), "VLAN %u, type 0x%04x", unsigned{tag.vlan_id()}, unsigned{ether_type_});
  return Next::ether_type;
}

/// A tag of `octets` octets, of which the last two are the next EtherType.
LayerWalk::Next LayerWalk::skip_tag(const char* name, std::size_t octets) {
  if (left() < octets) return stop(Reject::link_truncated);
  ether_type_ = be16(octets - 2);
  pass(name, octets, "type 0x%04x", unsigned{ether_type_});
  return Next::ether_type;
}

/// Cisco VN-Tag: direction, destination and source interface in 4 octets.
LayerWalk::Next LayerWalk::vn_tag() {
  return skip_tag("VN-Tag", 6);
}

/// IEEE 802.1BR §6.5: priority and the two E-CIDs in 6 octets.
LayerWalk::Next LayerWalk::e_tag() {
  return skip_tag("802.1BR E-TAG", 8);
}

/// IEC 62439-3 §5: path and length, sequence number.
LayerWalk::Next LayerWalk::hsr_tag() {
  return skip_tag("HSR tag", 6);
}

/// Cisco MetaData: version, length in units of 4 octets, then so many octets of options, the first of them the security
/// group tag.
LayerWalk::Next LayerWalk::cisco_metadata() {
  if (left() < 2) return stop(Reject::link_truncated);
  return skip_tag("Cisco MetaData", std::size_t{2} + at_[1] * std::size_t{4} + 2);
}

/// Arista: subtype 1 is a timestamp, whose version says of how many octets.
LayerWalk::Next LayerWalk::arista_timestamp() {
  if (left() < 4) return stop(Reject::link_truncated);
  const unsigned version = be16(2) & 0xffU;  // the upper octet: TAI or UTC
  if (be16(0) != 1 || (version != 0x10 && version != 0x20)) return stop(Reject::ether_type_other);
  return skip_tag("Arista timestamp", version == 0x10 ? 4 + 8 + 2 : 4 + 6 + 2);
}

/// IEEE 802.1AE §9: TCI and AN, short length, packet number, and the SCI where its bit is set. What is encrypted or
/// changed is not for weir; the rest is there to be read, with a check value after it.
LayerWalk::Next LayerWalk::macsec() {
  constexpr unsigned kSecureChannel = 0x20;
  constexpr unsigned kEncryptedOrChanged = 0x0c;
  if (left() < 6) return stop(Reject::link_truncated);
  if ((at_[0] & 0x80) != 0 || (at_[0] & kEncryptedOrChanged) != 0) return stop(Reject::ether_type_other);
  return skip_tag("MACsec", (at_[0] & kSecureChannel) != 0 ? 6 + 8 + 2 : 6 + 2);
}

/// IEEE 802.1ah: the I-TAG's 4 octets, then the customer's addresses, which begin an Ethernet frame of their own.
LayerWalk::Next LayerWalk::i_tag() {
  if (left() < 4) return stop(Reject::link_truncated);
  pass("802.1ah I-TAG", 4, "I-SID %u", be32(0) & 0xffffffU);
  return Next::ethernet;
}

/// Cisco FabricPath: forwarding tag and time to live, then the Ethernet frame.
LayerWalk::Next LayerWalk::fabric_path() {
  if (left() < 2) return stop(Reject::link_truncated);
  pass("FabricPath", 2, "tag %u", be16(0) >> 6);
  return Next::ethernet;
}

/// RFC 6325 §3.1: flags with the length of the options in units of 4 octets, egress and ingress nickname, options, then
/// the Ethernet frame.
LayerWalk::Next LayerWalk::trill() {
  if (left() < 6) return stop(Reject::link_truncated);
  const std::size_t octets = 6 + (be16(0) >> 6 & 0x1fU) * std::size_t{4};
  if (be16(0) >> 14 != 0) return stop(Reject::ether_type_other);  // another version
  if (left() < octets) return stop(Reject::link_truncated);
  pass("TRILL", octets, "from 0x%04x to 0x%04x", unsigned{be16(4)}, unsigned{be16(2)});
  return Next::ethernet;
}

}  // namespace weir
