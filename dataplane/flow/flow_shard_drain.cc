// What concerns all flows at once: that every one of them ends, and what the table holds.
#include <algorithm>

#include "dataplane/flow/flow_shard.h"

namespace weir {

void FlowShard::drain(std::uint64_t now_ns) {
  now_ns_ = std::max(now_ns_, now_ns);
  writer_.set_ring_full(RingFull::wait);
  // Walk the entries in memory order and clear the index and the wheel as a whole: removing flows one by one would cost
  // two cache misses each and shrink the index step by step to no purpose.
  for (std::uint32_t number = 0; number < table_.used_limit(); ++number) {
    const FlowEntry& entry = table_.entry(number);
    if (entry.free() || entry.total_packets() == 0) continue;
    const bool over = rules_.deadline(entry) <= now_ns_;
    (void)emit(number, over ? rules_.timeout_reason(entry) : EndReason::forced_end, true);
  }
  for (std::uint32_t number = 0; sampled_flows_ != 0 && number < table_.used_limit(); ++number) set_level(number, 0);
  for (std::uint32_t number = 0; packet_levels_.on() && number < table_.used_limit(); ++number) {
    packet_levels_.forget(number);
  }
  writer_.publish();
  table_.clear();
  wheel_.clear();
  pool_.clear();
  review_at_ = kReviewed;
}

bool FlowShard::end_some(std::uint64_t now_ns, std::size_t budget) {
  // Free entries that are passed over for each flow that may end: their lines come one after the other, and are cheap.
  constexpr std::size_t kFree = 8;
  now_ns_ = std::max(now_ns_, now_ns);
  if (table_.size() == 0) return true;
  if (end_at_ >= table_.used_limit()) end_at_ = 0;  // what was counted meanwhile may have a lower entry
  const auto end = static_cast<std::uint32_t>(std::min<std::uint64_t>(table_.used_limit(), end_at_ + kFree * budget));
  std::size_t flows = 0;
  for (std::uint32_t number = end_at_; number < end && flows != budget; ++number) {
    if (table_.entry(number).free()) continue;
    ++flows;
    table_.prefetch_cold(number);
    table_.prefetch_bucket_of(number);
    table_.prefetch_metrics(number);
  }
  for (; end_at_ < end; ++end_at_) {
    const FlowEntry& entry = table_.entry(end_at_);
    if (entry.free()) continue;
    if (flows-- == 0) break;
    const bool over = rules_.deadline(entry) <= now_ns_;
    if (entry.total_packets() != 0 &&
        !emit(end_at_, over ? rules_.timeout_reason(entry) : EndReason::forced_end, false)) {
      ++counters_.late_expiries;
      break;
    }
    wheel_.cancel(end_at_);
    erase(end_at_);
  }
  writer_.publish();
  return table_.size() == 0;
}

void FlowShard::end_epoch(std::uint64_t now_ns) {
  drain(now_ns);
  now_ns_ = 0;
  started_ = false;
}

RecordTotals FlowShard::recount() const {
  RecordTotals total;
  for (std::uint32_t number = 0; number < table_.used_limit(); ++number) {
    const FlowEntry& entry = table_.entry(number);
    if (entry.free() || entry.total_packets() == 0) continue;
    total += {1, entry.total_packets(), entry.total_octets()};
  }
  return total;
}

}  // namespace weir
