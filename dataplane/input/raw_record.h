// Raw records of an eBPF agent: flows that it accounted for inside the kernel, 84 octets each, packed.
//
//   at  field                                   at  field
//    0  u16 EtherType                           49  u16 destination port
//    2  u8  direction: 0 ingress, 1 egress      51  u8  protocol
//    3  source MAC address, 6 octets            52  u32 interface index
//    9  destination MAC address, 6 octets       56  u32 packets
//   15  source address, 16 octets               60  u64 octets with the link-layer header
//   31  destination address, 16 octets          68  u64 start, CLOCK_MONOTONIC in ns; 0: unset
//   47  u16 source port                         76  u64 end, likewise
//
// Integers are little-endian. Addresses are in network order, IPv4 as ::ffff:0:0/96 (RFC 4291 section 2.5.5.2). The
// first 56 octets are what the agent tells flows apart by.
//
// The agent counts octets of the link layer: the Ethernet header is in them, and packets that the kernel has joined
// count as one. weir keeps that count (link_bytes), and takes 14 octets a packet off for the IP octets of the record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet/reject.h"
#include "proto/record/sections.h"

namespace weir {

inline constexpr std::size_t kRawRecordOctets = 84;
using RawRecordOctets = std::span<const std::uint8_t, kRawRecordOctets>;

/// Octets of an Ethernet header without tags, which the agent's count has for each packet.
inline constexpr std::uint64_t kRawLinkHeaderOctets = 14;

/// What the 84 octets say, in host order but for the addresses.
struct RawRecord {
  std::uint16_t ether_type;
  std::uint8_t direction;
  std::uint8_t protocol;
  std::uint8_t source_mac[6];
  std::uint8_t destination_mac[6];
  std::uint8_t source_address[16];
  std::uint8_t destination_address[16];
  std::uint16_t source_port;
  std::uint16_t destination_port;
  std::uint32_t interface;
  std::uint32_t packets;
  std::uint64_t link_octets;
  std::uint64_t start_mono_ns;
  std::uint64_t end_mono_ns;

  /// IP octets, as far as the link's octets tell.
  [[nodiscard]] std::uint64_t ip_octets() const {
    const std::uint64_t headers = kRawLinkHeaderOctets * packets;
    return link_octets > headers ? link_octets - headers : 0;
  }
};

/// Most link octets per packet that are believed. The kernel joins packets to 512 KiB at most (BIG TCP).
inline constexpr std::uint64_t kMostRawOctetsPerPacket = 1 << 20;

[[nodiscard]] RawRecord read_raw_record(RawRecordOctets octets);

/// Why the record is in no flow: it is not of IP (by EtherType), it counts no packets, or more octets than so many
/// packets have, or its addresses are not of its EtherType's IP version. Reject::none: it is in one. `keep_others`: so
/// is one that is not of IP.
[[nodiscard]] Reject judge_raw_record(const RawRecord& raw, bool keep_others = false);

/// A raw record as a flow record: forward alone, its times still those of the monotonic clock (in first_ns and last_ns,
/// too), with the sections that it has facts for. One that is not of IP has its EtherType, and neither addresses nor
/// ports nor a protocol; its IP version is written as 4.
class RawFlowRecord {
 public:
  static constexpr std::uint32_t kSections =
      kSectionBit<Layer2Section> | kSectionBit<DirectionSection> | kSectionBit<LinkSection>;

  /// `raw` was judged to be in a flow.
  explicit RawFlowRecord(const RawRecord& raw);

  [[nodiscard]] RecordView view() const { return *reinterpret_cast<const FlowRecord*>(octets_); }

 private:
  [[nodiscard]] FlowRecord& base() { return *reinterpret_cast<FlowRecord*>(octets_); }

  alignas(8) std::uint8_t octets_[sizeof(FlowRecord) + sections_octets(kSections)] = {};
};

}  // namespace weir
