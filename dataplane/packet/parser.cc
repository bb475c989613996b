// The common stack: Ethernet with at most one tag, IPv4 or IPv6 without extension headers, TCP or UDP. Each layer is an
// inline function, so that all of it compiles to one straight run. Any other frame, and any malformed header, returns
// false, and LayerWalk starts again from the first octet. So the common stack pays one comparison per possible
// irregularity, most of which it needs anyway, and irregular frames pay a few nanoseconds.
//
// These tell the two apart: an EtherType, a protocol number, the fragment fields of IPv4 (one AND), and a UDP port that
// announces a tunnel (PortSet).
#include "dataplane/packet/parser.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "dataplane/packet/headers.h"
#include "dataplane/packet/layer_walk.h"
#include "dataplane/packet/read_facts.h"

namespace weir {
namespace {

/// Octets that may be read: [at, end).
struct Octets {
  const std::uint8_t* at;
  const std::uint8_t* end;

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(end - at); }
};

/// What the key needs of a transport header. All 0 where it is not there.
struct Transport {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t tcp_flags = 0;
};

// EtherTypes stay in network order until they are to be named: compared with constants, they need no swap.
constexpr Be16 kIpv4 = Be16::from_host(kEtherTypeIpv4);
constexpr Be16 kIpv6 = Be16::from_host(kEtherTypeIpv6);

bool is_vlan_tag(Be16 ether_type) {
  return ether_type == Be16::from_host(kEtherTypeVlan) || ether_type == Be16::from_host(kEtherTypeQinQ) ||
         ether_type == Be16::from_host(kEtherTypeQinQOld);
}

void read_ports(Octets octets, Transport& transport) {
  if (octets.size() < sizeof(TransportPorts)) return;
  const auto& ports = header_at<TransportPorts>(octets.at);
  transport.source_port = ports.source.host();
  transport.destination_port = ports.destination.host();
}

/// The transport step. False: another protocol, or perhaps a tunnel.
inline bool read_transport(Octets octets, std::uint8_t protocol, const TunnelPorts& tunnels, Transport& transport) {
  if (protocol == kProtocolTcp) {
    read_ports(octets, transport);
    if (octets.size() > offsetof(TcpHeader, flags)) transport.tcp_flags = octets.at[offsetof(TcpHeader, flags)];
    return true;
  }
  if (protocol != kProtocolUdp) [[unlikely]]
    return false;
  read_ports(octets, transport);
  return !tunnels.announce(transport.source_port, transport.destination_port);
}

/// The members of `packet` that do not depend on the IP version. Ports and side come without a branch, since which
/// side sends is as good as random to the branch predictor.
inline void set_common(ParsedPacket& packet, const Transport& transport, bool from_high, std::uint8_t protocol,
                       std::uint8_t ip_version, std::uint16_t vlan_id) {
  const std::uint32_t ports = static_cast<std::uint32_t>(transport.destination_port) << 16 | transport.source_port;
  const std::uint32_t ordered = std::rotl(ports, from_high ? 16 : 0);
  packet.key.set_tail(static_cast<std::uint16_t>(ordered), static_cast<std::uint16_t>(ordered >> 16), protocol,
                      ip_version);
  packet.vlan_id = vlan_id;
  packet.from = static_cast<Side>(from_high);
  packet.tcp_flags = transport.tcp_flags;
  packet.icmp_type = 0;
  packet.icmp_code = 0;
  packet.facts = 0;
}

/// The network step for IPv4 (RFC 791 §3.1).
inline bool parse_ipv4(Octets octets, std::uint16_t vlan_id, const TunnelPorts& tunnels, ParsedPacket& packet) {
  if (octets.size() < sizeof(Ipv4Header)) [[unlikely]]
    return false;
  const auto& header = header_at<Ipv4Header>(octets.at);
  const unsigned header_octets = header.header_octets();
  const unsigned total_octets = header.total_length.host();
  if (header.version() != 4 || header_octets < sizeof(Ipv4Header) || total_octets < header_octets ||
      octets.size() < header_octets || header.is_fragment()) [[unlikely]] {
    return false;
  }
  Transport transport;
  const Octets payload{octets.at + header_octets, octets.at + std::min<std::size_t>(octets.size(), total_octets)};
  if (!read_transport(payload, header.protocol, tunnels, transport)) [[unlikely]]
    return false;

  std::uint64_t addresses;  // source in octets 0-3, destination in octets 4-7, as the key wants them
  std::memcpy(&addresses, header.source, sizeof addresses);
  const std::uint64_t source = std::uint64_t{load_be<std::uint32_t>(header.source)} << 16 | transport.source_port;
  const std::uint64_t destination =
      std::uint64_t{load_be<std::uint32_t>(header.destination)} << 16 | transport.destination_port;
  const bool from_high = source > destination;
  packet.key.address[0] = std::rotl(addresses, from_high ? 32 : 0);
  packet.key.address[1] = packet.key.address[2] = packet.key.address[3] = 0;
  packet.ip_octets = total_octets;
  packet.ip_tos = header.type_of_service;
  set_common(packet, transport, from_high, header.protocol, 4, vlan_id);
  return true;
}

/// The network step for IPv6 (RFC 8200 §3).
inline bool parse_ipv6(Octets octets, std::uint16_t vlan_id, const TunnelPorts& tunnels, ParsedPacket& packet) {
  if (octets.size() < sizeof(Ipv6Header)) [[unlikely]]
    return false;
  const auto& header = header_at<Ipv6Header>(octets.at);
  // A payload length of 0 means a jumbogram, or that the frame's length counts.
  if (header.version() != 6 || header.payload_length.host() == 0) [[unlikely]]
    return false;
  const unsigned ip_octets = sizeof(Ipv6Header) + header.payload_length.host();
  const Octets payload{octets.at + sizeof(Ipv6Header), octets.at + std::min<std::size_t>(octets.size(), ip_octets)};
  const std::uint8_t protocol = header.next_header;
  Transport transport;
  if (!read_transport(payload, protocol, tunnels, transport)) [[unlikely]]
    return false;

  std::uint64_t source[2];
  std::uint64_t destination[2];
  std::memcpy(source, header.source, sizeof source);
  std::memcpy(destination, header.destination, sizeof destination);
  const std::uint64_t source_high = load_be<std::uint64_t>(header.source);
  const std::uint64_t source_low = load_be<std::uint64_t>(header.source + 8);
  const std::uint64_t destination_high = load_be<std::uint64_t>(header.destination);
  const std::uint64_t destination_low = load_be<std::uint64_t>(header.destination + 8);
  // Lexicographic order of (address, port) with arithmetic instead of branches, for the reason at set_common().
  const unsigned ports_greater = transport.source_port > transport.destination_port;
  const unsigned low_greater = (source_low > destination_low) | ((source_low == destination_low) & ports_greater);
  const bool from_high = ((source_high > destination_high) | ((source_high == destination_high) & low_greater)) != 0;
  const std::uint64_t mask = std::uint64_t{0} - static_cast<std::uint64_t>(from_high);
  for (unsigned word = 0; word < 2; ++word) {  // of constant length: unrolled
    const std::uint64_t exchange = (source[word] ^ destination[word]) & mask;
    packet.key.address[word] = source[word] ^ exchange;
    packet.key.address[2 + word] = destination[word] ^ exchange;
  }
  packet.ip_octets = ip_octets;
  packet.ip_tos = header.traffic_class();
  set_common(packet, transport, from_high, protocol, 6, vlan_id);
  return true;
}

/// The link step for Ethernet (IEEE 802.3 §3.1.1, IEEE 802.1Q §9).
inline bool parse_common(Octets octets, const TunnelPorts& tunnels, ParsedPacket& packet) {
  if (octets.size() < sizeof(EthernetHeader)) [[unlikely]]
    return false;
  Be16 ether_type = header_at<EthernetHeader>(octets.at).ether_type;
  octets.at += sizeof(EthernetHeader);
  std::uint16_t vlan_id = 0;
  if (is_vlan_tag(ether_type)) {
    if (octets.size() < sizeof(VlanTag)) [[unlikely]]
      return false;
    const auto& tag = header_at<VlanTag>(octets.at);
    vlan_id = tag.vlan_id();
    ether_type = tag.ether_type;
    octets.at += sizeof(VlanTag);
  }
  if (ether_type == kIpv4) return parse_ipv4(octets, vlan_id, tunnels, packet);
  if (ether_type == kIpv6) return parse_ipv6(octets, vlan_id, tunnels, packet);
  return false;
}

}  // namespace

Parser::Parser(ParserOptions options) : tunnels_(options), options_(std::move(options)) {}

Reject Parser::parse(const PacketView& view, ParsedPacket& packet, PacketFacts* facts) {
  const Octets octets{view.data, view.data + view.captured_octets};
  if (view.link_type == LinkType::ethernet && parse_common(octets, tunnels_, packet)) [[likely]] {
    packet.frame_octets = view.frame_octets;
    packet.time_ns = view.time_ns;
    packet.ingress_interface = view.ingress_interface;
    const bool tagged = is_vlan_tag(header_at<EthernetHeader>(octets.at).ether_type);
    flow_header_offset_ = sizeof(EthernetHeader) + (tagged ? sizeof(VlanTag) : 0);
    if (facts != nullptr) read_common_facts(view, packet, flow_header_offset_, *facts);
    return Reject::none;
  }
  return walk(view, packet, nullptr, facts);
}

Reject Parser::walk(const PacketView& view, ParsedPacket& packet, PacketTrace* trace, PacketFacts* facts) {
  LayerWalk walk(options_, view, notes_, options_.note_icmp_errors ? &icmp_error_ : nullptr, trace, facts);
  const Reject reject = walk.run(packet);
  flow_header_offset_ = walk.flow_header_offset();
  return reject;
}

}  // namespace weir
