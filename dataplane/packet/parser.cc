// The walk: link step -> network step -> transport step -> key. Each step is an inline function that takes the
// position and the end of what may be read, so that the common stack, Ethernet with at most one tag, IPv4 or IPv6
// without extension headers, TCP or UDP, compiles to one straight run. What is rare (further tags, extension
// headers, naming an EtherType) is a call out of line. A tunnel or another link type is one more step that ends in a
// step which is already here.
//
// Bound on the work of one frame: 8 VLAN tags and 128 extension headers, one turn of a loop each.
// - More tags than 8 are a reject: no bridge makes them, and without the end of the stack there is no IP header.
// - More than 128 extension headers still count, with the number of the header where the walk stopped and ports 0,
//   since the IP header is valid, and a frame with a valid IP header is always counted. Why 128: an extension header
//   has at least 8 octets, which take 6.4 ns on a 10 Gbit/s wire, longer than one turn takes; so chains cannot be
//   used to slow a worker down, and the bound only keeps jumbo frames (8000 / 8 = 1000 headers) from one long stall.
//   Real stacks use up to three; the longest chain that a capture file of a test suite is known to hold is about 100.
//
// What may be read of a packet ends at the end of the captured octets or of the IP packet (total length, payload
// length), whichever comes first, so that Ethernet padding and trailers are never taken for a header.
#include "dataplane/packet/parser.h"

#include <algorithm>
#include <bit>

#include "dataplane/packet/headers.h"

namespace weir {
namespace {

constexpr unsigned kMaxVlanTags = 8;
constexpr unsigned kMaxExtensionHeaders = 128;

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
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
};

// EtherTypes stay in network order until they are to be named: compared with constants, they need no swap.
constexpr Be16 kIpv4 = Be16::from_host(kEtherTypeIpv4);
constexpr Be16 kIpv6 = Be16::from_host(kEtherTypeIpv6);

bool is_vlan_tag(Be16 ether_type) {
  return ether_type == Be16::from_host(kEtherTypeVlan) || ether_type == Be16::from_host(kEtherTypeQinQ) ||
         ether_type == Be16::from_host(kEtherTypeQinQOld);
}

bool is_extension_header(std::uint8_t protocol) {
  constexpr std::uint64_t kExtensionHeaders = 1ULL << kProtocolHopByHop | 1ULL << kProtocolRouting |
                                              1ULL << kProtocolFragment | 1ULL << kProtocolAh |
                                              1ULL << kProtocolDestinationOptions;
  return protocol < 64 && (kExtensionHeaders >> protocol & 1) != 0;
}

void read_ports(Octets octets, Transport& transport) {
  if (octets.size() < sizeof(TransportPorts)) return;
  const auto& ports = header_at<TransportPorts>(octets.at);
  transport.source_port = ports.source.host();
  transport.destination_port = ports.destination.host();
}

/// The transport step of protocols other than TCP and UDP. `icmp` is the ICMP that belongs to the IP version.
[[gnu::noinline]] Transport read_rare_transport(Octets octets, std::uint8_t protocol, std::uint8_t icmp) {
  Transport transport;
  if (protocol == icmp) {
    if (octets.size() >= sizeof(IcmpHeader)) {
      const auto& header = header_at<IcmpHeader>(octets.at);
      transport.icmp_type = header.type;
      transport.icmp_code = header.code;
    }
  } else if (protocol == kProtocolSctp || protocol == kProtocolUdpLite || protocol == kProtocolDccp) {
    // RFC 9260 §3.1, RFC 3828 §3.1, RFC 4340 §5.1: source and destination port come first, as in UDP.
    read_ports(octets, transport);
  }
  return transport;
}

inline Transport read_transport(Octets octets, std::uint8_t protocol, std::uint8_t icmp) {
  Transport transport;
  if (protocol == kProtocolTcp) {
    read_ports(octets, transport);
    if (octets.size() > offsetof(TcpHeader, flags)) transport.tcp_flags = octets.at[offsetof(TcpHeader, flags)];
    return transport;
  }
  if (protocol == kProtocolUdp) {
    read_ports(octets, transport);
    return transport;
  }
  return read_rare_transport(octets, protocol, icmp);
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
  packet.icmp_type = transport.icmp_type;
  packet.icmp_code = transport.icmp_code;
  packet.reserved = 0;
}

/// The network step for IPv4 (RFC 791 §3.1).
inline Reject parse_ipv4(Octets octets, std::uint16_t vlan_id, ParsedPacket& packet) {
  if (octets.size() < sizeof(Ipv4Header)) return Reject::ipv4_truncated;
  const auto& header = header_at<Ipv4Header>(octets.at);
  if (header.version() != 4) return Reject::ip_version;
  const unsigned header_octets = header.header_octets();
  const unsigned total_octets = header.total_length.host();
  if (header_octets < sizeof(Ipv4Header)) return Reject::ipv4_header_length;
  if (total_octets < header_octets) return Reject::ipv4_total_length;
  if (octets.size() < header_octets) return Reject::ipv4_truncated;

  // AH is not walked over IPv4: protocolIdentifier is the protocol field there (IANA information element 4).
  Transport transport;
  if (header.fragment_offset() == 0) [[likely]] {
    const Octets payload{octets.at + header_octets, octets.at + std::min<std::size_t>(octets.size(), total_octets)};
    transport = read_transport(payload, header.protocol, kProtocolIcmp);
  }

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
  return Reject::none;
}

/// Where a chain of extension headers leads.
struct ChainEnd {
  Octets payload;         ///< empty where there is no transport header: later fragments, cut and endless chains
  std::uint8_t protocol;  ///< next header of the last extension header that is there
};

/// Walks extension headers from octets.at on, the first of them of type `protocol` (RFC 8200 §4). A header that does
/// not lie wholly in `octets` is not there; then the protocol is that header's own number, which is the next header
/// of the last one before it.
[[gnu::noinline]] ChainEnd walk_extension_headers(Octets octets, std::uint8_t protocol) {
  for (unsigned i = 0; i < kMaxExtensionHeaders && is_extension_header(protocol); ++i) {
    // The least size of all five is 8 octets (RFC 8200 §4.3-§4.6); that of AH is 12 (RFC 4302 §2), but a length
    // field of 0 makes it 8, which is read as it stands.
    if (octets.size() < 8) return {.payload = {octets.end, octets.end}, .protocol = protocol};
    const auto& header = header_at<Ipv6ExtensionHeader>(octets.at);
    std::size_t header_octets = (header.length + std::size_t{1}) * 8;  // RFC 8200 §4.3: without the first 8 octets
    if (protocol == kProtocolFragment) {
      header_octets = sizeof(Ipv6FragmentHeader);
      const auto& fragment = header_at<Ipv6FragmentHeader>(octets.at);
      // RFC 8200 §4.5: behind a later fragment's header lies the middle of something.
      if (fragment.fragment_offset() != 0) {
        return {.payload = {octets.end, octets.end}, .protocol = fragment.next_header};
      }
    } else if (protocol == kProtocolAh) {
      header_octets = (header.length + std::size_t{2}) * 4;  // RFC 4302 §2.2: 32-bit words, minus 2
    }
    if (octets.size() < header_octets) return {.payload = {octets.end, octets.end}, .protocol = protocol};
    protocol = header.next_header;
    octets.at += header_octets;
  }
  return {.payload = octets, .protocol = protocol};
}

/// The network step for IPv6 (RFC 8200 §3). Jumbograms (RFC 2675: payload length 0 and a hop-by-hop option with the
/// real one) count for the protocol and the ports they carry and, as every other packet, for payload length + 40.
inline Reject parse_ipv6(Octets octets, std::uint16_t vlan_id, ParsedPacket& packet) {
  if (octets.size() < sizeof(Ipv6Header)) return Reject::ipv6_truncated;
  const auto& header = header_at<Ipv6Header>(octets.at);
  if (header.version() != 6) return Reject::ip_version;
  const unsigned ip_octets = sizeof(Ipv6Header) + header.payload_length.host();

  Octets payload{octets.at + sizeof(Ipv6Header), octets.at + std::min<std::size_t>(octets.size(), ip_octets)};
  std::uint8_t protocol = header.next_header;
  if (is_extension_header(protocol)) [[unlikely]] {
    if (header.payload_length.host() == 0 && protocol == kProtocolHopByHop) payload.end = octets.end;
    const ChainEnd end = walk_extension_headers(payload, protocol);
    payload = end.payload;
    protocol = end.protocol;
  }
  const Transport transport = read_transport(payload, protocol, kProtocolIcmpv6);

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
  return Reject::none;
}

/// Skips the tags behind the outermost one. `ether_type` is the tag protocol identifier of the first of them, and
/// afterwards the EtherType behind the last.
[[gnu::noinline]] Reject skip_inner_tags(Octets& octets, Be16& ether_type) {
  for (unsigned tags = 1; is_vlan_tag(ether_type); ++tags) {
    if (tags == kMaxVlanTags) return Reject::vlan_too_deep;
    if (octets.size() < sizeof(VlanTag)) return Reject::vlan_truncated;
    ether_type = header_at<VlanTag>(octets.at).ether_type;
    octets.at += sizeof(VlanTag);
  }
  return Reject::none;
}

/// Why a frame of this EtherType is not counted.
[[gnu::noinline]] Reject reject_of_ether_type(std::uint16_t ether_type) {
  if (ether_type < kEtherTypeFirst) return Reject::ether_type_length;
  if (ether_type == kEtherTypeArp || ether_type == kEtherTypeRarp) return Reject::ether_type_arp;
  return Reject::ether_type_other;
}

/// The link step for Ethernet (IEEE 802.3 §3.1.1, IEEE 802.1Q §9).
inline Reject parse_ethernet(Octets octets, ParsedPacket& packet) {
  if (octets.size() < sizeof(EthernetHeader)) return Reject::link_truncated;
  Be16 ether_type = header_at<EthernetHeader>(octets.at).ether_type;
  octets.at += sizeof(EthernetHeader);
  std::uint16_t vlan_id = 0;
  if (is_vlan_tag(ether_type)) {
    if (octets.size() < sizeof(VlanTag)) return Reject::vlan_truncated;
    const auto& tag = header_at<VlanTag>(octets.at);
    vlan_id = tag.vlan_id();
    ether_type = tag.ether_type;
    octets.at += sizeof(VlanTag);
    if (is_vlan_tag(ether_type)) [[unlikely]] {
      // Copies, since what a call may change by reference would live in memory on the common path, too.
      Octets rest = octets;
      Be16 type = ether_type;
      if (const Reject reject = skip_inner_tags(rest, type); reject != Reject::none) return reject;
      octets = rest;
      ether_type = type;
    }
  }
  if (ether_type == kIpv4) return parse_ipv4(octets, vlan_id, packet);
  if (ether_type == kIpv6) return parse_ipv6(octets, vlan_id, packet);
  return reject_of_ether_type(ether_type.host());
}

}  // namespace

Reject parse_packet(const PacketView& view, ParsedPacket& packet) {
  packet.frame_octets = view.frame_octets;
  packet.time_ns = view.time_ns;
  packet.ingress_interface = view.ingress_interface;
  const Octets octets{view.data, view.data + view.captured_octets};
  switch (view.link_type) {
    case LinkType::ethernet:
      break;
  }
  return parse_ethernet(octets, packet);
}

}  // namespace weir
