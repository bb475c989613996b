// One direction of a biflow as a record of its own.
#pragma once

#include <algorithm>
#include <utility>

#include "proto/record/flow_record.h"

namespace weir {

/// The direction `way` of `record`, source and destination as its sender sees them.
inline FlowRecord one_way(const FlowRecord& record, Direction way) {
  FlowRecord result = record;
  if (way == kReverse) {
    std::swap_ranges(std::begin(result.source_address), std::end(result.source_address), result.destination_address);
    std::swap(result.source_port, result.destination_port);
  }
  const auto keep = [way](auto& pair) {
    pair[kForward] = pair[way];
    pair[kReverse] = 0;
  };
  keep(result.first_ns);
  keep(result.last_ns);
  keep(result.packets);
  keep(result.octets);
  keep(result.tcp_flags);
  keep(result.ip_tos);
  keep(result.icmp_type);
  keep(result.icmp_code);
  return result;
}

}  // namespace weir
