// What the metrics of a flow hear and say beside its packets: ICMP errors that quote it, and that it ends here.
#include <algorithm>

#include "dataplane/flow/flow_shard.h"

namespace weir {

bool FlowShard::tell(const IcmpError& error) {
  now_ns_ = std::max(now_ns_, error.quoted.effective_ns);
  const std::uint32_t number = table_.find(error.quoted.key, error.quoted.hash, error.quoted.addition);
  if (number == FlowTable::kNone) return false;
  // Whether the timer of a flow that is over has fired depends on the wheel's ticks: its record is closed either way.
  const FlowEntry& entry = table_.entry(number);
  if (entry.total_packets() == 0 || rules_.deadline(entry) <= now_ns_) return false;
  if (metrics_.quoted(table_.metric_line(number), table_.metric_slot(number), error, now_ns_) != Verdict::goes_on) {
    end_by_metric(number);
    writer_.publish();
  }
  return true;
}

[[gnu::noinline]] void FlowShard::end_by_metric(std::uint32_t number) {
  (void)emit(number, EndReason::end_of_flow, true);
  wheel_.cancel(number);
  erase(number);
}

/// The record with what the metrics measured was written, or lost.
[[gnu::noinline]] void FlowShard::end_metrics(std::uint32_t number, bool written) {
  for (std::size_t i = 0; written && i < Metrics::kCount; ++i) {
    if ((writer_.sections_written() & Metrics::kInfos[i].sections) != 0) ++counters_.records_with_metric[i];
  }
  metrics_.release(table_.metric_line(number), table_.metric_slot(number), pool_);
}

}  // namespace weir
