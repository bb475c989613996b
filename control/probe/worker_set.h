// WorkerSet: the workers with their threads, packet sources and counters, as one thing that starts and stops.
//
// make() maps the memory, and refuses more than there is; launch() starts one thread per worker on its own core, which
// touches its part of that memory, all of them at once. receive() lets them poll until stop(). A worker that was told
// to stop takes over what others still had for it, exports every flow, and its counters rest.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/settings.h"
#include "control/probe/metrics_report.h"
#include "control/probe/moment.h"
#include "control/probe/status_report.h"
#include "control/probe/worker_controls.h"
#include "control/probe/worker_view.h"
#include "control/query/flow_walk.h"
#include "dataplane/dpdk/runtime.h"
#include "dataplane/memory.h"
#include "dataplane/worker.h"

namespace weir {

class WorkerSet final : public WorkerView {
 public:
  /// Error: one line.
  static tl::expected<std::unique_ptr<WorkerSet>, std::string> make(const Settings& settings, dpdk::Runtime& runtime,
                                                                    const KeyHash& hash);
  ~WorkerSet() override;  ///< stops them and waits for their ends

  /// The threads begin to touch the memory.
  tl::expected<void, std::string> launch();
  /// Once all are ready(): they begin to poll.
  void receive() { receiving_.store(true, std::memory_order_release); }
  /// From now on no packet is received, and no more memory is touched. Does not wait.
  void stop() {
    touching_.stop = true;
    stopping_.store(true, std::memory_order_relaxed);
  }
  /// After stop(): waits until all loops are over.
  void join();

  /// What they are told while they poll.
  [[nodiscard]] WorkerControls& controls() { return *controls_; }

  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(members_.size()); }
  /// How many have touched their memory.
  [[nodiscard]] unsigned ready() const { return ready_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t octets_touched() const { return touching_.octets.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t octets_to_touch() const;
  /// How many are over, their tables empty.
  [[nodiscard]] unsigned finished() const;
  [[nodiscard]] bool handing_over() const { return mesh_ != nullptr; }
  [[nodiscard]] unsigned monitors() const override { return members_.front()->worker.monitors(); }
  /// Of a monitor, by worker.
  [[nodiscard]] std::vector<RecordRing*> rings(unsigned monitor);
  /// Of rejected frames; none where they are not saved.
  [[nodiscard]] std::vector<RejectRing*> reject_rings();
  [[nodiscard]] std::vector<WorkerBooks> books() override;
  [[nodiscard]] std::vector<FlowPart> flow_parts(unsigned monitor) override;
  [[nodiscard]] std::vector<WorkerFacts> facts() const override;
  [[nodiscard]] MetricFacts metrics(unsigned monitor) const override;
  /// Once all are over.
  [[nodiscard]] WorkerCounters counters(unsigned number) const { return members_[number]->worker.counters(); }
  [[nodiscard]] RecordTotals recount(unsigned number, unsigned monitor) const {
    return members_[number]->worker.recount(monitor);
  }

 private:
  struct Member {
    Member(const WorkerOptions& options, const KeyHash& hash, IdleMode mode) : worker(options, hash), idle(mode) {}
    Worker worker;
    std::unique_ptr<LiveSource> source;
    IdleMode idle;
    std::atomic<bool> at_rest{false};  ///< written by its thread, once its loop is over
  };

  explicit WorkerSet(dpdk::Runtime& runtime) : runtime_(runtime) {}
  void loop(Member& member);
  [[nodiscard]] std::string idle_text(IdleMode mode) const;

  dpdk::Runtime& runtime_;
  std::unique_ptr<HandoverMesh> mesh_;
  std::unique_ptr<HandoverMesh> icmp_mesh_;  ///< for what ICMP errors quote, where mesh_ is not there
  dpdk::Runtime::Waiting waiting_;
  std::vector<std::unique_ptr<Member>> members_;
  std::uint64_t tsc_hz_ = 0;
  std::unique_ptr<WorkerControls> controls_;
  Touching touching_;
  std::atomic<bool> receiving_{false};  ///< written by the supervisor, read by the workers
  std::atomic<bool> stopping_{false};   ///< likewise
  std::atomic<unsigned> ready_{0};      ///< counted up by each worker
};

}  // namespace weir
