#include "tools/collect/packet_section.h"

#include <algorithm>
#include <cstring>

#include "proto/base/byte_order.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

/// Elements of IANA; 102 and 104 are Cisco's predecessors of 409 and 315.
enum Element : std::uint16_t {
  kLayer2SectionOffset = 102,
  kLayer2SectionData = 104,
  kDataLinkFrameSize = 312,
  kIpHeaderSection = 313,
  kDataLinkFrameSection = 315,
  kMplsPayloadSection = 317,
  kDataLinkFrameType = 408,
  kSectionOffset = 409,
};

constexpr std::uint64_t kFrameTypeWifi = 2;  // dataLinkFrameType: 1 is Ethernet

/// Whether an IPv4 header with the right checksum (RFC 791 section 3.1) stands here.
bool is_ipv4_header(Octets octets) {
  constexpr std::size_t kLeast = 20;
  if (octets.size() < kLeast || octets[0] >> 4 != 4) return false;
  const std::size_t header = std::size_t{octets[0] & 0xfU} * 4;
  if (header < kLeast || header > octets.size()) return false;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < header; i += 2) sum += load_be<std::uint16_t>(octets.data() + i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum == 0xffff;
}

/// What follows a label stack (RFC 3032 section 2.1); empty: its bottom is not there.
Octets behind_labels(Octets octets) {
  constexpr std::size_t kEntry = 4;
  while (octets.size() >= kEntry) {
    const bool bottom = (octets[2] & 1) != 0;
    octets = octets.subspan(kEntry);
    if (bottom) return octets;
  }
  return {};
}

/// An IP section may begin with labels, whose first octet may look like an IP version: 0x49300 is Juniper's first
/// label.
LinkType type_of_ip_section(Octets octets) {
  if (is_ipv4_header(octets)) return LinkType::raw_ip;
  if (is_ipv4_header(behind_labels(octets))) return LinkType::mpls;
  const unsigned version = octets[0] >> 4;
  return version == 4 || version == 6 ? LinkType::raw_ip : LinkType::mpls;
}

/// By header_protocol (sFlow v5, section 5.3: "enum header_protocol").
LinkType type_of_sampled_header(std::uint8_t protocol) {
  switch (protocol) {
    case 1:
      return LinkType::ethernet;
    case 3:
      return LinkType::token_ring;
    case 4:
      return LinkType::fddi;
    case 5:
      return LinkType::frame_relay;
    case 7:
      return LinkType::ppp;
    case 11:
      return LinkType::ipv4;
    case 12:
      return LinkType::ipv6;
    case 13:
      return LinkType::mpls;
    case 14:
      return LinkType::ppp_hdlc;
    case 15:
      return LinkType::ieee80211;
    default:
      return LinkType::unknown;
  }
}

template <typename S>
void add_section(OwnedRecord& record, const S& section) {
  if (!record.view().has(kSectionOf<S>)) record.add<S>() = section;
}

void take_addresses(const ParsedPacket& packet, FlowRecord& base) {
  const FlowKey& key = packet.key;
  const std::size_t octets = key.version() == 4 ? 4 : 16;
  const auto* const addresses = reinterpret_cast<const std::uint8_t*>(key.address);
  const std::size_t sender = packet.from == Side::low ? 0 : 1;
  std::memset(base.source_address, 0, sizeof base.source_address);
  std::memset(base.destination_address, 0, sizeof base.destination_address);
  std::memcpy(base.source_address, addresses + octets * sender, octets);
  std::memcpy(base.destination_address, addresses + octets * (1 - sender), octets);
  base.ip_version = static_cast<std::uint8_t>(key.version());
  base.ether_type = ip_ether_type(base.ip_version);
}

/// Protocol, and ports, ICMP type and code, or SPI.
void take_transport(const ParsedPacket& packet, OwnedRecord& record) {
  const bool low = packet.from == Side::low;
  const std::uint16_t source = low ? packet.key.port_low : packet.key.port_high;
  const std::uint16_t destination = low ? packet.key.port_high : packet.key.port_low;
  FlowRecord& base = record.base();
  base.protocol = packet.key.protocol;
  base.ports[kForward] = base.ports[kReverse] = 0;
  if (base.is_icmp()) {
    base.set_icmp(kForward, packet.icmp_type, packet.icmp_code);
  } else if (base.protocol == kProtocolEsp) {
    if ((source | destination) != 0) add_section(record, EspSection{std::uint32_t{source} << 16 | destination, 0});
  } else {
    base.ports[kForward] = source;
    base.ports[kReverse] = destination;
  }
}

/// A next hop of the other IP version than the flow's, which lies in a tunnel, is none of the flow's.
void settle_routing(OwnedRecord& record) {
  if (!record.view().has(Section::routing)) return;
  const std::uint8_t version = record->ip_version;
  auto& routing = record.add<RoutingSection>();
  if (routing.ip_version == version) return;
  routing.ip_version = version;
  std::memset(routing.next_hop, 0, sizeof routing.next_hop);
  std::memset(routing.bgp_next_hop, 0, sizeof routing.bgp_next_hop);
}

void take_packet(const ParsedPacket& packet, OwnedRecord& record) {
  FlowRecord& base = record.base();
  const bool named = !all_zero({base.source_address, 16}) || !all_zero({base.destination_address, 16});
  FlowRecord addresses{};
  take_addresses(packet, addresses);
  const bool same = std::memcmp(base.source_address, addresses.source_address, 16) == 0 &&
                    std::memcmp(base.destination_address, addresses.destination_address, 16) == 0;
  if (named && !same) return;
  if (!named) {
    take_addresses(packet, base);
    settle_routing(record);
  }
  if (!named || base.protocol == 0) take_transport(packet, record);
  if (base.tcp_flags[kForward] == 0) base.tcp_flags[kForward] = packet.tcp_flags;
  if (base.ip_tos[kForward] == 0) base.ip_tos[kForward] = packet.ip_tos;
  if (base.vlan_id == 0) base.vlan_id = packet.vlan_id;
  if ((packet.facts & kHasTunnel) != 0) add_section(record, packet.tunnel);
  if ((packet.facts & kHasLabel) != 0 && !record.view().has(Section::label_stack)) {
    add_section(record, LabelSection{packet.mpls_label, 0});
  }
}

/// What the packet says beyond its flow.
void take_facts(const PacketFacts& facts, OwnedRecord& record) {
  auto& layer2 = record.add<Layer2Section>();
  if (all_zero(layer2.source_mac) && all_zero(layer2.destination_mac)) {
    std::copy_n(facts.source_mac, sizeof layer2.source_mac, layer2.source_mac);
    std::copy_n(facts.destination_mac, sizeof layer2.destination_mac, layer2.destination_mac);
  }
  layer2.inner_vlan_id = facts.inner_vlan_id;
  layer2.ttl[kForward] = layer2.ttl_min[kForward] = layer2.ttl_max[kForward] = facts.ttl;
  layer2.fragment_id[kForward] = facts.fragment_id;
  layer2.flow_label[kForward] = facts.flow_label;
  layer2.fragments[kForward] = facts.fragment ? 1 : 0;
  layer2.outer_octets[kForward] = facts.outer_octets;
}

}  // namespace

struct PacketSection::Found {
  Octets octets;
  std::uint16_t element = 0;  ///< 0: there is no section
  std::uint64_t frame_octets = 0;
  std::uint64_t frame_type = 0;
  std::uint64_t offset = 0;

  std::uint8_t sflow_protocol;

  Found(std::span<const DecodedValue> values, std::uint8_t protocol) : sflow_protocol(protocol) {
    for (const DecodedValue& value : values) {
      if (value.enterprise != 0 || value.scope || value.octets.empty()) continue;
      const std::uint64_t number = value.octets.size() <= 8 ? be_integer(value.octets) : 0;
      switch (value.element) {
        case kDataLinkFrameSection:
        case kLayer2SectionData:
        case kIpHeaderSection:
        case kMplsPayloadSection:
          // Prefer the frame: it holds more than its contents alone.
          if (element == kDataLinkFrameSection || element == kLayer2SectionData) break;
          octets = value.octets;
          element = value.element;
          break;
        case kDataLinkFrameSize:
          frame_octets = number;
          break;
        case kDataLinkFrameType:
          frame_type = number;
          break;
        case kSectionOffset:
        case kLayer2SectionOffset:
          offset = number;
          break;
        default:
          break;
      }
    }
  }
};

bool PacketSection::parse(const Found& found, ParsedPacket& packet, PacketFacts* facts) {
  if (found.offset != 0) return false;  // it begins somewhere within the packet
  LinkType type = LinkType::ethernet;
  if (found.sflow_protocol != 0) {
    type = type_of_sampled_header(found.sflow_protocol);
  } else if (found.element == kIpHeaderSection || found.element == kMplsPayloadSection) {
    type = type_of_ip_section(found.octets);
  } else if (found.frame_type == kFrameTypeWifi) {
    type = LinkType::ieee80211;
  }
  const auto captured = static_cast<std::uint32_t>(found.octets.size());
  const auto wire = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(found.frame_octets, captured, UINT32_MAX));
  return parser_.parse({found.octets.data(), captured, wire, 0, 0, type, 0}, packet, facts) == Reject::none;
}

bool PacketSection::fill(RecordView record, std::span<const DecodedValue> values, OwnedRecord& out,
                         std::uint8_t sflow_protocol) {
  const Found found(values, sflow_protocol);
  if (found.element == 0) return false;
  out = OwnedRecord(record);
  FlowRecord& base = out.base();
  const bool counted = base.packets[kForward] != 0;
  const bool measured = base.octets[kForward] != 0;
  if (!counted) base.packets[kForward] = 1;
  if (!measured && !counted) base.octets[kForward] = found.frame_octets;
  ParsedPacket packet;
  PacketFacts facts{};
  if (!parse(found, packet, sflow_protocol != 0 ? &facts : nullptr)) {
    if (base.octets[kForward] == 0 && base.packets[kForward] == 1) base.octets[kForward] = found.frame_octets;
    return true;
  }
  take_packet(packet, out);
  if (sflow_protocol != 0) take_facts(facts, out);
  if (base.octets[kForward] == 0 && base.packets[kForward] == 1) base.octets[kForward] = packet.ip_octets;
  return true;
}

}  // namespace weir
