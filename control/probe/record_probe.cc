#include "control/probe/record_probe.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>
#include <vector>

#include "control/config/inputs.h"
#include "control/config/monitor_blocks.h"
#include "control/ledger/input_totals.h"
#include "control/ledger/ledger_output.h"
#include "control/ledger/ledger_report.h"
#include "control/monitor_parts.h"
#include "control/probe/option_facts.h"
#include "control/probe/supervision.h"
#include "control/probe/system_interfaces.h"
#include "control/wall_reading.h"

namespace weir {

RecordProbe::RecordProbe(const Settings& settings, ProbeView& view, const ProbeSignals& signals, RecordTap& tap,
                         Reconfiguration& changes)
    : settings_(settings),
      view_(view),
      signals_(signals),
      tap_(tap),
      reconfiguration_(changes),
      parts_(settings, view, {&system_interfaces, {}, {}}) {}

RecordProbe::~RecordProbe() {
  reconfiguration_.detach("weir is stopping");
  view_.detach();
}

tl::expected<void, std::string> RecordProbe::start(const BeforeReceiving& before_receiving) {
  if (auto opened = parts_.open(); !opened) return opened;
  parts_.tell_interfaces();
  auto receiver = RecordReceiver::listen(settings_.input_source.path, settings_.account_others);
  if (!receiver) return tl::unexpected(receiver.error());
  receiver_ = std::move(*receiver);

  std::vector<DrainedMonitor> monitors;
  monitors.push_back({{&receiver_->records()},
                      make_raw_accounter(settings_, KeyHash(KeyHash::random_seed())),
                      parts_.prefixes_of(0),
                      parts_.interfaces()});
  drain_ = std::make_unique<RecordDrain>(parts_.hub(), std::move(monitors), false, &monotonic_ns, 0, &tap_);
  parts_.attach(*drain_, nullptr);
  if (before_receiving) {
    if (auto done = before_receiving(); !done) return done;
  }
  if (auto begun = parts_.hub().begin(); !begun) return begun;
  receiver_->start();
  view_.attach(*receiver_, *drain_, settings_, parts_.first_prefixes());
  view_.phase().set(Phase::running);
  if (settings_.exports.empty()) spdlog::warn("no --export: flow records are counted and go nowhere");
  spdlog::info("raw records at {}, {} flows at most, control socket {}", settings_.input_source.path,
               settings_.account.max_entries, settings_.socket);
  look_after();
  reconfiguration_.attach(parts_);
  return {};
}

void RecordProbe::run() {
  const auto began = std::chrono::steady_clock::now();
  const RunEnd end = run_until_stopped(
      signals_, settings_.duration_ns, "every flow in the accounter is exported",
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
void RecordProbe::look_after() {
  log_lines(changes_.exporters(parts_.hub().snapshot()));
  parts_.look_after();
  for (const std::string& line : receiver_->take_news()) spdlog::warn("{}", line);
  parts_.tell_interfaces();
  tell_health({});
  const ProbeView::Second second = view_.look();
  if (second.moment) parts_.look_at(*second.moment);
}

int RecordProbe::stop() {
  if (emptied_) {
    view_.phase().set(Phase::stopping);
  } else {
    empty(Phase::stopping);
  }
  return report();
}

/// As LiveProbe::empty().
bool RecordProbe::empty(Phase phase) {
  reconfiguration_.detach(phase == Phase::draining ? "weir has drained, and takes no change any more; stop it"
                                                   : "weir is stopping");
  parts_.hub().resume_all();
  view_.phase().set(phase, "emptying the accounter");
  drain_->set_wait();
  receiver_->stop();
  const bool stops =
      let_records_out({*drain_, parts_.hub(), view_.phase(), signals_, [this] { return receiver_->at_rest(); },
                       [this](const auto&) { parts_.reopen(); }, phase == Phase::draining},
                      parts_.settings().stop_timeout_ns);
  drain_->finish();  // what is given up may still come out of the ring: the closed exporters lose it by name
  tap_.close();
  emptied_ = true;
  return stops;
}

/// The end: nothing runs any more.
int RecordProbe::report() {
  view_.detach();
  const int code = log_problems(parts_.hub());
  parts_.tell_news();
  for (const std::string& line : receiver_->take_news()) spdlog::warn("{}", line);
  const DrainTotals totals = drain_->totals();
  v1::Ledger ledger = make_whole_ledger({}, {receiver_->counters()}, totals, {}, true);
  InputTotals input = receiver_->totals();
  input.name = settings_.input;
  input.times_clamped = totals.overflow.times_clamped;
  put_input(*ledger.mutable_input(), input);
  view_.end(ledger);
  const int ledger_code = report_ledger(ledger, settings_.ledger_file);
  return code != 0 ? code : ledger_code;
}

}  // namespace weir
