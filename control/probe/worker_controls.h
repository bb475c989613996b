// WorkerControls: what control tells workers while they poll, whoever runs them: when flows end, which packets count,
// where AS numbers are looked up, and by what their flows are replaced.
//
// Every worker takes it between two polls (dataplane/mailbox.h). Who tells waits at most as long as it says; a worker
// that is held up takes it when it polls again.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/monitor_blocks.h"
#include "control/config/settings.h"
#include "control/probe/flow_swap.h"
#include "dataplane/flow/as_lookup.h"
#include "dataplane/flow/key_hash.h"
#include "dataplane/worker.h"

namespace weir {

class WorkerControls {
 public:
  struct Workers {
    std::vector<Worker*> all;    ///< outlive this
    std::vector<unsigned> cpus;  ///< where each one runs
    KeyHash::Seed sampling_seed{};
    bool hands_over = false;    ///< they have rings for packets of one another
    bool tells_errors = false;  ///< they have rings for ICMP errors
  };
  explicit WorkerControls(Workers workers);
  WorkerControls(const WorkerControls&) = delete;
  WorkerControls& operator=(const WorkerControls&) = delete;

  /// When a monitor's flows end, and which packets it takes, from now on.
  void set_timeouts(unsigned monitor, const FlowTimeouts& timeouts, std::chrono::milliseconds patience);
  void set_choice(unsigned monitor, PacketChoice choice, std::chrono::milliseconds patience);
  /// By --sample rate: every packet that is taken from now on stands for 2^level.
  void set_sampling_level(unsigned monitor, unsigned level, std::chrono::milliseconds patience);
  /// Where the AS numbers of a monitor's keys are looked up from now on. The lookup before it lives until all workers
  /// go by this one.
  void set_as_lookup(unsigned monitor, const AsLookup& lookup, std::chrono::milliseconds patience);

  /// Makes and touches what takes the place of the flows of these monitors, whose plans are in `next`, of all monitors;
  /// `only_look`: touches nothing. Error: one line, that says what there is no room for, or that the rings between
  /// workers are not there, which are made at the start.
  [[nodiscard]] tl::expected<std::unique_ptr<FlowSwap>, std::string> make_swap(const Settings& settings,
                                                                               std::vector<MonitorPlan> next,
                                                                               const std::vector<unsigned>& monitors,
                                                                               bool only_look);
  /// `swap` is being used: tables() says what it makes.
  void follow(const FlowSwap& swap);
  /// By monitor.
  [[nodiscard]] std::vector<FlowSwap::Table> tables() const;

 private:
  template <typename T, typename SlotOf>
  void tell(const T& value, std::chrono::milliseconds patience, SlotOf&& slot_of);

  const Workers workers_;
  mutable std::mutex mutex_;
  std::vector<FlowSwap::Table> tables_;  ///< guarded by it
};

}  // namespace weir
