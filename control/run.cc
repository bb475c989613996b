// `weir run`: the supervisor of the live probe.
//
// Order of the start: control socket (a second instance is refused before it can touch anything), exporters, EAL and
// ports, workers. Order of the end: workers stop receiving, take over what others still had for them, export every
// flow; the drain empties the rings; the exporters are flushed; the ledger is made of counters that rest.
//
// Threads: one per worker, pinned by the EAL; this one, the drain, the exporters and gRPC share the control core (or,
// where no core list is given, every CPU that is no worker's).
#include <fmt/format.h>
#include <sched.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/commands.h"
#include "control/control_service.h"
#include "control/final_error.h"
#include "control/flood_watch.h"
#include "control/ledger_output.h"
#include "control/ledger_report.h"
#include "control/prometheus.h"
#include "control/record_drain.h"
#include "dataplane/dpdk/runtime.h"
#include "dataplane/live_clock.h"
#include "dataplane/loss.h"
#include "dataplane/worker.h"
#include "proto/base/number_text.h"
#include "proto/schema/control_socket.h"

namespace weir {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::vector<unsigned> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

/// Control first, then one a worker. Without a list: the first allowed CPU for control, the following ones for the
/// workers, in turn where there are too few.
std::vector<unsigned> choose_cores(const Settings& settings) {
  if (!settings.cores.empty()) return settings.cores;
  const std::vector<unsigned> cpus = allowed_cpus();
  std::vector<unsigned> cores{cpus[0]};
  const std::size_t spare = cpus.size() > 1 ? cpus.size() - 1 : 1;
  for (unsigned i = 0; i < settings.workers; ++i) cores.push_back(cpus[cpus.size() > 1 ? 1 + i % spare : 0]);
  return cores;
}

/// While it lives, this thread, and those it starts, keep off the workers' CPUs, where there are others.
class OffWorkerCores {
 public:
  explicit OffWorkerCores(const std::vector<unsigned>& cores) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_ZERO(&before_);
    for (const unsigned cpu : allowed_cpus()) {
      CPU_SET(cpu, &before_);
      if (std::find(cores.begin() + 1, cores.end(), cpu) == cores.end()) CPU_SET(cpu, &set);
    }
    if (CPU_COUNT(&set) != 0) sched_setaffinity(0, sizeof set, &set);
  }
  ~OffWorkerCores() { sched_setaffinity(0, sizeof before_, &before_); }
  OffWorkerCores(const OffWorkerCores&) = delete;
  OffWorkerCores& operator=(const OffWorkerCores&) = delete;

 private:
  cpu_set_t before_;
};

/// The rate of the time-stamp counter, measured over 20 ms; LiveClock slews the rest away.
std::uint64_t measure_tsc_hz() {
  const std::uint64_t tsc = LiveClock::read_tsc();
  const auto start = SteadyClock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const std::uint64_t ticks = LiveClock::read_tsc() - tsc;
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - start).count();
  return static_cast<std::uint64_t>(static_cast<double>(ticks) * 1e9 / static_cast<double>(ns));
}

class LiveProbe final : public StatusSource {
 public:
  LiveProbe(const Settings& settings, const v1::Config& effective)
      : settings_(settings), effective_(effective), started_(SteadyClock::now()) {}

  int run();

  v1::StatusReply status() override;
  v1::Ledger ledger() override;
  v1::RssReply rss() override;

 private:
  /// One worker's counters with their time, for rates.
  struct Sample {
    SteadyClock::time_point at;
    std::vector<WorkerCounters> counters;
  };

  bool start_workers(const KeyHash& hash);
  [[nodiscard]] std::string idle_text(unsigned number) const;
  void worker_loop(unsigned number);
  void supervise();
  std::chrono::milliseconds empty_the_probe();
  int stop();
  [[nodiscard]] std::vector<v1::PortLedger> port_ledgers() const;
  /// Copies of all workers' counters, each taken between two of its polls. Holds mutex_.
  bool take_counters();
  v1::Ledger ledger_locked();
  void sample_rates();
  void publish_facts(const std::vector<WorkerCounters>& counters);
  void report_links();
  void report_rss() const;
  void report_exporters();
  void print_progress();

  const Settings& settings_;
  const v1::Config& effective_;
  SteadyClock::time_point started_;
  std::unique_ptr<ExportHub> hub_;
  std::shared_ptr<ProbeFacts> facts_ = std::make_shared<ProbeFacts>();
  std::unique_ptr<dpdk::Runtime> runtime_;
  std::unique_ptr<HandoverMesh> mesh_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<LiveSource>> sources_;
  std::vector<IdleMode> idle_;  ///< by worker
  dpdk::Runtime::Waiting waiting_;
  std::unique_ptr<RecordDrain> drain_;
  std::uint64_t tsc_hz_ = 0;
  std::atomic<bool> stopping_{false};  ///< written by this thread, read by the workers
  std::atomic<unsigned> ready_{0};     ///< counted up by each worker once its memory is touched
  std::atomic<unsigned> finished_{0};  ///< counted up by each worker once its table is empty
  std::vector<bool> link_up_;
  std::vector<std::string> problems_;
  std::vector<std::string> exporter_notes_;

  std::mutex mutex_;      ///< guards what follows, and the workers' snapshot boxes
  bool running_ = false;  ///< from the start of the workers to the end of the exporters
  std::vector<WorkerCounters> last_counters_;
  std::optional<v1::Ledger> last_ledger_;
  Sample before_;
  Sample latest_;
  FloodWatch flood_;
};

/// What worker `number` does without packets.
std::string LiveProbe::idle_text(unsigned number) const {
  if (idle_[number] == IdleMode::poll) return "poll";
  if (idle_[number] == IdleMode::wait && waiting_.interrupts) return "interrupt";
  if (idle_[number] == IdleMode::wait && waiting_.sleep_ns != 0) {
    return fmt::format("sleep {:.0f} us", static_cast<double>(waiting_.sleep_ns) / 1e3);
  }
  return "pause";
}

bool LiveProbe::start_workers(const KeyHash& hash) {
  const bool hand_over =
      settings_.workers > 1 && (!runtime_->spreads_conversations() || !settings_.flow.key.whole_addresses());
  if (hand_over) {
    mesh_ = std::make_unique<HandoverMesh>(settings_.workers);
  }
  waiting_ = runtime_->waiting(hand_over);
  if (settings_.idle == IdleChoice::sleep) waiting_.interrupts = false;
  const std::vector<unsigned> isolated = isolated_cpus();
  const std::uint64_t share = (settings_.max_flows + settings_.workers - 1) / settings_.workers;
  for (unsigned number = 0; number < settings_.workers; ++number) {
    WorkerOptions options{settings_.flow};
    options.number = number;
    options.workers = settings_.workers;
    options.capacity = static_cast<std::uint32_t>(std::min<std::uint64_t>(share, FlowShard::kMaxCapacity));
    options.handover = mesh_.get();
    workers_.push_back(std::make_unique<Worker>(options, hash));
    if (!workers_.back()->ok()) {
      final_error(fmt::format("no memory for {} flows: lower --max-flows", settings_.max_flows));
      return false;
    }
    idle_.push_back(idle_mode(settings_.idle, runtime_->worker_core(number), isolated));
    sources_.push_back(runtime_->source(number, waiting_));
  }
  std::vector<RecordRing*> rings;
  for (auto& worker : workers_) rings.push_back(&worker->records());
  drain_ = std::make_unique<RecordDrain>(
      rings, *hub_, false,
      settings_.flow.full_table == FullTable::overflow
          ? std::make_unique<OverflowAccounter>(settings_.overflow, hash, settings_.flow.key)
          : nullptr,
      &LiveClock::read_wall_ns);
  {
    const std::lock_guard lock(mutex_);
    last_counters_.resize(settings_.workers);
  }
  for (unsigned number = 0; number < settings_.workers; ++number) {
    const auto launched = runtime_->launch(number, [this, number] { worker_loop(number); });
    if (!launched) {
      final_error(launched.error());
      stopping_.store(true, std::memory_order_relaxed);
      return false;
    }
  }
  return true;
}

void LiveProbe::worker_loop(unsigned number) {
  Worker& worker = *workers_[number];
  LiveSource& source = *sources_[number];
  worker.touch();
  ready_.fetch_add(1, std::memory_order_release);
  LiveClock clock(LiveClock::read_tsc(), LiveClock::read_wall_ns(), tsc_hz_);
  IdleLadder idle(idle_[number]);
  while (!stopping_.load(std::memory_order_relaxed)) {
    const std::uint64_t now_ns = clock.now_ns();
    const bool packets = worker.poll(source, now_ns) != 0;
    const IdleLadder::Step step = idle.after(packets || worker.behind(), now_ns);
    if (step == IdleLadder::Step::poll) [[likely]]
      continue;
    if (step == IdleLadder::Step::wait && source.wait()) {
      worker.waited(clock.now_ns() - now_ns);
    } else {
      IdleLadder::pause();
    }
  }
  worker.stop_receiving();
  while (!worker.settle(clock.now_ns())) {
  }
  worker.drain(clock.now_ns());
  finished_.fetch_add(1, std::memory_order_release);
}

/// Brings last_counters_ up to now. False: a worker did not answer, as one that drains its table does not, and its
/// counters are older.
bool LiveProbe::take_counters() {
  if (finished_.load(std::memory_order_acquire) == settings_.workers) {  // at rest
    for (std::size_t i = 0; i < workers_.size(); ++i) last_counters_[i] = workers_[i]->counters();
    return true;
  }
  for (auto& worker : workers_) worker->snapshots().request();
  // A worker answers within one poll, microseconds; one that shares its CPU, when it is scheduled next.
  const auto deadline = SteadyClock::now() + std::chrono::milliseconds(500);
  bool all = true;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    while (!workers_[i]->snapshots().answered() && SteadyClock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    all = all && workers_[i]->snapshots().answered();
    if (workers_[i]->snapshots().answered()) last_counters_[i] = workers_[i]->snapshots().value();
  }
  return all;
}

std::vector<v1::PortLedger> LiveProbe::port_ledgers() const {
  std::vector<v1::PortLedger> ports;
  for (unsigned i = 0; runtime_ != nullptr && i < runtime_->port_count(); ++i) {
    const dpdk::PortInfo info = runtime_->port_info(i);
    const dpdk::PortCounters counters = runtime_->port_counters(i);
    v1::PortLedger port;
    port.set_name(info.name);
    port.set_driver(info.driver);
    port.set_ipackets(counters.ipackets);
    port.set_ibytes(counters.ibytes);
    port.set_imissed(counters.imissed);
    port.set_ierrors(counters.ierrors);
    port.set_rx_nombuf(counters.rx_nombuf);
    ports.push_back(port);
  }
  return ports;
}

v1::Ledger LiveProbe::ledger_locked() {
  // The drain first: what it took by then, the workers emitted before.
  const RecordDrain::Totals totals = drain_->totals();
  // Counters that are older than that would not fit: then the ledger of when all answered last.
  if (!take_counters() && last_ledger_) return *last_ledger_;
  std::vector<WorkerAccount> accounts;
  for (std::size_t i = 0; i < last_counters_.size(); ++i) {
    accounts.push_back({last_counters_[i], totals.drained[i], std::nullopt});
  }
  last_ledger_ = make_ledger(accounts, totals.exporters, port_ledgers(), false, totals.overflow);
  return *last_ledger_;
}

v1::Ledger LiveProbe::ledger() {
  const std::lock_guard lock(mutex_);
  if (!running_) return make_ledger({}, {}, {}, false);
  return ledger_locked();
}

void LiveProbe::sample_rates() {
  const std::lock_guard lock(mutex_);
  before_ = std::move(latest_);
  take_counters();
  latest_ = {SteadyClock::now(), last_counters_};
  FloodWatch::Sample sum;
  for (const WorkerCounters& counters : latest_.counters) {
    sum.flows_created += counters.flows_created;
    sum.far_inserts += counters.far_inserts;
    sum.longest_probe = std::max(sum.longest_probe, counters.longest_probe);
  }
  if (flood_.look(sum, std::chrono::duration<double>(latest_.at - started_).count())) {
    spdlog::warn("hash flooding: {} of the last second's new flows crowd in one place of the table; see weirctl status",
                 flood_.report().recent);
  }
  publish_facts(latest_.counters);
}

/// For options data: what never came into a flow, and what was lost before the exporters.
void LiveProbe::publish_facts(const std::vector<WorkerCounters>& counters) {
  PacketCount ignored;
  std::array<RecordTotals, kLossCount> lost{};
  for (const WorkerCounters& c : counters) {
    for (const PacketCount& reject : c.rejects) ignored += reject;
    ignored += c.handover_full;
    for (std::size_t i = 0; i < kLossCount; ++i) lost[i] += c.lost[i];
  }
  lost[static_cast<std::size_t>(Loss::overflow_full)] += drain_->totals().overflow.lost;  // the accounter's, not theirs
  facts_->set_ignored(ignored.packets, ignored.octets);
  std::vector<NamedLoss> losses;
  for (std::size_t i = 0; i < kLossCount; ++i) {
    losses.push_back({std::string(kLossTexts[i].name), lost[i].records, lost[i].packets, lost[i].octets});
  }
  facts_->set_lost(std::move(losses));
}

v1::StatusReply LiveProbe::status() {
  const std::lock_guard lock(mutex_);
  v1::StatusReply reply;
  reply.set_version(std::string(version()));
  reply.set_pid(static_cast<std::uint64_t>(getpid()));
  reply.set_uptime_s(std::chrono::duration<double>(SteadyClock::now() - started_).count());
  *reply.mutable_config() = effective_;
  reply.set_balanced(true);  // while nothing runs yet, or any more, there is nothing that could not be
  if (!running_) return reply;
  reply.set_hugepages(runtime_->hugepages());
  for (unsigned i = 0; i < runtime_->port_count(); ++i) {
    const dpdk::PortInfo info = runtime_->port_info(i);
    v1::PortStatus& port = *reply.add_ports();
    port.set_name(info.name);
    port.set_driver(info.driver);
    port.set_link_up(info.link_up);
    port.set_link_mbps(info.link_mbps);
    port.set_queues(info.queues);
    port.set_rx_descriptors(info.rx_descriptors);
    port.set_mtu(info.mtu);
    port.set_numa_node(info.numa_node);
    port.set_rss(info.rss);
  }
  const v1::Ledger ledger = ledger_locked();
  std::uint64_t flows = 0;
  std::uint64_t capacity = 0;
  std::uint64_t received = 0;  // by all workers, between the two samples
  std::uint64_t most = 0;
  const bool sampled = before_.counters.size() == workers_.size();
  for (unsigned i = 0; sampled && i < workers_.size(); ++i) {
    const std::uint64_t one = latest_.counters[i].received.packets - before_.counters[i].received.packets;
    received += one;
    most = std::max(most, one);
  }
  if (received != 0) {
    reply.set_queue_skew(static_cast<double>(most) * static_cast<double>(workers_.size()) /
                         static_cast<double>(received));
  }
  for (unsigned i = 0; i < workers_.size(); ++i) {
    v1::WorkerStatus& worker = *reply.add_workers();
    worker.set_worker(i);
    worker.set_core(static_cast<std::int32_t>(runtime_->worker_core(i)));
    worker.set_flows(ledger.workers(static_cast<int>(i)).in_table().records());
    worker.set_capacity(workers_[i]->shard().capacity());
    worker.set_idle(idle_text(i));
    flows += worker.flows();
    capacity += worker.capacity();
    const double seconds = std::chrono::duration<double>(latest_.at - before_.at).count();
    if (sampled && seconds > 0) {
      const WorkerCounters& now = latest_.counters[i];
      const WorkerCounters& then = before_.counters[i];
      const auto per_second = [&](std::uint64_t a, std::uint64_t b) {
        return static_cast<std::uint64_t>(std::llround(static_cast<double>(a - b) / seconds));
      };
      worker.set_packets_per_second(per_second(now.received.packets, then.received.packets));
      if (received != 0) {
        worker.set_share(static_cast<double>(now.received.packets - then.received.packets) /
                         static_cast<double>(received));
      }
      worker.set_frame_bits_per_second(8 * per_second(now.received.octets, then.received.octets));
      if (now.polls != then.polls) {
        const double asleep = std::min(1.0, static_cast<double>(now.waited_ns - then.waited_ns) / 1e9 / seconds);
        worker.set_asleep(asleep);
        worker.set_busy((1 - asleep) * static_cast<double>(now.busy_polls - then.busy_polls) /
                        static_cast<double>(now.polls - then.polls));
      }
    }
  }
  reply.set_flows(flows);
  reply.set_capacity(capacity);
  reply.set_when_full(effective_.when_full());
  reply.set_overflow_flows(ledger.in_overflow().records());
  std::uint64_t level = 0;
  for (const WorkerCounters& counters : last_counters_) {
    reply.set_evictions(reply.evictions() + counters.evictions);
    reply.set_overflowed(reply.overflowed() + counters.overflowed);
    level = std::max(level, counters.sampling_level);
  }
  reply.set_sampling_rate(std::uint32_t{1} << level);
  const FloodWatch::Report flood = flood_.report();
  v1::HashFlooding& flooding = *reply.mutable_hash_flooding();
  flooding.set_suspected(flood.suspected);
  flooding.set_far_inserts(flood.far_inserts);
  flooding.set_far_inserts_recent(flood.recent);
  flooding.set_longest_probe(flood.longest_probe);
  reply.set_balanced(ledger.balanced());
  *reply.mutable_exporters() = ledger.exporters();
  return reply;
}

v1::RssReply LiveProbe::rss() {
  const std::lock_guard lock(mutex_);
  v1::RssReply reply;
  if (!running_) return reply;
  const dpdk::RssReport report = runtime_->check_rss();
  for (const dpdk::RssPortReport& port : report.ports) {
    v1::RssPort& out = *reply.add_ports();
    out.set_name(port.name);
    out.set_hash(port.hash);
    out.set_key_octets(port.key_octets);
    out.set_table_entries(port.table_entries);
    out.set_conversations(port.conversations);
    out.set_split(port.split);
    out.set_fragments_split(port.fragments_split);
    out.set_example(port.example);
    out.mutable_known_by_queue()->Add(port.known_by_queue.begin(), port.known_by_queue.end());
    out.mutable_queue_packets()->Add(port.queue_packets.begin(), port.queue_packets.end());
  }
  reply.set_split_between_ports(report.split_between_ports);
  reply.set_meets(report.meets);
  reply.set_handing_over(mesh_ != nullptr);
  reply.set_ok(report.meets || mesh_ != nullptr);
  return reply;
}

/// The self-check at start, for the log.
void LiveProbe::report_rss() const {
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
  if (mesh_ != nullptr && !settings_.flow.key.whole_addresses()) {
    spdlog::info("--key {} puts several addresses into one flow: workers hand packets over", settings_.key_list);
  } else if (mesh_ != nullptr) {
    spdlog::info("the ports do not bring both directions of a conversation to one worker: workers hand packets over");
  }
}

void LiveProbe::report_links() {
  link_up_.resize(runtime_->port_count(), false);
  problems_.resize(runtime_->port_count());
  for (unsigned i = 0; i < runtime_->port_count(); ++i) {
    const dpdk::PortInfo info = runtime_->port_info(i);
    if (info.problem != problems_[i]) {
      problems_[i] = info.problem;
      if (!info.problem.empty()) spdlog::error("{}: {}", info.name, info.problem);
    }
    if (info.link_up == link_up_[i]) continue;
    link_up_[i] = info.link_up;
    if (info.link_up) {
      spdlog::info("{}: link up, {} Mbit/s", info.name, info.link_mbps);
    } else {
      spdlog::warn("{}: link down", info.name);
    }
  }
}

void LiveProbe::report_exporters() {
  const std::vector<ExporterSnapshot> exporters = hub_->snapshot();
  exporter_notes_.resize(exporters.size());
  for (std::size_t i = 0; i < exporters.size(); ++i) {
    const ExporterSnapshot& exporter = exporters[i];
    std::string note = exporter.state == "up" ? "" : exporter.state;
    for (const auto& [name, totals] : exporter.lost) {
      if (totals.records != 0) note += fmt::format("{}records are being lost ({})", note.empty() ? "" : "; ", name);
    }
    if (note == exporter_notes_[i]) continue;
    exporter_notes_[i] = note;
    if (note.empty()) {
      spdlog::info("export '{}': up", exporter.name);
    } else {
      spdlog::warn("export '{}': {}", exporter.name, note);
    }
  }
}

void LiveProbe::print_progress() {
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;
  std::uint64_t flows = 0;
  {
    const std::lock_guard lock(mutex_);
    const double seconds = std::chrono::duration<double>(latest_.at - before_.at).count();
    if (before_.counters.empty() || seconds <= 0) return;
    for (std::size_t i = 0; i < latest_.counters.size(); ++i) {
      packets += latest_.counters[i].received.packets - before_.counters[i].received.packets;
      octets += latest_.counters[i].received.octets - before_.counters[i].received.octets;
      flows += latest_.counters[i].in_table.records;
    }
    packets = static_cast<std::uint64_t>(static_cast<double>(packets) / seconds);
    octets = static_cast<std::uint64_t>(static_cast<double>(octets) / seconds);
  }
  fmt::print(stderr, "\r\033[K{}, {}, {} flows in the table", scaled(static_cast<double>(packets), "packets/s"),
             scaled(8 * static_cast<double>(octets), "bit/s"), flows);
  std::fflush(stderr);
}

void LiveProbe::supervise() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  const bool terminal = isatty(STDERR_FILENO) != 0;
  const auto begin = SteadyClock::now();
  for (;;) {
    auto wait = std::chrono::nanoseconds(std::chrono::seconds(1));
    if (settings_.duration_ns != 0) {
      const auto left = std::chrono::nanoseconds(settings_.duration_ns) - (SteadyClock::now() - begin);
      if (left <= std::chrono::nanoseconds(0)) {
        if (terminal) std::fputs("\r\033[K", stderr);
        spdlog::info("the time of --duration is over: stopping");
        return;
      }
      wait = std::min(wait, std::chrono::duration_cast<std::chrono::nanoseconds>(left));
    }
    const timespec timeout{wait.count() / 1'000'000'000, wait.count() % 1'000'000'000};
    const int signal = sigtimedwait(&signals, nullptr, &timeout);
    if (signal > 0) {
      if (terminal) std::fputs("\r\033[K", stderr);
      spdlog::info("{}: stopping; every flow in the table is exported", signal == SIGINT ? "SIGINT" : "SIGTERM");
      return;
    }
    report_links();
    report_exporters();
    sample_rates();
    if (terminal) print_progress();
  }
}

/// Waits while records still leave. Ends when all are out, when nothing has moved for kPatience, or with a second
/// signal: then what is queued is lost by name. Returns how long the exporters may still take to close.
std::chrono::milliseconds LiveProbe::empty_the_probe() {
  constexpr std::chrono::seconds kPatience{15};  // longer than what a stalled connection is waited for
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  RecordTotals before;
  const auto begin = SteadyClock::now();
  auto moved = begin;
  bool told = false;
  for (;;) {
    if (finished_.load(std::memory_order_acquire) == settings_.workers) drain_->begin_finish();
    RecordTotals out;
    std::uint64_t queued = 0;
    for (const ExporterSnapshot& exporter : hub_->snapshot()) {
      out += exporter.exported;
      for (const auto& [name, totals] : exporter.lost) out += totals;
      queued += exporter.queued.records;
    }
    if (drain_->finished() && queued == 0) return kPatience;
    if (!told && SteadyClock::now() - begin > std::chrono::seconds(1)) {
      told = true;
      spdlog::info(
          "waiting for the exporters, {} records queued, as long as something moves every {} s; "
          "a second signal gives them up",
          queued, kPatience.count());
    }
    if (!(out == before)) {
      before = out;
      moved = SteadyClock::now();
    } else if (SteadyClock::now() - moved > kPatience) {
      return std::chrono::seconds(1);
    }
    const timespec step{0, 20'000'000};
    if (sigtimedwait(&signals, nullptr, &step) > 0) {
      spdlog::warn("second signal: {} queued records, and all that are not queued yet, are given up", queued);
      return std::chrono::milliseconds(0);
    }
  }
}

int LiveProbe::stop() {
  drain_->set_wait();
  stopping_.store(true, std::memory_order_relaxed);
  const std::chrono::milliseconds timeout = empty_the_probe();
  hub_->finish(timeout);
  runtime_->join_workers();
  drain_->finish();  // after a second signal it may still have drained records, which the closed exporters lost
  int code = 0;
  for (const std::string& failure : hub_->problems()) {
    spdlog::error("{}", failure);
    code = 1;
  }
  const std::lock_guard lock(mutex_);
  running_ = false;
  const RecordDrain::Totals totals = drain_->totals();
  std::vector<WorkerAccount> accounts;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    accounts.push_back({workers_[i]->counters(), totals.drained[i], workers_[i]->shard().recount()});
  }
  const int ledger_code = report_ledger(make_ledger(accounts, totals.exporters, port_ledgers(), true, totals.overflow),
                                        settings_.ledger_file);
  return code != 0 ? code : ledger_code;
}

int LiveProbe::run() {
  if (!check_ledger_file(settings_.ledger_file)) return 1;
  // Taken by sigtimedwait() in supervise(); blocked before any thread is started, so that no other one gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const std::vector<unsigned> cores = choose_cores(settings_);
  tsc_hz_ = measure_tsc_hz();

  std::unique_ptr<ControlService> service;
  std::unique_ptr<PrometheusService> prometheus;
  {
    const OffWorkerCores off(cores);
    auto started = ControlService::start(settings_.socket, *this);
    if (!started) {
      final_error(started.error());
      return 1;
    }
    service = std::move(*started);
    if (!settings_.prometheus.empty()) {
      auto listening = PrometheusService::start(settings_.prometheus, *this);
      if (!listening) {
        final_error(listening.error());
        return 1;
      }
      prometheus = std::move(*listening);
    }
    ExportContext context;
    context.facts = facts_;
    auto hub = ExportHub::open(settings_.exports, context);
    if (!hub) {
      final_error(hub.error());
      return 1;
    }
    hub_ = std::move(*hub);
  }

  dpdk::RuntimeOptions options;
  options.devices = settings_.ports;
  options.cores = cores;
  options.workers = settings_.workers;
  options.rss_ports = settings_.rss_ports;
  options.interrupts = settings_.idle == IdleChoice::automatic;
  options.filter = settings_.filter;
  options.eal_arguments = settings_.eal_arguments;
  auto runtime = dpdk::Runtime::start(options);
  if (!runtime) {
    final_error(runtime.error());
    return 1;
  }
  runtime_ = std::move(*runtime);
  if (!runtime_->hugepages()) {
    spdlog::warn("no free huge pages: running on ordinary memory, which is slower (see README.md, real NICs)");
  }
  for (const std::string& notice : runtime_->notices()) spdlog::warn("{}", notice);
  {
    std::vector<InterfaceName> interfaces;
    for (unsigned i = 0; i < runtime_->port_count(); ++i) {
      const dpdk::PortInfo info = runtime_->port_info(i);
      interfaces.push_back({i + 1, info.name, info.driver});
    }
    facts_->set_interfaces(std::move(interfaces));
  }
  const bool started = start_workers(KeyHash(KeyHash::random_seed()));
  if (!started) {
    stopping_.store(true, std::memory_order_relaxed);
    runtime_->join_workers();
    prometheus.reset();
    service.reset();
    return 1;
  }
  while (ready_.load(std::memory_order_acquire) != settings_.workers) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (unsigned i = 0; i < runtime_->port_count(); ++i) {
    const dpdk::PortInfo info = runtime_->port_info(i);
    spdlog::info("{}: {}, {} queue{} of {} descriptors, MTU {}, RSS {}{}", info.name, info.driver, info.queues,
                 info.queues == 1 ? "" : "s", info.rx_descriptors, info.mtu, info.rss,
                 info.link_up ? "" : ", no link yet");
  }
  report_rss();
  if (settings_.exports.empty()) spdlog::warn("no --export: flow records are counted and go nowhere");
  spdlog::info("{} worker{}, {} flows at most, control socket {}", settings_.workers, settings_.workers == 1 ? "" : "s",
               settings_.max_flows, settings_.socket);
  report_links();
  {
    const std::lock_guard lock(mutex_);
    running_ = true;
  }
  sample_rates();
  supervise();
  const int code = stop();
  prometheus.reset();
  service.reset();
  return code;
}

}  // namespace

int run_live(const Settings& settings, const v1::Config& effective) {
  return LiveProbe(settings, effective).run();
}

}  // namespace weir
