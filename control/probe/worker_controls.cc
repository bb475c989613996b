#include "control/probe/worker_controls.h"

#include <fmt/format.h>

#include <utility>

#include "control/probe/memory_room.h"

namespace weir {
namespace {

/// Why these flows wait for a start, which makes rings between workers; empty: they do not.
std::string why_rings_miss(const MonitorPlan& plan, bool hands_over, bool tells_errors) {
  if (!hands_over && !plan.flow.key.whole_addresses()) {
    return fmt::format(
        "needs a restart: key {} puts several addresses into one flow, for which workers hand packets over by rings "
        "that are made at the start",
        plan.key_list);
  }
  if (!hands_over && !tells_errors && plan.flow.metrics.wants_icmp_errors()) {
    return fmt::format(
        "needs a restart: with metrics {} workers tell one another of ICMP errors by rings that are made at the start",
        plan.metric_list);
  }
  return {};
}

}  // namespace

WorkerControls::WorkerControls(Workers workers) : workers_(std::move(workers)) {
  const Worker& first = *workers_.all.front();
  for (unsigned monitor = 0; monitor < first.monitors(); ++monitor) {
    FlowSwap::Table& table = tables_.emplace_back();
    table.capacity = first.shard(monitor).capacity();
    table.metrics = first.shard(monitor).metrics();
    for (const Worker* worker : workers_.all) table.pool_lines += worker->shard(monitor).pool().capacity();
  }
}

template <typename T, typename SlotOf>
void WorkerControls::tell(const T& value, std::chrono::milliseconds patience, SlotOf&& slot_of) {
  std::vector<ConfigurationSlot<T>*> slots;
  for (Worker* worker : workers_.all) slots.push_back(&slot_of(*worker));
  (void)publish<T>(slots, value, patience);
}

void WorkerControls::set_timeouts(unsigned monitor, const FlowTimeouts& timeouts, std::chrono::milliseconds patience) {
  tell(
      timeouts, patience, [&](Worker & worker) -> auto& { return worker.timeouts(monitor); });
}

void WorkerControls::set_choice(unsigned monitor, PacketChoice choice, std::chrono::milliseconds patience) {
  choice.sampling.seed = workers_.sampling_seed;
  tell(
      choice, patience, [&](Worker & worker) -> auto& { return worker.choice(monitor); });
}

void WorkerControls::set_sampling_level(unsigned monitor, unsigned level, std::chrono::milliseconds patience) {
  tell(
      level, patience, [&](Worker & worker) -> auto& { return worker.sampling_level(monitor); });
}

void WorkerControls::set_as_lookup(unsigned monitor, const AsLookup& lookup, std::chrono::milliseconds patience) {
  tell(
      lookup, patience, [&](Worker & worker) -> auto& { return worker.as_lookup(monitor); });
}

tl::expected<std::unique_ptr<FlowSwap>, std::string> WorkerControls::make_swap(const Settings& settings,
                                                                               std::vector<MonitorPlan> next,
                                                                               const std::vector<unsigned>& monitors,
                                                                               bool only_look) {
  const auto count = static_cast<unsigned>(workers_.all.size());
  std::vector<FlowSwap::Next> flows;
  std::uint64_t most_flows = 0;
  for (const unsigned monitor : monitors) {
    MonitorPlan& plan = next[monitor];
    const std::string why = count == 1 ? "" : why_rings_miss(plan, workers_.hands_over, workers_.tells_errors);
    if (!why.empty()) return tl::unexpected(why);
    plan.flow.sampling.seed = workers_.sampling_seed;
    flows.push_back({monitor, {plan.flow, plan.capacity(count), nullptr}});
    most_flows += plan.max_flows;
  }
  const std::uint64_t huge_before = huge_octets_mapped();
  auto swap = FlowSwap::make(workers_.all, flows);
  const std::string greatest = settings.monitors.empty() ? "" : greatest_table(settings);
  if (swap == nullptr) {
    return tl::unexpected(fmt::format("no memory for {} flows beside those in use: lower {}", most_flows,
                                      greatest.empty() ? "--max-flows" : greatest));
  }
  TableMemory table{most_flows, swap->octets(), huge_octets_mapped() - huge_before, greatest};
  table.beside = true;
  if (auto fits = check_memory(table, read_memory_room()); !fits) return tl::unexpected(fits.error());
  if (!only_look) swap->touch(workers_.cpus);
  return swap;
}

void WorkerControls::follow(const FlowSwap& swap) {
  const std::lock_guard lock(mutex_);
  for (const auto& [monitor, table] : swap.tables()) tables_[monitor] = table;
}

std::vector<FlowSwap::Table> WorkerControls::tables() const {
  const std::lock_guard lock(mutex_);
  return tables_;
}

}  // namespace weir
