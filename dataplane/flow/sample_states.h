// SampleStates: by entry of the table, what the kernel's packet sampler said of the flow's packets (--input psample).
//
// A record has one rate: a flow whose next packet was sampled at another one ends its record there. Without psample
// there is no such memory, and packets do not come here.
#pragma once

#include <cstdint>

#include "dataplane/flow/sample_facts.h"
#include "dataplane/memory.h"
#include "proto/record/sections.h"

namespace weir {

class SampleStates {
 public:
  SampleStates() = default;
  /// For `capacity` flows. `facts`: the source's; nullptr: packets are not samples.
  SampleStates(std::uint32_t capacity, const SampleFacts* facts)
      : facts_(facts), states_(facts == nullptr ? 0 : capacity) {}

  [[nodiscard]] bool on() const { return facts_ != nullptr; }
  [[nodiscard]] bool ok() const { return !on() || states_.size() != 0; }
  void touch(Touching* touching) { states_.touch(touching); }
  [[nodiscard]] std::size_t octets() const { return states_.octets(); }

  // Where it is on.
  /// The next packet of the entry is a record's first one.
  void begin(std::uint32_t number, const ParsedPacket& packet);
  void add(std::uint32_t number, const ParsedPacket& packet);
  /// What each packet of the record stands for.
  [[nodiscard]] std::uint32_t rate_of(std::uint32_t number) const { return states_[number].rate; }
  [[nodiscard]] std::uint32_t rate_of(const ParsedPacket& packet) const { return facts_of(facts_, packet).rate; }
  /// The sections that fill() fills.
  [[nodiscard]] std::uint32_t sections(std::uint32_t number) const { return sections(states_[number]); }
  /// Writes interfaces and the section. `initiator`: the side that is forward.
  void fill(std::uint32_t number, unsigned initiator, FlowRecord& record) const {
    fill(states_[number], initiator, record);
  }
  /// The same for a packet that has no entry, and is forward.
  [[nodiscard]] std::uint32_t sections(const ParsedPacket& packet) const { return sections(state_of(packet)); }
  void fill(const ParsedPacket& packet, FlowRecord& record) const {
    fill(state_of(packet), static_cast<unsigned>(packet.from), record);
  }

 private:
  /// Arrays by Side.
  struct State {
    std::uint64_t latency_sum_ns[2];
    std::uint64_t latency_min_ns[2];
    std::uint64_t latency_max_ns[2];
    std::uint64_t queue_octets_max[2];
    std::uint64_t tunnel_id;
    std::uint32_t latencies[2];  ///< packets that had one
    std::uint32_t in_if[2];      ///< of the first packet that had one
    std::uint32_t out_if[2];
    std::uint32_t group;
    std::uint32_t rate;
    std::uint16_t queue[2];
    std::uint8_t known;
    std::uint8_t cookie_octets;
    std::uint8_t cookie[16];
  };

  [[nodiscard]] State state_of(const ParsedPacket& packet) const;
  static void begin(State& state, const SampleFacts& facts);
  static void add(State& state, unsigned side, const SampleFacts& facts);
  [[nodiscard]] static std::uint32_t sections(const State& state) {
    return kSectionBit<PsampleSection> | ((state.out_if[0] | state.out_if[1]) != 0 ? kSectionBit<EgressSection> : 0);
  }
  static void fill(const State& state, unsigned initiator, FlowRecord& record);

  const SampleFacts* facts_ = nullptr;
  MappedArray<State> states_;
};

}  // namespace weir
