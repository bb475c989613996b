#include "control/probe/supervision.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "control/probe/audit.h"
#include "control/probe/quiesce.h"
#include "control/service/service_manager.h"

namespace weir {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// "SIGTERM (uid 0, pid 4711)", "weirctl stop"
std::string who(const ProbeSignals::Received& signal) {
  if (signal.pid == 0) return std::string(signal.name);
  return fmt::format("{} (uid {}, pid {})", signal.name, signal.uid, signal.pid);
}

/// The line on a terminal that is written over once a second ends here.
void clear_line() {
  if (isatty(STDERR_FILENO) != 0) std::fputs("\r\033[K", stderr);
}

Quiesce::Progress progress_of(const RecordDrain& drain, const ExportHub& hub) {
  Quiesce::Progress progress;
  progress.drained = drain.finished();
  for (const ExporterSnapshot& exporter : hub.snapshot()) {
    if (!exporter.group.empty()) continue;  // its group's counts have its
    progress.out += exporter.exported;
    for (const auto& [name, totals] : exporter.lost) progress.out += totals;
    progress.queued += exporter.queued.records;
  }
  return progress;
}

}  // namespace

void log_lines(const std::vector<LogLine>& lines) {
  for (const LogLine& line : lines) {
    switch (line.level) {
      case LogLine::Level::info:
        spdlog::info("{}", line.text);
        break;
      case LogLine::Level::warning:
        spdlog::warn("{}", line.text);
        break;
      case LogLine::Level::error:
        spdlog::error("{}", line.text);
        break;
    }
  }
}

void tell_health(const std::vector<std::chrono::nanoseconds>& silences, const std::string& progress) {
  const auto silent = std::find_if(silences.begin(), silences.end(),
                                   [](std::chrono::nanoseconds time) { return time >= kSilentTooLong; });
  if (silent != silences.end()) {
    service_manager::tell_status(
        fmt::format("worker {} does not poll: the watchdog is not fed", silent - silences.begin()));
    return;
  }
  service_manager::feed_watchdog();
  if (!progress.empty()) service_manager::tell_status(progress);
}

RunEnd run_until_stopped(const ProbeSignals& signals, std::uint64_t duration_ns, const char* promise,
                         const Reopen& reopen, const std::function<void()>& look_after) {
  const auto begin = SteadyClock::now();
  for (;;) {
    auto wait = std::chrono::nanoseconds(std::chrono::seconds(1));
    if (duration_ns != 0) {
      const auto left = std::chrono::nanoseconds(duration_ns) - (SteadyClock::now() - begin);
      if (left <= std::chrono::nanoseconds(0)) {
        clear_line();
        spdlog::info("the time of --duration is over: stopping");
        return RunEnd::stop;
      }
      wait = std::min(wait, std::chrono::duration_cast<std::chrono::nanoseconds>(left));
    }
    if (const auto signal = signals.wait(wait)) {
      clear_line();
      if (signal->event == ProbeSignals::Event::stop) {
        audit(spdlog::level::info, fmt::format("{}: stopping; {}", who(*signal), promise));
        return RunEnd::stop;
      }
      if (signal->event == ProbeSignals::Event::drain) {
        audit(spdlog::level::info, fmt::format("{}: draining; {}", who(*signal), promise));
        return RunEnd::drain;
      }
      audit(spdlog::level::info, fmt::format("{}: opening files again", who(*signal)));
      reopen(*signal);
    }
    look_after();
  }
}

void reopen_files(ExportHub& hub, const Settings& settings, const PrefixStores& prefixes, InterfaceStore* interfaces) {
  const std::vector<std::string> problems = hub.reopen();
  for (const std::string& problem : problems) spdlog::error("SIGHUP: {}; the old file stays in use", problem);
  if (problems.empty()) spdlog::info("SIGHUP: the files of --export are opened again by their names");
  if (interfaces != nullptr) {
    if (const auto read = interfaces->reload(); read) {
      spdlog::info("SIGHUP: the names of --interfaces are read again");
    } else {
      spdlog::error("SIGHUP: --interfaces: {}; the names that were read before stay in use", read.error());
    }
  }
  if (settings.prefix_files.empty()) return;
  spdlog::info("SIGHUP: the files of --prefixes are read again");
  for (const auto& store : prefixes.all) store->reload();
}

int log_problems(ExportHub& hub) {
  const std::vector<std::string> problems = hub.problems();
  for (const std::string& problem : problems) spdlog::error("{}", problem);
  return problems.empty() ? 0 : 1;
}

void tell_prefix_news(const PrefixStores& prefixes) {
  for (const auto& store : prefixes.all) {
    for (const PrefixStore::News& news : store->take_news()) {
      spdlog::log(news.failed ? spdlog::level::err : spdlog::level::info, "{}", news.text);
    }
  }
}

bool let_records_out(const Emptying& parts, std::uint64_t within_ns) {
  constexpr std::chrono::milliseconds kStep{20};
  const Phase phase = parts.drains ? Phase::draining : Phase::stopping;
  bool stops = !parts.drains;
  service_manager::tell_emptying(stops);
  Quiesce quiesce(SteadyClock::now(), std::chrono::nanoseconds(within_ns));
  for (;;) {
    if (parts.at_rest()) parts.drain.begin_finish();
    const Quiesce::Progress progress = progress_of(parts.drain, parts.hub);
    service_manager::feed_watchdog();  // the wait has its own limit
    parts.phase.set(phase, fmt::format("waiting for the exporters, {} records queued", progress.queued));
    Quiesce::Decision decision = quiesce.look(SteadyClock::now(), progress);
    if (!decision.over) {
      const auto signal = parts.signals.wait(kStep);
      if (signal && signal->event == ProbeSignals::Event::stop) {
        // Only a signal gives up what is queued: weirctl stop never loses a record that could still leave.
        if (stops && !signal->asked) decision = Quiesce::give_up(progress);
        if (!stops) spdlog::info("{}: weir stops once it has drained", who(*signal));
        stops = true;
      }
      if (signal && signal->event == ProbeSignals::Event::reopen) parts.reopen(*signal);
    }
    if (decision.notice) {
      log_lines({{decision.gives_up ? LogLine::Level::warning : LogLine::Level::info, *decision.notice}});
    }
    if (!decision.over) continue;
    parts.phase.set(phase, "closing the exporters");
    parts.hub.finish(std::chrono::ceil<std::chrono::milliseconds>(decision.close_within));
    return stops;
  }
}

std::uint64_t left_of(std::uint64_t duration_ns, SteadyClock::time_point began) {
  if (duration_ns == 0) return 0;
  const auto over = static_cast<std::uint64_t>((SteadyClock::now() - began) / std::chrono::nanoseconds(1));
  return duration_ns - std::min(over, duration_ns - 1);
}

void wait_drained(const ProbeSignals& signals, std::uint64_t duration_ns, const v1::Ledger& ledger,
                  const std::function<void()>& look_after) {
  std::uint64_t lost = 0;
  for (const auto& [name, count] : ledger.lost()) lost += count.records();
  for (const v1::ExporterLedger& exporter : ledger.exporters()) {
    if (!exporter.group().empty()) continue;  // its group's counts have its
    for (const auto& [name, count] : exporter.lost()) lost += count.records();
  }
  log_lines(
      {{lost == 0 ? LogLine::Level::info : LogLine::Level::warning,
        fmt::format("drained: {} records left, {} were lost by name, the ledger is {} (weirctl ledger); no packet "
                    "is received any more",
                    ledger.drained().records(), lost, ledger.state())}});
  const auto nothing_open = [](const ProbeSignals::Received&) {
    spdlog::info("SIGHUP: weir has drained, so no file is open");
  };
  while (run_until_stopped(signals, duration_ns, "nothing is left to export", nothing_open, look_after) !=
         RunEnd::stop) {
  }
}

}  // namespace weir
