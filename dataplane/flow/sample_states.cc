#include "dataplane/flow/sample_states.h"

#include <algorithm>
#include <cstring>

namespace weir {
namespace {

/// The initiator's value, or where it has none the other side's.
std::uint32_t of_either(const std::uint32_t (&values)[2], unsigned initiator) {
  return values[initiator] != 0 ? values[initiator] : values[1 - initiator];
}

}  // namespace

void SampleStates::begin(std::uint32_t number, const ParsedPacket& packet) {
  begin(states_[number], facts_of(facts_, packet));
}

void SampleStates::add(std::uint32_t number, const ParsedPacket& packet) {
  add(states_[number], static_cast<unsigned>(packet.from), facts_of(facts_, packet));
}

SampleStates::State SampleStates::state_of(const ParsedPacket& packet) const {
  State state;
  begin(state, facts_of(facts_, packet));
  add(state, static_cast<unsigned>(packet.from), facts_of(facts_, packet));
  return state;
}

void SampleStates::begin(State& state, const SampleFacts& facts) {
  state = {};
  state.group = facts.group;
  state.rate = facts.rate;
}

void SampleStates::add(State& state, unsigned side, const SampleFacts& facts) {
  if (state.in_if[side] == 0) state.in_if[side] = facts.in_if;
  if (state.out_if[side] == 0) state.out_if[side] = facts.out_if;
  if (state.tunnel_id == 0) state.tunnel_id = facts.tunnel_id;
  if (state.cookie_octets == 0 && facts.cookie_octets != 0) {
    state.cookie_octets = facts.cookie_octets;
    std::memcpy(state.cookie, facts.cookie, sizeof state.cookie);
  }
  state.known |= facts.known;
  if ((facts.known & PsampleSection::kLatency) != 0 && state.latencies[side] != UINT32_MAX) {
    const bool first = state.latencies[side]++ == 0;
    state.latency_min_ns[side] = first ? facts.latency_ns : std::min(state.latency_min_ns[side], facts.latency_ns);
    state.latency_max_ns[side] = std::max(state.latency_max_ns[side], facts.latency_ns);
    // What a message may claim adds up to more than 64 bits: then the mean is the least that it can be.
    const std::uint64_t room = UINT64_MAX - state.latency_sum_ns[side];
    state.latency_sum_ns[side] += std::min(room, facts.latency_ns);
  }
  if ((facts.known & PsampleSection::kQueue) != 0) state.queue[side] = facts.queue;
  if ((facts.known & PsampleSection::kQueueOctets) != 0) {
    state.queue_octets_max[side] = std::max(state.queue_octets_max[side], facts.queue_octets);
  }
}

void SampleStates::fill(const State& state, unsigned initiator, FlowRecord& record) {
  record.ingress_interface = of_either(state.in_if, initiator);
  if ((record.sections & kSectionBit<EgressSection>) != 0) {
    auto& egress = section_of<EgressSection>(record);
    egress.interface = of_either(state.out_if, initiator);
    // The way back is said only where it is known to be the same ports.
    const unsigned responder = 1 - initiator;
    if (state.in_if[responder] == egress.interface) egress.reverse_interface = state.out_if[responder];
  }
  auto& section = section_of<PsampleSection>(record);
  section.group = state.group;
  section.known = state.known;
  section.tunnel_id = state.tunnel_id;
  for (const Direction direction : {kForward, kReverse}) {
    const unsigned side = initiator ^ direction;
    section.latency_min_ns[direction] = state.latency_min_ns[side];
    section.latency_max_ns[direction] = state.latency_max_ns[side];
    if (state.latencies[side] != 0) {
      section.latency_mean_ns[direction] = state.latency_sum_ns[side] / state.latencies[side];
    }
    section.queue[direction] = state.queue[side];
    section.queue_octets_max[direction] = state.queue_octets_max[side];
  }
  constexpr char kDigits[] = "0123456789abcdef";
  for (unsigned i = 0; i < state.cookie_octets; ++i) {
    section.cookie[2 * i] = static_cast<std::uint8_t>(kDigits[state.cookie[i] >> 4]);
    section.cookie[2 * i + 1] = static_cast<std::uint8_t>(kDigits[state.cookie[i] & 15]);
  }
}

}  // namespace weir
