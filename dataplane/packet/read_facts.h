// Reading PacketFacts where the headers lie at known places: TCP's header and options, and the whole of a frame of the
// common stack. The general walk (layer_walk.h) notes the rest on its way.
#pragma once

#include <cstddef>
#include <cstring>

#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/headers.h"
#include "dataplane/packet/packet_facts.h"
#include "dataplane/packet/packet_view.h"
#include "dataplane/packet/plain_parser.h"
#include "proto/base/byte_order.h"

namespace weir {

/// Facts of which nothing is known yet.
inline void clear_facts(PacketFacts& facts) {
  std::memset(static_cast<void*>(&facts), 0, offsetof(PacketFacts, labels));
  facts.payload = {};
}

/// The TCP options in [at, end) (RFC 9293 §3.2): kinds seen, and the values that metrics keep. A length that does not
/// fit ends the list.
inline void read_tcp_options(const std::uint8_t* at, const std::uint8_t* end, PacketFacts& facts) {
  constexpr std::uint8_t kEnd = 0, kNop = 1, kMss = 2, kWindowScale = 3, kSackPermitted = 4, kTimestamps = 8;
  // What most segments carry and nothing else: two NOPs and timestamps (RFC 7323 appendix A).
  if (end - at == 12 && load_be<std::uint32_t>(at) == 0x0101080a) {
    facts.tcp_options = 1U << kNop | 1U << kTimestamps;
    facts.timestamps = true;
    facts.timestamp_value = load_be<std::uint32_t>(at + 4);
    facts.timestamp_echo = load_be<std::uint32_t>(at + 8);
    return;
  }
  std::uint64_t kinds = 0;  // kept here: a store of `facts` might change the octets that are read, for all gcc knows
  while (at < end) {
    const std::uint8_t kind = *at;
    if (kind < 64) kinds |= std::uint64_t{1} << kind;
    if (kind == kEnd) break;
    if (kind == kNop) {
      ++at;
      continue;
    }
    if (end - at < 2 || at[1] < 2 || at[1] > end - at) break;
    if (kind == kMss && at[1] == 4) facts.mss = load_be<std::uint16_t>(at + 2);  // RFC 9293 §3.2
    if (kind == kWindowScale && at[1] == 3) facts.window_scale = at[2];          // RFC 7323 §2.2
    if (kind == kSackPermitted && at[1] == 2) facts.sack_permitted = true;       // RFC 2018 §2
    if (kind == kTimestamps && at[1] == 10) {                                    // RFC 7323 §3.2
      facts.timestamps = true;
      facts.timestamp_value = load_be<std::uint32_t>(at + 2);
      facts.timestamp_echo = load_be<std::uint32_t>(at + 6);
    }
    at += at[1];
  }
  facts.tcp_options = kinds;
}

/// The TCP header at `at`; `end` is the end of what was captured of it, `segment_octets` the segment's length by the IP
/// header (RFC 9293 §3.1). A header that is cut leaves the facts of TCP unset.
inline void read_tcp(const std::uint8_t* at, const std::uint8_t* end, std::uint32_t segment_octets,
                     PacketFacts& facts) {
  if (end - at < static_cast<std::ptrdiff_t>(sizeof(TcpHeader))) return;
  const std::uint32_t header_octets = (at[12] >> 4) * 4U;
  if (header_octets < sizeof(TcpHeader)) return;
  facts.window_plus_1 = load_be<std::uint16_t>(at + 14) + 1U;
  facts.sequence = load_be<std::uint32_t>(at + 4);
  facts.acknowledgment = load_be<std::uint32_t>(at + 8);
  facts.payload_octets = segment_octets > header_octets ? segment_octets - header_octets : 0;
  if (header_octets == sizeof(TcpHeader)) return;
  const std::uint8_t* const options_end =
      end - at < static_cast<std::ptrdiff_t>(header_octets) ? end : at + header_octets;
  read_tcp_options(at + sizeof(TcpHeader), options_end, facts);
}

/// Ethernet's addresses.
inline void read_macs(const std::uint8_t* frame, PacketFacts& facts) {
  static_assert(offsetof(PacketFacts, destination_mac) == 0 && offsetof(PacketFacts, source_mac) == 6);
  std::memcpy(static_cast<void*>(&facts), frame, sizeof facts.destination_mac + sizeof facts.source_mac);
}

/// The facts of a frame that the common stack took: Ethernet with at most one tag, then IP at `ip` octets from the
/// start, without extension headers, no fragment.
inline void read_common_facts(const PacketView& view, const ParsedPacket& packet, unsigned ip, PacketFacts& facts) {
  clear_facts(facts);
  const std::uint8_t* const frame = view.data;
  read_macs(frame, facts);
  unsigned transport = ip + static_cast<unsigned>(sizeof(Ipv6Header));
  if (packet.key.version() == 4) {
    facts.ttl = frame[ip + 8];
    facts.fragment_id = load_be<std::uint16_t>(frame + ip + 4);
    const unsigned words = frame[ip] & 0xfU;
    facts.ip_extra_words = (words - 5) & 0xfU;  // the parser has seen that it is 5 or more
    transport = ip + words * 4U;
  } else {
    facts.ttl = frame[ip + 7];
    facts.flow_label = load_be<std::uint32_t>(frame + ip) & 0xfffff;
  }
  if (packet.key.protocol != kProtocolTcp) return;
  const std::uint32_t segment_octets = packet.ip_octets - (transport - ip);
  const std::uint32_t captured = view.captured_octets - transport;
  read_tcp(frame + transport, frame + transport + (captured < segment_octets ? captured : segment_octets),
           segment_octets, facts);
}

/// The same for a frame that parse_plain() took, whose headers lie at fixed offsets and are complete. Whether it is
/// TCP, which no branch predictor can know, is arithmetic, as there.
inline void read_plain_facts(const PacketView& view, const ParsedPacket& packet, PacketFacts& facts) {
  constexpr unsigned kIp = sizeof(EthernetHeader);
  clear_facts(facts);
  const std::uint8_t* const frame = view.data;
  read_macs(frame, facts);
  unsigned transport = kIp + static_cast<unsigned>(sizeof(Ipv4Header));
  if (packet.key.version() == 4) {
    facts.ttl = frame[kIp + 8];
    facts.fragment_id = load_be<std::uint32_t>(frame + kIp + 4) >> 16;
  } else {
    facts.ttl = frame[kIp + 7];
    facts.flow_label = load_be<std::uint32_t>(frame + kIp) & 0xfffff;
    transport = kIp + static_cast<unsigned>(sizeof(Ipv6Header));
  }
  const auto tcp = plain::opaque(static_cast<unsigned>(packet.key.protocol == kProtocolTcp));
  // Header length, flags and window; of UDP the ports, since after its header there may be no more.
  const std::uint32_t word = load_be<std::uint32_t>(frame + transport + 12 * tcp);
  const std::uint32_t header_octets = (word >> 28) * 4;
  const unsigned has_tcp = tcp & static_cast<unsigned>(header_octets >= sizeof(TcpHeader));
  const std::uint32_t mask = 0U - has_tcp;
  const std::uint32_t segment_octets = packet.ip_octets - (transport - kIp);
  facts.window_plus_1 = ((word & 0xffff) + 1) & mask;
  facts.sequence = load_be<std::uint32_t>(frame + transport + 4) & mask;
  facts.acknowledgment = load_be<std::uint32_t>(frame + transport + 8 * tcp) & mask;
  facts.payload_octets = (segment_octets > header_octets ? segment_octets - header_octets : 0) & mask;
  if ((header_octets & mask) > sizeof(TcpHeader)) {
    const std::uint32_t captured = view.captured_octets - transport;
    const std::uint32_t there = captured < segment_octets ? captured : segment_octets;
    read_tcp_options(frame + transport + sizeof(TcpHeader),
                     frame + transport + (there < header_octets ? there : header_octets), facts);
  }
}

}  // namespace weir
