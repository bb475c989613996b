// A metric that measures nothing: it ends a TCP flow at a segment with URG, so that tests see how a metric ends flows.
#pragma once

#include "dataplane/metric/metric.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"

namespace weir {

struct EndsOnUrgent {
  static constexpr std::string_view kName = "ends_on_urgent";
  static constexpr std::string_view kMeaning = "ends a flow at a segment with URG";
  static constexpr std::uint32_t kSections = 0;

  struct State {};
  struct Slot {};

  static bool applies(std::uint8_t protocol) { return protocol == kProtocolTcp; }
  static Verdict update(State& /*state*/, Slot& /*slot*/, const MetricInput& input) {
    return (input.packet.tcp_flags & kTcpUrg) != 0 ? Verdict::ends : Verdict::goes_on;
  }
  static std::uint32_t sections(const State& /*state*/, const Slot& /*slot*/) { return 0; }
  static void finish(const State& /*state*/, const Slot& /*slot*/, const MetricOutput& /*output*/) {}
};

}  // namespace weir
