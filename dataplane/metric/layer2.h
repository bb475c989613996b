// The metric `layer2`: MAC addresses, the inner VLAN, TTLs, flow labels, fragments, the label stack, and the octets of
// the outermost IP header.
#pragma once

#include <algorithm>
#include <cstring>

#include "dataplane/metric/metric.h"

namespace weir {

struct Layer2 {
  static constexpr std::string_view kName = "layer2";
  static constexpr std::string_view kMeaning = "MAC addresses, inner VLAN, MPLS labels, TTLs, flow labels, fragments";
  static constexpr std::uint32_t kSections = kSectionBit<Layer2Section> | kSectionBit<LabelStackSection>;

  struct State {
    std::uint8_t ttl_min[2];
    std::uint8_t ttl_max[2];
  };
  struct Slot {
    std::uint64_t outer_extra[2];  ///< octets of outermost IP headers beyond those of the headers that count
    std::uint32_t fragments[2];
    std::uint32_t flow_label[2];
    std::uint32_t fragment_id[2];
    std::uint32_t labels[LabelStackSection::kMost];
    std::uint32_t label_count;
    std::uint8_t mac[2][2][6];  ///< source and destination of the side's first packet
    std::uint16_t inner_vlan_id;
    std::uint8_t ttl[2];
    bool opened;  ///< there was a packet
  };

  static bool applies(std::uint8_t /*protocol*/) { return true; }

  static Verdict update(State& state, Slot& slot, const MetricInput& input) {
    const PacketFacts& facts = input.facts;
    const unsigned side = input.side;
    if (input.first) [[unlikely]] {
      state.ttl_min[side] = state.ttl_max[side] = slot.ttl[side] = facts.ttl;
      slot.flow_label[side] = facts.flow_label;
      slot.fragment_id[side] = facts.fragment_id;
      std::memcpy(slot.mac[side][0], facts.source_mac, sizeof facts.source_mac);
      std::memcpy(slot.mac[side][1], facts.destination_mac, sizeof facts.destination_mac);
      if (!slot.opened) open(slot, facts);
    } else if (facts.ttl < state.ttl_min[side]) [[unlikely]] {  // written where it changes, and only there
      state.ttl_min[side] = facts.ttl;
    } else if (facts.ttl > state.ttl_max[side]) [[unlikely]] {
      state.ttl_max[side] = facts.ttl;
    }
    if (facts.fragment) [[unlikely]]
      ++slot.fragments[side];
    // A header inside a tunnel may claim more than the outermost one: modulo 2^64.
    if (facts.outer_octets != 0) [[unlikely]]
      slot.outer_extra[side] += std::uint64_t{facts.outer_octets} - input.packet.ip_octets;
    return Verdict::goes_on;
  }

  static std::uint32_t sections(const State& /*state*/, const Slot& slot) {
    return kSectionBit<Layer2Section> | (slot.label_count != 0 ? kSectionBit<LabelStackSection> : 0);
  }

  static void finish(const State& state, const Slot& slot, const MetricOutput& output) {
    auto& section = output.section<Layer2Section>();
    // After an active timeout a record may hold packets of the responder alone: their source is the flow's destination.
    const bool swapped = output.record.packets[kForward] == 0;
    const auto& mac = slot.mac[output.side(swapped ? kReverse : kForward)];
    std::memcpy(section.source_mac, mac[swapped ? 1 : 0], sizeof section.source_mac);
    std::memcpy(section.destination_mac, mac[swapped ? 0 : 1], sizeof section.destination_mac);
    section.inner_vlan_id = slot.inner_vlan_id;
    for (const Direction direction : {kForward, kReverse}) {
      const unsigned side = output.side(direction);
      section.ttl[direction] = slot.ttl[side];
      section.ttl_min[direction] = state.ttl_min[side];
      section.ttl_max[direction] = state.ttl_max[side];
      section.flow_label[direction] = slot.flow_label[side];
      section.fragment_id[direction] = slot.fragment_id[side];
      section.fragments[direction] = slot.fragments[side];
      section.outer_octets[direction] = output.record.octets[direction] + slot.outer_extra[side];
    }
    if (slot.label_count == 0) return;
    auto& stack = output.section<LabelStackSection>();
    stack.count = slot.label_count;
    std::memcpy(stack.labels, slot.labels, slot.label_count * sizeof slot.labels[0]);
  }

 private:
  /// The record's first packet.
  static void open(Slot& slot, const PacketFacts& facts) {
    slot.opened = true;
    slot.inner_vlan_id = facts.inner_vlan_id;
    slot.label_count = std::min<std::uint32_t>(facts.label_count, LabelStackSection::kMost);
    std::memcpy(slot.labels, facts.labels, slot.label_count * sizeof slot.labels[0]);
  }
};

}  // namespace weir
