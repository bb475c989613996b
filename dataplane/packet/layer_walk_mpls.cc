// The walk's MPLS steps: label stacks, and what follows them, which no field names: IP or a pseudo-wire.
#include "dataplane/packet/headers.h"
#include "dataplane/packet/layer_walk_trace.h"

namespace weir {
namespace {

/// RFC 1071; of a whole IPv4 header.
bool checksum_fits(const std::uint8_t* header, std::size_t octets) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < octets; i += 2) sum += load_be<std::uint16_t>(header + i);
  sum = (sum & 0xffff) + (sum >> 16);
  return ((sum & 0xffff) + (sum >> 16)) == 0xffff;
}

}  // namespace

/// One label stack entry, RFC 3032 §2.1.
LayerWalk::Next LayerWalk::mpls() {
  if (left() < 4) return stop(Reject::mpls_truncated);
  const std::uint32_t entry = be32(0);
  last_label_ = entry >> 12;
  if (!has_label_) {
    has_label_ = true;
    label_ = last_label_;
  }
  if (facts_ != nullptr && !stack_ended_ && facts_->label_count < LabelStackSection::kMost) {
    facts_->labels[facts_->label_count++] = entry >> 8;  // without the TTL (RFC 3032 section 2.1)
  }
  if ((entry & 0x100) != 0) stack_ended_ = true;
  pass("MPLS label", 4, "%u", last_label_);
  return (entry & 0x100) != 0 ? Next::mpls_payload : Next::mpls;
}

/// Nothing names what follows a label stack; as RFC 4928 §3 has it, the first four bits tell IP from the rest. But a
/// pseudo-wire without a control word begins with a MAC address, which may begin with any bits.
LayerWalk::Next LayerWalk::mpls_payload() {
  if (left() == 0) return stop(Reject::mpls_truncated);
  const unsigned nibble = at_[0] >> 4;
  const bool pseudo_wires = options_.walks(TunnelType::mpls_pw);
  const bool control_word = nibble == 0 && looks_like_ethernet(4);
  if (!control_word && looks_like_ethernet(0) && !fits_as_ip()) {
    return pseudo_wires ? mpls_pw() : stop(Reject::mpls_payload);
  }
  switch (nibble) {
    case 4:
      return Next::ipv4;
    case 6:
      return Next::ipv6;
    case 0:  // RFC 4385 §3: a control word; RFC 4448 §4.6: an Ethernet frame after it. Other pseudo-wires look alike.
      if (!pseudo_wires || left() < 4) return stop(Reject::mpls_payload);
      pass("pseudo-wire control word", 4);
      return mpls_pw();
    default:
      return stop(Reject::mpls_payload);
  }
}

/// RFC 4448: the Ethernet frame of a pseudo-wire.
LayerWalk::Next LayerWalk::mpls_pw() {
  const Next inside = enter(TunnelType::mpls_pw, last_label_, Next::ethernet);
  return inside == Next::done ? stop(Reject::mpls_payload) : inside;
}

/// Whether an IP header at at_ agrees with itself: IPv4 by its checksum, or by a length that is that of what is there,
/// as IPv6 is told. What does not may be IP all the same, if it is nothing else.
bool LayerWalk::fits_as_ip() const {
  if (left() >= sizeof(Ipv4Header) && at_[0] >> 4 == 4) {
    const auto& wire = header_at<Ipv4Header>(at_);
    const std::size_t octets = wire.header_octets();
    if (octets < sizeof(Ipv4Header) || left() < octets) return false;
    return wire.total_length.host() == wire_left() || checksum_fits(at_, octets);
  }
  if (left() >= sizeof(Ipv6Header) && at_[0] >> 4 == 6) {
    return sizeof(Ipv6Header) + header_at<Ipv6Header>(at_).payload_length.host() == wire_left();
  }
  return false;
}

/// Whether `offset` octets from at_ an Ethernet frame with an IP packet begins: a type of IP, after at most four tags,
/// and the version that it announces.
bool LayerWalk::looks_like_ethernet(std::size_t offset) const {
  std::size_t at = offset + 12;
  for (unsigned tags = 0; tags <= 4 && left() >= at + 3; ++tags) {
    const unsigned first = at_[at + 2];
    switch (be16(at)) {
      case kEtherTypeIpv4:
        return first >> 4 == 4 && (first & 0x0f) >= 5;
      case kEtherTypeIpv6:
        return first >> 4 == 6;
      case kEtherTypeVlan:
      case kEtherTypeQinQ:
      case kEtherTypeQinQOld:
        at += sizeof(VlanTag);
        break;
      default:
        return false;
    }
  }
  return false;
}

}  // namespace weir
