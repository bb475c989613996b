#include "control/probe/probe_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "control/config/difference.h"
#include "control/ledger/ledger_report.h"
#include "control/probe/metrics_report.h"
#include "control/probe/status_report.h"

namespace weir {
namespace {

FloodWatch::Sample flood_sample(const std::vector<WorkerCounters>& workers) {
  FloodWatch::Sample sum;
  for (const WorkerCounters& worker : workers) {
    const WorkerCounters counters = all_monitors(worker);
    sum.flows_created += counters.flows_created;
    sum.far_inserts += counters.far_inserts;
    sum.longest_probe = std::max(sum.longest_probe, counters.longest_probe);
  }
  return sum;
}

constexpr const char* kNoLiveFlows =
    "this weir takes records by --input and has no flow table: there are no live flows to show";

}  // namespace

ProbeView::ProbeView(const v1::Config& effective, std::vector<MonitorPlan> monitors)
    : started_(std::chrono::steady_clock::now()), effective_(effective), monitors_(std::move(monitors)) {
  for (const MonitorPlan& plan : monitors_) {
    if (!plan.name.empty()) monitor_names_.push_back(plan.name);
  }
}

double ProbeView::uptime_s() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

/// Holds both mutexes.
void ProbeView::make_queries(WorkerView& workers) {
  std::vector<QueriedMonitor> queried;
  for (unsigned number = 0; number < workers.monitors(); ++number) {
    const FlowSettings& flow = monitors_[number].flow;
    queried.push_back({monitors_[number].name, flow.metrics.enabled(), workers.flow_parts(number), flow.key.as_ends()});
  }
  queries_ = std::make_unique<LiveQueries>(
      std::move(queried),
      [facts = facts_.get()](RecordView record, RecordBatch& batch) { facts->append(record, batch); });
}

void ProbeView::attach(dpdk::Runtime& runtime, WorkerSet& workers, RecordDrain& drain,
                       std::unique_ptr<RecordFacts> facts, const RejectFile* rejects, const PrefixStore* prefixes) {
  const std::scoped_lock lock(query_mutex_, mutex_);
  facts_ = std::move(facts);
  make_queries(workers);
  parts_.runtime = &runtime;
  parts_.workers = &workers;
  parts_.handing_over = workers.handing_over();
  parts_.rejects = rejects;
  parts_.prefixes = prefixes;
  parts_.moments = std::make_unique<LastMoment>(workers.books(), [&drain] { return drain.totals(); });
}

void ProbeView::attach(RecordReceiver& receiver, RecordDrain& drain, const Settings& settings,
                       const PrefixStore* prefixes) {
  {
    const std::lock_guard lock(query_mutex_);
    takes_records_ = true;
  }
  const std::lock_guard lock(mutex_);
  parts_.receiver = &receiver;
  parts_.input = settings.input;
  parts_.capacity = settings.account.max_entries;
  parts_.prefixes = prefixes;
  parts_.moments = std::make_unique<LastMoment>(receiver.books(), [&drain] { return drain.totals(); });
}

void ProbeView::attach(SampleWorker& worker, RecordDrain& drain, const Settings& settings,
                       std::unique_ptr<RecordFacts> facts, const RejectFile* rejects, const PrefixStore* prefixes) {
  const std::scoped_lock lock(query_mutex_, mutex_);
  facts_ = std::move(facts);
  make_queries(worker);
  parts_.workers = &worker;
  parts_.samples = &worker;
  parts_.input = settings.input;
  parts_.rejects = rejects;
  parts_.prefixes = prefixes;
  parts_.moments = std::make_unique<LastMoment>(worker.books(), [&drain] { return drain.totals(); });
}

std::optional<PsampleTotals> ProbeView::samples() {
  const std::lock_guard lock(mutex_);
  if (parts_.samples == nullptr) return std::nullopt;
  return parts_.samples->totals().psample;
}

void ProbeView::set_configuration(const v1::Config& effective, std::vector<MonitorPlan> monitors,
                                  const PrefixStore* prefixes) {
  const std::lock_guard lock(mutex_);
  effective_ = effective;
  monitors_ = std::move(monitors);
  parts_.prefixes = prefixes;
}

void ProbeView::ask_anew() {
  const std::scoped_lock lock(query_mutex_, mutex_);
  if (queries_ != nullptr && parts_.workers != nullptr) make_queries(*parts_.workers);
}

/// Of a probe with --input; of the last moment where the accounter knows.
InputTotals ProbeView::input() const {
  InputTotals totals = parts_.samples != nullptr ? parts_.samples->totals() : parts_.receiver->totals();
  totals.name = parts_.input;
  if (parts_.receiver != nullptr && parts_.moments->last())
    totals.times_clamped = parts_.moments->last()->totals.overflow.times_clamped;
  return totals;
}

void ProbeView::detach() {
  {
    const std::lock_guard lock(query_mutex_);
    queries_.reset();
  }
  const std::lock_guard lock(mutex_);
  parts_ = {};
}

tl::expected<v1::TopReply, std::string> ProbeView::top(const v1::TopRequest& request, const GivenUp& given_up) {
  const std::lock_guard lock(query_mutex_);
  if (queries_ != nullptr) return queries_->top(request, given_up);
  if (takes_records_) return tl::unexpected(kNoLiveFlows);
  v1::TopReply reply;
  reply.mutable_scope()->set_doing(phase_.get().text());
  return reply;
}

tl::expected<v1::FlowsReply, std::string> ProbeView::flows(const v1::FlowsRequest& request, const GivenUp& given_up) {
  const std::lock_guard lock(query_mutex_);
  if (queries_ != nullptr) return queries_->flows(request, given_up);
  if (takes_records_) return tl::unexpected(kNoLiveFlows);
  v1::FlowsReply reply;
  reply.mutable_scope()->set_doing(phase_.get().text());
  return reply;
}

/// Holds mutex_; the parts are there.
v1::Ledger ProbeView::running_ledger() {
  parts_.moments->refresh();
  const auto ports = parts_.runtime == nullptr ? std::vector<v1::PortLedger>() : port_ledgers_of(*parts_.runtime);
  v1::Ledger ledger =
      make_live_ledger(parts_.moments->last(), parts_.moments->stale(), ports, phase_.get(), monitor_names_);
  if (has_input()) put_input(*ledger.mutable_input(), input());
  if (parts_.rejects != nullptr && parts_.moments->last()) {
    add_saved_rejects(ledger, parts_.rejects->totals(), parts_.moments->last()->counters, false);
  }
  if (phase_.get().phase == Phase::drained) {  // they are closed, however well they were
    for (v1::ExporterLedger& exporter : *ledger.mutable_exporters()) {
      if (exporter.state() == "up") exporter.set_state("drained");
    }
  }
  return ledger;
}

void ProbeView::end(const v1::Ledger& ledger) {
  const std::lock_guard lock(mutex_);
  final_ = ledger;
}

void ProbeView::await_reader(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  final_read_.wait_for(lock, limit, [this] { return final_was_read_; });
}

v1::Ledger ProbeView::ledger() {
  const std::lock_guard lock(mutex_);
  if (final_) {
    final_was_read_ = true;
    final_read_.notify_all();
    return *final_;
  }
  if (parts_.moments != nullptr) return running_ledger();
  return make_live_ledger(std::nullopt, false, {}, phase_.get());
}

v1::StatusReply ProbeView::status() {
  const std::lock_guard lock(mutex_);
  v1::StatusReply reply = make_status(phase_.get(), uptime_s());
  *reply.mutable_config() = without_secrets(effective_);
  if (parts_.moments == nullptr) return reply;
  StatusValues values;
  values.ledger = running_ledger();
  if (parts_.runtime != nullptr) {
    values.hugepages = parts_.runtime->hugepages();
    values.ports = port_infos_of(*parts_.runtime);
  }
  if (parts_.workers != nullptr) {
    values.when_full = effective_.when_full();
    values.workers = parts_.workers->facts();
    values.silences = parts_.moments->silences(LastMoment::Clock::now());
  }
  if (!monitor_names_.empty()) values.monitors = monitors_;
  values.moment = parts_.moments->last() ? &*parts_.moments->last() : nullptr;
  if (before_ && latest_) values.rates = rates_between(*before_, *latest_);
  values.flood = flood_.report();
  if (parts_.prefixes != nullptr) values.prefixes = parts_.prefixes->status();
  add_running_status(reply, values);
  if (has_input()) *reply.mutable_input() = values.ledger.input();
  if (parts_.receiver != nullptr) {
    reply.set_flows(reply.overflow_flows());
    reply.set_capacity(parts_.capacity);
  }
  return reply;
}

v1::RssReply ProbeView::rss() {
  const std::lock_guard lock(mutex_);
  if (parts_.runtime == nullptr) {
    v1::RssReply reply = make_rss_without_ports(phase_.get());
    if (reply.doing().empty()) {
      reply.set_doing(parts_.samples != nullptr ? "taking packets that the kernel samples: there are no ports"
                                                : "taking records: there are no ports");
    }
    return reply;
  }
  return make_rss(parts_.runtime->check_rss(), parts_.handing_over);
}

v1::MetricsReply ProbeView::metrics() {
  const std::lock_guard lock(mutex_);
  v1::MetricsReply reply = make_metrics(phase_.get());
  if (parts_.workers == nullptr) {
    if (reply.doing().empty()) reply.set_doing("taking records, of which nothing more is measured");
    return reply;
  }
  parts_.moments->refresh();
  const std::optional<Moment>& last = parts_.moments->last();
  for (unsigned monitor = 0; monitor < parts_.workers->monitors(); ++monitor) {
    MetricFacts facts = parts_.workers->metrics(monitor);
    if (!monitor_names_.empty()) facts.monitor = monitor_names_[monitor];
    facts.number = monitor;
    add_running_metrics(reply, facts, last ? &*last : nullptr, parts_.moments->stale());
  }
  return reply;
}

ProbeView::Second ProbeView::look() {
  const std::lock_guard lock(mutex_);
  Second second;
  if (parts_.moments == nullptr) return second;
  parts_.moments->refresh();
  if (parts_.workers != nullptr) second.silences = parts_.moments->silences(LastMoment::Clock::now());
  if (parts_.moments->stale()) return second;
  before_ = std::exchange(latest_, parts_.moments->last());
  second.moment = latest_;
  if (flood_.look(flood_sample(latest_->counters), uptime_s())) {
    second.warning = fmt::format(
        "hash flooding: {} of the last second's new flows crowd in one place of the table; see weirctl status",
        flood_.report().recent);
  }
  for (const WorkerCounters& counters : latest_->counters) second.flows += all_monitors(counters).in_table.records;
  if (before_) second.rates = rates_between(*before_, *latest_);
  return second;
}

std::vector<dpdk::PortInfo> port_infos_of(const dpdk::Runtime& runtime) {
  std::vector<dpdk::PortInfo> infos;
  for (unsigned i = 0; i < runtime.port_count(); ++i) infos.push_back(runtime.port_info(i));
  return infos;
}

std::vector<v1::PortLedger> port_ledgers_of(const dpdk::Runtime& runtime) {
  std::vector<dpdk::PortCounters> counters;
  for (unsigned i = 0; i < runtime.port_count(); ++i) counters.push_back(runtime.port_counters(i));
  return make_port_ledgers(port_infos_of(runtime), counters);
}

}  // namespace weir
