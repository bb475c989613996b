#include "control/query/flow_list.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "control/query/flow_rate.h"

namespace weir {

FlowList::FlowList(std::size_t offset, std::size_t limit, FlowSort sort, RecordFilter filter)
    : offset_(offset), most_(offset + limit), sort_(sort), filter_(std::move(filter)) {}

bool FlowList::before(const Kept& a, const Kept& b) {
  return std::tuple(-a.rank, a.worker, a.entry) < std::tuple(-b.rank, b.worker, b.entry);
}

// A double holds 53 bits: counters above that are equal in their first 15 digits, which is near enough for an order.
double FlowList::rank_of(const FlowRecord& record, std::uint64_t now_ns) const {
  switch (sort_) {
    case FlowSort::packets:
      return static_cast<double>(record.total_packets());
    case FlowSort::rate:
      return flow_rate_bps(record.total_octets(), flow_age_ns(record, now_ns));
    case FlowSort::age:
      return static_cast<double>(flow_age_ns(record, now_ns));
    case FlowSort::idle:
      return static_cast<double>(flow_idle_ns(record, now_ns));
    case FlowSort::bytes:
      break;
  }
  return static_cast<double>(record.total_octets());
}

void FlowList::add(RecordView record, std::uint32_t entry, unsigned worker, std::uint64_t now_ns) {
  const auto counts = [&](Direction direction) {
    return record->packets[direction] != 0 && filter_.keeps(record, direction);
  };
  if (!counts(kForward) && !counts(kReverse)) return;
  ++matched_;
  Kept one{rank_of(*record, now_ns), worker, entry, now_ns, {}};
  if (kept_.size() == most_) {
    if (!before(one, kept_.front())) return;
    std::pop_heap(kept_.begin(), kept_.end(), before);
    kept_.pop_back();
  }
  std::memcpy(one.lines, record.octets(), std::min(record.size(), sizeof one.lines));
  kept_.push_back(one);
  std::push_heap(kept_.begin(), kept_.end(), before);
}

std::vector<FlowList::Flow> FlowList::page() const {
  std::vector<const Kept*> order;
  order.reserve(kept_.size());
  for (const Kept& one : kept_) order.push_back(&one);
  std::sort(order.begin(), order.end(), [](const Kept* a, const Kept* b) { return before(*a, *b); });
  std::vector<Flow> flows;
  for (std::size_t i = offset_; i < order.size(); ++i) {
    const Kept& one = *order[i];
    flows.push_back(live_flow(*reinterpret_cast<const FlowRecord*>(one.lines), one.entry, one.worker, one.now_ns));
  }
  return flows;
}

FlowList::Flow live_flow(RecordView record, std::uint32_t entry, unsigned worker, std::uint64_t now_ns) {
  const std::uint64_t age_ns = flow_age_ns(*record, now_ns);
  return {OwnedRecord(record),
          entry,
          worker,
          age_ns,
          flow_idle_ns(*record, now_ns),
          flow_rate_bps(record->total_octets(), age_ns)};
}

}  // namespace weir
