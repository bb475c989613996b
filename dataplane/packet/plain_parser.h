// The commonest frames of all: Ethernet without a tag, IPv4 without options or IPv6 without extension headers, TCP, or
// UDP to a port that announces no tunnel, headers complete. Nine packets in ten of a link are one of these, and the
// time they take is the time weir takes.
//
// Everything lies at a fixed offset in them, so the headers are read as a few words, compared under masks, and decided
// by one branch; whether a packet is TCP or UDP and which side sent it, which no branch predictor can know, is
// arithmetic. What a frame is that this refuses is found out by the Parser, which starts again; for the frames that are
// taken the result is that of the Parser, member by member (a test compares the two).
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>

#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/headers.h"
#include "dataplane/packet/packet_view.h"
#include "dataplane/packet/parser_options.h"
#include "proto/byte_order.h"

namespace weir {
namespace plain {

inline constexpr unsigned kIp = 14;  // offset of the IP header

template <typename T>
T load(const std::uint8_t* at) {
  T word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Ports as they lie in the packet, source in the lower half.
struct Ports {
  std::uint16_t source;
  std::uint16_t destination;

  explicit Ports(const std::uint8_t* at)
      : source(load_be<std::uint16_t>(at)), destination(load_be<std::uint16_t>(at + 2)) {}
};

// The members behind the key are written as words, so that a packet takes few stores.
static_assert(offsetof(ParsedPacket, ip_octets) == offsetof(ParsedPacket, frame_octets) + 4);
static_assert(offsetof(ParsedPacket, vlan_id) == offsetof(ParsedPacket, ingress_interface) + 4);
static_assert(offsetof(ParsedPacket, from) == offsetof(ParsedPacket, ingress_interface) + 6);
static_assert(offsetof(ParsedPacket, tcp_flags) == offsetof(ParsedPacket, ingress_interface) + 7);
static_assert(offsetof(ParsedPacket, icmp_type) == offsetof(ParsedPacket, ip_tos) + 1);
static_assert(offsetof(ParsedPacket, icmp_code) == offsetof(ParsedPacket, ip_tos) + 2);
static_assert(offsetof(ParsedPacket, facts) == offsetof(ParsedPacket, ip_tos) + 3);

/// `protocol` is TCP or UDP, `flags` what lies where the flags of TCP would.
inline void set_rest(ParsedPacket& packet, const PacketView& view, const Ports& ports, bool from_high,
                     std::uint8_t protocol, std::uint8_t version, std::uint8_t flags, std::uint8_t tos,
                     std::uint32_t ip_octets) {
  const std::uint32_t forward = static_cast<std::uint32_t>(ports.destination) << 16 | ports.source;
  const std::uint32_t ordered = std::rotl(forward, from_high ? 16 : 0);
  const std::uint64_t tail = ordered | std::uint64_t{protocol} << 32 | std::uint64_t{version} << 40;
  std::memcpy(&packet.key.port_low, &tail, sizeof tail);
  packet.time_ns = view.time_ns;
  packet.effective_ns = view.time_ns;
  const std::uint64_t octets = view.frame_octets | std::uint64_t{ip_octets} << 32;
  std::memcpy(&packet.frame_octets, &octets, sizeof octets);
  const std::uint64_t tcp = protocol == kProtocolTcp ? 0xff : 0;
  const std::uint64_t sides = view.ingress_interface | std::uint64_t{from_high} << 48 | (flags & tcp) << 56;
  std::memcpy(&packet.ingress_interface, &sides, sizeof sides);
  const std::uint32_t types = tos;
  std::memcpy(&packet.ip_tos, &types, sizeof types);
}

inline bool parse_ipv4(const PacketView& view, const TunnelPorts& tunnels, ParsedPacket& packet) {
  const std::uint8_t* frame = view.data;
  // EtherType 0x0800, version 4 and 5 words of header (RFC 791 §3.1), then TOS, total length, identification.
  const auto first = load<std::uint64_t>(frame + 12);
  const auto fragment = load<std::uint16_t>(frame + kIp + 6);
  const std::uint8_t protocol = frame[kIp + 9];
  const bool tcp = protocol == kProtocolTcp;
  const unsigned total_octets = load_be<std::uint16_t>(frame + kIp + 2);
  const unsigned least_octets = tcp ? 40 : 28;  // header and 20 or 8 octets of transport
  const Ports ports(frame + kIp + 20);
  // More fragments or an offset: all but the first two bits, in network order.
  const bool odd = ((first & 0xffffff) != 0x450008) | ((fragment & 0xff3f) != 0) | ((protocol != kProtocolUdp) & !tcp) |
                   (total_octets < least_octets) | (!tcp & tunnels.may_announce(ports.source, ports.destination));
  if (odd) [[unlikely]]
    return false;
  const auto addresses = load<std::uint64_t>(frame + kIp + 12);
  const std::uint64_t source = std::uint64_t{load_be<std::uint32_t>(frame + kIp + 12)} << 16 | ports.source;
  const std::uint64_t destination = std::uint64_t{load_be<std::uint32_t>(frame + kIp + 16)} << 16 | ports.destination;
  const bool from_high = source > destination;
  packet.key.address[0] = std::rotl(addresses, from_high ? 32 : 0);
  packet.key.address[1] = packet.key.address[2] = packet.key.address[3] = 0;
  set_rest(packet, view, ports, from_high, protocol, 4, frame[kIp + 33], static_cast<std::uint8_t>(first >> 24),
           total_octets);
  return true;
}

inline bool parse_ipv6(const PacketView& view, const TunnelPorts& tunnels, ParsedPacket& packet) {
  const std::uint8_t* frame = view.data;
  // RFC 8200 §3: version, traffic class and flow label, payload length, next header, hop limit, addresses.
  const std::uint8_t protocol = frame[kIp + 6];
  const bool tcp = protocol == kProtocolTcp;
  const unsigned payload_octets = load_be<std::uint16_t>(frame + kIp + 4);
  const unsigned least_octets = tcp ? 20 : 8;
  const bool odd = ((frame[kIp] & 0xf0) != 0x60) | ((protocol != kProtocolUdp) & !tcp) |
                   (payload_octets < least_octets) | (view.captured_octets < kIp + 40 + least_octets);
  if (odd) [[unlikely]]
    return false;
  const Ports ports(frame + kIp + 40);
  if (!tcp & tunnels.may_announce(ports.source, ports.destination)) [[unlikely]]
    return false;
  const std::uint64_t source_high = load_be<std::uint64_t>(frame + kIp + 8);
  const std::uint64_t source_low = load_be<std::uint64_t>(frame + kIp + 16);
  const std::uint64_t destination_high = load_be<std::uint64_t>(frame + kIp + 24);
  const std::uint64_t destination_low = load_be<std::uint64_t>(frame + kIp + 32);
  const unsigned ports_greater = ports.source > ports.destination;
  const unsigned low_greater = (source_low > destination_low) | ((source_low == destination_low) & ports_greater);
  const bool from_high = ((source_high > destination_high) | ((source_high == destination_high) & low_greater)) != 0;
  const std::uint64_t mask = std::uint64_t{0} - static_cast<std::uint64_t>(from_high);
  for (unsigned word = 0; word < 2; ++word) {  // of constant length: unrolled
    const auto source = load<std::uint64_t>(frame + kIp + 8 + 8 * word);
    const auto destination = load<std::uint64_t>(frame + kIp + 24 + 8 * word);
    const std::uint64_t exchange = (source ^ destination) & mask;
    packet.key.address[word] = source ^ exchange;
    packet.key.address[2 + word] = destination ^ exchange;
  }
  const auto traffic_class = static_cast<std::uint8_t>(load_be<std::uint16_t>(frame + kIp) >> 4);
  // The octet of the flags is read of TCP only: behind a UDP header there may be no more.
  const std::uint8_t flags = frame[kIp + 40 + (tcp ? 13 : 0)];
  set_rest(packet, view, ports, from_high, protocol, 6, flags, traffic_class, 40 + payload_octets);
  return true;
}

}  // namespace plain

/// Parses a frame of the kind described above, all members of `packet` but the hash, with the packet's own time as the
/// effective one. False: it is none, and `packet` is not written.
inline bool parse_plain(const PacketView& view, const TunnelPorts& tunnels, ParsedPacket& packet) {
  // 54: the octets that are read of an IPv4 frame.
  if (view.captured_octets < 54 || view.link_type != LinkType::ethernet) [[unlikely]]
    return false;
  const auto ether_type = plain::load<std::uint16_t>(view.data + 12);
  if (ether_type == 0x0008) return plain::parse_ipv4(view, tunnels, packet);
  if (ether_type == 0xdd86) return plain::parse_ipv6(view, tunnels, packet);
  return false;
}

}  // namespace weir
