// LiveProbe: how its configuration changes while it runs.
//
// First all is made that the change needs, beside what runs: filters are compiled, files read, exporters opened. If any
// of it cannot be, nothing has changed. Then all takes its place; nothing in that can fail. What workers go by they
// take between two polls (dataplane/mailbox.h). Exporters change between two batches of the drain, so that each is
// offered what its monitors give from one moment on, or up to one. Those that go are flushed at the end, while records
// pass.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "control/config/inputs.h"
#include "control/monitor_parts.h"
#include "control/probe/cores.h"
#include "control/probe/live_probe.h"

namespace weir {
namespace {

/// For a worker to take what it is given. One that is held up takes it when it polls again.
constexpr std::chrono::milliseconds kPatience{100};
/// For an exporter that goes to send what it has, at most; less where --stop-timeout is less.
constexpr std::chrono::milliseconds kFlushWithin{5000};

bool same(const FlowTimeouts& a, const FlowTimeouts& b) {
  return a.idle_ns == b.idle_ns && a.active_ns == b.active_ns && a.linger_ns == b.linger_ns &&
         a.tcp_close == b.tcp_close;
}

}  // namespace

ExportContext LiveProbe::export_context(const Settings& settings, const std::vector<MonitorPlan>& plans) const {
  ExportContext context;
  context.facts = facts_;
  context.sampler_address = settings.sampler_address;
  tell_monitors(context, plans);
  context.inputs = inputs_of(settings);
  return context;
}

tl::expected<LiveProbe::Prepared, std::string> LiveProbe::prepare(const Settings& next, bool dry_run) {
  Prepared made;
  made.plans = monitor_plans(next);
  made.choices.resize(made.plans.size());
  for (std::size_t i = 0; i < made.plans.size(); ++i) {
    const MonitorPlan& plan = made.plans[i];
    if (plan.filter == plans_[i].filter && plan.flow.sampling == plans_[i].flow.sampling) continue;
    PacketChoice& choice = made.choices[i].emplace();
    choice.sampling = plan.flow.sampling;
    if (plan.filter.empty()) continue;
    auto filter = dpdk::Runtime::make_flow_filter(plan.filter);
    if (!filter) return tl::unexpected("filter: " + filter.error());
    choice.filter = std::move(*filter);
  }
  if (next.prefix_files != settings_.prefix_files) {
    auto prefixes = open_prefixes(next);
    if (!prefixes) return tl::unexpected(prefixes.error());
    made.prefixes = std::move(*prefixes);
  }
  made.other_interfaces = next.interfaces != settings_.interfaces;
  if (made.other_interfaces && !next.interfaces.empty()) {
    auto store = InterfaceStore::open(next.interfaces);
    if (!store) return tl::unexpected("--interfaces: " + store.error());
    made.interfaces = std::move(*store);
  }
  // Last, since a file that is opened loses its old content.
  if (next.exports == settings_.exports) return made;
  const ExportContext context = export_context(next, made.plans);
  if (dry_run) {
    if (auto good = hub_->check_change(next.exports, context); !good) return tl::unexpected(good.error());
    return made;
  }
  auto exporters = hub_->prepare_change(next.exports, context);
  if (!exporters) return tl::unexpected(exporters.error());
  made.exporters.emplace(std::move(*exporters));
  return made;
}

void LiveProbe::commit(Prepared prepared, const Settings& next, const v1::Config& effective) {
  for (unsigned monitor = 0; monitor < plans_.size(); ++monitor) {
    const FlowTimeouts& timeouts = prepared.plans[monitor].flow.timeouts;
    if (!same(timeouts, plans_[monitor].flow.timeouts)) workers_->set_timeouts(monitor, timeouts, kPatience);
    if (prepared.choices[monitor]) workers_->set_choice(monitor, std::move(*prepared.choices[monitor]), kPatience);
  }
  settings_ = next;
  plans_ = std::move(prepared.plans);
  PrefixStores old_prefixes;  // freed once nothing uses them
  std::unique_ptr<InterfaceStore> old_interfaces;
  if (prepared.prefixes) old_prefixes = std::exchange(prefixes_, std::move(*prepared.prefixes));
  if (prepared.other_interfaces) old_interfaces = std::exchange(interfaces_, std::move(prepared.interfaces));
  if (prepared.other_interfaces) tell_interfaces();
  view_.set_configuration(effective, plans_, settings_.prefix_files.empty() ? nullptr : prefixes_.all.front().get());
  if (prepared.prefixes || prepared.other_interfaces) {
    drain_->set_enrichment(prefixes_.of_monitor, interfaces_.get());
  }
  if (prepared.prefixes) offer_as_lookups(kPatience);
  if (prepared.exporters) {
    drain_->change_exporters([&](const std::vector<RecordTotals>& given) { hub_->change(*prepared.exporters, given); });
  }
}

tl::expected<std::vector<std::string>, std::string> LiveProbe::change(const Settings& next, const v1::Config& effective,
                                                                      bool dry_run) {
  const OffWorkerCores off(cores_);  // for the threads of exporters and of prefix files
  std::vector<std::string> notes;
  auto prepared = prepare(next, dry_run);
  if (!prepared) return tl::unexpected(prepared.error());
  if (dry_run) return notes;
  const bool exporters = prepared->exporters.has_value();
  {
    const std::lock_guard lock(mutex_);
    commit(std::move(*prepared), next, effective);
  }
  if (!exporters) return notes;
  const std::chrono::nanoseconds stop_timeout(next.stop_timeout_ns);
  return hub_->close_removed(std::min(kFlushWithin, std::chrono::ceil<std::chrono::milliseconds>(stop_timeout)));
}

tl::expected<void, std::string> LiveProbe::pause(const std::string& exporter, bool on) {
  return hub_->pause(exporter, on);
}

}  // namespace weir
