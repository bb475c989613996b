// The metric `tcp`: flags, windows, options and payload of TCP flows, as far as single segments tell.
#pragma once

#include <algorithm>

#include "dataplane/metric/metric.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"

namespace weir {

struct Tcp {
  static constexpr std::string_view kName = "tcp";
  static constexpr std::string_view kMeaning = "flags, windows, options, SYN and payload of TCP flows";
  static constexpr std::uint32_t kSections = kSectionBit<TcpSection>;

  struct State {
    std::uint64_t payload_octets[2];
    std::uint32_t options[2];  ///< kinds 0 to 31; the others, which few packets have, are in the slot
    std::uint32_t zero_windows[2];
    std::uint32_t max_window_plus_1[2];  ///< 0: no segment of this side was seen
  };
  struct Slot {
    std::uint64_t options[2];
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
  };

  static bool applies(std::uint8_t protocol) { return protocol == kProtocolTcp; }

  static Verdict update(State& state, Slot& slot, const MetricInput& input) {
    const PacketFacts& facts = input.facts;
    const unsigned side = input.side;
    const unsigned flags = input.packet.tcp_flags;
    state.payload_octets[side] += facts.payload_octets;
    if ((flags & (kTcpSyn | kTcpFin | kTcpRst)) != 0) [[unlikely]]
      count_flags(slot, input);
    // What follows is nothing where there is no header of TCP (a later fragment, one that was cut, UDP): the facts of
    // it are 0 then. One branch for each, on what hardly ever is; which protocol it is is none of them.
    if (facts.window_plus_1 > state.max_window_plus_1[side]) [[unlikely]] {
      if (state.max_window_plus_1[side] == 0) {
        slot.initial_flags[side] = static_cast<std::uint8_t>(flags);
        slot.initial_window[side] = facts.window();
      }
      state.max_window_plus_1[side] = facts.window_plus_1;
    }
    if (facts.window_plus_1 == 1) [[unlikely]]
      state.zero_windows[side] += (flags & kTcpRst) == 0 ? 1 : 0;
    if ((facts.tcp_options & ~std::uint64_t{state.options[side]}) != 0) [[unlikely]] {
      state.options[side] |= static_cast<std::uint32_t>(facts.tcp_options);
      if (facts.tcp_options >> 32 != 0) slot.options[side] |= facts.tcp_options;
    }
    return Verdict::goes_on;
  }

  static std::uint32_t sections(const State& /*state*/, const Slot& /*slot*/) { return kSectionBit<TcpSection>; }

  static void finish(const State& state, const Slot& slot, const MetricOutput& output) {
    auto& section = output.section<TcpSection>();
    for (const Direction direction : {kForward, kReverse}) {
      const unsigned side = output.side(direction);
      section.payload_octets[direction] = state.payload_octets[side];
      section.options[direction] = slot.options[side] | state.options[side];
      section.zero_windows[direction] = state.zero_windows[side];
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
    }
  }

 private:
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
