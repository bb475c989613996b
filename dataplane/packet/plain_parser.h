// The commonest frames of all: Ethernet without a tag, IPv4 without options or IPv6 without extension headers, TCP, or
// UDP to a port that announces no tunnel, headers complete. About nine packets in ten of a link are of this kind, so
// their time is weir's time.
//
// Everything in them is at a fixed offset, so the headers are read as a few words, compared under masks, and accepted
// by one branch. No branch predictor can know whether a packet is TCP or UDP and which side sent it, so that is
// arithmetic. The Parser starts again with a frame that is refused here. For an accepted frame the result equals the
// Parser's, member by member (a test compares the two).
//
// Fields of 16 bits are cut from wider words: a compiler that swaps the octets of a 16-bit value by way of memory (gcc
// 12 does, with movbe) costs a store and a load that must wait for it, 10 cycles per packet.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>

#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/headers.h"
#include "dataplane/packet/packet_view.h"
#include "dataplane/packet/parser_options.h"
#include "proto/base/byte_order.h"

namespace weir {
namespace plain {

inline constexpr unsigned kIp = 14;  // offset of the IP header

template <typename T>
T load(const std::uint8_t* at) {
  T word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// `value`, of which the compiler knows nothing more: what was arithmetic is not taken apart into branches again, of
/// which TCP or UDP would be one that is mispredicted for every fifth packet.
inline unsigned opaque(unsigned value) {
  asm("" : "+r"(value));
  return value;
}

// Words cover the members after the key, so that few stores write a packet.
static_assert(offsetof(ParsedPacket, ip_octets) == offsetof(ParsedPacket, frame_octets) + 4);
static_assert(offsetof(ParsedPacket, vlan_id) == offsetof(ParsedPacket, ingress_interface) + 4);
static_assert(offsetof(ParsedPacket, from) == offsetof(ParsedPacket, ingress_interface) + 6);
static_assert(offsetof(ParsedPacket, tcp_flags) == offsetof(ParsedPacket, ingress_interface) + 7);
static_assert(offsetof(ParsedPacket, icmp_type) == offsetof(ParsedPacket, ip_tos) + 1);
static_assert(offsetof(ParsedPacket, icmp_code) == offsetof(ParsedPacket, ip_tos) + 2);
static_assert(offsetof(ParsedPacket, facts) == offsetof(ParsedPacket, ip_tos) + 3);

/// `ports` as they lie in the packet, source port in the upper half; `protocol` is TCP or UDP, `flags` what lies where
/// the flags of TCP would. Writes all members after the addresses.
inline void set_rest(ParsedPacket& packet, const PacketView& view, std::uint32_t ports, bool from_high,
                     std::uint64_t protocol, std::uint64_t version, std::uint64_t flags, std::uint32_t tos,
                     std::uint64_t ip_octets) {
  // The key has the low side's port in the lower half.
  const std::uint32_t ordered = std::rotl(std::rotl(ports, 16), from_high ? 16 : 0);
  const std::uint64_t tail = ordered | protocol << 32 | version << 40;
  std::memcpy(&packet.key.port_low, &tail, sizeof tail);
  packet.time_ns = view.time_ns;
  packet.effective_ns = view.time_ns;
  const std::uint64_t octets = view.frame_octets | ip_octets << 32;
  std::memcpy(&packet.frame_octets, &octets, sizeof octets);
  const std::uint64_t tcp = protocol == kProtocolTcp ? 0xff : 0;
  const std::uint64_t sides = view.ingress_interface | std::uint64_t{from_high} << 48 | (flags & tcp) << 56;
  std::memcpy(&packet.ingress_interface, &sides, sizeof sides);
  std::memcpy(&packet.ip_tos, &tos, sizeof tos);
}

// `ports` as for set_rest().
inline unsigned may_announce_tunnel(const TunnelPorts& tunnels, std::uint32_t ports) {
  return tunnels.may_announce(static_cast<std::uint16_t>(ports >> 16), static_cast<std::uint16_t>(ports));
}
inline bool announce_tunnel(const TunnelPorts& tunnels, std::uint32_t ports) {
  return tunnels.announce(static_cast<std::uint16_t>(ports >> 16), static_cast<std::uint16_t>(ports));
}

inline bool parse_ipv4(const PacketView& view, const TunnelPorts& tunnels, ParsedPacket& packet) {
  const std::uint8_t* frame = view.data;
  // EtherType 0x0800, version 4 and 5 words of header (RFC 791 §3.1), TOS, total length, identification.
  const auto first = load<std::uint64_t>(frame + 12);
  // Fragment, time to live, protocol.
  const auto second = load<std::uint32_t>(frame + kIp + 6);
  const auto addresses = load<std::uint64_t>(frame + kIp + 12);
  const std::uint32_t ports = __builtin_bswap32(load<std::uint32_t>(frame + kIp + 20));
  const std::uint32_t protocol = second >> 24;
  const bool tcp = protocol == kProtocolTcp;
  const std::uint32_t total_octets = static_cast<std::uint32_t>(__builtin_bswap64(first) >> 16) & 0xffff;
  // The source's address in the upper half, and the other way round: they compare as the two addresses do.
  const std::uint64_t forward = __builtin_bswap64(addresses);
  const std::uint64_t backward = std::rotl(forward, 32);
  // More fragments or an offset: all but the first two bits, in network order. 40 octets are both headers of TCP; the
  // Parser handles shorter packets of UDP. Between two equal addresses (a host that talks to itself) the ports say
  // which side is which.
  if ((first & 0xffffff) != 0x450008 || (second & 0xff3f) != 0 || total_octets < 40 || forward == backward) [[unlikely]]
    return false;
  // One branch: which of the two protocols it is no predictor knows. After it, the few that share a tunnel port's
  // upper octet go on after a second look.
  const unsigned odd = opaque(static_cast<unsigned>(!tcp)) &
                       (static_cast<unsigned>(protocol != kProtocolUdp) | may_announce_tunnel(tunnels, ports));
  if (opaque(odd) != 0 && (protocol != kProtocolUdp || announce_tunnel(tunnels, ports))) [[unlikely]]
    return false;
  const bool from_high = forward > backward;
  packet.key.address[0] = std::rotl(addresses, from_high ? 32 : 0);
  std::memset(&packet.key.address[1], 0, 3 * sizeof packet.key.address[1]);
  set_rest(packet, view, ports, from_high, protocol, 4, frame[kIp + 33], static_cast<std::uint8_t>(first >> 24),
           total_octets);
  return true;
}

inline bool parse_ipv6(const PacketView& view, const TunnelPorts& tunnels, ParsedPacket& packet) {
  const std::uint8_t* frame = view.data;
  // RFC 8200 §3: version, traffic class and flow label, then payload length, next header, hop limit, addresses.
  const auto first = __builtin_bswap32(load<std::uint32_t>(frame + kIp));
  const auto second = load<std::uint32_t>(frame + kIp + 4);
  const std::uint32_t protocol = second >> 16 & 0xff;
  const bool tcp = protocol == kProtocolTcp;
  const std::uint32_t payload_octets = __builtin_bswap32(second) >> 16;
  const std::uint32_t least_octets = tcp ? 20 : 8;
  // 62: the octets that are read of any frame.
  if (view.captured_octets < kIp + 40 + 8 || first >> 28 != 6) [[unlikely]]
    return false;
  const std::uint32_t ports = __builtin_bswap32(load<std::uint32_t>(frame + kIp + 40));
  const bool cut = (payload_octets < least_octets) | (view.captured_octets < kIp + 40 + least_octets);
  const unsigned odd = (opaque(static_cast<unsigned>(!tcp)) &
                        (static_cast<unsigned>(protocol != kProtocolUdp) | may_announce_tunnel(tunnels, ports))) |
                       static_cast<unsigned>(cut);
  if (opaque(odd) != 0 && (cut || protocol != kProtocolUdp || announce_tunnel(tunnels, ports))) [[unlikely]]
    return false;
  const auto source_high = load<std::uint64_t>(frame + kIp + 8);
  const auto source_low = load<std::uint64_t>(frame + kIp + 16);
  const auto destination_high = load<std::uint64_t>(frame + kIp + 24);
  const auto destination_low = load<std::uint64_t>(frame + kIp + 32);
  __extension__ using Wide = unsigned __int128;
  const Wide source = Wide{__builtin_bswap64(source_high)} << 64 | __builtin_bswap64(source_low);
  const Wide destination = Wide{__builtin_bswap64(destination_high)} << 64 | __builtin_bswap64(destination_low);
  if (source == destination) [[unlikely]]  // the ports decide which side is which
    return false;
  const bool from_high = source > destination;
  const std::uint64_t exchange = std::uint64_t{0} - static_cast<std::uint64_t>(from_high);
  const std::uint64_t exchange_high = (source_high ^ destination_high) & exchange;
  const std::uint64_t exchange_low = (source_low ^ destination_low) & exchange;
  packet.key.address[0] = source_high ^ exchange_high;
  packet.key.address[1] = source_low ^ exchange_low;
  packet.key.address[2] = destination_high ^ exchange_high;
  packet.key.address[3] = destination_low ^ exchange_low;
  // The octet of the flags is read of TCP only: after a UDP header there may be no more.
  const std::uint8_t flags = frame[kIp + 40 + (tcp ? 13 : 0)];
  set_rest(packet, view, ports, from_high, protocol, 6, flags, first >> 20 & 0xff, 40 + payload_octets);
  return true;
}

/// Whether parse_plain() would accept the frame, but for what only its counting depends on: it is no fragment, and
/// there is nothing inside it.
inline bool is_plain(const PacketView& view, const TunnelPorts& tunnels) {
  if (view.captured_octets < 54 || view.link_type != LinkType::ethernet) return false;
  const std::uint8_t* const frame = view.data;
  unsigned protocol = 0;
  unsigned ip_octets = 20;
  if (load<std::uint16_t>(frame + 12) == 0x0008) {
    // As in parse_ipv4().
    if (frame[kIp] != 0x45 || (load<std::uint16_t>(frame + kIp + 6) & 0xff3f) != 0) return false;
    protocol = frame[kIp + 9];
  } else if (load<std::uint16_t>(frame + 12) == 0xdd86) {
    if (view.captured_octets < kIp + 40 + 8 || frame[kIp] >> 4 != 6) return false;
    protocol = frame[kIp + 6];
    ip_octets = 40;
  }
  // As in parse_ipv4(): no branch on the protocol, which nobody can foretell.
  const std::uint32_t ports = __builtin_bswap32(load<std::uint32_t>(frame + kIp + ip_octets));
  const unsigned odd = opaque(static_cast<unsigned>(protocol != kProtocolTcp)) &
                       (static_cast<unsigned>(protocol != kProtocolUdp) | may_announce_tunnel(tunnels, ports));
  return opaque(odd) == 0 || (protocol == kProtocolUdp && !announce_tunnel(tunnels, ports));
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
