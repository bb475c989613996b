#include "control/probe/sample_probe.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "control/config/inputs.h"
#include "control/ledger/ledger_output.h"
#include "control/ledger/ledger_report.h"
#include "control/monitor_parts.h"
#include "control/probe/option_facts.h"
#include "control/probe/supervision.h"
#include "control/probe/system_interfaces.h"
#include "dataplane/live_clock.h"

namespace weir {

tl::expected<std::unique_ptr<PsampleSource>, std::string> open_kernel_samples(const Settings& settings) {
  auto socket = PsampleSocket::join();
  if (!socket) return tl::unexpected(socket.error());
  const std::uint16_t family = socket->family();
  return std::make_unique<PsampleSource>(std::make_unique<PsampleSocket>(std::move(*socket)), family,
                                         settings.input_source.groups, settings.frame_filter);
}

SampleProbe::SampleProbe(const Settings& settings, ProbeView& view, const ProbeSignals& signals, RecordTap& tap,
                         OpenSamples open)
    : settings_(settings),
      plans_(monitor_plans(settings)),
      view_(view),
      signals_(signals),
      tap_(tap),
      open_(std::move(open)),
      as_maps_(plans_.size()) {}

SampleProbe::~SampleProbe() {
  view_.detach();
}

tl::expected<void, std::string> SampleProbe::start() {
  view_.phase().set(Phase::starting, "opening the exporters");
  if (auto opened = open_exporters(); !opened) return opened;
  view_.phase().set(Phase::starting, "reserving the flow table's memory");
  if (auto started = start_worker(); !started) return started;
  if (auto begun = hub_->begin(); !begun) return begun;
  if (rejects_ != nullptr) {
    rejects_->begin();
    reject_saver_ = std::make_unique<RejectSaver>(std::vector{worker_->rejects()}, *rejects_);
  }
  worker_->start();
  view_.attach(*worker_, *drain_, settings_, std::make_unique<RecordFacts>(settings_.community_id_seed), rejects_.get(),
               settings_.prefix_files.empty() ? nullptr : prefixes_.all.front().get());
  view_.phase().set(Phase::running);
  if (settings_.exports.empty()) spdlog::warn("no --export: flow records are counted and go nowhere");
  spdlog::info("packets that the kernel samples, {} flows at most, control socket {}", flows_of(plans_),
               settings_.socket);
  look_after();
  return {};
}

tl::expected<void, std::string> SampleProbe::open_exporters() {
  if (!settings_.interfaces.empty()) {
    auto store = InterfaceStore::open(settings_.interfaces);
    if (!store) return tl::unexpected("--interfaces: " + store.error());
    interfaces_ = std::move(*store);
  }
  tell_interfaces();
  ExportContext context;
  context.facts = facts_;
  context.sampler_address = settings_.sampler_address;
  tell_monitors(context, plans_);
  context.inputs = inputs_of(settings_);
  auto hub = ExportHub::prepare(settings_.exports, context);
  if (!hub) return tl::unexpected(hub.error());
  hub_ = std::move(*hub);
  if (!settings_.rejects.path.empty()) {
    auto rejects = RejectFile::open(settings_.rejects);
    if (!rejects) return tl::unexpected(rejects.error());
    rejects_ = std::move(*rejects);
  }
  auto prefixes = open_prefixes(settings_);
  if (!prefixes) return tl::unexpected(prefixes.error());
  prefixes_ = std::move(*prefixes);
  return {};
}

tl::expected<void, std::string> SampleProbe::start_worker() {
  auto source = open_(settings_);
  if (!source) return tl::unexpected(source.error());
  const KeyHash hash(KeyHash::random_seed());
  auto worker = SampleWorker::make(settings_, plans_, std::move(*source), hash);
  if (!worker) return tl::unexpected(worker.error());
  worker_ = std::move(*worker);
  std::vector<DrainedMonitor> monitors;
  for (unsigned number = 0; number < plans_.size(); ++number) {
    monitors.push_back({{&worker_->records(number)},
                        make_accounter(plans_[number], settings_, hash),
                        prefixes_.of_monitor[number],
                        interfaces_.get()});
  }
  drain_ = std::make_unique<RecordDrain>(*hub_, std::move(monitors), false, &LiveClock::read_wall_ns,
                                         settings_.community_id_seed, &tap_);
  offer_as_lookups();  // the worker does not poll yet: taken by its first poll
  return {};
}

/// Says to the exporters, and to what names interfaces in records, what the interfaces of this machine are called.
void SampleProbe::tell_interfaces() {
  const std::vector<InterfaceName> here = system_interfaces();
  if (interfaces_ != nullptr) interfaces_->set_ports(here);
  facts_->set_interfaces(interfaces_ != nullptr ? interfaces_->all() : here);
}

/// Gives the worker the maps that reloads have put in place of those that it looks AS numbers up in.
void SampleProbe::offer_as_lookups() {
  for (unsigned monitor = 0; monitor < plans_.size(); ++monitor) {
    if (prefixes_.of_monitor[monitor] == nullptr) continue;
    auto map = prefixes_.of_monitor[monitor]->whole_map();
    if (map == nullptr || map == as_maps_[monitor]) continue;
    worker_->set_as_lookup(monitor, as_lookup_in(map), std::chrono::milliseconds(0));
    as_maps_[monitor] = std::move(map);
  }
}

void SampleProbe::run() {
  const auto began = std::chrono::steady_clock::now();
  const RunEnd end = run_until_stopped(
      signals_, settings_.duration_ns, "every flow in the table is exported", [this] { reopen(); },
      [this] { look_after(); });
  if (end == RunEnd::stop || empty(Phase::draining)) return;
  view_.phase().set(Phase::drained);
  wait_drained(signals_, left_of(settings_.duration_ns, began), view_.ledger(), [this] { look_after(); });
}

void SampleProbe::reopen() {
  reopen_files(*hub_, settings_, prefixes_, interfaces_.get());
}

/// What is done once a second.
void SampleProbe::look_after() {
  log_lines(changes_.exporters(hub_->snapshot()));
  tell_prefix_news(prefixes_);
  tell_interfaces();
  offer_as_lookups();
  const ProbeView::Second second = view_.look();
  log_lines(changes_.workers(second.silences));
  tell_health(second.silences);
  if (second.warning) spdlog::warn("{}", *second.warning);
  look_at_input();
  if (!second.moment) return;
  const PacketCount ignored = ignored_packets(second.moment->counters);
  facts_->set_ignored(ignored.packets, ignored.octets);
  OverflowTotals overflow = second.moment->totals.overflow;
  for (const OverflowTotals& further : second.moment->totals.further_overflow) overflow.lost += further.lost;
  facts_->set_lost(losses_before_exporters(second.moment->counters, overflow));
}

void SampleProbe::look_at_input() {
  const std::optional<PsampleTotals> totals = view_.samples();
  if (!totals) return;
  if (totals->error != told_error_) {
    spdlog::error("--input {}: reading the kernel's messages: {}", settings_.input, std::strerror(totals->error));
    told_error_ = totals->error;
  }
  if (const auto warning = silence_.look(*totals)) spdlog::warn("--input {}: {}", settings_.input, *warning);
}

int SampleProbe::stop() {
  if (emptied_) {
    view_.phase().set(Phase::stopping);
  } else {
    empty(Phase::stopping);
  }
  return report();
}

/// As LiveProbe::empty().
bool SampleProbe::empty(Phase phase) {
  view_.phase().set(phase, "emptying the flow table");
  drain_->set_wait();
  worker_->stop();
  const bool stops = let_records_out({*drain_, *hub_, view_.phase(), signals_, [this] { return worker_->at_rest(); },
                                      [this] { reopen(); }, phase == Phase::draining},
                                     settings_.stop_timeout_ns);
  worker_->join();
  drain_->finish();  // what is given up may still come out of the ring: the closed exporters lose it by name
  tap_.close();
  emptied_ = true;
  return stops;
}

/// The end: nothing runs any more.
int SampleProbe::report() {
  view_.detach();
  int code = log_problems(*hub_);
  tell_prefix_news(prefixes_);
  const std::vector<WorkerCounters> counters{worker_->counters()};
  v1::Ledger ledger =
      make_whole_ledger(names_of(plans_), counters, drain_->totals(), {}, true,
                        [this](unsigned /*worker*/, unsigned monitor) { return worker_->recount(monitor); });
  InputTotals input = worker_->totals();
  input.name = settings_.input;
  put_input(*ledger.mutable_input(), input);
  if (rejects_ != nullptr) {
    reject_saver_->finish();
    if (const auto closed = rejects_->close(); !closed) {
      spdlog::error("{}", closed.error());
      code = 1;
    }
    add_saved_rejects(ledger, rejects_->totals(), counters, true);
  }
  const int ledger_code = report_ledger(ledger, settings_.ledger_file);
  return code != 0 ? code : ledger_code;
}

}  // namespace weir
