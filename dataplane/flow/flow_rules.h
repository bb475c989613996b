// FlowRules: when a flow ends, and when it should have ended. A value without state: what it says depends on the entry
// and the timeouts alone, so that a packet and a timer decide alike.
//
//   idle      the gap between two packets is greater than the idle timeout
//   active    the flow's age reaches the active timeout; it is reported and goes on
//   cut       where the sampling rate changed, a flow that began before is reported at that moment like at the active
//             timeout, since a record has one rate
//   closed    RST, or FIN from both sides, or FIN from one side while the other was never seen: from then on the linger
//             stands in for the idle timeout
//
// What TCP sends again after the close (a FIN or data that nobody acknowledged) comes after twice the wait of the time
// before (RFC 6298 §5.5), and belongs to the closed flow. So a packet that comes late in the linger doubles it until
// the next repeat, due after twice this gap, is within it with half as much again to spare: the linger is then at least
// three times the gap, and never longer than the idle timeout. It starts anew with the next conversation.
//
// The rules also say who opened a conversation: who sent its first packet, or, where that is a SYN/ACK, its receiver
// (RFC 9293 §3.5).
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/flow/flow_entry.h"
#include "dataplane/flow/key_mask.h"
#include "dataplane/packet/flow_key.h"
#include "proto/base/tcp_flags.h"
#include "proto/record/flow_record.h"

namespace weir {

struct FlowTimeouts {
  std::uint64_t idle_ns = 30'000'000'000;
  std::uint64_t active_ns = 300'000'000'000;
  std::uint64_t linger_ns = 2'000'000'000;
  bool tcp_close = true;
  bool handshake_direction = true;  ///< a SYN/ACK goes to the initiator
};

/// `timeouts` for flows of this key: FIN and RST say something only of a flow that is one connection, and a SYN/ACK
/// turns nothing around where what the key holds of an end depends on whether that end sends.
[[nodiscard]] inline FlowTimeouts for_key(FlowTimeouts timeouts, const KeyFields& key) {
  timeouts.tcp_close = timeouts.tcp_close && key.holds_five_tuple();
  timeouts.handshake_direction = timeouts.handshake_direction && key.same_of_both_ends();
  return timeouts;
}

/// Longest idle or active timeout: 72 h. Offsets in a flow have 48 bits of ns, 78.2 h, and the wheel spans as much.
inline constexpr std::uint64_t kMaxTimeoutNs = std::uint64_t{72} * 3600 * 1'000'000'000;
static_assert(kMaxTimeoutNs < (std::uint64_t{1} << 48));

class FlowRules {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  /// Bits of FlowEntry::state one of which every closed flow has.
  static constexpr unsigned kClosing = FlowEntry::kRst | (FlowEntry::kFin << 0) | (FlowEntry::kFin << 1);

  /// `since_ns`: when these timeouts took the place of others, in effective time; 0: they are the first. `cut_ns`:
  /// flows that began before are reported then; 0: none are.
  explicit FlowRules(const FlowTimeouts& timeouts, std::uint64_t since_ns = 0, std::uint64_t cut_ns = 0)
      : timeouts_(timeouts), since_ns_(since_ns), cut_ns_(cut_ns) {}

  [[nodiscard]] const FlowTimeouts& timeouts() const { return timeouts_; }
  [[nodiscard]] std::uint64_t since_ns() const { return since_ns_; }
  [[nodiscard]] std::uint64_t cut_ns() const { return cut_ns_; }
  /// Whether the flow's record ends at the cut at the latest.
  [[nodiscard]] bool cut(const FlowEntry& entry) const { return entry.start_ns < cut_ns_; }

  [[nodiscard]] static bool closed(const FlowEntry& entry) {
    if ((entry.state & kClosing) == 0) [[likely]]
      return false;
    if ((entry.state & FlowEntry::kRst) != 0) return true;
    const bool fin_low = (entry.state & FlowEntry::kFin) != 0;
    const bool fin_high = (entry.state & FlowEntry::kFin << 1) != 0;
    if (fin_low && fin_high) return true;
    return (entry.state & FlowEntry::kSeen << (fin_low ? 1 : 0)) == 0;
  }
  /// Which side opened the conversation whose first packet this is.
  [[nodiscard]] Side initiator(const ParsedPacket& first) const {
    constexpr unsigned kHandshake = kTcpSyn | kTcpAck | kTcpFin | kTcpRst;
    if ((first.tcp_flags & kHandshake) != (kTcpSyn | kTcpAck)) [[likely]]
      return first.from;
    // Both ends alike: every packet is the low side's, and the other one has none.
    if (!timeouts_.handshake_direction || first.ends_alike()) return first.from;
    return first.from == Side::high ? Side::low : Side::high;
  }
  /// The longest gap between two packets of the flow.
  [[nodiscard]] std::uint64_t gap_allowed(const FlowEntry& entry) const {
    return closed(entry) ? linger(entry.linger_level()) : timeouts_.idle_ns;
  }
  /// The level of the linger after a packet of the closed flow that came `gap_ns` after the one before.
  [[nodiscard]] unsigned linger_level_after(unsigned level, std::uint64_t gap_ns) const {
    while (level < FlowEntry::kMostLingerLevel && linger(level) < timeouts_.idle_ns && linger(level) < 3 * gap_ns)
      ++level;
    return level;
  }
  /// The first moment at which the gap since the last packet is greater than that.
  [[nodiscard]] std::uint64_t idle_deadline(const FlowEntry& entry) const {
    return entry.last_ns() + gap_allowed(entry) + 1;
  }
  /// The first moment at which the flow's age reaches the timeout, or the cut; never, where there is nothing to report.
  [[nodiscard]] std::uint64_t active_deadline(const FlowEntry& entry) const {
    return entry.total_packets() == 0 ? kNever : active_end(entry);
  }
  [[nodiscard]] std::uint64_t deadline(const FlowEntry& entry) const {
    return std::min(idle_deadline(entry), active_deadline(entry));
  }
  /// Why the flow ended, given that deadline(entry) has passed: what came first counts.
  [[nodiscard]] EndReason timeout_reason(const FlowEntry& entry) const {
    if (active_deadline(entry) <= idle_deadline(entry)) return EndReason::active_timeout;
    return closed(entry) ? EndReason::end_of_flow : EndReason::idle_timeout;
  }
  /// When a flow that ends for this reason should have ended, in effective time; 0: there is no such moment. What a
  /// shorter timeout says was over before it was set could not have ended earlier than that.
  [[nodiscard]] std::uint64_t due_ns(const FlowEntry& entry, EndReason reason) const {
    switch (reason) {
      case EndReason::idle_timeout:
        return std::max(entry.last_ns() + timeouts_.idle_ns, since_ns_);
      case EndReason::active_timeout:
        return std::max(active_end(entry), since_ns_);
      case EndReason::end_of_flow:
        return std::max(entry.last_ns() + gap_allowed(entry), since_ns_);
      case EndReason::forced_end:
      case EndReason::lack_of_resources:
        break;
    }
    return 0;
  }

 private:
  [[nodiscard]] std::uint64_t active_end(const FlowEntry& entry) const {
    const std::uint64_t end = entry.start_ns + timeouts_.active_ns;
    return cut(entry) ? std::min(end, cut_ns_) : end;
  }
  /// How long a closed flow waits for another packet.
  [[nodiscard]] std::uint64_t linger(unsigned level) const {
    return std::min(timeouts_.linger_ns << level, timeouts_.idle_ns);
  }

  FlowTimeouts timeouts_;
  std::uint64_t since_ns_;
  std::uint64_t cut_ns_;
};

}  // namespace weir
