// FlowRecord: what the dataplane hands to the control side when a flow ends.
//
// A record is one biflow (RFC 5103): forward is the direction that the initiator sends in, reverse the other one. The
// initiator sent the first packet that was seen, or, if that was a SYN/ACK, received it. Arrays of two are indexed by
// Direction. A direction without packets has 0 everywhere. Forward can be without packets, too: after an active timeout
// the next record keeps the direction, whoever sends then; and of some conversations only the responder is heard.
//
// This struct is the base that every record has: two cache lines of plain memory. Sections follow it, with what only
// some flows have (a tunnel, labels, what a metric measured); a bit of `sections` names each (sections.h). A plain flow
// costs 128 octets, however many sections exist: 14.88 Mpps of one-packet flows are 1.9 GB/s per worker, which one core
// can still move. All integers are in host order, addresses in network order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "proto/base/ip_numbers.h"
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

struct FlowRecord {
  std::uint8_t source_address[16];       ///< of the initiator, network order; IPv4 in the first 4 octets, rest 0
  std::uint8_t destination_address[16];  ///< of the responder, likewise
  std::uint16_t ports[2];                ///< by port() and icmp(): what they are depends on the protocol
  std::uint32_t ingress_interface;       ///< of the first packet; in `run` the port's place on the command line from 1
  std::uint32_t sampling_rate;           ///< what each counted packet stands for; 1: nothing was sampled
  std::uint32_t sections;                ///< bits of Section, and kOverflowMark
  std::uint32_t deadline_ms;  ///< when the flow should have ended, after end_ns(), rounded up; 0: no such time
  std::uint16_t vlan_id;      ///< outermost VLAN id of the flow's first packet, 0 if untagged
  std::uint16_t ether_type;   ///< 0x0800 or 0x86dd, also where the link layer has no such field; others: not of IP
  std::uint8_t tcp_flags[2];  ///< OR of all TCP flags of the direction
  std::uint8_t ip_tos[2];     ///< IPv4 TOS or IPv6 traffic class of the direction's first packet
  std::uint8_t protocol;      ///< protocolIdentifier (IANA 4)
  std::uint8_t ip_version;    ///< 4 or 6; of a record that is not of IP, whose addresses are 0: 4
  EndReason end_reason;
  std::uint8_t sampling_algorithm : 4;  ///< element 35; 0: as 1, deterministic
  std::uint8_t monitor : 4;             ///< number of the monitor that made it; 0: the first, or the only one

  std::uint64_t first_ns[2];  ///< least packet time of the direction, ns since 1970
  std::uint64_t last_ns[2];   ///< greatest packet time of the direction, ns since 1970
  std::uint64_t packets[2];
  std::uint64_t octets[2];  ///< IP octets: IPv4 total length, IPv6 payload length + 40

  /// Of `sections`: the record is one packet that found the table full, for the overflow accounter.
  static constexpr std::uint32_t kOverflowMark = std::uint32_t{1} << 31;

  /// Whether `ports` hold ICMP types and codes (protocols 1 and 58).
  [[nodiscard]] bool is_icmp() const { return weir::is_icmp(protocol); }
  /// Source port (kForward) or destination port (kReverse) of the initiator; 0 for protocols without ports.
  [[nodiscard]] std::uint16_t port(Direction side) const { return is_icmp() ? std::uint16_t{0} : ports[side]; }
  [[nodiscard]] std::uint16_t source_port() const { return port(kForward); }
  [[nodiscard]] std::uint16_t destination_port() const { return port(kReverse); }
  /// type * 256 + code of the direction's first packet, ICMP and ICMPv6 only, else 0: as elements 32 and 139 have it.
  [[nodiscard]] std::uint16_t icmp(Direction side) const { return is_icmp() ? ports[side] : std::uint16_t{0}; }
  void set_icmp(Direction side, unsigned type, unsigned code) {
    ports[side] = static_cast<std::uint16_t>(type << 8 | code);
  }

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

  /// When the flow should have ended, ns since 1970; 0: there was no such time (it was forced to end, or evicted).
  [[nodiscard]] std::uint64_t deadline_ns() const {
    return deadline_ms == 0 ? 0 : end_ns() + std::uint64_t{deadline_ms} * 1'000'000;
  }
  void set_deadline_ns(std::uint64_t at_ns) {
    const std::uint64_t end = end_ns();
    const std::uint64_t after_ms = at_ns <= end ? 1 : (at_ns - end + 999'999) / 1'000'000;
    deadline_ms = after_ms < UINT32_MAX ? static_cast<std::uint32_t>(after_ms) : UINT32_MAX;
  }
};

static_assert(sizeof(FlowRecord) == 128 && offsetof(FlowRecord, first_ns) == 64,
              "two cache lines, of which the first one says how long the record is");
static_assert(std::is_trivially_copyable_v<FlowRecord> && std::has_unique_object_representations_v<FlowRecord>,
              "no holes: records are compared and hashed as memory");

}  // namespace weir
