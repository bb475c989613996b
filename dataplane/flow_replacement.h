// FlowReplacement: how a monitor's flows are replaced by another generation (flow_generation.h) while packets come,
// with no worker waiting for another one, and no packet lost or counted twice.
//
// The control side makes the next generation for every worker, and asks for each step when all workers have done the
// one before:
//
//   accept   what others hand over for the next generation counts there; own packets count as before
//   use      own packets count for the next generation; what was on its way to the one before counts there
//   end      the flows of the one before end, so many a poll (end reason 4, where no timeout was over). Once the last
//            one has, and what others had handed over before they used the next one, it is given back
//   forget   after accept, in place of use: the next one is given back, for which no packet has counted
//
// Until a worker is asked to use it, all can be undone. A step is asked for and answered like any mail (mailbox.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/flow_generation.h"
#include "dataplane/packet/packet_facts.h"
#include "dataplane/packet/payload.h"

namespace weir {

class FlowReplacement {
 public:
  enum class Step : std::uint8_t { none, accept, use, end, forget };

  /// What a generation needs of a worker, besides itself.
  struct Parts {
    std::unique_ptr<FlowGeneration> flows;
    PayloadBuffer payloads;          ///< no memory where no metric wants payload
    std::vector<PacketFacts> facts;  ///< empty where no metric is on
  };

  /// Control: begins, and asks for accept. The last replacement has ended.
  void begin(Parts next) {
    parts_ = std::move(next);
    ask(Step::accept);
  }
  /// Control: after done() with the step before.
  void ask(Step step) {
    done_.store(Step::none, std::memory_order_relaxed);
    asked_.store(step, std::memory_order_release);
  }
  [[nodiscard]] bool done(Step step) const { return done_.load(std::memory_order_acquire) == step; }
  /// Control: takes the last request back. False: the worker is at it, or has done it.
  [[nodiscard]] bool withdraw() { return asked_.exchange(Step::none, std::memory_order_acquire) != Step::none; }
  /// Control, where the worker has given it back, or never took it: what there is to free.
  [[nodiscard]] Parts take_back() { return std::move(parts_); }

  /// Worker, once per poll: whether claim() would find a request now.
  [[nodiscard]] bool asked() const { return asked_.load(std::memory_order_relaxed) != Step::none; }
  /// Worker: none, if the request was withdrawn in between.
  [[nodiscard]] Step claim() { return asked_.exchange(Step::none, std::memory_order_acquire); }
  /// Worker, between claim() and did().
  Parts& parts() { return parts_; }
  void did(Step step) { done_.store(step, std::memory_order_release); }

 private:
  alignas(64) std::atomic<Step> asked_{Step::none};  ///< written by control, and by the worker that takes it
  alignas(64) std::atomic<Step> done_{Step::none};   ///< the last step that was done; written by the worker, and by
                                                     ///< control before it asks
  Parts parts_;                                      ///< the worker's between claim() and did(), else control's
};

}  // namespace weir
