// What the table keeps for a flow: one cache line that every packet writes, and what is read only when a direction's
// first packet comes, when time runs backwards, or when the flow is exported.
//
// The hot line. Times are effective times (the running maximum of packet time in arrival order). A flow's age is
// below the active timeout, at most 72 h, and 2^48 ns are 78 h: so last-seen is kept a direction as a 48-bit offset
// from the start. Packet counters have 32 bits: at 14.88 Mpps one fills after 288 s; a flow whose counter is full is
// reported and goes on, as by the active timeout. Octets have 64 bits.
//
// The raw packet times a record needs (least first, greatest last, for each direction) follow from the effective ones
// as long as time does not run backwards: a packet whose raw time is its effective time is later than everything
// before it. So the cold part is written at a direction's first packet only, and FlowTimes, which holds raw times, only
// by packets that were stamped earlier than one before them (`behind`): live traffic has none of those, so in `run`
// that memory is never touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/packet/flow_key.h"
#include "proto/record/section/tunnel.h"

namespace weir {

struct alignas(64) FlowEntry {
  std::uint64_t address;      ///< IPv4: both addresses; IPv6: the key's first word, the others are in FlowLongKey
  std::uint64_t tail;         ///< FlowKey::tail(); 0: the entry is free
  std::uint64_t octets[2];    ///< by Side, like all arrays of two here
  std::uint64_t start_ns;     ///< effective time of the first packet; without packets: of the last one before
  std::uint32_t packets[2];   ///< both 0: reported by the active timeout, and no packet since
  std::uint8_t last[2][6];    ///< effective time of the side's last packet - start_ns, 48 bits, lowest octet first
  std::uint8_t tcp_flags[2];  ///< OR since the last report
  std::uint8_t state;         ///< of the conversation: kInitiatorHigh ... below
  std::uint8_t times;         ///< kOpenerHigh, kFirstBehind, kLastBehind, linger_level()

  static constexpr std::uint8_t kInitiatorHigh = 1;  ///< the high side is the initiator: FlowRules::initiator()
  static constexpr std::uint8_t kSeen = 2;           ///< << Side: the side ever sent a packet, reports notwithstanding
  static constexpr std::uint8_t kFin = 8;            ///< << Side: FIN was seen
  static constexpr std::uint8_t kRst = 32;
  static constexpr std::uint8_t kHasTunnel = 64;  ///< FlowTunnel holds something; of the record, not the conversation

  static constexpr std::uint8_t kOpenerHigh = 1;   ///< the high side sent the record's first packet, at start_ns
  static constexpr std::uint8_t kFirstBehind = 2;  ///< << Side: least raw time is in FlowTimes
  static constexpr std::uint8_t kLastBehind = 8;   ///< << Side: greatest raw time is in FlowTimes
  static constexpr unsigned kLingerShift = 5;      ///< three bits: how often the linger of a closed flow was doubled
  static constexpr unsigned kMostLingerLevel = 7;
  static constexpr unsigned kLingerMask = kMostLingerLevel << kLingerShift;

  /// The flag of one side.
  [[nodiscard]] static constexpr std::uint8_t of_side(std::uint8_t flag, unsigned side) {
    return static_cast<std::uint8_t>(flag << side);
  }

  [[nodiscard]] unsigned linger_level() const { return times >> kLingerShift; }
  void set_linger_level(unsigned level) {
    times = static_cast<std::uint8_t>((times & ~kLingerMask) | level << kLingerShift);
  }
  [[nodiscard]] bool free() const { return tail == 0; }
  static constexpr std::uint64_t kOffsetMask = (std::uint64_t{1} << 48) - 1;

  [[nodiscard]] std::uint64_t last_offset_ns(unsigned side) const {
    std::uint64_t word;  // two octets more than the field has: they are part of this entry
    std::memcpy(&word, reinterpret_cast<const std::uint8_t*>(this) + offsetof(FlowEntry, last) + 6 * side, sizeof word);
    return word & kOffsetMask;
  }
  void set_last_offset_ns(unsigned side, std::uint64_t offset) {
    const auto low = static_cast<std::uint32_t>(offset);
    const auto high = static_cast<std::uint16_t>(offset >> 32);
    std::memcpy(&last[side][0], &low, sizeof low);
    std::memcpy(&last[side][4], &high, sizeof high);
  }
  /// `state` in the lower octet, `times` in the upper one.
  [[nodiscard]] unsigned marks() const {
    std::uint16_t both;
    std::memcpy(&both, &state, sizeof both);
    return both;
  }
  /// Effective time of the flow's last packet.
  [[nodiscard]] std::uint64_t last_ns() const {
    const std::uint64_t low = last_offset_ns(0);
    const std::uint64_t high = last_offset_ns(1);
    return start_ns + (low > high ? low : high);
  }
  [[nodiscard]] std::uint64_t total_packets() const { return std::uint64_t{packets[0]} + packets[1]; }
  [[nodiscard]] std::uint64_t total_octets() const { return octets[0] + octets[1]; }
};
static_assert(sizeof(FlowEntry) == 64, "one cache line, one miss a packet");
static_assert(FlowEntry::kLingerMask == 0xe0, "linger_level() reads all of `times` above its shift");
static_assert(offsetof(FlowEntry, times) == offsetof(FlowEntry, state) + 1, "marks() reads both");
static_assert(offsetof(FlowEntry, last) + 12 + 2 <= sizeof(FlowEntry), "last_offset_ns() reads eight octets");

struct FlowCold {
  std::uint32_t first_low;   ///< effective time of the first packet of the side that did not open - start_ns, bits 0-31
  std::uint16_t first_high;  ///< bits 32-47
  std::uint16_t ingress_interface;  ///< as InterfaceNumbers keeps it
  std::uint16_t vlan_id;
  std::uint8_t ip_tos[2];
  std::uint8_t icmp_type[2];
  std::uint8_t icmp_code[2];

  [[nodiscard]] std::uint64_t first_offset_ns() const {
    return first_low | (static_cast<std::uint64_t>(first_high) << 32);
  }
  void set_first_offset_ns(std::uint64_t offset) {
    first_low = static_cast<std::uint32_t>(offset);
    first_high = static_cast<std::uint16_t>(offset >> 32);
  }
};
static_assert(sizeof(FlowCold) == 16, "four flows a line; nothing here is read by an ordinary packet");

/// Raw times of a flow some of whose packets were stamped earlier than one before them.
struct FlowTimes {
  std::uint64_t first_ns[2];  ///< least raw packet time of the side, only while kFirstBehind is set
  std::uint64_t last_ns[2];   ///< greatest, only while kLastBehind is set
};
static_assert(sizeof(FlowTimes) == 32);

/// The tunnel and the label of a flow's first packet, for flows that have one of them.
struct FlowTunnel {
  TunnelSection tunnel;
  std::uint32_t mpls_label;
  std::uint32_t sections;  ///< bits of Section: which of the two are there
};
static_assert(sizeof(FlowTunnel) == 48);

/// The rest of a key that does not fit the entry, IPv6 or wide: the second line that such a flow's packets read.
struct alignas(32) FlowLongKey {
  std::uint64_t address[3];  ///< FlowKey::address without its first word, which is in the entry
  std::uint64_t added;       ///< FlowKey::added; wide form only
};
static_assert(sizeof(FlowLongKey) == 32, "two of them a cache line");

/// The KeyAddition of an extended key: one more line that such a flow's packets read.
struct alignas(32) FlowKeyAddition {
  KeyAddition addition;
};
static_assert(sizeof(FlowKeyAddition) == 32, "two of them a cache line");

}  // namespace weir
