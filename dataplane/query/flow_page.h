// FlowPage: copies of a worker's live flows, as records, one after the other: what is lent to a worker, and comes back
// filled (query_slot.h).
//
// Each copy is the record that the flow would leave if it ended at that moment: its counters are those since its last
// report. The copies of a page are made in many polls, so each is of a moment of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/line_ring.h"
#include "proto/record/sections.h"

namespace weir {

/// Which flows are asked for: entries by number, which a flow has for as long as it lives.
struct FlowRange {
  std::uint32_t begin = 0;
  std::uint32_t end = ~std::uint32_t{0};  ///< the table may have fewer
  bool with_metrics = false;              ///< with the sections of metrics, which cost more to copy
};

class FlowPage {
 public:
  /// Flows of a page at most; fewer, where they have long sections.
  static constexpr std::uint32_t kMostFlows = 4096;
  /// Room for as many flows without sections: 512 KiB.
  static constexpr std::size_t kLines = std::size_t{kMostFlows} * (sizeof(FlowRecord) / kRecordLineOctets);
  static_assert(kLines >= kMostRecordLines, "a record of any length fits into an empty page");

  FlowPage() : lines_(kLines) {}

  /// Makes it empty, for these flows.
  void begin(const FlowRange& range) {
    range_ = range;
    count_ = 0;
    lines_used_ = 0;
    complete_ = false;
  }

  [[nodiscard]] std::uint32_t size() const { return count_; }
  [[nodiscard]] RecordView record(std::uint32_t index) const {
    return *reinterpret_cast<const FlowRecord*>(&lines_[line_at_[index]]);
  }
  /// The number of its entry.
  [[nodiscard]] std::uint32_t entry(std::uint32_t index) const { return entries_[index]; }
  /// What is left of the range that was asked for.
  [[nodiscard]] const FlowRange& rest() const { return range_; }
  /// Nothing is left.
  [[nodiscard]] bool complete() const { return complete_; }
  /// The worker's effective time when it gave the page back.
  [[nodiscard]] std::uint64_t now_ns() const { return now_ns_; }

 private:
  friend class QuerySlot;

  FlowRange range_;
  std::uint32_t count_ = 0;
  std::uint32_t lines_used_ = 0;
  bool complete_ = false;
  std::uint64_t now_ns_ = 0;
  std::array<std::uint32_t, kMostFlows> line_at_{};
  std::array<std::uint32_t, kMostFlows> entries_{};
  std::vector<RingLine> lines_;
};

}  // namespace weir
