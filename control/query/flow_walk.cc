#include "control/query/flow_walk.h"

#include <algorithm>
#include <thread>

namespace weir {
namespace {

constexpr std::chrono::microseconds kStep{50};  ///< between two looks while no page came back

/// How far the walk over one worker's flows is.
enum class Stage : std::uint8_t {
  late,     ///< the page is still out for somebody who gave up waiting
  waiting,  ///< the page is out for this walk
  done,
};

}  // namespace

WalkEnd walk_flows(std::span<const FlowPart> parts, const WalkOptions& options,
                   const std::function<void(unsigned worker, const FlowPage& page)>& visit, const GivenUp& given_up) {
  WalkEnd end;
  std::vector<Stage> stages(parts.size(), Stage::late);
  const auto step = [&](unsigned worker) {
    QuerySlot& slot = *parts[worker].slot;
    Stage& stage = stages[worker];
    if (parts[worker].at_rest->load(std::memory_order_acquire)) {
      stage = Stage::done;
      return true;
    }
    if (!slot.answered()) return false;
    if (stage == Stage::late) {
      slot.ask({options.begin, options.end, options.with_metrics});
      stage = Stage::waiting;
      return true;
    }
    const FlowPage& page = slot.page();
    if (page.complete()) {
      stage = Stage::done;
    } else {
      slot.ask(page.rest());  // the worker fills the other page while this one is looked at
    }
    end.flows += page.size();
    if (page.size() != 0) visit(worker, page);
    return true;
  };
  for (;;) {
    bool any_step = false;
    bool all_done = true;
    for (unsigned worker = 0; worker < parts.size(); ++worker) {
      if (stages[worker] == Stage::done) continue;
      any_step = step(worker) || any_step;
      all_done = all_done && stages[worker] == Stage::done;
    }
    if (all_done) return end;
    end.given_up = given_up();
    if (end.given_up || std::chrono::steady_clock::now() >= options.deadline) break;
    if (!any_step) std::this_thread::sleep_for(kStep);
  }
  for (unsigned worker = 0; worker < parts.size(); ++worker) {
    if (stages[worker] != Stage::done) end.missing.push_back(worker);
  }
  return end;
}

}  // namespace weir
