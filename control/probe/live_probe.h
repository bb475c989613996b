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
#include <mutex>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/monitor_blocks.h"
#include "control/config/settings.h"
#include "control/export/export_context.h"
#include "control/export/export_hub.h"
#include "control/prefix_options.h"
#include "control/probe/change_log.h"
#include "control/probe/changeable.h"
#include "control/probe/flow_swap.h"
#include "control/probe/phase.h"
#include "control/probe/probe_view.h"
#include "control/probe/reconfiguration.h"
#include "control/probe/signals.h"
#include "control/probe/worker_set.h"
#include "control/record_drain.h"
#include "control/record_tap.h"
#include "control/reject_file.h"
#include "control/reject_saver.h"
#include "dataplane/dpdk/runtime.h"
#include "dataplane/flow/adaptive_rate.h"

namespace weir {

class LiveProbe final : private Changeable {
 public:
  /// `view` shows what runs, `tap` its records, and `changes` changes it; they outlive this.
  LiveProbe(const Settings& settings, ProbeView& view, const ProbeSignals& signals, RecordTap& tap,
            Reconfiguration& changes);
  LiveProbe(const LiveProbe&) = delete;
  LiveProbe& operator=(const LiveProbe&) = delete;
  ~LiveProbe() override;

  /// `cores`: control's, then one per worker. Error: one line. A signal to stop is heard meanwhile: then no packet was
  /// received, and run() returns at once.
  tl::expected<void, std::string> start(const std::vector<unsigned>& cores);
  /// Looks after the running probe until a signal comes, weirctl asks for the stop, or --duration is over; and drains
  /// it meanwhile where weirctl asks for that.
  void run();
  /// Stops everything, reports the ledger. Returns the exit code.
  int stop();

 private:
  // live_changes.cc: from the thread of the control service, or with SIGHUP from this one's.
  tl::expected<std::vector<std::string>, std::string> change(const Settings& next, const v1::Config& effective,
                                                             bool dry_run) override;
  tl::expected<void, std::string> pause(const std::string& exporter, bool on) override;
  /// What a change needs, made beside what runs.
  struct Prepared {
    std::vector<MonitorPlan> plans;
    std::vector<std::optional<PacketChoice>> choices;  ///< by monitor; nothing: as it is
    std::unique_ptr<FlowSwap> swap;                    ///< nullptr: no monitor's flows are replaced
    std::optional<PrefixStores> prefixes;              ///< likewise
    bool other_interfaces = false;
    std::unique_ptr<InterfaceStore> interfaces;
    std::optional<ExportChange> exporters;
  };
  tl::expected<Prepared, std::string> prepare(const Settings& next, bool dry_run);
  tl::expected<std::unique_ptr<FlowSwap>, std::string> prepare_swap(const Settings& next,
                                                                    const std::vector<MonitorPlan>& plans,
                                                                    bool dry_run);
  bool go_on_swapping();  ///< holds mutex_
  bool wait_swapped();
  void commit(Prepared prepared, const Settings& next, const v1::Config& effective);
  [[nodiscard]] ExportContext export_context(const Settings& settings, const std::vector<MonitorPlan>& plans) const;

  tl::expected<void, std::string> open_exporters(const std::vector<unsigned>& cores);
  tl::expected<void, std::string> read_interfaces();
  void tell_interfaces();
  tl::expected<void, std::string> read_prefixes(const std::vector<unsigned>& cores);
  tl::expected<void, std::string> start_ports(const std::vector<unsigned>& cores);
  tl::expected<void, std::string> start_workers();
  void touch_memory();
  void log_start() const;
  void log_rss() const;
  void look_after();
  void adapt_sampling(unsigned monitor, const Moment& moment);
  void reopen();
  void offer_as_lookups(std::chrono::milliseconds patience);
  bool empty(Phase phase);
  int report();
  void report_rejects(v1::Ledger& ledger, int& code);

  std::mutex mutex_;  ///< a change takes place, or is kept from it; guards settings_, plans_ and what is swapped
  Settings settings_;
  std::vector<MonitorPlan> plans_;
  std::vector<unsigned> cores_;
  ProbeView& view_;
  const ProbeSignals& signals_;
  Reconfiguration& reconfiguration_;
  const bool terminal_;
  RecordTap& tap_;
  std::chrono::steady_clock::time_point began_;  ///< run()
  bool stopped_at_start_ = false;
  bool emptied_ = false;  ///< no packet is received any more, and all records are out
  std::shared_ptr<ProbeFacts> facts_ = std::make_shared<ProbeFacts>();
  std::unique_ptr<ExportHub> hub_;
  std::unique_ptr<RejectFile> rejects_;
  std::unique_ptr<dpdk::Runtime> runtime_;
  std::unique_ptr<WorkerSet> workers_;
  PrefixStores prefixes_;
  std::unique_ptr<InterfaceStore> interfaces_;            ///< nullptr: records do not name them
  std::vector<std::shared_ptr<const RouteMap>> as_maps_;  ///< by monitor: what its workers look AS numbers up in
  std::unique_ptr<FlowSwap> swap_;  ///< of the last change, until the flows of before it have ended
  std::unique_ptr<RecordDrain> drain_;
  std::unique_ptr<RejectSaver> reject_saver_;
  ChangeLog changes_;
  std::vector<AdaptiveRate> sampling_rates_;  ///< by monitor: --sample rate
};

}  // namespace weir
