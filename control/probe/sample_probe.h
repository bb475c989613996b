// SampleProbe: `weir run` with the packets that the kernel samples (--input psample): no EAL and no ports, one worker.
//
// Start: exporters are opened, the kernel's sampler is joined, the flow table is mapped; then the exporters begin, and
// packets are received. Stop: the worker exports every flow, the drain empties its rings, the exporters are flushed;
// the ledger is made of counters that rest. Threads: the worker's, the drain's, the exporters'.
#pragma once

#include <functional>
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
#include "control/probe/sample_worker.h"
#include "control/probe/signals.h"
#include "control/probe/silence_watch.h"
#include "control/probe/supervision.h"
#include "control/record_drain.h"
#include "control/record_tap.h"
#include "control/reject_file.h"
#include "control/reject_saver.h"

namespace weir {

/// Where a SampleProbe's packets come from.
using OpenSamples = std::function<tl::expected<std::unique_ptr<PsampleSource>, std::string>(const Settings&)>;
/// Of this machine's kernel. Error: one line.
tl::expected<std::unique_ptr<PsampleSource>, std::string> open_kernel_samples(const Settings& settings);

class SampleProbe {
 public:
  /// `view` shows what runs, `tap` its records, and `changes` changes it; they outlive this. `open`: a test takes the
  /// kernel's place.
  SampleProbe(const Settings& settings, ProbeView& view, const ProbeSignals& signals, RecordTap& tap,
              Reconfiguration& changes, OpenSamples open = &open_kernel_samples);
  SampleProbe(const SampleProbe&) = delete;
  SampleProbe& operator=(const SampleProbe&) = delete;
  ~SampleProbe();

  /// Error: one line; then no file was changed.
  tl::expected<void, std::string> start(const BeforeReceiving& before_receiving = {});
  /// As LiveProbe::run().
  void run();
  /// Stops everything, reports the ledger. Returns the exit code.
  int stop();

 private:
  tl::expected<void, std::string> open_rejects();
  tl::expected<void, std::string> start_worker();
  void look_after();
  void look_at_input();
  bool empty(Phase phase);
  int report();

  const Settings& settings_;
  const std::vector<MonitorPlan> plans_;
  ProbeView& view_;
  const ProbeSignals& signals_;
  RecordTap& tap_;
  Reconfiguration& reconfiguration_;
  const OpenSamples open_;
  bool emptied_ = false;  ///< no packet is received any more, and all records are out
  ChangingParts parts_;
  std::unique_ptr<RejectFile> rejects_;
  std::unique_ptr<SampleWorker> worker_;
  std::unique_ptr<RecordDrain> drain_;
  std::unique_ptr<RejectSaver> reject_saver_;
  ChangeLog changes_;
  int told_error_ = 0;  ///< errno of the socket that the log has
  SilenceWatch silence_;
};

}  // namespace weir
