// What the moment of the question makes of a live flow: its age, how long it has been idle, its rate.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proto/record/flow_record.h"

namespace weir {

/// Since the first packet that its counters have. 0 where its time is ahead of `now_ns`.
[[nodiscard]] inline std::uint64_t flow_age_ns(const FlowRecord& record, std::uint64_t now_ns) {
  return now_ns - std::min(now_ns, record.start_ns());
}

/// Since its last packet.
[[nodiscard]] inline std::uint64_t flow_idle_ns(const FlowRecord& record, std::uint64_t now_ns) {
  return now_ns - std::min(now_ns, record.end_ns());
}

/// Bits per second: octets over age. An age below a second counts as one, or a flow's first packet would be a rate.
[[nodiscard]] inline double flow_rate_bps(std::uint64_t octets, std::uint64_t age_ns) {
  constexpr double kLeastNs = 1e9;
  return 8e9 * static_cast<double>(octets) / std::max(static_cast<double>(age_ns), kLeastNs);
}

}  // namespace weir
