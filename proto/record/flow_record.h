// FlowRecord: what the dataplane hands to the control side when a flow ends.
//
// A record is one biflow (RFC 5103): forward is the direction of the first packet seen (the initiator), reverse the
// other one. Arrays of two are indexed by Direction. A direction without packets has 0 everywhere. Forward, too, can
// be without packets: after an active timeout the next record keeps the direction, whoever sends then.
//
// The struct is plain memory of two cache lines, and of a third for what only few flows have (a tunnel, a label, an
// SPI): it is copied once into a ring and once out of it, and the third line only where `sections` says that there is
// something in it. 14.88 Mpps of one-packet flows are 14.88 M records/s x 128 octets = 1.9 GB/s a worker, which one
// core can still move. All integers are in host order, addresses in network order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "proto/record/tunnels.h"

namespace weir {

/// Index into the arrays of two. `forward` is from the initiator.
enum Direction : std::uint8_t { kForward = 0, kReverse = 1 };

/// flowEndReason, IANA information element 136.
enum class EndReason : std::uint8_t {
  idle_timeout = 1,
  active_timeout = 2,
  end_of_flow = 3,  ///< TCP FIN or RST
  forced_end = 4,   ///< weir was stopped, or the capture ended
  lack_of_resources = 5,
};

/// Which parts of a record's third line are there.
enum RecordSection : std::uint8_t { kTunnelSection = 1, kLabelSection = 2, kSpiSection = 4 };

struct FlowRecord {
  std::uint8_t source_address[16];       ///< of the initiator, network order; IPv4 in the first 4 octets, rest 0
  std::uint8_t destination_address[16];  ///< of the responder, likewise
  std::uint64_t first_ns[2];             ///< least packet time of the direction, ns since 1970
  std::uint64_t last_ns[2];              ///< greatest packet time of the direction, ns since 1970
  std::uint64_t packets[2];
  std::uint64_t octets[2];          ///< IP octets: IPv4 total length, IPv6 payload length + 40
  std::uint16_t source_port;        ///< 0 for protocols without ports
  std::uint16_t destination_port;   ///< likewise
  std::uint16_t vlan_id;            ///< outermost VLAN id of the flow's first packet, 0 if untagged
  std::uint16_t ether_type;         ///< 0x0800 or 0x86dd, also where the link layer has no such field
  std::uint32_t ingress_interface;  ///< of the first packet; in `run` the port's place on the command line from 1
  std::uint32_t sampling_rate;      ///< one packet in so many was counted; 1 when all were
  std::uint8_t protocol;            ///< protocolIdentifier (IANA 4)
  std::uint8_t ip_version;          ///< 4 or 6
  std::uint8_t tcp_flags[2];        ///< OR of all TCP flags of the direction
  std::uint8_t ip_tos[2];           ///< IPv4 TOS or IPv6 traffic class of the direction's first packet
  std::uint8_t icmp_type[2];        ///< of the direction's first packet, ICMP and ICMPv6 only
  std::uint8_t icmp_code[2];        ///< likewise
  EndReason end_reason;
  std::uint8_t overflow;     ///< 1: a packet that found the table full, for the overflow accounter; else, and after, 0
  std::uint8_t sections;     ///< bits of RecordSection; where it is 0 the third line is not to be read
  std::uint8_t reserved[3];  ///< zero

  // The third line. Each part means something only where its bit of `sections` is set. A bit may be clear in a record
  // that lies where another was: then the part holds anything.
  std::uint8_t tunnel_source[16];       ///< of the IP header that carries the tunnel: its sender; IPv4 as above
  std::uint8_t tunnel_destination[16];  ///< likewise
  std::uint32_t tunnel_id;              ///< VNI, TEID, key ...: see WEIR_TUNNELS
  std::uint32_t mpls_label;             ///< top label of the first packet's first stack
  std::uint32_t esp_spi;           ///< security parameters index (RFC 4303 §2.1), by which ESP flows are told apart
  TunnelType tunnel_type;          ///< of the first packet: the innermost (layer outer: the outermost) tunnel
  std::uint8_t tunnel_ip_version;  ///< 4 or 6; 0: no IP header carries it (pseudo-wires), the addresses are 0
  std::uint8_t tunnel_depth;       ///< tunnels around the flow's header; layer outer: 1
  std::uint8_t reserved_too[17];   ///< zero

  /// Least packet time of the directions that have packets, ns since 1970.
  [[nodiscard]] std::uint64_t start_ns() const {
    if (packets[kReverse] == 0) return first_ns[kForward];
    if (packets[kForward] == 0) return first_ns[kReverse];
    return first_ns[kReverse] < first_ns[kForward] ? first_ns[kReverse] : first_ns[kForward];
  }
  /// Greatest packet time of the directions that have packets, ns since 1970.
  [[nodiscard]] std::uint64_t end_ns() const {
    return last_ns[kReverse] > last_ns[kForward] ? last_ns[kReverse] : last_ns[kForward];
  }
  [[nodiscard]] std::uint64_t total_packets() const { return packets[kForward] + packets[kReverse]; }
  [[nodiscard]] std::uint64_t total_octets() const { return octets[kForward] + octets[kReverse]; }
};

inline constexpr std::size_t kFlowRecordBaseOctets = 128;  ///< the first two lines
static_assert(sizeof(FlowRecord) == 192 && offsetof(FlowRecord, tunnel_source) == kFlowRecordBaseOctets,
              "two cache lines and one: see the top of the file");
static_assert(std::is_trivially_copyable_v<FlowRecord> && std::has_unique_object_representations_v<FlowRecord>,
              "no holes: records are compared and hashed as memory in tests");

/// Copies what of `from` means something: two lines, or all three. SpscRing finds it.
inline void copy_value(FlowRecord& to, const FlowRecord& from) {
  // NOLINTNEXTLINE(bugprone-undefined-memory-manipulation): the first two of its three lines
  std::memcpy(static_cast<void*>(&to), &from, from.sections == 0 ? kFlowRecordBaseOctets : sizeof from);
}

}  // namespace weir
