// ChangingParts: how the configuration changes while the probe runs.
//
// First all is made that the change needs, beside what runs: filters are compiled, files read, tables mapped, exporters
// opened. If any of it cannot be, nothing has changed. Then all takes its place; nothing in that can fail. What workers
// go by they take between two polls (dataplane/mailbox.h); another key, other metrics, more room and sampling by rate
// have the flows of before end, in their own time (flow_swap.h). Exporters change between two batches of the drain, so
// that each is offered what its monitors give from one moment on, or up to one. Those that go are flushed at the end,
// while records pass.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/probe/changing_parts.h"
#include "control/probe/cores.h"

namespace weir {
namespace {

/// For a worker to take what it is given. One that is held up takes it when it polls again.
constexpr std::chrono::milliseconds kPatience{100};
/// For workers to be ready for other flows.
constexpr std::chrono::milliseconds kReadyWithin{1000};
/// For the flows of before a change to end: a million take half a second at 14.88 Mpps.
constexpr std::chrono::milliseconds kEndedWithin{5000};
/// For an exporter that goes to send what it has, at most; less where --stop-timeout is less.
constexpr std::chrono::milliseconds kFlushWithin{5000};

bool same(const FlowTimeouts& a, const FlowTimeouts& b) {
  return a.idle_ns == b.idle_ns && a.active_ns == b.active_ns && a.linger_ns == b.linger_ns &&
         a.tcp_close == b.tcp_close;
}

/// Whether one table does not do for the flows of both.
bool other_flows(const MonitorPlan& a, const MonitorPlan& b) {
  const auto by_rate = [](const Sampling& sampling) { return sampling.by == Sampling::By::rate; };
  const Sampling& before = a.flow.sampling;
  const Sampling& after = b.flow.sampling;
  return a.key_list != b.key_list || a.metric_list != b.metric_list || a.max_flows != b.max_flows ||
         (before != after && (by_rate(before) || by_rate(after)));
}

}  // namespace

tl::expected<ChangingParts::Prepared, std::string> ChangingParts::prepare(const Settings& next, bool dry_run) {
  Prepared made;
  made.plans = monitor_plans(next);
  if (auto done = prepare_choices(made); !done) return tl::unexpected(done.error());
  if (auto done = prepare_files(made, next); !done) return tl::unexpected(done.error());
  if (auto done = prepare_swap(made, next, dry_run); !done) return tl::unexpected(done.error());
  // Last, since a file that is opened loses its old content.
  if (auto done = prepare_exporters(made, next, dry_run); !done) {
    if (made.swap != nullptr) {
      const std::lock_guard lock(mutex_);
      made.swap->undo();
      swap_ = std::move(made.swap);
    }
    return tl::unexpected(done.error());
  }
  return made;
}

tl::expected<void, std::string> ChangingParts::prepare_choices(Prepared& made) const {
  made.choices.resize(made.plans.size());
  for (std::size_t i = 0; controls_ != nullptr && i < made.plans.size(); ++i) {
    const MonitorPlan& plan = made.plans[i];
    const bool as_before = plan.filter == plans_[i].filter && plan.flow.sampling == plans_[i].flow.sampling;
    if (as_before && !other_flows(plans_[i], plan)) continue;
    PacketChoice& choice = made.choices[i].emplace();
    choice.sampling = plan.flow.sampling;
    if (plan.filter.empty()) continue;
    auto filter = kind_.make_filter(plan.filter);
    if (!filter) return tl::unexpected("filter: " + filter.error());
    choice.filter = std::move(*filter);
  }
  return {};
}

tl::expected<void, std::string> ChangingParts::prepare_files(Prepared& made, const Settings& next) const {
  if (next.prefix_files != settings_.prefix_files) {
    auto prefixes = open_prefixes(next);
    if (!prefixes) return tl::unexpected(prefixes.error());
    made.prefixes = std::move(*prefixes);
  }
  made.other_interfaces = next.interfaces != settings_.interfaces;
  if (!made.other_interfaces || next.interfaces.empty()) return {};
  auto store = InterfaceStore::open(next.interfaces);
  if (!store) return tl::unexpected("--interfaces: " + store.error());
  made.interfaces = std::move(*store);
  return {};
}

/// The workers are then ready for it.
tl::expected<void, std::string> ChangingParts::prepare_swap(Prepared& made, const Settings& next, bool dry_run) {
  std::vector<unsigned> monitors;
  for (unsigned monitor = 0; controls_ != nullptr && monitor < made.plans.size(); ++monitor) {
    if (other_flows(plans_[monitor], made.plans[monitor])) monitors.push_back(monitor);
  }
  if (monitors.empty()) return {};
  {
    const std::lock_guard lock(mutex_);
    if (!go_on_swapping()) return tl::unexpected(std::string("flows of before the last change still end; ask again"));
  }
  auto swap = controls_->make_swap(next, made.plans, monitors, dry_run);
  if (!swap) return tl::unexpected(swap.error());
  if (dry_run) return {};
  if ((*swap)->accept(kReadyWithin)) {
    made.swap = std::move(*swap);
    return {};
  }
  const std::lock_guard lock(mutex_);
  swap_ = std::move(*swap);
  return tl::unexpected(fmt::format("a worker has not polled for {} ms", kReadyWithin.count()));
}

tl::expected<void, std::string> ChangingParts::prepare_exporters(Prepared& made, const Settings& next, bool dry_run) {
  if (next.exports == settings_.exports) return {};
  const ExportContext context = export_context(next, made.plans);
  if (dry_run) return hub_->check_change(next.exports, context);
  auto exporters = hub_->prepare_change(next.exports, context);
  if (!exporters) return tl::unexpected(exporters.error());
  made.exporters.emplace(std::move(*exporters));
  return {};
}

/// Whether no flow of before the last change is left.
bool ChangingParts::go_on_swapping() {
  if (swap_ != nullptr && swap_->go_on()) swap_.reset();
  return swap_ == nullptr;
}

bool ChangingParts::wait_swapped() {
  const auto until = std::chrono::steady_clock::now() + kEndedWithin;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (go_on_swapping()) return true;
    }
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// What workers go by, but for their flows.
void ChangingParts::commit_workers(Prepared& prepared) {
  for (unsigned monitor = 0; controls_ != nullptr && monitor < plans_.size(); ++monitor) {
    const MonitorPlan& plan = prepared.plans[monitor];
    const FlowTimeouts& timeouts = plan.flow.timeouts;
    const bool swapped = other_flows(plans_[monitor], plan);
    if (!same(timeouts, plans_[monitor].flow.timeouts)) controls_->set_timeouts(monitor, timeouts, kPatience);
    // A worker whose flows are replaced takes it once those of before have ended.
    if (prepared.choices[monitor]) {
      controls_->set_choice(monitor, std::move(*prepared.choices[monitor]), swapped ? kPatience * 0 : kPatience);
    }
    if (swapped) sampling_rates_[monitor] = AdaptiveRate(plan.flow.sampling.most_pps);
  }
}

void ChangingParts::commit(Prepared prepared, const Settings& next, const v1::Config& effective) {
  commit_workers(prepared);
  settings_ = next;
  plans_ = std::move(prepared.plans);
  PrefixStores old_prefixes;  // freed once nothing uses them
  std::unique_ptr<InterfaceStore> old_interfaces;
  if (prepared.prefixes) old_prefixes = std::exchange(prefixes_, std::move(*prepared.prefixes));
  if (prepared.other_interfaces) old_interfaces = std::exchange(interfaces_, std::move(prepared.interfaces));
  if (prepared.other_interfaces) name_interfaces();
  view_.set_configuration(effective, plans_, first_prefixes());
  if (prepared.prefixes || prepared.other_interfaces) {
    drain_->set_enrichment(prefixes_.of_monitor, interfaces_.get());
  }
  if (prepared.prefixes) offer_as_lookups(kPatience);
  if (prepared.swap != nullptr) {
    controls_->follow(*prepared.swap);
    swap_ = std::move(prepared.swap);
    swap_->use();
  }
  if (prepared.exporters) {
    drain_->change_exporters([&](const std::vector<RecordTotals>& given) { hub_->change(*prepared.exporters, given); });
  }
}

tl::expected<std::vector<std::string>, std::string> ChangingParts::change(const Settings& next,
                                                                          const v1::Config& effective, bool dry_run) {
  const OffWorkerCores off(kind_.cores);  // for the threads of exporters and of prefix files
  std::vector<std::string> notes;
  auto prepared = prepare(next, dry_run);
  if (!prepared) return tl::unexpected(prepared.error());
  if (dry_run) return notes;
  const bool exporters = prepared->exporters.has_value();
  const bool swaps = prepared->swap != nullptr;
  {
    const std::lock_guard lock(mutex_);
    commit(std::move(*prepared), next, effective);
  }
  if (swaps) {
    view_.ask_anew();
    if (!wait_swapped()) notes.emplace_back("flows of before the change are left: they end as the workers poll");
  }
  if (!exporters) return notes;
  const std::chrono::nanoseconds stop_timeout(next.stop_timeout_ns);
  const auto within = std::min(kFlushWithin, std::chrono::ceil<std::chrono::milliseconds>(stop_timeout));
  for (std::string& note : hub_->close_removed(within)) notes.push_back(std::move(note));
  return notes;
}

tl::expected<void, std::string> ChangingParts::pause(const std::string& exporter, bool on) {
  return hub_->pause(exporter, on);
}

}  // namespace weir
