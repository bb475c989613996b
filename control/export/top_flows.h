// TopFlows: the flows with the most bytes as a table that fits a screen.
//
// Only the largest are kept, whatever the number of records; all others are one line of sums. The table takes the
// widest layout that the columns of the screen have room for: first the start leaves, then the packets, and where two
// IPv6 addresses do not fit side by side, the destination stands below the source. No address is ever cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/base/counts.h"
#include "proto/record/monitor_names.h"
#include "proto/record/sections.h"

namespace weir {

class TopFlows {
 public:
  /// The table has `lines` lines at most, heading and sums included; it has one flow at least. `monitors`: with a
  /// column for the monitor that made the record; none: without.
  TopFlows(std::size_t columns, std::size_t lines, MonitorNames monitors = {});

  void add(const FlowRecord& record);
  /// The largest first, of equals the one that began first. Empty where there was no record.
  [[nodiscard]] std::string text() const;

 private:
  struct Kept {
    FlowRecord record;
    std::uint64_t number;  ///< of the record, in the order in which they came
  };
  static bool larger(const Kept& a, const Kept& b);

  const std::size_t columns_;
  const std::size_t lines_;
  const MonitorNames monitors_;
  std::vector<Kept> kept_;  ///< a heap, the least at the front
  RecordTotals all_;
};

}  // namespace weir
