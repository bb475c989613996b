#include "tools/ctl/watch_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <tuple>
#include <utility>

namespace weir::ctl {
namespace {

struct Section {
  std::string heading;
  std::vector<ScreenLine> lines;
};

struct Loss {
  std::string name;
  std::string where;
  std::uint64_t packets = 0;
  double per_second = 0;
};

/// 1234567 is "1.23 M". Three digits count.
std::string short_number(double value) {
  static constexpr auto kUnits =
      std::to_array<std::pair<double, const char*>>({{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}});
  for (const auto& [size, unit] : kUnits) {
    if (value < size * 0.9995) continue;
    const double scaled = value / size;
    return fmt::format("{:.{}f} {}", scaled, scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0, unit);
  }
  return fmt::format("{:.0f} ", value);
}

/// Before a word, not a unit: "1.23 M ", "500 ".
std::string worded(std::uint64_t value) {
  std::string text = short_number(static_cast<double>(value));
  if (text.back() != ' ') text += ' ';
  return text;
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// In columns, each of which is a character of the text.
std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

/// Cut at `width` columns. What would move the cursor becomes a question mark.
std::string cut(std::string_view text, std::size_t width) {
  std::string out;
  std::size_t columns = 0;
  for (const char c : text) {
    if (!is_continuation(c) && columns++ == width) break;
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return out;
}

/// Exactly `width` columns.
std::string padded(std::string_view text, std::size_t width) {
  std::string out = cut(text, width);
  out.append(width - columns_of(out), ' ');
  return out;
}

/// The last values that `width` columns can show, scaled to the greatest of them.
std::string sparkline(const std::deque<std::uint64_t>& values, std::size_t width, bool utf8) {
  static constexpr std::array<const char*, 9> kBlocks{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static constexpr std::array<const char*, 9> kAscii{" ", ".", ":", "-", "=", "+", "*", "%", "#"};
  const auto& levels = utf8 ? kBlocks : kAscii;
  const std::size_t shown = std::min(width, values.size());
  const auto from = values.end() - static_cast<std::ptrdiff_t>(shown);
  const std::uint64_t most = shown == 0 ? 0 : *std::max_element(from, values.end());
  std::string out;
  for (auto at = from; at != values.end(); ++at) {
    const double share = most == 0 ? 0 : static_cast<double>(*at) / static_cast<double>(most);
    out += levels[*at == 0 ? 0 : std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(share * 8)))];
  }
  return out;
}

/// Everything that did not become a record: at the devices, as rejects, between workers, before and in the exporters.
std::vector<Loss> losses_of(const v1::Ledger& ledger) {
  std::vector<Loss> losses;
  for (const auto& port : ledger.ports()) {
    losses.push_back({"imissed", port.name(), port.imissed()});
    losses.push_back({"ierrors", port.name(), port.ierrors()});
    losses.push_back({"rx_nombuf", port.name(), port.rx_nombuf()});
  }
  for (const auto& [name, count] : ledger.rejects()) losses.push_back({name, "rejected", count.packets()});
  losses.push_back({"handover_full", "between workers", ledger.handover_full().packets()});
  for (const auto& [name, count] : ledger.lost()) losses.push_back({name, "before the exporters", count.packets()});
  for (const auto& exporter : ledger.exporters()) {
    for (const auto& [name, count] : exporter.lost()) losses.push_back({name, exporter.name(), count.packets()});
  }
  return losses;
}

std::uint64_t packets_of(const std::vector<Loss>& losses) {
  std::uint64_t packets = 0;
  for (const Loss& loss : losses) packets += loss.packets;
  return packets;
}

double rate(std::uint64_t now, std::uint64_t before, double seconds) {
  return seconds > 0 && now > before ? static_cast<double>(now - before) / seconds : 0;
}

/// Members of a group count in the group.
std::uint64_t exported_records(const v1::Ledger& ledger) {
  std::uint64_t records = 0;
  for (const auto& exporter : ledger.exporters()) {
    if (exporter.group().empty()) records += exporter.exported().records();
  }
  return records;
}

struct Totals {
  double packets_per_second = 0;
  double bits_per_second = 0;
  double exported_per_second = 0;
  double lost_per_second = 0;
};

Totals totals_of(const Watched& watched) {
  Totals totals;
  for (const auto& worker : watched.status.workers()) {
    totals.packets_per_second += static_cast<double>(worker.packets_per_second());
    totals.bits_per_second += static_cast<double>(worker.frame_bits_per_second());
  }
  if (!watched.before) return totals;
  totals.exported_per_second =
      rate(exported_records(watched.ledger), exported_records(*watched.before), watched.seconds);
  totals.lost_per_second =
      rate(packets_of(losses_of(watched.ledger)), packets_of(losses_of(*watched.before)), watched.seconds);
  return totals;
}

Section workers_section(const Watched& watched, std::size_t width, bool utf8) {
  Section section{fmt::format("{:<8}{:>12}{:>14}{:>8}{:>12}  packets/s, last seconds", "worker", "packets", "frames",
                              "busy", "flows"),
                  {}};
  constexpr std::size_t kBefore = 56;
  for (int i = 0; i < watched.status.workers_size(); ++i) {
    const auto& worker = watched.status.workers(i);
    std::string line = fmt::format("{:<8}{:>12}{:>14}{:>8}{:>12}  ", worker.worker(),
                                   short_number(static_cast<double>(worker.packets_per_second())) + "pkt/s",
                                   short_number(static_cast<double>(worker.frame_bits_per_second())) + "bit/s",
                                   fmt::format("{:.1f} %", worker.busy() * 100), worker.flows());
    const auto number = static_cast<std::size_t>(i);
    if (number < watched.packets_per_second.size() && width > kBefore) {
      line += sparkline(watched.packets_per_second[number], width - kBefore, utf8);
    }
    section.lines.push_back({line, worker.busy() > 0.9 ? Emphasis::bad : Emphasis::none});
  }
  return section;
}

/// The upper end of the bucket that holds the 99th of a hundred records.
std::string late_text(const v1::Lateness& lateness) {
  std::uint64_t all = 0;
  for (const auto& bucket : lateness.buckets()) all += bucket.records();
  std::uint64_t seen = 0;
  for (const auto& bucket : lateness.buckets()) {
    seen += bucket.records();
    if (seen * 100 >= all * 99) return bucket.below_ms() == 0 ? "more" : fmt::format("<{} ms", bucket.below_ms());
  }
  return "-";
}

Section exporters_section(const Watched& watched, std::size_t width) {
  std::size_t longest = std::string_view("exporter").size();
  for (const auto& exporter : watched.ledger.exporters()) longest = std::max(longest, exporter.name().size());
  const std::size_t name_width = std::min(longest + 2, std::max<std::size_t>(width, 72) - 48);
  Section section{padded("exporter", name_width) +
                      fmt::format("{:<11}{:>9}{:>9}{:>9}{:>10}", "state", "exported", "queued", "lost", "99% late"),
                  {}};
  for (const auto& exporter : watched.ledger.exporters()) {
    std::uint64_t lost = 0;
    for (const auto& [name, count] : exporter.lost()) lost += count.records();
    const std::string state = exporter.state().substr(0, exporter.state().find(':'));
    section.lines.push_back(
        {padded(exporter.name(), name_width - 1) + " " + padded(state, 10) + " " +
             fmt::format("{:>9}{:>9}{:>9}{:>10}", short_number(static_cast<double>(exporter.exported().records())),
                         short_number(static_cast<double>(exporter.queued().records())),
                         short_number(static_cast<double>(lost)), late_text(exporter.lateness())),
         exporter.state() == "up" || exporter.state() == "drained" ? Emphasis::none : Emphasis::bad});
  }
  if (section.lines.empty()) section.lines.push_back({"none: records are counted and go nowhere"});
  return section;
}

Section losses_section(const Watched& watched, std::size_t width) {
  std::vector<Loss> losses = losses_of(watched.ledger);
  if (watched.before) {
    const std::vector<Loss> before = losses_of(*watched.before);
    for (Loss& loss : losses) {
      const auto old = std::find_if(before.begin(), before.end(),
                                    [&](const Loss& one) { return one.name == loss.name && one.where == loss.where; });
      if (old != before.end()) loss.per_second = rate(loss.packets, old->packets, watched.seconds);
    }
  }
  std::erase_if(losses, [](const Loss& loss) { return loss.packets == 0; });
  std::sort(losses.begin(), losses.end(), [](const Loss& a, const Loss& b) {
    return std::tie(b.packets, a.name, a.where) < std::tie(a.packets, b.name, b.where);
  });
  const std::size_t where_width = std::max<std::size_t>(width, 72) - 52;
  Section section{
      padded("dropped or lost", 25) + padded("where", where_width) + fmt::format("{:>15}{:>12}", "packets", "now"), {}};
  for (const Loss& loss : losses) {
    section.lines.push_back({padded(loss.name, 24) + " " + padded(loss.where, where_width) +
                                 fmt::format("{:>15}{:>12}", loss.packets, short_number(loss.per_second) + "/s"),
                             loss.per_second > 0 ? Emphasis::bad : Emphasis::none});
  }
  if (section.lines.empty()) section.lines.push_back({"nothing", Emphasis::good});
  return section;
}

std::string end_text(const std::string& address, const std::string& port) {
  return (address.find(':') == std::string::npos ? address : "[" + address + "]") + ":" + port;
}

/// The values are those of the 5-tuple, in the order in which weir gives them.
std::string flow_text(const v1::TopGroup& group) {
  if (group.values_size() != 5) return {};
  const std::string& protocol = group.values(4);
  return fmt::format("{} > {} {}", end_text(group.values(0), group.values(1)),
                     end_text(group.values(2), group.values(3)),
                     protocol == "6"    ? "tcp"
                     : protocol == "17" ? "udp"
                                        : "protocol " + protocol);
}

Section top_section(const Watched& watched, std::size_t width) {
  const std::size_t name_width = std::max<std::size_t>(width, 60) - 26;
  Section section{padded("top flows, one direction each", name_width) + fmt::format("{:>14}{:>12}", "rate", "bytes"),
                  {}};
  for (const auto& group : watched.top.groups()) {
    section.lines.push_back({padded(flow_text(group), name_width) +
                             fmt::format("{:>14}{:>12}", short_number(group.bits_per_second()) + "bit/s",
                                         short_number(static_cast<double>(group.bytes())) + "B")});
  }
  if (section.lines.empty()) section.lines.push_back({"none"});
  return section;
}

/// Lines for each section, its heading included: three for each that wants them, and the rest in the order of the
/// sections.
std::vector<std::size_t> rows_for(const std::vector<Section>& sections, std::size_t height) {
  constexpr std::size_t kLeast = 3;
  std::vector<std::size_t> rows;
  for (const Section& section : sections) {
    rows.push_back(std::min({section.lines.size() + 1, kLeast, height}));
    height -= rows.back();
  }
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const std::size_t more = std::min(sections[i].lines.size() + 1 - rows[i], height);
    rows[i] += more;
    height -= more;
  }
  return rows;
}

void put_section(std::vector<ScreenLine>& out, const Section& section, std::size_t rows) {
  if (rows == 0) return;
  out.push_back({section.heading, Emphasis::heading});
  for (std::size_t i = 0; i + 1 < rows; ++i) {
    const std::size_t left = section.lines.size() - i;
    const bool last = i + 2 == rows && left > 1;
    out.push_back(last ? ScreenLine{fmt::format("... and {} more", left)} : section.lines[i]);
  }
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds);
  return whole < 3600 ? fmt::format("{} min {} s", whole / 60, whole % 60)
                      : fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

ScreenLine state_line(const Watched& watched) {
  if (!watched.trouble.empty()) return {watched.trouble, Emphasis::bad};
  const v1::StatusReply& status = watched.status;
  if (!status.doing().empty()) return {status.phase() + ": " + status.doing(), Emphasis::heading};
  for (const std::string& violation : watched.ledger.violations()) {
    return {"the ledger does not balance: " + violation, Emphasis::bad};
  }
  for (const auto& port : status.ports()) {
    if (!port.link_up()) return {"the link of " + port.name() + " is down", Emphasis::bad};
  }
  return {"ledger " + watched.ledger.state(), watched.ledger.balanced() ? Emphasis::good : Emphasis::bad};
}

}  // namespace

void remember(Watched& watched) {
  watched.packets_per_second.resize(static_cast<std::size_t>(watched.status.workers_size()));
  for (int i = 0; i < watched.status.workers_size(); ++i) {
    auto& history = watched.packets_per_second[static_cast<std::size_t>(i)];
    history.push_back(watched.status.workers(i).packets_per_second());
    if (history.size() > kMostHistory) history.pop_front();
  }
}

std::vector<ScreenLine> watch_screen(const Watched& watched, std::size_t width, std::size_t height, bool utf8) {
  const v1::StatusReply& status = watched.status;
  const Totals totals = totals_of(watched);
  std::vector<ScreenLine> lines;
  lines.push_back(
      {fmt::format("weir {}, {}, up {}; q ends", status.version(), status.phase(), duration_text(status.uptime_s())),
       Emphasis::heading});
  lines.push_back(state_line(watched));
  lines.push_back({fmt::format("{}pkt/s {}bit/s | {}of {}flows | out {}rec/s | lost {}pkt/s",
                               short_number(totals.packets_per_second), short_number(totals.bits_per_second),
                               worded(status.flows()), worded(status.capacity()),
                               short_number(totals.exported_per_second), short_number(totals.lost_per_second)),
                   totals.lost_per_second > 0 ? Emphasis::bad : Emphasis::none});
  const std::vector<Section> sections = {workers_section(watched, width, utf8), exporters_section(watched, width),
                                         losses_section(watched, width), top_section(watched, width)};
  std::size_t wanted = lines.size();
  constexpr std::size_t kEnough = 12;  // of a section, for the rest to be better with air
  for (const Section& section : sections) wanted += std::min(section.lines.size() + 1, kEnough);
  const bool airy = wanted + sections.size() <= height;  // an empty line stands before each section
  const std::size_t taken = lines.size() + (airy ? sections.size() : 0);
  const auto rows = rows_for(sections, height > taken ? height - taken : 0);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (airy) lines.emplace_back();
    put_section(lines, sections[i], rows[i]);
  }
  if (lines.size() > height) lines.resize(height);
  for (ScreenLine& line : lines) line.text = cut(line.text, width);
  return lines;
}

std::string watch_line(const Watched& watched) {
  const Totals totals = totals_of(watched);
  return fmt::format("{:>12} {:>13} {:>9} flows {:>12} {:>16}  {}", short_number(totals.packets_per_second) + "pkt/s",
                     short_number(totals.bits_per_second) + "bit/s", watched.status.flows(),
                     short_number(totals.exported_per_second) + "rec/s",
                     short_number(totals.lost_per_second) + "pkt/s lost", state_line(watched).text);
}

}  // namespace weir::ctl
