#include "control/probe/quiesce.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir {

Quiesce::Decision Quiesce::look(Time now, const Progress& progress) {
  Decision decision;
  if (progress.drained && progress.queued == 0) {
    decision.over = true;
    decision.close_within = std::max(deadline_ - now, last_call_);
    return decision;
  }
  if (!(progress.out == out_)) {
    out_ = progress.out;
    moved_ = now;
  }
  if (now - moved_ > kPatience || now >= deadline_ - last_call_) {
    decision.over = true;
    decision.gives_up = true;
    decision.close_within = last_call_;
    decision.notice = fmt::format(
        "the time to stop is over (--stop-timeout): {} queued records, and all that are not queued yet, are given up",
        progress.queued);
  } else if (!told_ && now - begin_ > kTellAfter) {
    told_ = true;
    decision.notice = fmt::format(
        "waiting for the exporters, {} records queued, for {} s at most (--stop-timeout); a second signal gives them "
        "up",
        progress.queued, std::chrono::ceil<std::chrono::seconds>(deadline_ - now).count());
  }
  return decision;
}

Quiesce::Decision Quiesce::give_up(const Progress& progress) {
  Decision decision;
  decision.over = true;
  decision.gives_up = true;
  decision.notice =
      fmt::format("second signal: {} queued records, and all that are not queued yet, are given up", progress.queued);
  return decision;
}

}  // namespace weir
