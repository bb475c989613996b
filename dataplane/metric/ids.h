// The metric `ids`: the flow's Community ID.
//
// A worker only makes room for it in the record: the ID is a SHA-1 of addresses, ports and protocol, which the record
// has anyway, and it is computed after the record left the worker (control/community_id.h). So the metric has no state,
// and a packet costs nothing.
#pragma once

#include "dataplane/metric/metric.h"

namespace weir {

struct Ids {
  static constexpr std::string_view kName = "ids";
  static constexpr std::string_view kMeaning = "Community ID, by which Zeek, Suricata and others name the same flow";
  static constexpr std::uint32_t kSections = kSectionBit<IdsSection>;

  struct State {};
  struct Slot {};

  static bool applies(std::uint8_t /*protocol*/) { return true; }
  static Verdict update(State& /*state*/, Slot& /*slot*/, const MetricInput& /*input*/) { return Verdict::goes_on; }
  static std::uint32_t sections(const State& /*state*/, const Slot& /*slot*/) { return kSections; }
  static void finish(const State& /*state*/, const Slot& /*slot*/, const MetricOutput& /*output*/) {}
};

}  // namespace weir
