// Worker: how a monitor's flows are replaced by others, step by step (flow_replacement.h).
#include <algorithm>
#include <utility>

#include "dataplane/worker.h"

namespace weir {

[[gnu::noinline]] void Worker::take_step(Part& part) {
  using Step = FlowReplacement::Step;
  FlowReplacement& replacement = part.replacement;
  const Step step = replacement.claim();
  switch (step) {
    case Step::none:
      return;
    case Step::accept:
      // What it needs of the worker stays: the next generation may need it, too.
      if (!part.payloads.any()) part.payloads = std::move(replacement.parts().payloads);
      if (part.facts.empty()) part.facts = std::move(replacement.parts().facts);
      part.monitor.accept(std::move(replacement.parts().flows));
      break;
    case Step::use:
      part.monitor.use_next();
      break;
    case Step::end:
      part.ending = reads_rings_ = true;
      // What is in this worker's own ring, or in none, is read.
      std::fill(rings_read_.begin(), rings_read_.end(), mesh_ == nullptr);
      rings_read_[options_.number] = true;
      return;  // it is done when they have ended
    case Step::forget:
      replacement.parts().flows = part.monitor.give_back_next();
      break;
  }
  follow_flows();
  replacement.did(step);
}

/// Once a poll, while there are two generations.
[[gnu::noinline]] void Worker::go_on_replacing(Part& part, std::uint64_t now_ns, std::size_t budget) {
  if (part.monitor.next() != nullptr) part.monitor.next()->shard.advance(now_ns, budget);
  if (!part.ending || !part.monitor.end_leaving(now_ns, budget)) return;
  if (!std::all_of(rings_read_.begin(), rings_read_.end(), [](bool read) { return read; })) return;
  part.ending = false;
  reads_rings_ =
      first_.ending || std::any_of(further_.begin(), further_.end(), [](const auto& one) { return one->ending; });
  part.replacement.parts().flows = part.monitor.give_back_leaving();
  follow_flows();
  part.replacement.did(FlowReplacement::Step::end);
}

}  // namespace weir
