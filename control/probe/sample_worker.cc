#include "control/probe/sample_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "control/probe/cores.h"
#include "control/probe/memory_room.h"
#include "control/wall_reading.h"
#include "dataplane/live_clock.h"

namespace weir {
namespace {

/// --filter, or that of a monitor; nullptr: there is none.
std::unique_ptr<PcapFlowFilter> filter_of(const MonitorPlan& plan) {
  if (plan.filter.empty()) return nullptr;
  auto program = PcapFilter::compile_for_flows(plan.filter);
  return program ? std::make_unique<PcapFlowFilter>(std::move(*program)) : nullptr;  // its binding compiled it
}

}  // namespace

tl::expected<std::unique_ptr<SampleWorker>, std::string> SampleWorker::make(const Settings& settings,
                                                                            const std::vector<MonitorPlan>& plans,
                                                                            std::unique_ptr<PsampleSource> source,
                                                                            const KeyHash& hash) {
  std::vector<std::unique_ptr<PcapFlowFilter>> filters;
  filters.reserve(plans.size());
  for (const MonitorPlan& plan : plans) filters.push_back(filter_of(plan));
  std::unique_ptr<SampleWorker> made(new SampleWorker(std::move(source), std::move(filters)));
  const std::uint64_t huge_before = huge_octets_mapped();
  const KeyHash::Seed& key = settings.flow.sampling.seed;
  const KeyHash::Seed sampling_seed = key == Sampling::kNoSeed ? KeyHash::random_seed() : key;
  WorkerOptions options{plans.front().flow};
  options.sampling.seed = sampling_seed;
  options.capacity = plans.front().capacity(1);
  options.filter = made->filters_.front().get();
  options.samples = made->source_->facts();
  options.save_rejects = !settings.rejects.path.empty();
  for (std::size_t i = 1; i < plans.size(); ++i) {
    options.further.push_back({plans[i].flow, plans[i].capacity(1), made->filters_[i].get()});
    options.further.back().flow.sampling.seed = sampling_seed;
  }
  made->worker_ = std::make_unique<Worker>(options, hash);
  const std::uint64_t flows = flows_of(plans);
  if (!made->worker_->ok()) {
    return tl::unexpected(fmt::format("no memory for {} flows: lower {}", flows, greatest_table(settings)));
  }
  // It may run on any CPU, so its memory is wherever the first one says.
  made->controls_ = std::make_unique<WorkerControls>(
      WorkerControls::Workers{{made->worker_.get()}, {allowed_cpus().front()}, sampling_seed});
  const TableMemory table{flows, made->worker_->octets(), huge_octets_mapped() - huge_before,
                          settings.monitors.empty() ? "" : greatest_table(settings)};
  if (auto fits = check_memory(table, read_memory_room()); !fits) return tl::unexpected(fits.error());
  return made;
}

SampleWorker::~SampleWorker() {
  stop();
  join();
}

void SampleWorker::start() {
  worker_->touch();
  thread_ = std::thread([this] { loop(); });
}

void SampleWorker::join() {
  if (thread_.joinable()) thread_.join();
}

void SampleWorker::loop() {
  SampleClock clock;
  const auto now = [&clock] { return clock.at(LiveClock::read_wall_ns(), monotonic_ns()); };
  while (!stopping_.load(std::memory_order_relaxed)) {
    const std::uint64_t before_ns = now();
    if (worker_->poll(*source_, before_ns) != 0 || worker_->behind()) continue;
    (void)source_->wait();
    worker_->waited(now() - before_ns);
  }
  worker_->stop_receiving();
  while (!worker_->settle(now())) {
  }
  worker_->drain(now());
  at_rest_.store(true, std::memory_order_release);
}

std::vector<WorkerBooks> SampleWorker::books() {
  return {{&worker_->snapshots(), [this] { return worker_->counters(); }, &at_rest_}};
}

std::vector<FlowPart> SampleWorker::flow_parts(unsigned monitor) {
  return {{&worker_->queries(monitor), &at_rest_}};
}

std::vector<WorkerFacts> SampleWorker::facts() const {
  WorkerFacts facts;
  facts.idle = "poll(2)";
  for (const FlowSwap::Table& table : controls_->tables()) {
    facts.capacities.push_back(table.capacity);
    facts.capacity += table.capacity;
  }
  return {facts};
}

MetricFacts SampleWorker::metrics(unsigned monitor) const {
  MetricFacts facts;
  const FlowSwap::Table table = controls_->tables()[monitor];
  facts.metrics = table.metrics;
  facts.pool_lines = table.pool_lines;
  return facts;
}

InputTotals SampleWorker::totals() {
  constexpr std::chrono::milliseconds kPatience{100};
  constexpr std::chrono::microseconds kStep{200};
  SnapshotBox<PsampleTotals>& box = source_->snapshots();
  if (!at_rest()) {
    if (box.answered()) box.request();
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!box.answered() && !at_rest() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(kStep);
    if (box.answered()) last_ = box.value();
  }
  if (at_rest()) last_ = source_->totals();
  InputTotals totals;
  totals.psample = last_;
  return totals;
}

}  // namespace weir
