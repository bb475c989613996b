// ChangingParts: what every running probe has that may change while it runs, whatever it takes: its settings, its
// exporters, the files of prefixes and interfaces, and what its workers go by. The probes differ in where their packets
// or records come from; how they change, and how files are read again, is here (changing_parts_change.cc).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/monitor_blocks.h"
#include "control/config/settings.h"
#include "control/enrich/interface_store.h"
#include "control/export/export_context.h"
#include "control/export/export_hub.h"
#include "control/prefix_options.h"
#include "control/probe/changeable.h"
#include "control/probe/flow_swap.h"
#include "control/probe/moment.h"
#include "control/probe/probe_view.h"
#include "control/probe/supervision.h"
#include "control/probe/worker_controls.h"
#include "control/record_drain.h"
#include "dataplane/flow/adaptive_rate.h"

namespace weir {

class ChangingParts final : public Changeable {
 public:
  /// What differs between probes.
  struct Kind {
    /// The interfaces that packets come from, as the system calls them.
    std::function<std::vector<InterfaceName>()> interfaces;
    /// Of the text of a filter, which was compiled before. Error: one line. Not called without workers.
    std::function<tl::expected<std::shared_ptr<const FlowFilter>, std::string>(const std::string&)> make_filter;
    std::vector<unsigned> cores;  ///< control's, then one per worker; empty: no thread keeps off any
  };
  /// `view` shows what runs; it outlives this.
  ChangingParts(const Settings& settings, ProbeView& view, Kind kind);
  ChangingParts(const ChangingParts&) = delete;
  ChangingParts& operator=(const ChangingParts&) = delete;
  ~ChangingParts() override = default;

  /// Opens the exporters, which change no file yet, and reads the files of prefixes and interfaces. Error: one line.
  tl::expected<void, std::string> open();
  /// What runs: from now on it may be changed. Both outlive this. `controls`: nullptr without workers. The workers do
  /// not poll yet.
  void attach(RecordDrain& drain, WorkerControls* controls);

  [[nodiscard]] ExportHub& hub() { return *hub_; }
  /// What exporters are told now and then.
  [[nodiscard]] ProbeFacts& facts() { return *facts_; }
  /// Of a start, before anything changes.
  [[nodiscard]] const std::vector<MonitorPlan>& plans() const { return plans_; }
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] PrefixStore* prefixes_of(unsigned monitor) const { return prefixes_.of_monitor[monitor]; }
  [[nodiscard]] InterfaceStore* interfaces() const { return interfaces_.get(); }
  /// nullptr without --prefixes.
  [[nodiscard]] const PrefixStore* first_prefixes() const {
    return settings_.prefix_files.empty() ? nullptr : prefixes_.all.front().get();
  }

  /// Says to the exporters, and to what names interfaces in records, what the interfaces are called.
  void tell_interfaces();
  /// Logs what reloads of the prefix files have come to.
  void tell_news() const { tell_prefix_news(prefixes_); }
  /// Once a second: what reloads have read, and what a change has left to do.
  void look_after();
  /// The same, with what was counted: facts for the exporters, and the rate of --sample rate.
  void look_at(const Moment& moment);
  /// SIGHUP: files are opened again.
  void reopen();

  tl::expected<std::vector<std::string>, std::string> change(const Settings& next, const v1::Config& effective,
                                                             bool dry_run) override;
  tl::expected<void, std::string> pause(const std::string& exporter, bool on) override;

 private:
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
  [[nodiscard]] ExportContext export_context(const Settings& settings, const std::vector<MonitorPlan>& plans) const;
  tl::expected<Prepared, std::string> prepare(const Settings& next, bool dry_run);
  tl::expected<void, std::string> prepare_choices(Prepared& made) const;
  tl::expected<void, std::string> prepare_files(Prepared& made, const Settings& next) const;
  tl::expected<void, std::string> prepare_swap(Prepared& made, const Settings& next, bool dry_run);
  tl::expected<void, std::string> prepare_exporters(Prepared& made, const Settings& next, bool dry_run);
  void commit(Prepared prepared, const Settings& next, const v1::Config& effective);
  void commit_workers(Prepared& prepared);
  [[nodiscard]] bool go_on_swapping();
  [[nodiscard]] bool wait_swapped();
  void name_interfaces();
  void offer_as_lookups(std::chrono::milliseconds patience);
  void adapt_sampling(unsigned monitor, const Moment& moment);

  const Kind kind_;
  ProbeView& view_;
  RecordDrain* drain_ = nullptr;
  WorkerControls* controls_ = nullptr;  ///< nullptr: nothing has workers
  std::shared_ptr<ProbeFacts> facts_ = std::make_shared<ProbeFacts>();
  std::unique_ptr<ExportHub> hub_;

  std::mutex mutex_;  ///< a change takes place, or is kept from it; guards what follows
  Settings settings_;
  std::vector<MonitorPlan> plans_;
  PrefixStores prefixes_;
  std::unique_ptr<InterfaceStore> interfaces_;            ///< nullptr: records do not name them
  std::vector<std::shared_ptr<const RouteMap>> as_maps_;  ///< by monitor: what its workers look AS numbers up in
  std::unique_ptr<FlowSwap> swap_;            ///< of the last change, until the flows of before it have ended
  std::vector<AdaptiveRate> sampling_rates_;  ///< by monitor: --sample rate
};

}  // namespace weir
