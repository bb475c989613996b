// FlowSwap: the flows of some monitors are replaced by others in all workers (dataplane/flow_replacement.h), since
// their key, their metrics, their room or their sampling by rate changed.
//
// make() maps the tables beside those in use and touches them; accept() has the workers ready; so far nothing has
// changed, and a swap that goes no further is undone. After use() there is no way back: it ends when the flows of
// before have. No step waits for a worker that is held up: go_on() does what there is to do, and is to be called until
// over().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "dataplane/flow_replacement.h"
#include "dataplane/metric/metrics.h"
#include "dataplane/worker.h"

namespace weir {

class FlowSwap {
 public:
  /// A monitor, and what its flows are to be; its filter does not matter.
  struct Next {
    unsigned monitor;
    FurtherMonitor settings;
  };
  /// What a monitor's tables are made for.
  struct Table {
    std::uint32_t capacity = 0;  ///< flows of each worker
    Metrics metrics;
    std::uint64_t pool_lines = 0;  ///< of all workers
  };
  /// nullptr: there is no memory. Touches nothing. The workers outlive it.
  static std::unique_ptr<FlowSwap> make(const std::vector<Worker*>& workers, const std::vector<Next>& next);

  FlowSwap(const FlowSwap&) = delete;
  FlowSwap& operator=(const FlowSwap&) = delete;
  ~FlowSwap() = default;

  /// What touch() touches.
  [[nodiscard]] std::size_t octets() const;
  /// By monitor: those that it makes.
  [[nodiscard]] const std::map<unsigned, Table>& tables() const { return tables_; }
  /// Makes all pages exist, each worker's part on the NUMA node of its CPU; `cpus`: by worker.
  void touch(const std::vector<unsigned>& cpus);

  /// Has the workers take what others hand over for the next flows. False: one of them did not within `limit`, and this
  /// is being undone.
  [[nodiscard]] bool accept(std::chrono::nanoseconds limit);
  /// After accept(): instead of use().
  void undo();
  /// After accept(): packets count for the next flows, and those of before end.
  void use();
  /// Does what there is to do. Whether all is done, and what went is freed.
  bool go_on();
  /// go_on() until that is so; false: it is not within `limit`.
  bool go_on_for(std::chrono::nanoseconds limit);

 private:
  /// One monitor of one worker.
  struct Place {
    unsigned worker;
    unsigned monitor;
    FlowReplacement* replacement;
    FlowReplacement::Parts parts;  ///< before accept()
    bool over = false;
  };
  enum class State : std::uint8_t { made, accepting, undoing, using_next, ending };

  FlowSwap() = default;
  [[nodiscard]] bool all_done(FlowReplacement::Step step) const;
  void ask_all(FlowReplacement::Step step);

  std::vector<Place> places_;
  std::map<unsigned, Table> tables_;
  State state_ = State::made;
};

}  // namespace weir
