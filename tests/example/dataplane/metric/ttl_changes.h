// The metric `ttl_changes`: how often the TTL of a direction changes from one packet to the next, as it does when the
// packets take another route.
#pragma once

#include "dataplane/metric/metric.h"

namespace weir {

struct TtlChanges {
  static constexpr std::string_view kName = "ttl_changes";
  static constexpr std::string_view kMeaning = "changes of the TTL from one packet to the next";
  static constexpr std::uint32_t kSections = kSectionBit<TtlChangesSection>;

  struct State {
    std::uint32_t changes[2];
    std::uint8_t last[2];
  };
  struct Slot {};

  static bool applies(std::uint8_t /*protocol*/) { return true; }

  static Verdict update(State& state, Slot& /*slot*/, const MetricInput& input) {
    const unsigned side = input.side;
    const std::uint8_t ttl = input.facts.ttl;
    if (ttl != state.last[side]) [[unlikely]] {
      if (!input.first) ++state.changes[side];
      state.last[side] = ttl;
    }
    return Verdict::goes_on;
  }

  static std::uint32_t sections(const State& state, const Slot& /*slot*/) {
    return (state.changes[0] | state.changes[1]) != 0 ? kSections : 0;
  }

  static void finish(const State& state, const Slot& /*slot*/, const MetricOutput& output) {
    auto& section = output.section<TtlChangesSection>();
    for (const Direction direction : {kForward, kReverse}) {
      section.changes[direction] = state.changes[output.side(direction)];
    }
  }
};

}  // namespace weir
