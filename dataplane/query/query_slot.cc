#include "dataplane/query/query_slot.h"

#include <algorithm>
#include <span>

#include "dataplane/flow/flow_shard.h"

namespace weir {

void QuerySlot::ask(const FlowRange& range) {
  std::unique_ptr<FlowPage>& page = pages_[page_ == pages_[0].get() ? 1 : 0];
  if (page == nullptr) page = std::make_unique<FlowPage>();
  page->begin(range);
  page_ = page.get();
  lent_.store(true, std::memory_order_release);
}

// Not inlined: nothing of it is to be in the loop of a worker that nobody asks.
[[gnu::noinline]] void QuerySlot::fill(const FlowShard& shard, std::uint32_t most) {
  FlowPage& page = *page_;
  FlowRange& range = page.range_;
  const FlowTable& table = shard.table();
  const std::uint32_t end = std::min(range.end, table.used_limit());
  bool full = false;
  for (; most != 0 && range.begin < end && !full; --most) {
    const std::uint32_t number = range.begin;
    if (shard.holds_flow(number)) {
      const unsigned lines =
          shard.copy_flow(number, range.with_metrics, std::span(page.lines_).subspan(page.lines_used_));
      if (lines == 0) {
        full = true;
        break;
      }
      page.line_at_[page.count_] = page.lines_used_;
      page.entries_[page.count_] = number;
      page.lines_used_ += lines;
      full = ++page.count_ == FlowPage::kMostFlows;
    }
    ++range.begin;
  }
  page.complete_ = range.begin >= end;
  if (page.complete_ || full) {
    page.now_ns_ = shard.now_ns();
    lent_.store(false, std::memory_order_release);
    return;
  }
  // The next poll finds these in the cache.
  for (std::uint32_t number = range.begin; number < std::min(end, range.begin + kReadAhead); ++number) {
    table.prefetch_entry(number);
    table.prefetch_cold(number);
    if (range.with_metrics) table.prefetch_metrics(number);
  }
}

}  // namespace weir
