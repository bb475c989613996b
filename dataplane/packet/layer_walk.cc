// The walk's frame, its IP steps, and the key that comes out of it. See layer_walk.h.
#include "dataplane/packet/layer_walk.h"

#include <algorithm>
#include <cstring>

#include "dataplane/packet/headers.h"
#include "dataplane/packet/layer_walk_trace.h"
#include "dataplane/packet/read_facts.h"

namespace weir {
namespace {

constexpr const char* kFromFrame = " by the frame's length: the header says 0";

bool is_extension_header(std::uint8_t protocol) {
  return protocol == kProtocolHopByHop || protocol == kProtocolRouting || protocol == kProtocolFragment ||
         protocol == kProtocolAh || protocol == kProtocolDestinationOptions;
}

}  // namespace

LayerWalk::Next LayerWalk::step(Next next) {
  switch (next) {
    case Next::done:
      return Next::done;
#define WEIR_X(name, ...) \
  case Next::name:        \
    return name();
      WEIR_STEPS(WEIR_X)
#undef WEIR_X
  }
  return Next::done;
}

Reject LayerWalk::run(ParsedPacket& packet) {
  packet.frame_octets = view_.frame_octets;
  packet.time_ns = view_.time_ns;
  packet.ingress_interface = view_.ingress_interface;
  notes_.count = 0;
  if (facts_ != nullptr) clear_facts(*facts_);
  for (Next next = first_step(view_.link_type); next != Next::done;) {
    next = spend() ? step(next) : stop(Reject::too_many_headers);
  }
  if (trace_ != nullptr) {
    trace_->stopped = reject_;
    trace_->steps = steps_;
  }
  return finish(packet);
}

LayerWalk::Next LayerWalk::stop(Reject why) {
  reject_ = why;
  return Next::done;
}

LayerWalk::Next LayerWalk::enter(TunnelType type, std::uint32_t id, Next inside) {
  if (!options_.walks(type)) {
    remark("a tunnel that is not to be walked (--tunnels)");
    return Next::done;
  }
  const bool nested = entered_.type != TunnelType::none;  // a tunnel header right after another: NSH in VXLAN-GPE
  if (!nested && tunnels_ == options_.tunnel_depth) {
    remark("as many tunnels inside one another as are walked");
    return Next::done;
  }
  if (!nested) ++tunnels_;
  entered_ = {.type = type,
              .id = id,
              .depth = static_cast<std::uint8_t>(tunnels_),
              .version = ip_.version,
              .source = ip_.source,
              .destination = ip_.destination};
  if (options_.layer == Layer::outer && ip_.version != 0) {
    tunnel_ = entered_;  // the tunnel that the flow carries; its addresses are the flow's own
    return Next::done;
  }
  return inside;
}

LayerWalk::Next LayerWalk::ip() {
  if (left() == 0) return stop(Reject::link_protocol);
  switch (at_[0] >> 4) {
    case 4:
      return Next::ipv4;
    case 6:
      return Next::ipv6;
    default:
      return stop(Reject::link_protocol);
  }
}

/// RFC 791 §3.1.
LayerWalk::Next LayerWalk::ipv4() {
  if (left() < sizeof(Ipv4Header)) return stop(Reject::ipv4_truncated);
  const auto& wire = header_at<Ipv4Header>(at_);
  if (wire.version() != 4) return stop(Reject::ip_version);
  const unsigned header_octets = wire.header_octets();
  // 0: captured before the network card cut it into segments (TSO), or longer than the field can say (BIG TCP).
  const bool from_frame = wire.total_length.host() == 0;
  const std::uint32_t total_octets = from_frame ? static_cast<std::uint32_t>(wire_left()) : wire.total_length.host();
  if (header_octets < sizeof(Ipv4Header)) return stop(Reject::ipv4_header_length);
  if (!from_frame && total_octets < header_octets) return stop(Reject::ipv4_total_length);
  if (left() < header_octets) return stop(Reject::ipv4_truncated);
  IpHeader& header = ip_ = {};
  header.offset = offset();
  header.length_from_frame = from_frame;
  header.source = wire.source;
  header.destination = wire.destination;
  header.version = 4;
  header.protocol = wire.protocol;
  header.tos = wire.type_of_service;
  header.ttl = wire.time_to_live;
  header.octets = total_octets;
  header.transport_octets = total_octets - header_octets;
  header.fragment_id = wire.identification.host();
  header.fragment_protocol = wire.protocol;
  header.later_fragment = wire.fragment_offset() != 0;
  header.first_fragment = !header.later_fragment && wire.more_fragments();
  bound(total_octets);
  pass("IPv4", header_octets, "protocol %u, %u octets%s", unsigned{wire.protocol}, total_octets,
       from_frame ? kFromFrame : "");
  payload_protocol_ = wire.protocol;
  behind_ah_ = false;
  return found();
}

/// RFC 8200 §3.
LayerWalk::Next LayerWalk::ipv6() {
  if (left() < sizeof(Ipv6Header)) return stop(Reject::ipv6_truncated);
  const auto& wire = header_at<Ipv6Header>(at_);
  if (wire.version() != 6) return stop(Reject::ip_version);
  IpHeader& header = ip_ = {};
  header.offset = offset();
  header.source = wire.source;
  header.destination = wire.destination;
  header.version = 6;
  header.protocol = wire.next_header;
  header.tos = wire.traffic_class();
  header.ttl = wire.hop_limit;
  header.flow_label = be32(0) & 0xfffff;
  header.octets = static_cast<std::uint32_t>(sizeof(Ipv6Header)) + wire.payload_length.host();
  if (wire.payload_length.host() == 0) {
    // A jumbogram, a packet whose length was left out (segmentation offload, BIG TCP), or one without a payload. What
    // offload leaves is at least a TCP header; fewer octets than that are padding of the frame.
    const std::uint32_t jumbo = wire.next_header == kProtocolHopByHop ? jumbo_octets(sizeof(Ipv6Header)) : 0;
    header.length_from_frame = jumbo == 0 && wire.next_header != kProtocolNoNextHeader &&
                               wire_left() >= sizeof(Ipv6Header) + sizeof(TcpHeader);
    if (header.length_from_frame) header.octets = static_cast<std::uint32_t>(wire_left());
    if (jumbo != 0) header.octets = static_cast<std::uint32_t>(sizeof(Ipv6Header)) + jumbo;
  }
  bound(header.octets);
  const std::uint8_t* const begin = at_;
  pass("IPv6", sizeof(Ipv6Header), "next header %u, %u octets%s", unsigned{wire.next_header}, header.octets,
       header.length_from_frame ? kFromFrame : "");
  behind_ah_ = false;
  const bool whole = extension_headers(header);
  const auto headers_octets = static_cast<std::uint32_t>(at_ - begin);
  header.transport_octets = header.octets > headers_octets ? header.octets - headers_octets : 0;
  if (!whole) {
    // The chain of headers is cut, endless or continued in another fragment, so no payload can be parsed.
    at_ = end_;
  }
  payload_protocol_ = header.protocol;
  return found();
}

/// The jumbo payload length (RFC 2675 §2) in the hop-by-hop header after the IPv6 header at at_; 0: none. More octets
/// than the frame has on the wire are no jumbogram, and count as any other payload length of 0.
std::uint32_t LayerWalk::jumbo_octets(std::size_t header_octets) const {
  if (left() < header_octets + 8) return 0;
  const std::uint8_t* options = at_ + header_octets;
  const std::size_t octets = std::min<std::size_t>((options[1] + std::size_t{1}) * 8, left() - header_octets);
  for (std::size_t i = 2, turns = 0; i + 6 <= octets && turns < 8; ++turns) {
    if (options[i] == 0) {  // Pad1
      ++i;
      continue;
    }
    if (options[i] == 0xc2 && options[i + 1] == 4) {
      const std::uint32_t jumbo = load_be<std::uint32_t>(options + i + 2);
      const auto offset = static_cast<std::uint64_t>(at_ - frame_) + header_octets;
      return jumbo > 0xffff && offset + jumbo <= view_.frame_octets ? jumbo : 0;
    }
    i += std::size_t{2} + options[i + 1];
  }
  return 0;
}

/// Walks the extension headers at at_ (RFC 8200 §4), the first of them of type header.protocol, and sets
/// header.protocol to the next header of the last one that is there. False: what follows is no payload.
bool LayerWalk::extension_headers(IpHeader& header) {
  while (is_extension_header(header.protocol)) {
    // The least size of all five is 8 octets (RFC 8200 §4.3-§4.6); that of AH is 12 (RFC 4302 §2), but a length field
    // of 0 makes it 8, which is read as it stands.
    if (left() < 8 || !spend()) return false;
    const auto& wire = header_at<Ipv6ExtensionHeader>(at_);
    std::size_t octets = (wire.length + std::size_t{1}) * 8;  // RFC 8200 §4.3: without the first 8 octets
    const std::uint8_t protocol = header.protocol;
    const char* name = protocol == kProtocolHopByHop  ? "IPv6 hop-by-hop options"
                       : protocol == kProtocolRouting ? "IPv6 routing header"
                                                      : "IPv6 destination options";
    if (protocol == kProtocolFragment) {
      name = "IPv6 fragment header";
      octets = sizeof(Ipv6FragmentHeader);
      const auto& fragment = header_at<Ipv6FragmentHeader>(at_);
      header.fragment_id = fragment.identification.host();
      header.fragment_protocol = fragment.next_header;
      // RFC 8200 §4.5: after a later fragment's header lies the middle of something. (An atomic fragment, RFC 6946,
      // is neither first nor later.)
      header.later_fragment = fragment.fragment_offset() != 0;
      header.first_fragment = !header.later_fragment && fragment.more_fragments();
    } else if (protocol == kProtocolAh) {
      name = "AH";
      octets = (wire.length + std::size_t{2}) * 4;  // RFC 4302 §2.2: 32-bit words, minus 2
      behind_ah_ = true;
      ah_spi_ = be32(4);
    }
    if (left() < octets) return false;
    header.protocol = wire.next_header;
    pass(name, octets, "next header %u", unsigned{header.protocol});
    if (header.later_fragment) return false;
  }
  return true;
}

void LayerWalk::read_transport(IpHeader& header) const {
  if (header.protocol == kProtocolEsp && left() >= 8) {
    // RFC 4303 §2: the SPI, by which every security association is a flow of its own, stands where ports would.
    header.source_port = be16(0);
    header.destination_port = be16(2);
    return;
  }
  if (has_ports(header.protocol) && left() >= sizeof(TransportPorts)) {
    header.source_port = be16(0);
    header.destination_port = be16(2);
    if (header.protocol == kProtocolTcp && left() > offsetof(TcpHeader, flags)) {
      header.tcp_flags = at_[offsetof(TcpHeader, flags)];
    }
  } else if (header.protocol == (header.version == 4 ? kProtocolIcmp : kProtocolIcmpv6) &&
             left() >= sizeof(IcmpHeader)) {
    header.icmp_type = at_[0];
    header.icmp_code = at_[1];
    if (options_.icmp_in_key)
      header.source_port = header.destination_port = FlowKey::icmp_port(header.version, at_[0], at_[1]);
  }
}

/// ip_ is an IP header that counts, with at_ at its payload.
LayerWalk::Next LayerWalk::found() {
  if (entered_.type != TunnelType::none) {
    tunnel_ = entered_;
    entered_ = {};
  }
  if (outer_octets_ == 0) outer_octets_ = ip_.octets;
  transport_ = at_;
  transport_end_ = end_;
  if (ip_.later_fragment) {
    remark("a later fragment: its ports are in the first one");
    return Next::done;
  }
  read_transport(ip_);
  if (ip_.first_fragment) note_first_fragment();
  return Next::payload;
}

void LayerWalk::note_first_fragment() {
  if (notes_.count == FragmentNotes::kMost) return;
  notes_.places[notes_.count] = {ip_.offset, ip_.octets};
  FragmentNote& note = notes_.notes[notes_.count++];
  set_key(ip_, note.key, note.from);
  note.fragment_protocol = ip_.fragment_protocol;
  note.fragment_id = ip_.fragment_id;
}

/// What the key needs of the transport header at at_ is there.
bool LayerWalk::has_key_octets(const IpHeader& header) const {
  if (header.protocol == kProtocolEsp) return left() >= 8;
  return left() >= 4 || !(has_ports(header.protocol) || (options_.icmp_in_key && is_icmp(header.protocol)));
}

/// The canonical key, and who sent. Written otherwise than the common stack's (parser.cc), which the tests hold against
/// it. Every word is stored whole: the hash reads it a few cycles later (FlowKey::set_tail()).
void LayerWalk::set_key(const IpHeader& header, FlowKey& key, Side& from) const {
  bool from_high = header.source_port > header.destination_port;
  if (header.version == 4) {
    const auto source = load_be<std::uint32_t>(header.source);
    const auto destination = load_be<std::uint32_t>(header.destination);
    if (source != destination) from_high = source > destination;
    std::uint32_t low;
    std::uint32_t high;
    std::memcpy(&low, from_high ? header.destination : header.source, sizeof low);
    std::memcpy(&high, from_high ? header.source : header.destination, sizeof high);
    key.address[0] = low | std::uint64_t{high} << 32;
    key.address[1] = key.address[2] = key.address[3] = 0;
  } else {
    const int order = std::memcmp(header.source, header.destination, 16);
    if (order != 0) from_high = order > 0;
    std::memcpy(&key.address[0], from_high ? header.destination : header.source, 16);
    std::memcpy(&key.address[2], from_high ? header.source : header.destination, 16);
  }
  key.set_tail(from_high ? header.destination_port : header.source_port,
               from_high ? header.source_port : header.destination_port, header.protocol, header.version);
  key.added = 0;
  from = from_high != header.reversed ? Side::high : Side::low;
}

Reject LayerWalk::finish(ParsedPacket& packet) {
  if (ip_.version == 0) return reject_ == Reject::none ? Reject::link_protocol : reject_;
  set_key(ip_, packet.key, packet.from);
  packet.ip_octets = ip_.octets;
  packet.vlan_id = vlan_id_;
  packet.tcp_flags = ip_.tcp_flags;
  packet.ip_tos = ip_.tos;
  packet.icmp_type = ip_.icmp_type;
  packet.icmp_code = ip_.icmp_code;
  packet.facts = 0;
  std::memset(&packet.tunnel, 0, sizeof packet.tunnel);
  packet.tunnel.id = tunnel_.id;
  packet.tunnel.type = tunnel_.type;
  packet.tunnel.ip_version = tunnel_.version;
  packet.tunnel.depth = tunnel_.depth;
  if (tunnel_.type != TunnelType::none) {
    packet.facts |= kHasTunnel;
    if (tunnel_.version != 0) {
      const std::size_t octets = tunnel_.version == 4 ? 4 : 16;
      std::memcpy(packet.tunnel.source, tunnel_.source, octets);
      std::memcpy(packet.tunnel.destination, tunnel_.destination, octets);
    }
  }
  packet.mpls_label = label_;
  if (has_label_) packet.facts |= kHasLabel;
  packet.fragment_id = ip_.fragment_id;
  packet.fragment_protocol = ip_.fragment_protocol;
  if (ip_.later_fragment) packet.facts |= kLaterFragment;
  if (ip_.length_from_frame) packet.facts |= kLengthFromFrame;
  if (notes_.count != 0) packet.facts |= kFirstFragment;
  if (is_error_) finish_error(packet);
  if (facts_ != nullptr) finish_facts();
  return Reject::none;
}

/// The facts of the IP header that counts; those of the link layer were noted on the way.
void LayerWalk::finish_facts() const {
  facts_->ttl = ip_.ttl;
  facts_->flow_label = ip_.flow_label & 0xfffff;
  facts_->fragment_id = ip_.fragment_id;
  facts_->fragment = ip_.first_fragment || ip_.later_fragment;
  facts_->outer_octets = outer_octets_ == ip_.octets ? 0 : outer_octets_;
  constexpr std::uint32_t kMostExtraWords = 4095;
  const std::uint32_t header_octets = ip_.octets - std::min(ip_.octets, ip_.transport_octets);
  const std::uint32_t fixed_octets = ip_.version == 4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  facts_->ip_extra_words =
      std::min((std::max(header_octets, fixed_octets) - fixed_octets) / 4, kMostExtraWords) & kMostExtraWords;
  if (ip_.reversed) return;  // what an ICMP error quotes was sent, and counted, before
  if (ip_.later_fragment) {
    facts_->payload_octets = ip_.transport_octets;  // of which protocol the first fragment may say
  } else if (ip_.protocol == kProtocolTcp) {
    read_tcp(transport_, transport_end_, ip_.transport_octets, *facts_);
  }
}

}  // namespace weir
