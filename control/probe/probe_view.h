// ProbeView: what the live probe shows of itself, to the services and to the log, from its first moment to its last.
//
// It gathers values, once per question and once a second, and leaves the arithmetic to pure functions (rates.h,
// status_report.h, ledger_report.h, option_facts.h). Before the workers run, and after, it answers with what the probe
// is doing. All that it shows of packets is of one moment (moment.h).
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/monitor_blocks.h"
#include "control/config/settings.h"
#include "control/enrich/prefix_store.h"
#include "control/ledger/flood_watch.h"
#include "control/ledger/input_totals.h"
#include "control/probe/moment.h"
#include "control/probe/phase.h"
#include "control/probe/rates.h"
#include "control/probe/record_receiver.h"
#include "control/probe/sample_worker.h"
#include "control/probe/worker_set.h"
#include "control/query/live_queries.h"
#include "control/record_drain.h"
#include "control/record_facts.h"
#include "control/reject_file.h"
#include "control/service/flow_source.h"
#include "control/service/status_source.h"
#include "dataplane/dpdk/runtime.h"

namespace weir {

class ProbeView final : public StatusSource, public FlowSource {
 public:
  /// `monitors`: at least one; it has no name where the configuration names none.
  ProbeView(const v1::Config& effective, std::vector<MonitorPlan> monitors);

  v1::StatusReply status() override;
  v1::Ledger ledger() override;
  v1::RssReply rss() override;
  v1::MetricsReply metrics() override;
  tl::expected<v1::TopReply, std::string> top(const v1::TopRequest& request, const GivenUp& given_up) override;
  tl::expected<v1::FlowsReply, std::string> flows(const v1::FlowsRequest& request, const GivenUp& given_up) override;

  /// What the probe is doing.
  ProbePhase& phase() { return phase_; }

  /// The workers run. All must live until detach(). `rejects`: nullptr where rejected frames are not saved.
  /// `prefixes`: nullptr without --prefixes. `facts`: of records, the same for each question.
  void attach(dpdk::Runtime& runtime, WorkerSet& workers, RecordDrain& drain, std::unique_ptr<RecordFacts> facts,
              const RejectFile* rejects = nullptr, const PrefixStore* prefixes = nullptr);
  /// The same with records in place of packets: there are neither ports nor workers.
  void attach(RecordReceiver& receiver, RecordDrain& drain, const Settings& settings, const PrefixStore* prefixes);
  /// The same with packets that the kernel samples: there are no ports.
  void attach(SampleWorker& worker, RecordDrain& drain, const Settings& settings, std::unique_ptr<RecordFacts> facts,
              const RejectFile* rejects, const PrefixStore* prefixes);
  void detach();
  /// The whole of it is over: what ledger() says from then on.
  void end(const v1::Ledger& ledger);
  /// Waits until somebody has asked for the ledger since end(), or for `limit`.
  void await_reader(std::chrono::milliseconds limit);
  /// What came from the kernel's sampler; nothing: packets or records come from elsewhere.
  [[nodiscard]] std::optional<PsampleTotals> samples();
  /// What status shows from now on; the monitors are the same ones. `prefixes`: as for attach().
  void set_configuration(const v1::Config& effective, std::vector<MonitorPlan> monitors, const PrefixStore* prefixes);

  /// After it, where keys or metrics changed: questions about live flows go by them from now on. Waits for the one that
  /// is being answered.
  void ask_anew();

  /// Once a second: counters for the rates and the watch over the flow index.
  struct Second {
    Rates rates;
    std::uint64_t flows = 0;                           ///< in the table
    std::optional<std::string> warning;                ///< for the log
    std::optional<Moment> moment;                      ///< nothing: a worker was silent
    std::vector<std::chrono::nanoseconds> silences{};  ///< by worker: it has not polled for so long; 0: it polls
  };
  Second look();

 private:
  /// What runs; nullptr while nothing does.
  struct Parts {
    dpdk::Runtime* runtime = nullptr;
    WorkerView* workers = nullptr;
    bool handing_over = false;           ///< the workers hand packets to each other
    RecordReceiver* receiver = nullptr;  ///< with records in place of packets; then there is neither of the two above
    SampleWorker* samples = nullptr;     ///< with packets that the kernel samples: the worker, too; no runtime then
    std::string input;                   ///< as --input has it
    std::uint64_t capacity = 0;          ///< of the accounter
    std::unique_ptr<LastMoment> moments;
    const RejectFile* rejects = nullptr;
    const PrefixStore* prefixes = nullptr;
  };

  [[nodiscard]] double uptime_s() const;
  v1::Ledger running_ledger();
  void make_queries(WorkerView& workers);
  [[nodiscard]] bool has_input() const { return parts_.receiver != nullptr || parts_.samples != nullptr; }
  [[nodiscard]] InputTotals input() const;

  std::vector<std::string> monitor_names_;  ///< of those that have one
  const std::chrono::steady_clock::time_point started_;
  ProbePhase phase_;

  std::mutex mutex_;                 ///< guards what follows
  std::optional<v1::Ledger> final_;  ///< of the end
  bool final_was_read_ = false;
  std::condition_variable final_read_;
  v1::Config effective_;
  std::vector<MonitorPlan> monitors_;
  Parts parts_;
  std::optional<Moment> before_;  ///< of the last two looks
  std::optional<Moment> latest_;
  FloodWatch flood_;

  // A question about flows takes its time: who asks for anything else does not wait for it.
  std::mutex query_mutex_;  ///< guards what follows
  std::unique_ptr<RecordFacts> facts_;
  std::unique_ptr<LiveQueries> queries_;  ///< nullptr while nothing runs
  bool takes_records_ = false;            ///< nothing but records, so that there are no queries
};

/// The ports as the runtime has them now.
std::vector<dpdk::PortInfo> port_infos_of(const dpdk::Runtime& runtime);
std::vector<v1::PortLedger> port_ledgers_of(const dpdk::Runtime& runtime);

}  // namespace weir
