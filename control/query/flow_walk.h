// walk_flows(): all live flows of one monitor, page by page, from all workers.
//
// Every worker fills a page of its own (dataplane/query/query_slot.h) while the others' are looked at. No worker is
// waited for longer than the others need or the deadline allows: who is late is named, and what it gave until then
// counts. A worker whose loop is over has reported all its flows, so it has none.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "dataplane/query/query_slot.h"

namespace weir {

/// Where a worker's part of the monitor is asked.
struct FlowPart {
  QuerySlot* slot = nullptr;
  const std::atomic<bool>* at_rest = nullptr;  ///< the worker's loop is over
};

/// Asked now and then: whether nobody waits for the answer any more.
using GivenUp = std::function<bool()>;

struct WalkEnd {
  std::uint64_t flows = 0;        ///< that were visited
  std::vector<unsigned> missing;  ///< workers that had not given all when the time was over
  bool given_up = false;
};

struct WalkOptions {
  bool with_metrics = false;
  std::chrono::steady_clock::time_point deadline;
  std::uint32_t begin = 0;  ///< entries of each worker, from here
  std::uint32_t end = ~std::uint32_t{0};
};

/// Calls visit(worker, page) for each page that has a flow, from this thread. One walk over a slot at a time.
WalkEnd walk_flows(std::span<const FlowPart> parts, const WalkOptions& options,
                   const std::function<void(unsigned worker, const FlowPage& page)>& visit, const GivenUp& given_up);

}  // namespace weir
