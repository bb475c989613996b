#include "control/probe/worker_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <thread>

#include "control/probe/memory_room.h"
#include "dataplane/live_clock.h"

namespace weir {
namespace {

/// The rate of the time-stamp counter, measured over 20 ms; LiveClock slews the rest away.
std::uint64_t measure_tsc_hz() {
  using Clock = std::chrono::steady_clock;
  const std::uint64_t tsc = LiveClock::read_tsc();
  const auto start = Clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const std::uint64_t ticks = LiveClock::read_tsc() - tsc;
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
  return static_cast<std::uint64_t>(static_cast<double>(ticks) * 1e9 / static_cast<double>(ns));
}

/// What a worker is to do; `plans` with their seeds.
WorkerOptions options_of(const Settings& settings, const std::vector<MonitorPlan>& plans, dpdk::Runtime& runtime,
                         unsigned number) {
  WorkerOptions options{plans.front().flow};
  options.number = number;
  options.workers = settings.workers;
  options.capacity = plans.front().capacity(settings.workers);
  options.filter = runtime.flow_filter();
  options.save_rejects = !settings.rejects.path.empty();
  for (unsigned i = 1; i < plans.size(); ++i) {
    options.further.push_back({plans[i].flow, plans[i].capacity(settings.workers), runtime.flow_filter(i)});
  }
  return options;
}

}  // namespace

tl::expected<std::unique_ptr<WorkerSet>, std::string> WorkerSet::make(const Settings& settings, dpdk::Runtime& runtime,
                                                                      const KeyHash& hash) {
  std::unique_ptr<WorkerSet> set(new WorkerSet(runtime));
  const std::uint64_t huge_before = huge_octets_mapped();
  std::vector<MonitorPlan> plans = monitor_plans(settings);
  const auto any = [&](auto&& is_so) { return std::any_of(plans.begin(), plans.end(), is_so); };
  const bool joins = any([](const MonitorPlan& plan) { return !plan.flow.key.whole_addresses(); });
  if (settings.workers > 1 && (!runtime.spreads_conversations() || joins)) {
    // Each monitor hands over on its own, so there is room for each.
    set->mesh_ =
        std::make_unique<HandoverMesh>(settings.workers, HandoverMesh::kRingLines * std::bit_ceil(plans.size()));
  } else if (settings.workers > 1 &&
             any([](const MonitorPlan& plan) { return plan.flow.metrics.wants_icmp_errors(); })) {
    set->icmp_mesh_ = std::make_unique<HandoverMesh>(settings.workers, HandoverMesh::kIcmpRingLines);
  }
  set->waiting_ = runtime.waiting(set->mesh_ != nullptr || set->icmp_mesh_ != nullptr);
  if (settings.idle == IdleChoice::sleep) set->waiting_.interrupts = false;
  set->tsc_hz_ = measure_tsc_hz();
  const std::vector<unsigned> isolated = isolated_cpus();
  // One for all workers, which may see the two directions of a flow.
  const KeyHash::Seed& key = settings.flow.sampling.seed;
  const KeyHash::Seed sampling_seed = key == Sampling::kNoSeed ? KeyHash::random_seed() : key;
  for (MonitorPlan& plan : plans) plan.flow.sampling.seed = sampling_seed;
  const std::uint64_t flows = flows_of(plans);
  for (unsigned number = 0; number < settings.workers; ++number) {
    const IdleMode mode = idle_mode(settings.idle, runtime.worker_core(number), isolated);
    WorkerOptions options = options_of(settings, plans, runtime, number);
    options.handover = set->mesh_.get();
    options.icmp_mesh = set->icmp_mesh_.get();
    set->members_.push_back(std::make_unique<Member>(options, hash, mode));
    if (!set->members_.back()->worker.ok()) {
      return tl::unexpected(fmt::format("no memory for {} flows: lower {}", flows, greatest_table(settings)));
    }
    set->members_.back()->source = runtime.source(number, set->waiting_);
  }
  WorkerControls::Workers told{{}, {}, sampling_seed, set->mesh_ != nullptr, set->icmp_mesh_ != nullptr};
  for (unsigned number = 0; number < settings.workers; ++number) {
    told.all.push_back(&set->members_[number]->worker);
    told.cpus.push_back(runtime.worker_core(number));
  }
  set->controls_ = std::make_unique<WorkerControls>(std::move(told));
  const TableMemory table{flows, set->octets_to_touch(), huge_octets_mapped() - huge_before,
                          settings.monitors.empty() ? "" : greatest_table(settings)};
  if (auto fits = check_memory(table, read_memory_room()); !fits) return tl::unexpected(fits.error());
  return set;
}

std::uint64_t WorkerSet::octets_to_touch() const {
  std::uint64_t octets = 0;
  for (const auto& member : members_) octets += member->worker.octets();
  return octets;
}

WorkerSet::~WorkerSet() {
  stop();
  join();
}

tl::expected<void, std::string> WorkerSet::launch() {
  for (unsigned number = 0; number < size(); ++number) {
    Member& member = *members_[number];
    const auto launched = runtime_.launch(number, [this, &member] { loop(member); });
    if (launched) continue;
    stop();
    // The other workers wait until all have stopped receiving, so workers that never ran must report it here.
    for (unsigned rest = number; rest < size(); ++rest) members_[rest]->worker.stop_receiving();
    return tl::unexpected(launched.error());
  }
  return {};
}

void WorkerSet::join() {
  runtime_.join_workers();
}

void WorkerSet::loop(Member& member) {
  Worker& worker = member.worker;
  LiveSource& source = *member.source;
  worker.touch(&touching_);
  ready_.fetch_add(1, std::memory_order_release);
  while (!receiving_.load(std::memory_order_acquire) && !stopping_.load(std::memory_order_relaxed)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  LiveClock clock(LiveClock::read_tsc(), LiveClock::read_wall_ns(), tsc_hz_);
  IdleLadder idle(member.idle);
  while (!stopping_.load(std::memory_order_relaxed)) {
    const std::uint64_t now_ns = clock.now_ns();
    const bool packets = worker.poll(source, now_ns) != 0;
    const IdleLadder::Step step = idle.after(packets || worker.behind(), now_ns);
    if (step == IdleLadder::Step::poll) [[likely]]
      continue;
    if (step == IdleLadder::Step::wait && source.wait()) {
      worker.waited(clock.now_ns() - now_ns);
    } else {
      IdleLadder::pause();
    }
  }
  worker.stop_receiving();
  while (!worker.settle(clock.now_ns())) {
  }
  worker.drain(clock.now_ns());
  member.at_rest.store(true, std::memory_order_release);
}

unsigned WorkerSet::finished() const {
  return static_cast<unsigned>(std::count_if(members_.begin(), members_.end(), [](const auto& member) {
    return member->at_rest.load(std::memory_order_acquire);
  }));
}

std::vector<RecordRing*> WorkerSet::rings(unsigned monitor) {
  std::vector<RecordRing*> rings;
  for (const auto& member : members_) rings.push_back(&member->worker.records(monitor));
  return rings;
}

std::vector<RejectRing*> WorkerSet::reject_rings() {
  std::vector<RejectRing*> rings;
  for (const auto& member : members_) {
    if (member->worker.rejects() != nullptr) rings.push_back(member->worker.rejects());
  }
  return rings;
}

std::vector<WorkerBooks> WorkerSet::books() {
  std::vector<WorkerBooks> books;
  for (const auto& member : members_) {
    const Worker& worker = member->worker;
    books.push_back({&member->worker.snapshots(), [&worker] { return worker.counters(); }, &member->at_rest});
  }
  return books;
}

std::vector<FlowPart> WorkerSet::flow_parts(unsigned monitor) {
  std::vector<FlowPart> parts;
  for (const auto& member : members_) parts.push_back({&member->worker.queries(monitor), &member->at_rest});
  return parts;
}

MetricFacts WorkerSet::metrics(unsigned monitor) const {
  const FlowSwap::Table table = controls_->tables()[monitor];
  MetricFacts facts;
  facts.metrics = table.metrics;
  facts.pool_lines = table.pool_lines;
  return facts;
}

std::vector<WorkerFacts> WorkerSet::facts() const {
  const std::vector<FlowSwap::Table> tables = controls_->tables();
  std::vector<WorkerFacts> facts;
  for (unsigned number = 0; number < size(); ++number) {
    WorkerFacts& worker = facts.emplace_back();
    worker.core = runtime_.worker_core(number);
    worker.idle = idle_text(members_[number]->idle);
    for (const FlowSwap::Table& table : tables) {
      worker.capacities.push_back(table.capacity);
      worker.capacity += table.capacity;
    }
  }
  return facts;
}

std::string WorkerSet::idle_text(IdleMode mode) const {
  if (mode == IdleMode::poll) return "poll";
  if (mode == IdleMode::wait && waiting_.interrupts) return "interrupt";
  if (mode == IdleMode::wait && waiting_.sleep_ns != 0) {
    return fmt::format("sleep {:.0f} us", static_cast<double>(waiting_.sleep_ns) / 1e3);
  }
  return "pause";
}

}  // namespace weir
