#include "control/probe/changing_parts.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "control/config/inputs.h"
#include "control/ledger/ledger_report.h"
#include "control/monitor_parts.h"
#include "control/probe/cores.h"
#include "control/probe/option_facts.h"
#include "control/probe/supervision.h"

namespace weir {

ChangingParts::ChangingParts(const Settings& settings, ProbeView& view, Kind kind)
    : kind_(std::move(kind)),
      view_(view),
      settings_(settings),
      plans_(monitor_plans(settings)),
      as_maps_(plans_.size()) {
  for (const MonitorPlan& plan : plans_) sampling_rates_.emplace_back(plan.flow.sampling.most_pps);
}

tl::expected<void, std::string> ChangingParts::open() {
  const OffWorkerCores off(kind_.cores);
  view_.phase().set(Phase::starting, "opening the exporters");
  auto hub = ExportHub::prepare(settings_.exports, export_context(settings_, plans_));
  if (!hub) return tl::unexpected(hub.error());
  hub_ = std::move(*hub);
  if (!settings_.prefix_files.empty()) view_.phase().set(Phase::starting, "reading the files of --prefixes");
  auto prefixes = open_prefixes(settings_);
  if (!prefixes) return tl::unexpected(prefixes.error());
  prefixes_ = std::move(*prefixes);
  if (settings_.interfaces.empty()) return {};
  auto store = InterfaceStore::open(settings_.interfaces);
  if (!store) return tl::unexpected("--interfaces: " + store.error());
  interfaces_ = std::move(*store);
  return {};
}

void ChangingParts::attach(RecordDrain& drain, WorkerControls* controls) {
  drain_ = &drain;
  controls_ = controls;
  offer_as_lookups(std::chrono::milliseconds(0));  // taken by the first poll
}

ExportContext ChangingParts::export_context(const Settings& settings, const std::vector<MonitorPlan>& plans) const {
  ExportContext context;
  context.facts = facts_;
  context.sampler_address = settings.sampler_address;
  tell_monitors(context, plans);
  context.inputs = inputs_of(settings);
  return context;
}

void ChangingParts::tell_interfaces() {
  const std::lock_guard lock(mutex_);
  name_interfaces();
}

/// Holds mutex_.
void ChangingParts::name_interfaces() {
  const std::vector<InterfaceName> here = kind_.interfaces();
  if (interfaces_ != nullptr) interfaces_->set_ports(here);
  facts_->set_interfaces(interfaces_ != nullptr ? interfaces_->all() : here);
}

void ChangingParts::look_after() {
  const std::lock_guard lock(mutex_);
  tell_prefix_news(prefixes_);
  offer_as_lookups(std::chrono::milliseconds(100));
  (void)go_on_swapping();
}

void ChangingParts::look_at(const Moment& moment) {
  const std::lock_guard lock(mutex_);
  const PacketCount ignored = ignored_packets(moment.counters);
  facts_->set_ignored(ignored.packets, ignored.octets);
  OverflowTotals overflow = moment.totals.overflow;
  for (const OverflowTotals& further : moment.totals.further_overflow) overflow.lost += further.lost;
  facts_->set_lost(losses_before_exporters(moment.counters, overflow));
  for (unsigned monitor = 0; controls_ != nullptr && monitor < plans_.size(); ++monitor) {
    if (plans_[monitor].flow.sampling.by == Sampling::By::rate) adapt_sampling(monitor, moment);
  }
}

/// One level for all workers, which hand packets of one flow to one another. Holds mutex_.
void ChangingParts::adapt_sampling(unsigned monitor, const Moment& moment) {
  constexpr std::chrono::milliseconds kPatience{100};
  std::uint64_t packets = 0;  // those that sampling chooses from
  for (const WorkerCounters& worker : moment.counters) {
    packets += worker.offered.packets - of_monitor(worker, monitor).filtered_out.packets;
  }
  AdaptiveRate& rate = sampling_rates_[monitor];
  const unsigned before = rate.level();
  const unsigned level = rate.level_at(packets, moment.wall_ns);
  if (level == before) return;
  controls_->set_sampling_level(monitor, level, kPatience);
  const MonitorPlan& plan = plans_[monitor];
  spdlog::info("{}--sample {}: one packet in {} counts from now on",
               plan.name.empty() ? "" : "monitor " + plan.name + ": ", plan.sample, 1U << level);
}

void ChangingParts::reopen() {
  const std::lock_guard lock(mutex_);
  reopen_files(*hub_, settings_, prefixes_, interfaces_.get());
  if (interfaces_ != nullptr) name_interfaces();
}

/// Gives the workers the maps that reloads have put in place of those that they look AS numbers up in. Holds mutex_,
/// or nothing runs yet.
void ChangingParts::offer_as_lookups(std::chrono::milliseconds patience) {
  for (unsigned monitor = 0; controls_ != nullptr && monitor < plans_.size(); ++monitor) {
    if (prefixes_.of_monitor[monitor] == nullptr) continue;
    auto map = prefixes_.of_monitor[monitor]->whole_map();
    if (map == nullptr || map == as_maps_[monitor]) continue;
    controls_->set_as_lookup(monitor, as_lookup_in(map), patience);
    as_maps_[monitor] = std::move(map);
  }
}

}  // namespace weir
