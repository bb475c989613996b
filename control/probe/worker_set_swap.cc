// WorkerSet: what is made to take the place of the workers' flows, and whether there is room for it.
#include <fmt/format.h>

#include <algorithm>

#include "control/probe/memory_room.h"
#include "control/probe/worker_set.h"

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

tl::expected<std::unique_ptr<FlowSwap>, std::string> WorkerSet::make_swap(const Settings& settings,
                                                                          std::vector<MonitorPlan> next,
                                                                          const std::vector<unsigned>& monitors) {
  std::vector<Worker*> workers;
  for (const auto& member : members_) workers.push_back(&member->worker);
  std::vector<FlowSwap::Next> flows;
  std::uint64_t count = 0;
  for (const unsigned monitor : monitors) {
    MonitorPlan& plan = next[monitor];
    const std::string why = size() == 1 ? "" : why_rings_miss(plan, mesh_ != nullptr, icmp_mesh_ != nullptr);
    if (!why.empty()) return tl::unexpected(why);
    plan.flow.sampling.seed = sampling_seed_;
    flows.push_back({monitor, {plan.flow, plan.capacity(size()), nullptr}});
    count += plan.max_flows;
  }
  const std::uint64_t huge_before = huge_octets_mapped();
  auto swap = FlowSwap::make(workers, flows);
  const std::string greatest = settings.monitors.empty() ? "" : greatest_table(settings);
  if (swap == nullptr) {
    return tl::unexpected(fmt::format("no memory for {} flows beside those in use: lower {}", count,
                                      greatest.empty() ? "--max-flows" : greatest));
  }
  TableMemory table{count, swap->octets(), huge_octets_mapped() - huge_before, greatest};
  table.beside = true;
  if (auto fits = check_memory(table, read_memory_room()); !fits) return tl::unexpected(fits.error());
  return swap;
}

}  // namespace weir
