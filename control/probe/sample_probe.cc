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
#include "control/run_user.h"
#include "dataplane/live_clock.h"

namespace weir {

tl::expected<std::unique_ptr<PsampleSource>, std::string> open_kernel_samples(const Settings& settings) {
  const AsRoot root;  // who takes part in the kernel's samples needs CAP_NET_ADMIN
  auto socket = PsampleSocket::join();
  if (!socket) return tl::unexpected(socket.error());
  const std::uint16_t family = socket->family();
  return std::make_unique<PsampleSource>(std::make_unique<PsampleSocket>(std::move(*socket)), family,
                                         settings.input_source.groups, settings.frame_filter);
}

namespace {

tl::expected<std::shared_ptr<const FlowFilter>, std::string> make_filter(const std::string& text) {
  auto program = PcapFilter::compile_for_flows(text);
  if (!program) return tl::unexpected(program.error());
  return std::make_shared<const PcapFlowFilter>(std::move(*program));
}

}  // namespace

SampleProbe::SampleProbe(const Settings& settings, ProbeView& view, const ProbeSignals& signals, RecordTap& tap,
                         Reconfiguration& changes, OpenSamples open)
    : settings_(settings),
      plans_(monitor_plans(settings)),
      view_(view),
      signals_(signals),
      tap_(tap),
      reconfiguration_(changes),
      open_(std::move(open)),
      parts_(settings, view, {&system_interfaces, &make_filter, {}}) {}

SampleProbe::~SampleProbe() {
  reconfiguration_.detach("weir is stopping");
  view_.detach();
}

tl::expected<void, std::string> SampleProbe::start(const BeforeReceiving& before_receiving) {
  if (auto opened = parts_.open(); !opened) return opened;
  parts_.tell_interfaces();
  if (auto opened = open_rejects(); !opened) return opened;
  view_.phase().set(Phase::starting, "reserving the flow table's memory");
  if (auto started = start_worker(); !started) return started;
  if (before_receiving) {
    if (auto done = before_receiving(); !done) return done;
  }
  if (auto begun = parts_.hub().begin(); !begun) return begun;
  if (rejects_ != nullptr) {
    rejects_->begin();
    reject_saver_ = std::make_unique<RejectSaver>(std::vector{worker_->rejects()}, *rejects_);
  }
  worker_->start();
  view_.attach(*worker_, *drain_, settings_, std::make_unique<RecordFacts>(settings_.community_id_seed), rejects_.get(),
               parts_.first_prefixes());
  view_.phase().set(Phase::running);
  if (settings_.exports.empty()) spdlog::warn("no --export: flow records are counted and go nowhere");
  spdlog::info("packets that the kernel samples, {} flows at most, control socket {}", flows_of(plans_),
               settings_.socket);
  look_after();
  reconfiguration_.attach(parts_);
  return {};
}

tl::expected<void, std::string> SampleProbe::open_rejects() {
  if (settings_.rejects.path.empty()) return {};
  auto rejects = RejectFile::open(settings_.rejects);
  if (!rejects) return tl::unexpected(rejects.error());
  rejects_ = std::move(*rejects);
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
                        parts_.prefixes_of(number),
                        parts_.interfaces()});
  }
  drain_ = std::make_unique<RecordDrain>(parts_.hub(), std::move(monitors), false, &LiveClock::read_wall_ns,
                                         settings_.community_id_seed, &tap_);
  parts_.attach(*drain_, &worker_->controls());
  return {};
}

void SampleProbe::run() {
  const auto began = std::chrono::steady_clock::now();
  const RunEnd end = run_until_stopped(
      signals_, settings_.duration_ns, "every flow in the table is exported",
      [this](const ProbeSignals::Received& signal) {
        reconfiguration_.apply_file({signal.uid, signal.pid});
        parts_.reopen();
      },
      [this] { look_after(); });
  if (end == RunEnd::stop || empty(Phase::draining)) return;
  view_.phase().set(Phase::drained);
  wait_drained(signals_, left_of(settings_.duration_ns, began), view_.ledger(), [this] { look_after(); });
}

/// What is done once a second.
void SampleProbe::look_after() {
  log_lines(changes_.exporters(parts_.hub().snapshot()));
  parts_.look_after();
  parts_.tell_interfaces();
  const ProbeView::Second second = view_.look();
  log_lines(changes_.workers(second.silences));
  tell_health(second.silences);
  if (second.warning) spdlog::warn("{}", *second.warning);
  look_at_input();
  if (second.moment) parts_.look_at(*second.moment);
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
  reconfiguration_.detach(phase == Phase::draining ? "weir has drained, and takes no change any more; stop it"
                                                   : "weir is stopping");
  parts_.hub().resume_all();
  view_.phase().set(phase, "emptying the flow table");
  drain_->set_wait();
  worker_->stop();
  const bool stops =
      let_records_out({*drain_, parts_.hub(), view_.phase(), signals_, [this] { return worker_->at_rest(); },
                       [this](const auto&) { parts_.reopen(); }, phase == Phase::draining},
                      parts_.settings().stop_timeout_ns);
  worker_->join();
  drain_->finish();  // what is given up may still come out of the ring: the closed exporters lose it by name
  tap_.close();
  emptied_ = true;
  return stops;
}

/// The end: nothing runs any more.
int SampleProbe::report() {
  view_.detach();
  int code = log_problems(parts_.hub());
  parts_.tell_news();
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
  view_.end(ledger);
  const int ledger_code = report_ledger(ledger, settings_.ledger_file);
  return code != 0 ? code : ledger_code;
}

}  // namespace weir
