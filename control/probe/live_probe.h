// LiveProbe: the order in which the parts of a running probe start and stop.
//
// Start: exporters (opened and not yet emptied), EAL and ports, drain, workers with their memory; then the exporters
// begin, and files lose their old content; then packets are received. A start that fails has changed no file. Stop:
// workers stop receiving, take over what others still had for them, export every flow; the drain empties the rings; the
// exporters are flushed; the ledger is made of counters that rest. What it does at each step is in phase(), so that the
// services, which start before it, can tell.
//
// Threads: one per worker, pinned by the EAL; the caller's, the drain, the exporters and the services share the control
// core (or, where no core list is given, every CPU that is no worker's).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/monitor_blocks.h"
#include "control/config/settings.h"
#include "control/probe/change_log.h"
#include "control/probe/changing_parts.h"
#include "control/probe/phase.h"
#include "control/probe/probe_view.h"
#include "control/probe/reconfiguration.h"
#include "control/probe/signals.h"
#include "control/probe/supervision.h"
#include "control/probe/worker_set.h"
#include "control/record_drain.h"
#include "control/record_tap.h"
#include "control/reject_file.h"
#include "control/reject_saver.h"
#include "dataplane/dpdk/runtime.h"

namespace weir {

class LiveProbe {
 public:
  /// `view` shows what runs, `tap` its records, and `changes` changes it; they outlive this.
  LiveProbe(const Settings& settings, ProbeView& view, const ProbeSignals& signals, RecordTap& tap,
            Reconfiguration& changes);
  LiveProbe(const LiveProbe&) = delete;
  LiveProbe& operator=(const LiveProbe&) = delete;
  ~LiveProbe();

  /// `cores`: control's, then one per worker. Error: one line. A signal to stop is heard meanwhile: then no packet was
  /// received, and run() returns at once.
  tl::expected<void, std::string> start(const std::vector<unsigned>& cores,
                                        const BeforeReceiving& before_receiving = {});
  /// Looks after the running probe until a signal comes, weirctl asks for the stop, or --duration is over; and drains
  /// it meanwhile where weirctl asks for that.
  void run();
  /// Stops everything, reports the ledger. Returns the exit code.
  int stop();

 private:
  tl::expected<void, std::string> open_rejects(const std::vector<unsigned>& cores);
  tl::expected<void, std::string> start_ports(const std::vector<unsigned>& cores);
  tl::expected<void, std::string> start_workers();
  void touch_memory();
  void log_start() const;
  void log_rss() const;
  void look_after();
  bool empty(Phase phase);
  int report();
  void report_rejects(v1::Ledger& ledger, int& code);

  const Settings settings_;               ///< of the start: what is asked for here does not change
  const std::vector<MonitorPlan> plans_;  ///< likewise
  ProbeView& view_;
  const ProbeSignals& signals_;
  Reconfiguration& reconfiguration_;
  const bool terminal_;
  RecordTap& tap_;
  std::chrono::steady_clock::time_point began_;  ///< run()
  bool stopped_at_start_ = false;
  bool emptied_ = false;  ///< no packet is received any more, and all records are out
  std::unique_ptr<ChangingParts> parts_;
  std::unique_ptr<RejectFile> rejects_;
  std::unique_ptr<dpdk::Runtime> runtime_;
  std::unique_ptr<WorkerSet> workers_;
  std::unique_ptr<RecordDrain> drain_;
  std::unique_ptr<RejectSaver> reject_saver_;
  ChangeLog changes_;
};

}  // namespace weir
