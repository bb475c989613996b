// QuerySlot: another thread asks a worker for its live flows, and the worker copies them, so many a poll.
//
// The control side owns two pages. It lends one with a range of entry numbers, and gets it back when it is full or the
// range is done; then it lends the other one for the rest, and reads the first meanwhile. The worker keeps nothing of a
// question: what is left of the range is in the page. It never waits; where nobody asks, it spends one load and a
// branch per poll. Who asks and gets no answer in time lets the page be: it comes back when the worker polls again, and
// is then lent anew.
//
// A walk over all entries sees each flow that lives throughout it once. A flow that ends meanwhile is seen or not; one
// that is opened anew in another entry may be seen in both, with the counters of each: no packet is counted twice.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/query/flow_page.h"

namespace weir {

class FlowShard;

class QuerySlot {
 public:
  /// Asker: whether the page is back, or was never lent.
  [[nodiscard]] bool answered() const { return !lent_.load(std::memory_order_acquire); }
  /// Asker, once answered(): asks for these flows.
  void ask(const FlowRange& range);
  /// Asker, once answered() after an ask(): the page. It stays as it is until the second ask() from now.
  [[nodiscard]] const FlowPage& page() const { return *page_; }

  /// Worker: whether somebody waits.
  [[nodiscard]] bool asked() const { return lent_.load(std::memory_order_relaxed); }
  /// Worker, once per poll: looks at `most` entries of `shard` for who asks.
  void answer(const FlowShard& shard, std::uint32_t most) {
    if (!lent_.load(std::memory_order_acquire)) [[likely]]
      return;
    fill(shard, most);
  }

 private:
  /// Entries that are asked for before the poll that looks at them.
  static constexpr std::uint32_t kReadAhead = 8;

  void fill(const FlowShard& shard, std::uint32_t most);

  alignas(64) std::atomic<bool> lent_{false};       ///< written by who has the page: it goes to the other one
  FlowPage* page_ = nullptr;                        ///< the one that was lent last; written by the asker
  std::array<std::unique_ptr<FlowPage>, 2> pages_;  ///< the asker's; each made when it is first lent; 544 KiB
};

}  // namespace weir
