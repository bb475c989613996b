// The metric `rtt`: round-trip times of TCP flows, from the probe to an end and back, per end; and how long the server
// took for its first answer.
//
// The handshake in two halves: SYN to SYN/ACK (server), SYN/ACK to the client's first ACK (client). One whose SYN or
// SYN/ACK came more than once, or that both ends opened, tells no time, since nobody knows which one was answered
// (Karn's algorithm, RFC 6298 §3).
//
// Running samples, at most one per end and round trip: a segment that brings something new (payload, SYN or FIN) is
// waited for, until the other end acknowledges all of it; the next such segment after that is the next one. A segment
// that was sent before, or that comes after a later one, makes the wait void until everything that was seen is
// acknowledged: an answer in between may be one to either.
//
// An answer counts only if it is plausible, so that forged or wrong numbers cost a sample and never make one:
//   - it acknowledges nothing that was not seen to be sent;
//   - where both ends send timestamps (RFC 7323), it echoes one from the segment's on up to the greatest that was sent;
//   - time did not run back.
#pragma once

#include <algorithm>
#include <cstring>

#include "dataplane/metric/metric.h"
#include "dataplane/metric/tcp_sequence.h"
#include "dataplane/read_ahead.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"

namespace weir {

struct Rtt {
  static constexpr std::string_view kName = "rtt";
  static constexpr std::string_view kMeaning = "round-trip times of TCP flows: handshake and running samples, per end";
  static constexpr std::uint32_t kSections = kSectionBit<RttSection>;

  /// Bits of State::marks; those of an end are for the low side, and one place higher for the high side.
  enum Mark : std::uint16_t {
    kKnown = 1,            ///< `next` means something
    kWaits = 1 << 2,       ///< for the answer to a segment of this end
    kVoid = 1 << 4,        ///< its answer will be no sample
    kStamped = 1 << 6,     ///< the end sends timestamps
    kPayload = 1 << 8,     ///< the end has sent payload
    kAwaitsAck = 1 << 10,  ///< of the handshake, not of an end: only the client's ACK is missing
  };

  struct State {
    std::uint64_t since_ns[2];       ///< when the segment that is waited for was seen
    std::uint32_t next[2];           ///< the number after the greatest one that the side has sent
    std::uint32_t awaited[2];        ///< the acknowledgment number that answers the segment
    std::uint32_t awaited_stamp[2];  ///< its timestamp
    std::uint32_t stamp[2];          ///< the greatest timestamp that the side has sent
    std::uint16_t marks;
    std::uint8_t reserved[6];
  };
  static_assert(sizeof(State) == 56, "with layer2, tcp and packets, two cache lines");

  struct Samples {
    std::uint64_t min_ns;
    std::uint64_t max_ns;
    std::uint64_t last_ns;
    std::uint64_t sum_ns;
    std::uint64_t count;
  };
  struct Handshake {
    std::uint64_t syn_ns;  ///< of the last SYN before the SYN/ACK
    std::uint64_t synack_ns;
    std::uint64_t ack_ns;
    std::uint32_t initial;  ///< number of the SYN
    std::uint8_t syns;      ///< at most 2, like the next one
    std::uint8_t synacks;
    std::uint8_t client;  ///< side
    bool acknowledged : 1;
    bool ambiguous : 1;
    bool reported : 1;  ///< in an earlier record of the flow

    [[nodiscard]] bool seen() const { return syns + synacks != 0; }
    [[nodiscard]] bool tells() const { return !reported && !ambiguous && syns <= 1 && synacks == 1; }
    [[nodiscard]] bool server_half() const { return tells() && syns == 1 && synack_ns >= syn_ns; }
    [[nodiscard]] bool client_half() const { return tells() && acknowledged && ack_ns >= synack_ns; }
  };
  struct Slot {
    Samples samples[2];  ///< by the side that answers
    Handshake handshake;
    std::uint64_t first_payload_ns[2];
    std::uint64_t application_latency_ns;
    std::uint32_t initial[2];  ///< numbers of the sides' SYNs
    bool has_initial[2];
    bool has_latency;
    std::uint8_t reserved[5];
  };
  static_assert(sizeof(Slot) == 152);

  static bool applies(std::uint8_t protocol) { return protocol == kProtocolTcp; }

  static Verdict update(State& state, Slot& slot, const MetricInput& input) {
    const PacketFacts& facts = input.facts;
    const unsigned side = input.side;
    const unsigned marks = state.marks;
    // Without a header of TCP all facts are 0, and nothing of this is true.
    const bool answers =
        (marks & of(kWaits, side ^ 1U)) != 0 && sequence_distance(facts.acknowledgment, state.awaited[side ^ 1U]) >= 0;
    const bool sends = facts.payload_octets != 0 &&
                       (facts.sequence != state.next[side] ||
                        (marks & (of(kWaits, side) | of(kPayload, side))) != (of(kWaits, side) | of(kPayload, side)));
    const bool begins = facts.timestamps && (marks & of(kStamped, side)) == 0;
    if (input.first || answers || sends || begins || (marks & kAwaitsAck) != 0 ||
        (input.packet.tcp_flags & (kTcpSyn | kTcpFin | kTcpRst)) != 0) [[unlikely]] {
      follow(state, slot, input);
    } else {
      state.next[side] += facts.payload_octets;
      keep_stamp(state, facts, side);
    }
    return Verdict::goes_on;
  }

  /// A sample is kept where a segment is answered, and the time of a side's first payload.
  [[gnu::always_inline]] static void read_ahead(const State& state, const Slot& slot, const MetricInput& input) {
    const unsigned side = input.side;
    const bool first_payload = input.facts.payload_octets != 0 && (state.marks & of(kPayload, side)) == 0;
    if (first_payload) {
      weir::read_ahead(&slot.handshake);
      weir::read_ahead(&slot.has_latency);
    }
    if ((state.marks & of(kWaits, side ^ 1U)) != 0 &&
        sequence_distance(input.facts.acknowledgment, state.awaited[side ^ 1U]) >= 0) {
      weir::read_ahead(&slot.samples[side], sizeof slot.samples[side]);
    }
  }

  /// Samples begin anew. A wait goes on, and a handshake that was not complete is still to be told of.
  static void restart(State& /*state*/, Slot& slot) {
    std::memset(static_cast<void*>(slot.samples), 0, sizeof slot.samples);
    slot.has_latency = false;
    if (slot.handshake.acknowledged) slot.handshake.reported = true;
  }

  static std::uint32_t sections(const State& /*state*/, const Slot& slot) {
    return known(slot, 0) != 0 ? kSectionBit<RttSection> : 0;
  }

  static void finish(const State& state, const Slot& slot, const MetricOutput& output) {
    auto& section = output.section<RttSection>();
    const unsigned client = slot.handshake.seen() ? slot.handshake.client : output.initiator;
    section.known = static_cast<std::uint8_t>(known(slot, client));
    const Handshake& handshake = slot.handshake;
    if (handshake.client_half()) section.handshake_client_ns = handshake.ack_ns - handshake.synack_ns;
    if (handshake.server_half()) section.handshake_server_ns = handshake.synack_ns - handshake.syn_ns;
    if (handshake.client_half() && handshake.server_half()) {
      section.handshake_ns = section.handshake_client_ns + section.handshake_server_ns;
    }
    if (slot.has_latency) section.application_latency_ns = slot.application_latency_ns;
    section.client = summary(slot.samples[client]);
    section.server = summary(slot.samples[client ^ 1U]);
    section.client_samples = count_of(slot.samples[client]);
    section.server_samples = count_of(slot.samples[client ^ 1U]);
    section.by_timestamps = by_timestamps(state.marks) ? 1 : 0;
  }

 private:
  static constexpr unsigned of(Mark mark, unsigned side) { return static_cast<unsigned>(mark) << side; }
  static void set(State& state, unsigned bits) { state.marks = static_cast<std::uint16_t>(state.marks | bits); }
  static void clear(State& state, unsigned bits) { state.marks = static_cast<std::uint16_t>(state.marks & ~bits); }
  static constexpr bool by_timestamps(unsigned marks) {
    constexpr unsigned kBoth = of(kStamped, 0) | of(kStamped, 1);
    return (marks & kBoth) == kBoth;
  }

  static unsigned known(const Slot& slot, unsigned client) {
    return (slot.handshake.client_half() ? RttSection::kClientHalf : 0U) |
           (slot.handshake.server_half() ? RttSection::kServerHalf : 0U) |
           (slot.samples[client].count != 0 ? RttSection::kClientSamples : 0U) |
           (slot.samples[client ^ 1U].count != 0 ? RttSection::kServerSamples : 0U) |
           (slot.has_latency ? RttSection::kApplicationLatency : 0U);
  }
  static RttSamples summary(const Samples& samples) {
    if (samples.count == 0) return {};
    return {samples.min_ns, samples.sum_ns / samples.count, samples.max_ns, samples.last_ns};
  }
  static std::uint32_t count_of(const Samples& samples) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(samples.count, UINT32_MAX));
  }

  static void keep_stamp(State& state, const PacketFacts& facts, unsigned side) {
    const bool newer = facts.timestamps && sequence_distance(facts.timestamp_value, state.stamp[side]) > 0;
    state.stamp[side] = newer ? facts.timestamp_value : state.stamp[side];
  }

  /// Any segment but the next octets of the stream while an answer is waited for, and an ACK that answers nothing.
  [[gnu::noinline]] static void follow(State& state, Slot& slot, const MetricInput& input) {
    const PacketFacts& facts = input.facts;
    const unsigned side = input.side;
    const unsigned flags = input.packet.tcp_flags;
    if (!facts.has_tcp()) return;
    if ((flags & kTcpAck) != 0) take_answer(state, slot, input);
    follow_handshake(state, slot, input);
    if (facts.timestamps && (state.marks & of(kStamped, side)) == 0) {
      set(state, of(kStamped, side));
      state.stamp[side] = facts.timestamp_value;
    }
    keep_stamp(state, facts, side);
    if ((flags & kTcpRst) != 0) return;
    take_octets(state, slot, input);
    if (facts.payload_octets != 0 && (state.marks & of(kPayload, side)) == 0) take_first_payload(state, slot, input);
  }

  static void take_answer(State& state, Slot& slot, const MetricInput& input) {
    const PacketFacts& facts = input.facts;
    const unsigned peer = input.side ^ 1U;
    if ((state.marks & of(kWaits, peer)) == 0) return;
    if (sequence_distance(facts.acknowledgment, state.awaited[peer]) < 0) return;
    bool plausible = (state.marks & of(kVoid, peer)) == 0 &&
                     sequence_distance(facts.acknowledgment, state.next[peer]) <= 0 &&
                     input.packet.time_ns >= state.since_ns[peer];
    clear(state, of(kWaits, peer) | of(kVoid, peer));
    if (by_timestamps(state.marks)) {
      plausible = plausible && facts.timestamps &&
                  sequence_distance(facts.timestamp_echo, state.awaited_stamp[peer]) >= 0 &&
                  sequence_distance(facts.timestamp_echo, state.stamp[peer]) <= 0;
    }
    if (!plausible) return;
    const std::uint64_t time_ns = input.packet.time_ns - state.since_ns[peer];
    Samples& samples = slot.samples[input.side];
    samples.min_ns = samples.count == 0 ? time_ns : std::min(samples.min_ns, time_ns);
    samples.max_ns = std::max(samples.max_ns, time_ns);
    samples.last_ns = time_ns;
    samples.sum_ns += time_ns;
    ++samples.count;
  }

  static void take_octets(State& state, Slot& slot, const MetricInput& input) {
    const PacketFacts& facts = input.facts;
    const unsigned side = input.side;
    const bool syn = (input.packet.tcp_flags & kTcpSyn) != 0;
    const bool fin = (input.packet.tcp_flags & kTcpFin) != 0;
    const std::uint32_t all = facts.payload_octets + (syn ? 1 : 0) + (fin ? 1 : 0);
    if (all == 0) return;
    constexpr auto kReach = static_cast<std::int32_t>(SequenceTrack::kReach);
    const std::int32_t ahead = sequence_distance(facts.sequence, state.next[side]);
    bool begins = (state.marks & of(kKnown, side)) == 0 || ahead > kReach || ahead < -kReach;
    if (syn) {
      begins = begins || !slot.has_initial[side] || slot.initial[side] != facts.sequence;
      slot.initial[side] = facts.sequence;
      slot.has_initial[side] = true;
    }
    const std::uint32_t end = facts.sequence + all;
    if (begins) {
      set(state, of(kKnown, side));
      clear(state, of(kWaits, side) | of(kVoid, side));
    } else if (ahead < 0) {  // sent again, or overtaken
      if (sequence_distance(end, state.next[side]) > 0) state.next[side] = end;
      state.awaited[side] = state.next[side];
      set(state, of(kWaits, side) | of(kVoid, side));
      return;
    }
    state.next[side] = end;
    if ((state.marks & of(kWaits, side)) != 0) return;
    if (by_timestamps(state.marks) && !facts.timestamps) return;
    state.awaited[side] = end;
    state.awaited_stamp[side] = facts.timestamp_value;
    state.since_ns[side] = input.packet.time_ns;
    set(state, of(kWaits, side));
  }

  /// Only of a connection whose beginning was seen: else the first payload is any.
  static void take_first_payload(State& state, Slot& slot, const MetricInput& input) {
    const unsigned side = input.side;
    set(state, of(kPayload, side));
    slot.first_payload_ns[side] = input.packet.time_ns;
    if (!slot.handshake.seen() || side == slot.handshake.client) return;
    if ((state.marks & of(kPayload, side ^ 1U)) == 0) return;
    if (input.packet.time_ns < slot.first_payload_ns[side ^ 1U]) return;
    slot.application_latency_ns = input.packet.time_ns - slot.first_payload_ns[side ^ 1U];
    slot.has_latency = true;
  }

  static void follow_handshake(State& state, Slot& slot, const MetricInput& input) {
    constexpr unsigned kBoth = kTcpSyn | kTcpAck;
    Handshake& handshake = slot.handshake;
    switch (input.packet.tcp_flags & kBoth) {
      case kTcpSyn:
        return take_syn(state, handshake, input);
      case kBoth:
        return take_synack(state, slot, handshake, input);
      case kTcpAck:
        if ((state.marks & kAwaitsAck) == 0 || input.side != handshake.client) return;
        handshake.ack_ns = input.packet.time_ns;
        handshake.acknowledged = true;
        clear(state, kAwaitsAck);
        return;
      default:
        return;
    }
  }
  static void take_syn(State& state, Handshake& handshake, const MetricInput& input) {
    if (handshake.syns != 0 && input.side == handshake.client && input.facts.sequence != handshake.initial) {
      // Another connection. What the one before told is kept where it is yet to be reported.
      if (handshake.acknowledged && !handshake.reported) return;
      handshake = {};
      clear(state, kAwaitsAck);
    }
    if (!handshake.seen()) handshake.client = static_cast<std::uint8_t>(input.side);
    if (handshake.synacks != 0 || input.side != handshake.client) {
      handshake.ambiguous = true;  // after the SYN/ACK, or both ends open
    } else {
      handshake.syn_ns = input.packet.time_ns;
      handshake.initial = input.facts.sequence;
    }
    handshake.syns = static_cast<std::uint8_t>(std::min(handshake.syns + 1, 2));
  }
  static void take_synack(State& state, const Slot& known, Handshake& handshake, const MetricInput& input) {
    if (handshake.acknowledged && input.facts.sequence != known.initial[input.side]) return;  // another connection's
    if (!handshake.seen()) handshake.client = static_cast<std::uint8_t>(input.side ^ 1U);
    if (input.side == handshake.client) handshake.ambiguous = true;
    if (handshake.synacks == 0) {
      handshake.synack_ns = input.packet.time_ns;
      set(state, kAwaitsAck);
    }
    handshake.synacks = static_cast<std::uint8_t>(std::min(handshake.synacks + 1, 2));
  }
};

}  // namespace weir
