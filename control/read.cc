// `weir read`: capture files to flow records, without an EAL and without root.
//
// The calling thread reads, parses and spreads (OfflineMeter); one thread drains the record rings into the exporters.
// Everything waits for what comes after it, so nothing is lost on the way. A file that cannot be opened or breaks off
// is named, what was read up to there is exported, and the exit code is 1.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/commands.h"
#include "control/config/inputs.h"
#include "control/enrich/interface_store.h"
#include "control/explain.h"
#include "control/export/export_hub.h"
#include "control/export/option_values.h"
#include "control/final_error.h"
#include "control/ledger/ledger_output.h"
#include "control/ledger/ledger_report.h"
#include "control/metric_hints.h"
#include "control/monitor_parts.h"
#include "control/prefix_options.h"
#include "control/read_parts.h"
#include "control/record_drain.h"
#include "control/reject_file.h"
#include "control/reject_listing.h"
#include "dataplane/input/capture_file.h"
#include "dataplane/input/pcap_filter.h"
#include "dataplane/offline_meter.h"
#include "proto/base/duration.h"

namespace weir {
namespace {

// By what --sample chooses where no key is given: a capture gives the same records every time.
constexpr KeyHash::Seed kFixedSamplingSeed{0x243f'6a88'85a3'08d3, 0x1319'8a2e'0370'7344, 0xa409'3822'299f'31d0,
                                           0x082e'fa98'ec4e'6c89, 0x4528'21e6'38d0'1377, 0xbe54'66cf'34e9'0c6c};

/// A line on a terminal that is written over twice a second.
class ProgressLine {
 public:
  ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0), started_(Clock::now()), next_(started_ + kPeriod) {}
  ~ProgressLine() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  [[nodiscard]] bool wanted() const { return terminal_; }
  void update(const CaptureFile& file, std::uint64_t packets) {
    const Clock::time_point now = Clock::now();
    if (now < next_) return;
    next_ = now + kPeriod;
    shown_ = true;
    const double seconds = std::chrono::duration<double>(now - started_).count();
    const double millions = static_cast<double>(packets) / 1e6;
    if (file.file_octets() != 0) {
      const double share = static_cast<double>(file.octets_read()) / static_cast<double>(file.file_octets());
      fmt::print(stderr, "\r\033[K{}: {:.0f} %, {:.2f} M packets, {:.2f} Mpps", file.name(), 100 * share, millions,
                 millions / seconds);
    } else {
      fmt::print(stderr, "\r\033[K{}: {:.2f} M packets, {:.2f} Mpps", file.name(), millions, millions / seconds);
    }
    std::fflush(stderr);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kPeriod{500};

  bool terminal_;
  bool shown_ = false;
  Clock::time_point started_;
  Clock::time_point next_;
};

/// The capture files one after the other, as one stream of packets.
class CaptureSequence {
 public:
  explicit CaptureSequence(const std::vector<std::string>& paths) : paths_(paths) {}

  /// The next packet of the first file that has one; false at the end of the last. Problems are logged on the way.
  bool next(PacketView& view) {
    for (;;) {
      if (file_ == nullptr) {
        if (at_ == paths_.size()) return false;
        auto opened = CaptureFile::open(paths_[at_++]);
        if (!opened && is_interrupted()) return false;  // a pipe from which nothing came
        if (!opened) {
          final_error(opened.error());
          failed_ = true;
          continue;
        }
        file_ = std::move(*opened);
        before_ = packets_;
        begins_ = true;
      }
      const CaptureFile::Result result = file_->next(view);
      if (result == CaptureFile::Result::packet) {
        ++packets_;
        return true;
      }
      if (result == CaptureFile::Result::error && is_interrupted()) {
        spdlog::warn("interrupted: what was read up to there is exported");  // a pipe: the read itself was broken off
        return false;
      }
      if (result == CaptureFile::Result::error) {
        spdlog::error("{}; what was read up to there is exported", file_->error());
        failed_ = true;
      }
      file_.reset();
    }
  }
  [[nodiscard]] const CaptureFile& file() const { return *file_; }
  /// Whether the packet is the first of its file; once for each.
  [[nodiscard]] bool take_begins() { return std::exchange(begins_, false); }
  /// Packets of the files before this one.
  [[nodiscard]] std::uint64_t before() const { return before_; }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::uint64_t packets() const { return packets_; }

 private:
  const std::vector<std::string>& paths_;
  std::size_t at_ = 0;
  std::unique_ptr<CaptureFile> file_;
  std::uint64_t packets_ = 0;
  std::uint64_t before_ = 0;
  bool begins_ = false;
  bool failed_ = false;
};

/// Says once of each clock what it did. To be called while the file is open.
class ClockWarnings {
 public:
  ClockWarnings(const OfflineMeter& meter, const CaptureSequence& captures) : meter_(meter), captures_(captures) {}

  void update() {
    for (; said_ < meter_.notices().size(); ++said_) warn(meter_.notices()[said_]);
  }

 private:
  void warn(const ClockNotice& notice) {
    const std::string where = fmt::format("{}: packet {}", captures_.file().name(), notice.packet - captures_.before());
    const std::string far = short_duration_text(notice.behind_ns);
    switch (notice.event) {
      case TimeEpochs::Event::epoch:
        spdlog::warn("{}: the clock steps back by {}: the flows before it end there, and time begins anew", where, far);
        break;
      case TimeEpochs::Event::offset:
        spdlog::warn("{}: the clock of capture interface {} is {} behind the others': its times are moved by that",
                     where, notice.interface, far);
        break;
      case TimeEpochs::Event::ignored:
        spdlog::warn(
            "{}: the clock steps back by {}, again within {} packets: this and further such packets count as "
            "reordered",
            where, far, TimeEpochs::kLeastPackets);
        break;
      case TimeEpochs::Event::none:
        break;
    }
    if (said_ + 1 == OfflineMeter::kMostNotices) spdlog::warn("further steps of clocks are counted, and not named");
  }

  const OfflineMeter& meter_;
  const CaptureSequence& captures_;
  std::size_t said_ = 0;
};

/// --save-rejects: the file, nullptr where rejects are not saved. Error: one line.
tl::expected<std::unique_ptr<RejectFile>, std::string> open_rejects(const Settings& settings) {
  if (settings.rejects.path.empty()) return nullptr;
  return RejectFile::open(settings.rejects);
}

/// --filter, or that of a monitor; nullptr: there is none.
std::unique_ptr<PcapFlowFilter> flow_filter_of(const std::string& filter) {
  if (filter.empty()) return nullptr;
  auto program = PcapFilter::compile_for_flows(filter);
  return program ? std::make_unique<PcapFlowFilter>(std::move(*program)) : nullptr;  // its binding compiled it
}

/// --explain: how weir sees one packet. Returns the exit code.
int explain(const Settings& settings, CaptureSequence& captures, PacketView& view, bool more) {
  const MonitorPlan plan = monitor_plans(settings).front();
  const auto filter = flow_filter_of(plan.filter);
  const auto as_lookup = first_as_lookup(settings);
  if (!as_lookup) {
    final_error(as_lookup.error());
    return 1;
  }
  Explainer explainer(settings.flow.parser, plan.flow.key, filter.get(), settings.frame_filter, *as_lookup);
  for (std::uint64_t number = 1; more; ++number, more = captures.next(view)) {
    if (number != settings.explain_packet) {
      explainer.skip(view, number);
      continue;
    }
    fmt::print("{}: {}", captures.file().name(), explainer.explain(view, number));
    return 0;
  }
  if (!captures.failed()) {
    const std::vector<std::string_view> names(settings.captures.begin(), settings.captures.end());
    final_error(fmt::format("--explain {}: {} ha{} only {} packets", settings.explain_packet, joined(names, ", "),
                            settings.captures.size() == 1 ? "s" : "ve", captures.packets()));
  }
  return 1;
}

/// --explain rejected: which packets of the captures are rejected, by reason. Returns the exit code.
int explain_rejected(const Settings& settings, CaptureSequence& captures, PacketView& view, bool more) {
  const MonitorPlan plan = monitor_plans(settings).front();
  const auto filter = flow_filter_of(plan.filter);
  Explainer explainer(settings.flow.parser, plan.flow.key, filter.get(), settings.frame_filter);
  RejectListing listing;
  for (std::uint64_t number = 1; more; ++number, more = captures.next(view)) {
    listing.add(number, explainer.skip(view, number));
  }
  fmt::print("{}", listing.text());
  return captures.failed() ? 1 : 0;
}

/// Counts `view`, the first packet, and all that come after it. False: --frame-filter cannot judge a packet.
bool count_packets(const Settings& settings, CaptureSequence& captures, PacketView& view, OfflineMeter& meter,
                   const ExportHub& hub, RejectFile* rejects) {
  ProgressLine progress;
  constexpr std::uint64_t kLook = 1 << 14;  // packets between two looks at the clock and the signals
  std::optional<LinkFilter> frame_filter;
  if (!settings.frame_filter.empty()) frame_filter.emplace(settings.frame_filter);
  std::uint64_t packets = 0;
  ClockWarnings clocks(meter, captures);
  do {
    if (captures.take_begins()) meter.begin_capture();
    view.ingress_interface = settings.interface;
    if (frame_filter) {
      const auto match = frame_filter->matches(view);
      if (!match) {
        spdlog::error("{}: {}", captures.file().name(), match.error());
        return false;
      }
      if (!*match) view.marks |= kFrameFilteredOut;
    }
    const Reject reject = meter.add(view, captures.file().interface());
    if (reject != Reject::none && rejects != nullptr) rejects->save(view, reject);
    clocks.update();
    if (++packets % kLook != 0) continue;
    if (is_interrupted()) {
      spdlog::warn("interrupted after {} packets: what was read up to there is exported", packets);
      break;
    }
    if (hub.reader_left() && hub.all_failed()) break;  // `| head` had enough
    if (progress.wanted()) progress.update(captures.file(), packets);
  } while (captures.next(view));
  return true;
}

/// The end: everything was read, and the exporters are closed. Returns the exit code; `code` is what it is so far.
int report(const Settings& settings, const OfflineMeter& meter, const RecordDrain& drain, RejectFile* rejects,
           bool quiet, int code) {
  std::vector<WorkerCounters> counters;
  for (unsigned i = 0; i < meter.workers(); ++i) counters.push_back(meter.counters(i));
  v1::Ledger ledger =
      make_whole_ledger(names_of(monitor_plans(settings)), counters, drain.totals(), {}, true,
                        [&](unsigned worker, unsigned monitor) { return meter.recount(worker, monitor); });
  if (rejects != nullptr) {
    if (const auto closed = rejects->close(); !closed) {
      spdlog::error("{}", closed.error());
      code = 1;
    }
    add_saved_rejects(ledger, rejects->totals(), {}, true);
  }
  const int ledger_code = quiet && ledger.balanced() ? file_ledger(ledger, settings.ledger_file)
                                                     : summarise_ledger(ledger, settings.ledger_file);
  return code != 0 ? code : ledger_code;
}

/// The monitors, their seeds and their filters.
struct Monitors {
  explicit Monitors(const Settings& settings) : plans(monitor_plans(settings)) {
    for (MonitorPlan& plan : plans) {
      if (plan.flow.sampling.seed == Sampling::kNoSeed) plan.flow.sampling.seed = kFixedSamplingSeed;
      filters.push_back(flow_filter_of(plan.filter));
    }
  }
  [[nodiscard]] OfflineOptions options(const Settings& settings) const {
    OfflineOptions options{plans[0].flow, settings.workers, plans[0].max_flows, settings.max_reordering_ns,
                           filters[0].get()};
    for (std::size_t i = 1; i < plans.size(); ++i) {
      options.further.push_back({plans[i].flow, plans[i].capacity(settings.workers), filters[i].get()});
    }
    return options;
  }
  /// What the drain takes.
  [[nodiscard]] std::vector<DrainedMonitor> drained(OfflineMeter& meter, const Settings& settings, const KeyHash& hash,
                                                    const PrefixStores& prefixes, InterfaceStore* interfaces) const {
    std::vector<DrainedMonitor> all;
    for (unsigned monitor = 0; monitor < plans.size(); ++monitor) {
      std::vector<RecordRing*> rings;
      for (unsigned i = 0; i < meter.workers(); ++i) rings.push_back(&meter.records(i, monitor));
      all.push_back(
          {std::move(rings), make_accounter(plans[monitor], settings, hash), prefixes.of_monitor[monitor], interfaces});
    }
    return all;
  }

  std::vector<MonitorPlan> plans;
  std::vector<std::unique_ptr<PcapFlowFilter>> filters;
};

}  // namespace

int read_captures(const Settings& settings) {
  CaptureSequence captures(settings.captures);
  PacketView view{};
  if (settings.explain_packet != 0) return explain(settings, captures, view, captures.next(view));
  if (settings.explain_rejected) return explain_rejected(settings, captures, view, captures.next(view));
  if (const auto apart = outputs_are_apart(settings); !apart) {
    final_error(apart.error());
    return 1;
  }
  if (!check_ledger_file(settings.ledger_file)) return 1;
  heed_signals();
  const bool more = captures.next(view);
  // No packet can be read, so no output file is touched.
  if (!more && captures.failed()) return 1;
  if (!more && is_interrupted()) {
    spdlog::warn("interrupted before the first packet");
    return 0;
  }

  const auto interfaces = open_interfaces(settings);
  if (!interfaces) {
    final_error(interfaces.error());
    return 1;
  }
  const std::vector<std::string> exports = read_exports(settings);
  auto opened = ExportHub::prepare(exports, read_context(settings, more ? view.time_ns : 0, interfaces->get()));
  if (!opened) {
    final_error(opened.error());
    return 1;
  }
  ExportHub& hub = **opened;

  if (exports.empty()) spdlog::warn("no --export: flow records are counted and go nowhere");
  for (const std::string& hint : metric_hints(settings, exports)) spdlog::warn("{}", hint);

  const auto prefixes = open_prefixes(settings);
  if (!prefixes) {
    final_error(prefixes.error());
    return 1;
  }
  const KeyHash hash(KeyHash::random_seed());
  const Monitors monitors(settings);
  OfflineMeter meter(monitors.options(settings), hash);
  if (!meter.ok()) {
    final_error(fmt::format("no memory for {} flows: lower {}", flows_of(monitors.plans), greatest_table(settings)));
    return 1;
  }
  for (unsigned monitor = 0; monitor < monitors.plans.size(); ++monitor) {
    if (!monitors.plans[monitor].flow.key.as_ends().any()) continue;
    meter.set_as_lookup(monitor, as_lookup_in(prefixes->of_monitor[monitor]->whole_map()));
  }
  const auto rejects = open_rejects(settings);
  if (!rejects) {
    final_error(rejects.error());
    return 1;
  }
  if (const auto begun = hub.begin(); !begun) {
    final_error(begun.error());
    return 1;
  }
  if (*rejects != nullptr) (*rejects)->begin();
  RecordDrain drain(hub, monitors.drained(meter, settings, hash, *prefixes, interfaces->get()), true, nullptr,
                    settings.community_id_seed);

  const bool judged = !more || count_packets(settings, captures, view, meter, hub, rejects->get());
  meter.finish();
  drain.finish();
  int code = captures.failed() || !judged ? 1 : 0;
  // A file is read and no link has to keep up, so the exporters get more time.
  for (const std::string& failure : hub.finish(std::chrono::hours(24))) {
    spdlog::error("{}", failure);
    code = 1;
  }
  // `| head` had enough: what a summary would say is not all.
  return report(settings, meter, drain, rejects->get(), hub.reader_left(), code);
}

}  // namespace weir
