// SampleWorker: the worker of --input psample, with its thread. It is the same worker as those on the queues of ports
// (dataplane/worker.h), with one packet source, the kernel's sampler, and without an EAL.
//
// There is one, since the kernel gives every packet to each socket that has joined.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/monitor_blocks.h"
#include "control/config/settings.h"
#include "control/ledger/input_totals.h"
#include "control/probe/sample_clock.h"
#include "control/probe/worker_controls.h"
#include "control/probe/worker_view.h"
#include "dataplane/input/pcap_filter.h"
#include "dataplane/input/psample_source.h"
#include "dataplane/worker.h"

namespace weir {

class SampleWorker final : public WorkerView {
 public:
  /// Maps the memory, and refuses more than there is. `plans`: settings' own. Error: one line.
  static tl::expected<std::unique_ptr<SampleWorker>, std::string> make(const Settings& settings,
                                                                       const std::vector<MonitorPlan>& plans,
                                                                       std::unique_ptr<PsampleSource> source,
                                                                       const KeyHash& hash);
  ~SampleWorker() override;  ///< stops it

  /// The thread begins to poll.
  void start();
  /// From now on no packet is received; every flow is exported. Does not wait.
  void stop() { stopping_.store(true, std::memory_order_relaxed); }
  void join();
  [[nodiscard]] bool at_rest() const { return at_rest_.load(std::memory_order_acquire); }

  /// What it is told while it polls.
  [[nodiscard]] WorkerControls& controls() { return *controls_; }
  [[nodiscard]] RecordRing& records(unsigned monitor) { return worker_->records(monitor); }
  /// nullptr: rejected frames are not kept.
  [[nodiscard]] RejectRing* rejects() { return worker_->rejects(); }

  [[nodiscard]] unsigned monitors() const override { return worker_->monitors(); }
  [[nodiscard]] std::vector<WorkerBooks> books() override;
  [[nodiscard]] std::vector<FlowPart> flow_parts(unsigned monitor) override;
  [[nodiscard]] std::vector<WorkerFacts> facts() const override;
  [[nodiscard]] MetricFacts metrics(unsigned monitor) const override;

  /// After the end.
  [[nodiscard]] WorkerCounters counters() const { return worker_->counters(); }
  [[nodiscard]] RecordTotals recount(unsigned monitor) const { return worker_->recount(monitor); }
  /// What came in, but for the name of the input; of a worker that does not answer, what it said before. For one thread
  /// at a time.
  [[nodiscard]] InputTotals totals();

 private:
  SampleWorker(std::unique_ptr<PsampleSource> source, std::vector<std::unique_ptr<PcapFlowFilter>> filters)
      : source_(std::move(source)), filters_(std::move(filters)) {}
  void loop();

  std::unique_ptr<PsampleSource> source_;
  std::vector<std::unique_ptr<PcapFlowFilter>> filters_;  ///< by monitor; nullptr: none
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<WorkerControls> controls_;
  PsampleTotals last_;                 ///< the asker's
  std::atomic<bool> stopping_{false};  ///< written by the supervisor
  std::atomic<bool> at_rest_{false};   ///< written by the thread
  std::thread thread_;
};

}  // namespace weir
