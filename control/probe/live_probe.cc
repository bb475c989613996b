#include "control/probe/live_probe.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>

#include "control/ledger/ledger_output.h"
#include "control/ledger/ledger_report.h"
#include "control/monitor_parts.h"
#include "control/probe/cores.h"
#include "control/probe/memif_socket.h"
#include "control/probe/option_facts.h"
#include "control/probe/supervision.h"
#include "control/run_user.h"
#include "control/stale_socket.h"
#include "dataplane/live_clock.h"
#include "proto/base/number_text.h"

namespace weir {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::string progress_text(const ProbeView::Second& second) {
  return fmt::format("{}, {}, {} flows in the table",
                     scaled(static_cast<double>(second.rates.packets_per_second()), "packets/s"),
                     scaled(static_cast<double>(second.rates.frame_bits_per_second()), "bit/s"), second.flows);
}

}  // namespace

LiveProbe::LiveProbe(const Settings& settings, ProbeView& view, const ProbeSignals& signals, RecordTap& tap,
                     Reconfiguration& changes)
    : settings_(settings),
      plans_(monitor_plans(settings)),
      view_(view),
      signals_(signals),
      reconfiguration_(changes),
      terminal_(isatty(STDERR_FILENO) != 0),
      tap_(tap) {}

LiveProbe::~LiveProbe() {
  reconfiguration_.detach("weir is stopping");
  view_.detach();
}

tl::expected<void, std::string> LiveProbe::start(const std::vector<unsigned>& cores,
                                                 const BeforeReceiving& before_receiving) {
  parts_ =
      std::make_unique<ChangingParts>(settings_, view_,
                                      ChangingParts::Kind{[this] { return interfaces_of(port_infos_of(*runtime_)); },
                                                          &dpdk::Runtime::make_flow_filter, cores});
  if (auto opened = parts_->open(); !opened) return opened;
  if (auto opened = open_rejects(cores); !opened) return opened;
  view_.phase().set(Phase::starting, "starting the ports");
  if (auto started = start_ports(cores); !started) return started;
  view_.phase().set(Phase::starting, "reserving the flow table's memory");
  if (auto started = start_workers(); !started) return started;
  if (stopped_at_start_) return {};
  if (before_receiving) {
    if (auto done = before_receiving(); !done) return done;
  }
  {
    const OffWorkerCores off(cores);
    if (auto begun = parts_->hub().begin(); !begun) return begun;
    if (rejects_ != nullptr) {
      rejects_->begin();
      reject_saver_ = std::make_unique<RejectSaver>(workers_->reject_rings(), *rejects_);
    }
  }
  workers_->receive();
  view_.attach(*runtime_, *workers_, *drain_, std::make_unique<RecordFacts>(settings_.community_id_seed),
               rejects_.get(), parts_->first_prefixes());
  view_.phase().set(Phase::running);
  log_start();
  look_after();
  reconfiguration_.attach(*parts_);
  return {};
}

tl::expected<void, std::string> LiveProbe::open_rejects(const std::vector<unsigned>& cores) {
  if (settings_.rejects.path.empty()) return {};
  const OffWorkerCores off(cores);
  auto rejects = RejectFile::open(settings_.rejects);
  if (!rejects) return tl::unexpected(rejects.error());
  rejects_ = std::move(*rejects);
  return {};
}

tl::expected<void, std::string> LiveProbe::start_ports(const std::vector<unsigned>& cores) {
  const AsRoot root;  // for devices
  dpdk::RuntimeOptions options;
  options.devices = settings_.ports;
  options.cores = cores;
  options.workers = settings_.workers;
  options.rss = settings_.rss;
  options.interrupts = settings_.idle == IdleChoice::automatic;
  for (const MonitorPlan& plan : plans_) options.filters.push_back(plan.filter);
  options.frame_filter = settings_.frame_filter;
  options.eal_arguments = settings_.eal_arguments;
  for (const std::string& device : settings_.ports) {
    const std::optional<std::string> file = memif_server_file(device);
    if (!file) continue;
    if (auto free = remove_stale_socket(*file); !free) {
      return tl::unexpected(fmt::format("--port {}: {}; use another socket=", device, free.error()));
    }
  }
  auto runtime = dpdk::Runtime::start(options);
  if (!runtime) return tl::unexpected(runtime.error());
  runtime_ = std::move(*runtime);
  if (!settings_.user.empty()) runtime_->leave_no_folder();
  if (!runtime_->hugepages()) {
    spdlog::warn(
        "no free huge pages: running on ordinary memory, which is slower (`weir doctor` says how to reserve some)");
  }
  for (const std::string& notice : runtime_->notices()) spdlog::warn("{}", notice);
  for (const std::string& device : settings_.ports) {
    if (!memif_is_abstract(device)) continue;
    spdlog::warn(
        "--port {}: an abstract socket has no permissions: any local user can send packets here; expected "
        "socket=PATH,socket-abstract=no in a folder that only weir may enter",
        device);
  }
  parts_->tell_interfaces();
  return {};
}

tl::expected<void, std::string> LiveProbe::start_workers() {
  const KeyHash hash(KeyHash::random_seed());
  auto workers = WorkerSet::make(settings_, *runtime_, hash);
  if (!workers) return tl::unexpected(workers.error());
  workers_ = std::move(*workers);
  std::vector<DrainedMonitor> monitors;
  for (unsigned number = 0; number < plans_.size(); ++number) {
    monitors.push_back({workers_->rings(number), make_accounter(plans_[number], settings_, hash),
                        parts_->prefixes_of(number), parts_->interfaces()});
  }
  drain_ = std::make_unique<RecordDrain>(parts_->hub(), std::move(monitors), false, &LiveClock::read_wall_ns,
                                         settings_.community_id_seed, &tap_);
  parts_->attach(*drain_, &workers_->controls());
  if (auto launched = workers_->launch(); !launched) return launched;
  touch_memory();
  return {};
}

/// Waits until the workers have touched their memory, or a signal to stop comes.
void LiveProbe::touch_memory() {
  constexpr std::chrono::milliseconds kStep{5};
  constexpr std::chrono::seconds kTellEvery{5};
  auto tell_at = SteadyClock::now() + kTellEvery;
  while (workers_->ready() != workers_->size()) {
    const std::string doing = touching_text(workers_->octets_touched(), workers_->octets_to_touch());
    view_.phase().set(Phase::starting, doing);
    if (terminal_) fmt::print(stderr, "\r\033[K{}", doing);
    if (!terminal_ && SteadyClock::now() >= tell_at) {
      spdlog::info("{}", doing);
      tell_at += kTellEvery;
    }
    const auto signal = signals_.wait(kStep);
    if (!signal || signal->event != ProbeSignals::Event::stop) continue;
    if (terminal_) std::fputs("\r\033[K", stderr);
    spdlog::info("{}: stopping before a packet was received; no file of --export is changed", signal->name);
    stopped_at_start_ = true;
    workers_->stop();
    return;
  }
  if (terminal_) std::fputs("\r\033[K", stderr);
}

void LiveProbe::log_start() const {
  for (const dpdk::PortInfo& info : port_infos_of(*runtime_)) {
    spdlog::info("{}: {}, {} queue{} of {} descriptors, MTU {}, RSS {}{}", info.name, info.driver, info.queues,
                 info.queues == 1 ? "" : "s", info.rx_descriptors, info.mtu, info.rss,
                 info.link_up ? "" : ", no link yet");
  }
  log_rss();
  if (settings_.exports.empty()) spdlog::warn("no --export: flow records are counted and go nowhere");
  spdlog::info("{} worker{}, {} flows at most, control socket {}", settings_.workers, settings_.workers == 1 ? "" : "s",
               flows_of(plans_), settings_.socket);
  for (const MonitorPlan& plan : plans_) {
    if (plan.name.empty()) continue;
    spdlog::info("monitor {}: key {}, {} flows at most{}", plan.name, plan.key_list, plan.max_flows,
                 plan.filter.empty() ? "" : ", filter '" + plan.filter + "'");
  }
}

/// The RSS self-check at start.
void LiveProbe::log_rss() const {
  const dpdk::RssReport report = runtime_->check_rss();
  for (const dpdk::RssPortReport& port : report.ports) {
    if (port.conversations == 0) continue;
    spdlog::info("{}: RSS self-check by {}: of {} known conversations {} split, {} apart from their fragments{}{}",
                 port.name, port.hash, port.conversations, port.split, port.fragments_split,
                 port.example.empty() ? "" : "; split: ", port.example);
  }
  if (report.split_between_ports != 0) {
    spdlog::info("RSS self-check: the ports differ: {} known conversations would be split between two of them",
                 report.split_between_ports);
  }
  const auto joins = std::find_if(plans_.begin(), plans_.end(),
                                  [](const MonitorPlan& plan) { return !plan.flow.key.whole_addresses(); });
  if (workers_->handing_over() && joins != plans_.end()) {
    spdlog::info("--key {} puts several addresses into one flow: workers hand packets over", joins->key_list);
  } else if (workers_->handing_over()) {
    spdlog::info("the ports do not bring both directions of a conversation to one worker: workers hand packets over");
  }
}

void LiveProbe::run() {
  began_ = SteadyClock::now();
  if (stopped_at_start_) return;
  const RunEnd end = run_until_stopped(
      signals_, settings_.duration_ns, "every flow in the table is exported",
      [this](const ProbeSignals::Received& signal) {
        reconfiguration_.apply_file({signal.uid, signal.pid});
        parts_->reopen();
      },
      [this] { look_after(); });
  if (end == RunEnd::stop || empty(Phase::draining)) return;
  view_.phase().set(Phase::drained);
  wait_drained(signals_, left_of(settings_.duration_ns, began_), view_.ledger(), [this] { look_after(); });
}

/// What is done once a second.
void LiveProbe::look_after() {
  dpdk::Runtime::look_after();
  log_lines(changes_.ports(port_infos_of(*runtime_)));
  log_lines(changes_.exporters(parts_->hub().snapshot()));
  parts_->look_after();
  const ProbeView::Second second = view_.look();
  log_lines(changes_.workers(second.silences));
  tell_health(second.silences, second.rates.workers.empty() ? "" : progress_text(second));
  if (second.warning) spdlog::warn("{}", *second.warning);
  if (second.moment) parts_->look_at(*second.moment);
  if (second.rates.workers.empty()) return;
  spdlog::debug("{}", progress_text(second));
  if (!terminal_) return;
  fmt::print(stderr, "\r\033[K{}", progress_text(second));
  std::fflush(stderr);
}

int LiveProbe::stop() {
  if (emptied_) {
    view_.phase().set(Phase::stopping);
  } else {
    empty(Phase::stopping);
  }
  return report();
}

/// Receives no more, lets all records out, and closes the exporters. Returns whether weir is to stop then.
bool LiveProbe::empty(Phase phase) {
  reconfiguration_.detach(phase == Phase::draining ? "weir has drained, and takes no change any more; stop it"
                                                   : "weir is stopping");
  parts_->hub().resume_all();
  view_.phase().set(phase, "emptying the flow table");
  drain_->set_wait();
  workers_->stop();
  const bool stops = let_records_out(
      {*drain_, parts_->hub(), view_.phase(), signals_, [this] { return workers_->finished() == workers_->size(); },
       [this](const auto&) { parts_->reopen(); }, phase == Phase::draining},
      parts_->settings().stop_timeout_ns);
  workers_->join();
  // Records that are given up may still come out of the rings: the closed exporters lose them by name.
  drain_->finish();
  tap_.close();
  emptied_ = true;
  return stops;
}

/// Closes the file of --save-rejects, if there is one.
void LiveProbe::report_rejects(v1::Ledger& ledger, int& code) {
  if (rejects_ == nullptr) return;
  reject_saver_->finish();
  if (const auto closed = rejects_->close(); !closed) {
    spdlog::error("{}", closed.error());
    code = 1;
  }
  std::vector<WorkerCounters> counters;
  for (unsigned i = 0; i < workers_->size(); ++i) counters.push_back(workers_->counters(i));
  add_saved_rejects(ledger, rejects_->totals(), counters, true);
}

/// The end: nothing runs any more.
int LiveProbe::report() {
  view_.detach();
  int code = log_problems(parts_->hub());
  parts_->tell_news();
  const DrainTotals totals = drain_->totals();
  std::vector<WorkerCounters> counters;
  for (unsigned i = 0; i < workers_->size(); ++i) counters.push_back(workers_->counters(i));
  v1::Ledger ledger =
      make_whole_ledger(names_of(plans_), counters, totals, port_ledgers_of(*runtime_), true,
                        [this](unsigned worker, unsigned monitor) { return workers_->recount(worker, monitor); });
  report_rejects(ledger, code);
  view_.end(ledger);
  const int ledger_code = report_ledger(ledger, settings_.ledger_file);
  return code != 0 ? code : ledger_code;
}

}  // namespace weir
