// RecordProbe: `weir run` with records in place of packets: no EAL, no ports, no workers.
//
// Start: exporters are opened, the socket is made, the drain and the accounter start; then the exporters begin, and
// records are received. Stop: what has come is read, the accounter is emptied, the exporters are flushed; the ledger is
// made of counters that rest. Threads: the receiver's, the drain's, the exporters'.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "control/config/settings.h"
#include "control/probe/change_log.h"
#include "control/probe/changing_parts.h"
#include "control/probe/phase.h"
#include "control/probe/probe_view.h"
#include "control/probe/reconfiguration.h"
#include "control/probe/record_receiver.h"
#include "control/probe/signals.h"
#include "control/probe/supervision.h"
#include "control/record_drain.h"
#include "control/record_tap.h"

namespace weir {

class RecordProbe {
 public:
  /// `view` shows what runs, `tap` its records, and `changes` changes it; they outlive this.
  RecordProbe(const Settings& settings, ProbeView& view, const ProbeSignals& signals, RecordTap& tap,
              Reconfiguration& changes);
  RecordProbe(const RecordProbe&) = delete;
  RecordProbe& operator=(const RecordProbe&) = delete;
  ~RecordProbe();

  /// Error: one line; then no file was changed.
  tl::expected<void, std::string> start(const BeforeReceiving& before_receiving = {});
  /// As LiveProbe::run().
  void run();
  /// Stops everything, reports the ledger. Returns the exit code.
  int stop();

 private:
  void look_after();
  bool empty(Phase phase);
  int report();

  const Settings& settings_;
  ProbeView& view_;
  const ProbeSignals& signals_;
  RecordTap& tap_;
  Reconfiguration& reconfiguration_;
  bool emptied_ = false;  ///< no record is received any more, and all are out
  ChangingParts parts_;
  std::unique_ptr<RecordReceiver> receiver_;
  std::unique_ptr<RecordDrain> drain_;
  ChangeLog changes_;
};

}  // namespace weir
