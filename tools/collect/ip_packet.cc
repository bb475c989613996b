#include "tools/collect/ip_packet.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>

#include "proto/base/address_text.h"
#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

std::uint16_t u16(Octets octets, std::size_t at) {
  return load_be<std::uint16_t>(octets.data() + at);
}

/// What follows Ethernet's addresses, from the EtherType on; empty if it is no IP.
Octets behind_ether_type(Octets rest) {
  while (rest.size() >= 6 && is_vlan_tag(u16(rest, 0))) rest = rest.subspan(4);
  if (rest.size() < 2 || (u16(rest, 0) != kEtherTypeIpv4 && u16(rest, 0) != kEtherTypeIpv6)) return {};
  return rest.subspan(2);
}

Octets ip_of_frame(int link_type, Octets frame) {
  switch (link_type) {
    case DLT_EN10MB:
      return frame.size() < 14 ? Octets() : behind_ether_type(frame.subspan(12));
    case DLT_LINUX_SLL:  // protocol in octets 14 and 15
      return frame.size() < 16 ? Octets() : behind_ether_type(frame.subspan(14));
    case DLT_LINUX_SLL2: {  // protocol in the first two, 20 octets of header
      if (frame.size() < 20) return {};
      const std::uint16_t type = u16(frame, 0);
      return type == kEtherTypeIpv4 || type == kEtherTypeIpv6 ? frame.subspan(20) : Octets();
    }
    case DLT_NULL:
    case DLT_LOOP:  // an address family whose number and byte order depend on the system: the IP version tells
      return frame.size() < 4 ? Octets() : frame.subspan(4);
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return frame;
    default:
      return {};
  }
}

/// The payload: what was captured, and how much it was on the wire. A length of 0 is that of a packet which the NIC was
/// still to cut into segments: it reaches to the end of the frame.
void set_payload(Octets packet, std::size_t header, std::size_t length, bool unknown, IpPacket& out) {
  const Octets rest = packet.subspan(header);
  out.payload_octets = unknown ? rest.size() : length;
  out.payload = rest.first(std::min(rest.size(), out.payload_octets));
}

/// RFC 791 section 3.1.
bool take_ipv4(Octets packet, IpPacket& out) {
  constexpr std::size_t kLeast = 20;
  constexpr std::uint16_t kMoreFragments = 0x2000, kOffset = 0x1fff;
  if (packet.size() < kLeast) return false;
  const std::size_t header = static_cast<std::size_t>(packet[0] & 0xf) * 4;
  const std::size_t total = u16(packet, 2);
  if (header < kLeast || packet.size() < header || (total != 0 && total < header)) return false;
  out.ip_version = 4;
  out.protocol = packet[9];
  out.addresses = packet.subspan(12, 8);
  const std::uint16_t fragment = u16(packet, 6);
  out.is_fragment = (fragment & (kMoreFragments | kOffset)) != 0;
  out.more_fragments = (fragment & kMoreFragments) != 0;
  out.fragment_offset = static_cast<std::size_t>(fragment & kOffset) * 8;
  out.fragment_id = u16(packet, 4);
  set_payload(packet, header, total - header, total == 0, out);
  return true;
}

/// RFC 8200 sections 3 and 4.5.
bool take_ipv6(Octets packet, IpPacket& out) {
  constexpr std::size_t kHeader = 40, kFragmentHeader = 8;
  if (packet.size() < kHeader) return false;
  out.ip_version = 6;
  out.protocol = packet[6];
  out.addresses = packet.subspan(8, 32);
  const std::size_t length = u16(packet, 4);
  set_payload(packet, kHeader, length, length == 0, out);
  const std::size_t captured = out.payload.size();
  if (!skip_extension_headers(out.protocol, out.payload)) return false;
  if (out.protocol == kProtocolFragment) {
    if (out.payload.size() < kFragmentHeader) return false;
    const std::uint16_t fragment = u16(out.payload, 2);
    out.more_fragments = (fragment & 1) != 0;
    out.fragment_offset = fragment & 0xfff8U;
    // Alone it is a whole packet (RFC 6946).
    out.is_fragment = out.more_fragments || out.fragment_offset != 0;
    out.fragment_id = load_be<std::uint32_t>(out.payload.data() + 4);
    out.protocol = out.payload[0];
    out.payload = out.payload.subspan(kFragmentHeader);
    if (!out.is_fragment && !skip_extension_headers(out.protocol, out.payload)) return false;
  }
  out.payload_octets -= captured - out.payload.size();
  return true;
}

}  // namespace

bool skip_extension_headers(std::uint8_t& protocol, Octets& payload) {
  while (protocol == kProtocolHopByHop || protocol == kProtocolRouting || protocol == kProtocolDestinationOptions) {
    if (payload.size() < 8) return false;
    const std::size_t octets = (std::size_t{payload[1]} + 1) * 8;
    if (payload.size() < octets) return false;
    protocol = payload[0];
    payload = payload.subspan(octets);
  }
  return true;
}

bool find_ip_packet(int link_type, Octets frame, IpPacket& out) {
  out = {};
  const Octets packet = ip_of_frame(link_type, frame);
  if (packet.empty()) return false;
  const unsigned version = packet[0] >> 4;
  return version == 4 ? take_ipv4(packet, out) : version == 6 && take_ipv6(packet, out);
}

std::string endpoint_name(const std::uint8_t* address, std::uint8_t ip_version, std::uint16_t port) {
  char text[kAddressTextMaxOctets];
  const std::string_view name(text, static_cast<std::size_t>(write_address_text(text, address, ip_version) - text));
  return ip_version == 4 ? fmt::format("{}:{}", name, port) : fmt::format("[{}]:{}", name, port);
}

}  // namespace weir
