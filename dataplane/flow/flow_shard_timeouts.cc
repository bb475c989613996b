// FlowShard: timeouts and a sampling rate that change while flows are counted.
#include <algorithm>
#include <utility>

#include "dataplane/flow/flow_shard.h"

namespace weir {

void FlowShard::set_timeouts(const FlowTimeouts& timeouts, std::uint64_t now_ns) {
  now_ns_ = std::max(now_ns_, now_ns);
  const FlowTimeouts& old = rules_.timeouts();
  const bool shorter = timeouts.idle_ns < old.idle_ns || timeouts.active_ns < old.active_ns ||
                       timeouts.linger_ns < old.linger_ns || timeouts.tcp_close != old.tcp_close;
  rules_ = FlowRules(timeouts, now_ns_, rules_.cut_ns());
  if (shorter) review_at_ = 0;
}

void FlowShard::set_sampling(const Sampling& sampling, std::uint64_t now_ns) {
  now_ns_ = std::max(now_ns_, now_ns);
  const SamplingRate next{sampling.one_in, sampling.algorithm()};
  if (next == rate_) return;
  old_rate_ = std::exchange(rate_, next);
  old_rate_flows_ = static_cast<std::uint32_t>(counters_.in_table.records);
  rules_ = FlowRules(rules_.timeouts(), rules_.since_ns(), now_ns_);
  if (old_rate_flows_ != 0) review_at_ = 0;
}

/// Schedules the next few entries anew. Entries that begin meanwhile are scheduled by the new timeouts anyway.
[[gnu::noinline]] void FlowShard::review() {
  const std::uint32_t end = std::min(table_.used_limit(), review_at_ + kReviewBudget);
  for (std::uint32_t number = review_at_; number < end; ++number) table_.prefetch_entry(number + kReviewBudget);
  for (; review_at_ < end; ++review_at_) {
    const FlowEntry& entry = table_.entry(review_at_);
    if (entry.free()) continue;
    wheel_.cancel(review_at_);
    schedule(review_at_, rules_.deadline(entry));
  }
  if (review_at_ >= table_.used_limit()) review_at_ = kReviewed;
}

}  // namespace weir
