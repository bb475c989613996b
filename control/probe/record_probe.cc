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
RecordProbe::RecordProbe(const Settings& settings, ProbeView& view, const ProbeSignals& signals, RecordTap& tap)
    : settings_(settings), view_(view), signals_(signals), tap_(tap) {}

RecordProbe::~RecordProbe() {
  view_.detach();
}

tl::expected<void, std::string> RecordProbe::start() {
  view_.phase().set(Phase::starting, "opening the exporters");
  if (!settings_.interfaces.empty()) {
    auto store = InterfaceStore::open(settings_.interfaces);
    if (!store) return tl::unexpected("--interfaces: " + store.error());
    interfaces_ = std::move(*store);
  }
  tell_interfaces();
  ExportContext context;
  context.facts = facts_;
  context.sampler_address = settings_.sampler_address;
  tell_monitors(context, monitor_plans(settings_));
  context.inputs = inputs_of(settings_);
  auto hub = ExportHub::prepare(settings_.exports, context);
  if (!hub) return tl::unexpected(hub.error());
  hub_ = std::move(*hub);
  auto prefixes = open_prefixes(settings_);
  if (!prefixes) return tl::unexpected(prefixes.error());
  prefixes_ = std::move(*prefixes);
  auto receiver = RecordReceiver::listen(settings_.input_source.path, settings_.account_others);
  if (!receiver) return tl::unexpected(receiver.error());
  receiver_ = std::move(*receiver);

  std::vector<DrainedMonitor> monitors;
  monitors.push_back({{&receiver_->records()},
                      make_raw_accounter(settings_, KeyHash(KeyHash::random_seed())),
                      prefixes_.of_monitor.front(),
                      interfaces_.get()});
  drain_ = std::make_unique<RecordDrain>(*hub_, std::move(monitors), false, &monotonic_ns, 0, &tap_);
  if (auto begun = hub_->begin(); !begun) return begun;
  receiver_->start();
  view_.attach(*receiver_, *drain_, settings_, settings_.prefix_files.empty() ? nullptr : prefixes_.all.front().get());
  view_.phase().set(Phase::running);
  if (settings_.exports.empty()) spdlog::warn("no --export: flow records are counted and go nowhere");
  spdlog::info("raw records at {}, {} flows at most, control socket {}", settings_.input_source.path,
               settings_.account.max_entries, settings_.socket);
  look_after();
  return {};
}

/// Says to the exporters, and to what names interfaces in records, what the interfaces of this machine are called.
void RecordProbe::tell_interfaces() {
  const std::vector<InterfaceName> here = system_interfaces();
  if (interfaces_ != nullptr) interfaces_->set_ports(here);
  facts_->set_interfaces(interfaces_ != nullptr ? interfaces_->all() : here);
}

void RecordProbe::run() {
  const auto began = std::chrono::steady_clock::now();
  const RunEnd end = run_until_stopped(
      signals_, settings_.duration_ns, "every flow in the accounter is exported",
      [this] { reopen_files(*hub_, settings_, prefixes_, interfaces_.get()); }, [this] { look_after(); });
  if (end == RunEnd::stop || empty(Phase::draining)) return;
  view_.phase().set(Phase::drained);
  wait_drained(signals_, left_of(settings_.duration_ns, began), view_.ledger(), [this] { look_after(); });
}

/// What is done once a second.
void RecordProbe::look_after() {
  log_lines(changes_.exporters(hub_->snapshot()));
  tell_prefix_news(prefixes_);
  for (const std::string& line : receiver_->take_news()) spdlog::warn("{}", line);
  tell_interfaces();
  tell_health({});
  const ProbeView::Second second = view_.look();
  if (!second.moment) return;
  const PacketCount ignored = ignored_packets(second.moment->counters);
  facts_->set_ignored(ignored.packets, ignored.octets);
  facts_->set_lost(losses_before_exporters(second.moment->counters, second.moment->totals.overflow));
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
  view_.phase().set(phase, "emptying the accounter");
  drain_->set_wait();
  receiver_->stop();
  const bool stops = let_records_out(
      {*drain_, *hub_, view_.phase(), signals_, [this] { return receiver_->at_rest(); },
       [this] { reopen_files(*hub_, settings_, prefixes_, interfaces_.get()); }, phase == Phase::draining},
      settings_.stop_timeout_ns);
  drain_->finish();  // what is given up may still come out of the ring: the closed exporters lose it by name
  tap_.close();
  emptied_ = true;
  return stops;
}

/// The end: nothing runs any more.
int RecordProbe::report() {
  view_.detach();
  const int code = log_problems(*hub_);
  tell_prefix_news(prefixes_);
  for (const std::string& line : receiver_->take_news()) spdlog::warn("{}", line);
  const DrainTotals totals = drain_->totals();
  v1::Ledger ledger = make_whole_ledger({}, {receiver_->counters()}, totals, {}, true);
  InputTotals input = receiver_->totals();
  input.name = settings_.input;
  input.times_clamped = totals.overflow.times_clamped;
  put_input(*ledger.mutable_input(), input);
  const int ledger_code = report_ledger(ledger, settings_.ledger_file);
  return code != 0 ? code : ledger_code;
}

}  // namespace weir
