// The walk's step at an ICMP message: what an error says, and the packet that it quotes. See layer_walk.h.
#include "dataplane/packet/headers.h"
#include "dataplane/packet/layer_walk.h"

namespace weir {

/// An ICMP message at at_. An error quotes a packet: what is to be known of it is noted, and with --icmp-errors quoted
/// the error counts for it. It stays what it is where the quoted header is none, or a later fragment.
void LayerWalk::icmp() {
  const bool counts_for_quoted = options_.icmp_errors == IcmpErrors::quoted;
  if (!counts_for_quoted && error_ == nullptr) return;
  if (!is_icmp_error(ip_.version, ip_.icmp_type) || left() < 8) return;
  const std::uint8_t* const header = at_;
  at_ += 8;
  IpHeader quoted;
  const bool readable = read_quoted(quoted);
  const bool has_key = readable && has_key_octets(quoted);
  if (readable) read_transport(quoted);
  if (error_ != nullptr) {
    note_error(header);
    error_->readable = has_key;
    if (has_key) set_key(quoted, error_->quoted.key, error_->quoted.from);
    error_->quoted.ip_tos = quoted.tos;
  }
  if (readable && counts_for_quoted) count_for(quoted);
}

/// What the header of an ICMP error says besides what it quotes.
void LayerWalk::note_error(const std::uint8_t* header) {
  constexpr std::uint8_t kFragmentationNeeded = 4;  // RFC 792
  constexpr std::uint8_t kIcmpv6PacketTooBig = 2;   // RFC 4443 §3.2
  is_error_ = true;
  error_->type = ip_.icmp_type;
  error_->code = ip_.icmp_code;
  error_->workers_asked = 0;
  error_->mtu = 0;
  if (ip_.version == 4) {
    const bool too_big = ip_.icmp_type == kIcmpDestinationUnreachable && ip_.icmp_code == kFragmentationNeeded;
    if (too_big) error_->mtu = load_be<std::uint16_t>(header + 6);  // RFC 1191 §4
  } else if (ip_.icmp_type == kIcmpv6PacketTooBig) {
    error_->mtu = load_be<std::uint32_t>(header + 4);
  }
}

/// The IP header at at_, which an ICMP error quotes. False: there is none, or no transport header after it.
bool LayerWalk::read_quoted(IpHeader& quoted) {
  quoted.offset = offset();
  if (ip_.version == 4) {
    if (left() < sizeof(Ipv4Header)) return false;
    const auto& wire = header_at<Ipv4Header>(at_);
    if (wire.version() != 4 || wire.header_octets() < sizeof(Ipv4Header) || left() < wire.header_octets()) return false;
    quoted.source = wire.source;
    quoted.destination = wire.destination;
    quoted.protocol = wire.protocol;
    quoted.tos = wire.type_of_service;
    quoted.later_fragment = wire.fragment_offset() != 0;
    at_ += wire.header_octets();
  } else {
    if (left() < sizeof(Ipv6Header)) return false;
    const auto& wire = header_at<Ipv6Header>(at_);
    if (wire.version() != 6) return false;
    quoted.source = wire.source;
    quoted.destination = wire.destination;
    quoted.protocol = wire.next_header;
    quoted.tos = wire.traffic_class();
    at_ += sizeof(Ipv6Header);
    if (!extension_headers(quoted)) return false;
  }
  quoted.version = ip_.version;
  return !quoted.later_fragment;
}

/// The error counts for the packet that it quotes, going back to that packet's sender.
void LayerWalk::count_for(IpHeader quoted) {
  quoted.tcp_flags = 0;  // of the packet that was quoted, which counted them
  quoted.octets = ip_.octets;
  quoted.ttl = ip_.ttl;
  quoted.flow_label = ip_.flow_label;
  quoted.fragment_id = ip_.fragment_id;
  quoted.length_from_frame = ip_.length_from_frame;
  quoted.tos = ip_.tos;
  quoted.icmp_type = quoted.icmp_code = 0;
  quoted.reversed = true;
  ip_ = quoted;
  remark("an ICMP error: it counts for the flow that it quotes (--icmp-errors quoted)");
}

/// The quoted packet came through what the error came through, as far as anybody can know.
void LayerWalk::finish_error(ParsedPacket& packet) const {
  const FlowKey key = error_->quoted.key;
  const Side from = error_->quoted.from;
  const std::uint8_t tos = error_->quoted.ip_tos;
  error_->quoted = packet;
  error_->quoted.key = key;
  error_->quoted.from = from;
  error_->quoted.ip_tos = tos;
  error_->quoted.facts = static_cast<std::uint8_t>(packet.facts & (kHasTunnel | kHasLabel));
  packet.facts |= kIcmpError;
}

}  // namespace weir
