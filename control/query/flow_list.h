// FlowList: one page of the live flows in an order of the asker's choice: only what the page may need is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "control/query/record_filter.h"
#include "proto/record/sections.h"

namespace weir {

/// `age` and `idle`: the oldest, and the least recently active first.
enum class FlowSort : std::uint8_t { bytes, packets, rate, age, idle };

class FlowList {
 public:
  struct Flow {
    OwnedRecord record;
    std::uint32_t entry = 0;  ///< of the worker's table
    unsigned worker = 0;
    std::uint64_t age_ns = 0;
    std::uint64_t idle_ns = 0;
    double bits_per_second = 0;
  };

  /// The flows from place `offset` on, `limit` of them. Records without the sections of metrics.
  FlowList(std::size_t offset, std::size_t limit, FlowSort sort, RecordFilter filter);

  /// Offers a flow. It counts if the filter keeps a direction that has packets.
  void add(RecordView record, std::uint32_t entry, unsigned worker, std::uint64_t now_ns);

  /// Flows that the filter kept.
  [[nodiscard]] std::uint64_t matched() const { return matched_; }
  /// The page; of equals the lower worker and entry first.
  [[nodiscard]] std::vector<Flow> page() const;

 private:
  /// Base and the sections that no metric makes (tunnel, label, SPI, egress), which a copy without metrics has.
  static constexpr std::size_t kLines = 6;
  struct Kept {
    double rank;  ///< the greater comes first
    unsigned worker;
    std::uint32_t entry;
    std::uint64_t now_ns;
    std::uint64_t lines[kLines * kRecordLineOctets / sizeof(std::uint64_t)];
  };
  static_assert(kLines >= record_lines(kSectionBit<TunnelSection> | kSectionBit<LabelSection> |
                                       kSectionBit<EspSection> | kSectionBit<EgressSection>));
  static bool before(const Kept& a, const Kept& b);
  [[nodiscard]] double rank_of(const FlowRecord& record, std::uint64_t now_ns) const;

  const std::size_t offset_;
  const std::size_t most_;
  const FlowSort sort_;
  RecordFilter filter_;
  std::vector<Kept> kept_;  ///< a heap, the last one at the front
  std::uint64_t matched_ = 0;
};

/// A flow with what the moment makes of it.
[[nodiscard]] FlowList::Flow live_flow(RecordView record, std::uint32_t entry, unsigned worker, std::uint64_t now_ns);

}  // namespace weir
