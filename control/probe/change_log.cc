#include "control/probe/change_log.h"

#include <fmt/format.h>

namespace weir {
namespace {

/// What is wrong with an exporter; empty: nothing.
std::string note_of(const ExporterSnapshot& exporter) {
  std::string note = exporter.state == "up" ? "" : exporter.state;
  for (const auto& [name, totals] : exporter.lost) {
    if (totals.records == 0) continue;
    note += fmt::format("{}records are being lost ({})", note.empty() ? "" : "; ", name);
  }
  return note;
}

}  // namespace

std::vector<LogLine> ChangeLog::ports(const std::vector<dpdk::PortInfo>& ports) {
  std::vector<LogLine> lines;
  link_up_.resize(ports.size(), false);
  problems_.resize(ports.size());
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const dpdk::PortInfo& port = ports[i];
    if (port.problem != problems_[i]) {
      problems_[i] = port.problem;
      if (!port.problem.empty())
        lines.push_back({LogLine::Level::error, fmt::format("{}: {}", port.name, port.problem)});
    }
    if (port.link_up == link_up_[i]) continue;
    link_up_[i] = port.link_up;
    if (port.link_up) {
      // 0: the device does not say how fast it is.
      const std::string speed = port.link_mbps == 0 ? std::string() : fmt::format(", {} Mbit/s", port.link_mbps);
      lines.push_back({LogLine::Level::info, fmt::format("{}: link up{}", port.name, speed)});
    } else {
      lines.push_back({LogLine::Level::warning, fmt::format("{}: link down", port.name)});
    }
  }
  return lines;
}

std::vector<LogLine> ChangeLog::exporters(const std::vector<ExporterSnapshot>& exporters) {
  std::vector<LogLine> lines;
  for (const ExporterSnapshot& exporter : exporters) {
    std::string note = note_of(exporter);
    std::string& before = exporter_notes_[exporter.name];
    if (note == before) continue;
    const bool wanted = note.empty() || note == "paused" || note == "removed";
    lines.push_back({wanted ? LogLine::Level::info : LogLine::Level::warning,
                     fmt::format("export '{}': {}", exporter.name, note.empty() ? "up" : note)});
    before = std::move(note);
  }
  return lines;
}

std::vector<LogLine> ChangeLog::workers(const std::vector<std::chrono::nanoseconds>& silences) {
  std::vector<LogLine> lines;
  silences_.resize(silences.size());
  for (std::size_t i = 0; i < silences.size(); ++i) {
    const bool named = silences_[i].count() != 0;
    const bool silent = silences[i] >= kSilentTooLong;
    const auto seconds = [](std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); };
    if (silent && !named) {
      lines.push_back({LogLine::Level::error,
                       fmt::format("worker {} has not polled for {:.1f} s: packets wait in its queue; weirctl status "
                                   "names its core",
                                   i, seconds(silences[i]))});
    } else if (!silent && named) {
      lines.push_back({LogLine::Level::info,
                       fmt::format("worker {} polls again, after more than {:.1f} s", i, seconds(silences_[i]))});
    }
    silences_[i] = silent ? silences[i] : std::chrono::nanoseconds(0);
  }
  return lines;
}

}  // namespace weir
