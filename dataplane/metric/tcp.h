// The metric `tcp`: flags, windows, options and payload of TCP flows, and what a segment's sequence and acknowledgment
// numbers tell beside those of the segments before it: retransmissions, order, duplicate ACKs, keep-alives.
//
//   retransmitted    payload, SYN or FIN, of which some was seen before; a repeated zero-window probe is one
//   out of order     nothing of it was seen and it fills a gap below the greatest sequence number that was seen; or
//                    a part of it was seen and another is new, so that it counts as retransmitted, too
//   keep-alive       at most one octet, at the number before the next one, without SYN, FIN and RST; the peer's
//                    window is not 0 (else it is a zero-window probe), and an octet is one that the peer acknowledged
//                    before (else it is sent again) (RFC 9293 §3.8.4)
//   duplicate ACK    no payload, SYN, FIN or RST; the acknowledgment number is that of the ACK before, while the peer
//                    has sent more; and the window is the same, too (RFC 5681 §2), or the segment has a SACK option,
//                    which is a duplicate ACK whatever its window (RFC 6675 §2)
//
// An RST's payload is no part of the stream. A later fragment has no sequence number: its octets are payload by length,
// and not of the stream.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "dataplane/metric/metric.h"
#include "dataplane/metric/tcp_sequence.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"

namespace weir {

struct Tcp {
  static constexpr std::string_view kName = "tcp";
  static constexpr std::string_view kMeaning =
      "flags, windows, options, SYN, payload, retransmissions and order of TCP flows";
  static constexpr std::uint32_t kSections = kSectionBit<TcpSection>;

  struct State {
    std::uint64_t payload_octets[2];
    std::uint32_t next[2];               ///< the number after the greatest one that the side has sent
    std::uint32_t acknowledged[2];       ///< the greatest acknowledgment number that the side has sent; 0: none yet
    std::uint32_t max_window_plus_1[2];  ///< 0: no segment of this side was seen in the record
    std::uint16_t window[2];             ///< of the side's last segment
    std::uint16_t options[2];            ///< kinds 0 to 15; the others, which few packets have, are in the slot
  };
  static_assert(sizeof(State) == 48, "with layer2, rtt and what most packets touch of packets, two cache lines");

  struct Slot {
    // Of the record.
    std::uint64_t options[2];
    std::uint64_t retransmitted_octets[2];
    std::uint64_t other_octets[2];  ///< payload that is no new part of the stream
    std::uint32_t retransmitted[2];
    std::uint32_t out_of_order[2];
    std::uint32_t duplicate_acks[2];
    std::uint32_t keep_alives[2];
    std::uint32_t zero_windows[2];
    std::uint32_t zero_window_episodes[2];
    std::uint32_t syn_count[2];
    std::uint32_t fin_count[2];
    std::uint32_t rst_count[2];
    std::uint16_t initial_window[2];
    std::uint16_t mss[2];
    std::uint16_t syn_octets[2];
    std::uint8_t initial_flags[2];
    std::uint8_t window_scale[2];
    std::uint8_t sack_permitted[2];
    std::uint8_t timestamps[2];
    std::uint32_t reserved;
    // Of the connection.
    std::uint64_t payload_before[2];  ///< State::payload_octets when `track` was last looked at
    SequenceTrack track[2];
    SequenceHole holes[2][SequenceTrack::kMostHoles];  ///< as many are set as `track` says
  };
  static constexpr std::size_t kClearedOctets = offsetof(Slot, holes);
  static_assert(kClearedOctets == 192 && sizeof(Slot) == 320, "three lines of a new flow are written, two are not");

  static bool applies(std::uint8_t protocol) { return protocol == kProtocolTcp; }

  static Verdict update(State& state, Slot& slot, const MetricInput& input) {
    const PacketFacts& facts = input.facts;
    const unsigned side = input.side;
    const unsigned flags = input.packet.tcp_flags;
    state.payload_octets[side] += facts.payload_octets;
    // What follows is nothing where there is no header of TCP (a later fragment, one that was cut, UDP): the facts of
    // it are 0 then. One branch for each, on what hardly ever is; which protocol it is is none of them.
    if (facts.window_plus_1 == 1) [[unlikely]]
      count_zero_window(state, slot, side, flags);
    if (facts.window_plus_1 > state.max_window_plus_1[side]) [[unlikely]] {
      if (state.max_window_plus_1[side] == 0) {
        slot.initial_flags[side] = static_cast<std::uint8_t>(flags);
        slot.initial_window[side] = facts.window();
      }
      state.max_window_plus_1[side] = facts.window_plus_1;
    }
    if ((facts.tcp_options & ~std::uint64_t{state.options[side]}) != 0) [[unlikely]] {
      state.options[side] = static_cast<std::uint16_t>(state.options[side] | facts.tcp_options);
      if (facts.tcp_options >> 16 != 0) slot.options[side] |= facts.tcp_options;
    }
    const bool repeats_ack = (facts.acknowledgment == state.acknowledged[side]) &
                             (facts.acknowledgment != state.next[side ^ 1U]) & (facts.payload_octets == 0);
    if (input.first || facts.sequence != state.next[side] || (flags & (kTcpSyn | kTcpFin | kTcpRst)) != 0 ||
        repeats_ack) [[unlikely]] {
      follow(state, slot, input);
    } else {  // the next octets of the stream, or an ACK
      state.next[side] += facts.payload_octets;
      keep_ack(state, facts, side);
    }
    return Verdict::goes_on;
  }

  /// The counts begin anew; what is known of the connection is kept, so that a retransmission is seen as one.
  static void restart(State& state, Slot& slot) {
    for (const unsigned side : {0U, 1U}) {
      look_back(state, slot, side);
      state.payload_octets[side] = slot.payload_before[side] = 0;
      state.options[side] = 0;
      state.max_window_plus_1[side] = 0;
      slot.track[side].cut = false;
    }
    std::memset(static_cast<void*>(&slot), 0, offsetof(Slot, payload_before));
  }

  static std::uint32_t sections(const State& /*state*/, const Slot& /*slot*/) { return kSectionBit<TcpSection>; }

  static void finish(const State& state, const Slot& slot, const MetricOutput& output) {
    auto& section = output.section<TcpSection>();
    for (const Direction direction : {kForward, kReverse}) {
      const unsigned side = output.side(direction);
      section.payload_octets[direction] = state.payload_octets[side];
      section.stream_octets[direction] = state.payload_octets[side] - slot.other_octets[side];
      section.retransmitted_octets[direction] = slot.retransmitted_octets[side];
      section.options[direction] = slot.options[side] | state.options[side];
      section.retransmitted[direction] = slot.retransmitted[side];
      section.out_of_order[direction] = slot.out_of_order[side];
      section.duplicate_acks[direction] = slot.duplicate_acks[side];
      section.keep_alives[direction] = slot.keep_alives[side];
      section.zero_windows[direction] = slot.zero_windows[side];
      section.zero_window_episodes[direction] = slot.zero_window_episodes[side];
      section.syn_count[direction] = slot.syn_count[side];
      section.fin_count[direction] = slot.fin_count[side];
      section.rst_count[direction] = slot.rst_count[side];
      section.initial_window[direction] = slot.initial_window[side];
      section.max_window[direction] = static_cast<std::uint16_t>(std::max(state.max_window_plus_1[side], 1U) - 1);
      section.mss[direction] = slot.mss[side];
      section.syn_octets[direction] = slot.syn_octets[side];
      section.initial_flags[direction] = slot.initial_flags[side];
      section.window_scale[direction] = slot.window_scale[side];
      section.sack_permitted[direction] = slot.sack_permitted[side];
      section.timestamps[direction] = slot.timestamps[side];
      section.sequence_cut[direction] = slot.track[side].cut ? 1 : 0;
    }
  }

 private:
  static void count_zero_window(const State& state, Slot& slot, unsigned side, unsigned flags) {
    if ((flags & kTcpRst) != 0) return;  // its window means nothing
    ++slot.zero_windows[side];
    if (state.window[side] != 0 || !slot.track[side].known) ++slot.zero_window_episodes[side];
  }

  /// What the side acknowledges and offers from now on.
  static void keep_ack(State& state, const PacketFacts& facts, unsigned side) {
    const std::uint32_t before = state.acknowledged[side];
    const bool newer = before == 0 || sequence_distance(facts.acknowledgment, before) > 0;
    state.acknowledged[side] = newer ? facts.acknowledgment : before;
    state.window[side] = facts.has_tcp() ? facts.window() : state.window[side];
  }

  /// Any segment but the next octets of the stream and an ACK of something new.
  [[gnu::noinline]] static void follow(State& state, Slot& slot, const MetricInput& input) {
    const PacketFacts& facts = input.facts;
    const unsigned side = input.side;
    const unsigned flags = input.packet.tcp_flags;
    count_flags(slot, input);
    if (!facts.has_tcp() || (flags & kTcpRst) != 0) {
      slot.other_octets[side] += facts.payload_octets;
      return;
    }
    look_back(state, slot, side);
    SequenceTrack& track = slot.track[side];
    if (!track.known) {
      (flags & kTcpSyn) != 0 ? track.begin_with_syn(facts.sequence, state.next[side])
                             : track.begin(facts.sequence, state.next[side]);
    } else if ((flags & kTcpSyn) != 0 && track.opens_another(facts.sequence, state.next[side])) {
      track.begin_with_syn(facts.sequence, state.next[side]);
      state.acknowledged[0] = state.acknowledged[1] = 0;
    }
    const bool keep_alive = is_keep_alive(state, slot, facts, side, flags);
    if (keep_alive) {
      ++slot.keep_alives[side];
      slot.other_octets[side] += facts.payload_octets;
    } else {
      take_octets(state, slot, input);
      if (is_duplicate_ack(state, slot, facts, side, flags)) ++slot.duplicate_acks[side];
    }
    if ((flags & kTcpAck) != 0) {
      keep_ack(state, facts, side);
    } else {
      state.window[side] = facts.window();
    }
  }

  static void look_back(const State& state, Slot& slot, unsigned side) {
    const std::uint64_t moved = state.payload_octets[side] - slot.payload_before[side];
    slot.payload_before[side] = state.payload_octets[side];
    slot.track[side].forget(state.next[side], moved, slot.holes[side]);
  }

  static bool is_keep_alive(const State& state, const Slot& slot, const PacketFacts& facts, unsigned side,
                            unsigned flags) {
    if (facts.payload_octets > 1 || facts.sequence + 1 != state.next[side] || (flags & (kTcpSyn | kTcpFin)) != 0) {
      return false;
    }
    const unsigned peer = side ^ 1U;
    if (slot.track[peer].known && state.window[peer] == 0) return false;
    const std::uint32_t acknowledged = state.acknowledged[peer];
    return facts.payload_octets == 0 || acknowledged == 0 || acknowledged == state.next[side];
  }

  static bool is_duplicate_ack(const State& state, const Slot& slot, const PacketFacts& facts, unsigned side,
                               unsigned flags) {
    constexpr std::uint64_t kSack = std::uint64_t{1} << 5;  // RFC 2018 §3
    if (facts.payload_octets != 0 || (flags & (kTcpSyn | kTcpFin | kTcpAck)) != kTcpAck) return false;
    if (facts.acknowledgment != state.acknowledged[side] || !slot.track[side ^ 1U].known) return false;
    if (sequence_distance(state.next[side ^ 1U], facts.acknowledgment) <= 0) return false;
    return facts.window() == state.window[side] || (facts.tcp_options & kSack) != 0;
  }

  static void take_octets(State& state, Slot& slot, const MetricInput& input) {
    const PacketFacts& facts = input.facts;
    const unsigned side = input.side;
    const std::uint32_t syn = (input.packet.tcp_flags & kTcpSyn) != 0 ? 1 : 0;
    const std::uint32_t fin = (input.packet.tcp_flags & kTcpFin) != 0 ? 1 : 0;
    const std::uint32_t all = syn + facts.payload_octets + fin;
    if (all == 0) return;
    SequenceTrack& track = slot.track[side];
    const std::int32_t ahead = sequence_distance(facts.sequence, state.next[side]);
    constexpr auto kReach = static_cast<std::int32_t>(SequenceTrack::kReach);
    if (ahead > kReach || ahead < -kReach) track.begin(facts.sequence, state.next[side]);
    const SegmentNews news =
        track.take(facts.sequence, syn, facts.payload_octets, fin, state.next[side], slot.holes[side]);
    if (news.seen != 0) ++slot.retransmitted[side];
    if (news.fills_gap || (news.seen != 0 && news.seen != all)) ++slot.out_of_order[side];
    slot.retransmitted_octets[side] += news.seen_payload;
    slot.other_octets[side] += news.seen_payload;
  }

  static void count_flags(Slot& slot, const MetricInput& input) {
    const PacketFacts& facts = input.facts;
    const unsigned side = input.side;
    const unsigned flags = input.packet.tcp_flags;
    if ((flags & kTcpFin) != 0) ++slot.fin_count[side];
    if ((flags & kTcpRst) != 0) ++slot.rst_count[side];
    if ((flags & kTcpSyn) == 0) return;
    if (slot.syn_count[side]++ != 0) return;  // a SYN that is sent again says nothing new
    slot.syn_octets[side] = static_cast<std::uint16_t>(std::min<std::uint32_t>(input.packet.ip_octets, UINT16_MAX));
    slot.mss[side] = facts.mss;
    slot.window_scale[side] = facts.window_scale;
    slot.sack_permitted[side] = facts.sack_permitted ? 1 : 0;
    slot.timestamps[side] = facts.timestamps ? 1 : 0;
  }
};

}  // namespace weir
