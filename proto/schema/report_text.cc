#include "proto/schema/report_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "proto/base/duration.h"
#include "proto/base/number_text.h"
#include "proto/schema/count_cells.h"
#include "proto/schema/input_text.h"
#include "proto/schema/metrics_text.h"
#include "proto/schema/monitors_text.h"
#include "proto/schema/prefixes_text.h"
#include "proto/schema/quotes_text.h"
#include "proto/schema/text_table.h"

namespace weir {
namespace {

template <typename Map>
std::uint64_t sum_packets(const Map& counts) {
  std::uint64_t sum = 0;
  for (const auto& [name, count] : counts) sum += count.packets();
  return sum;
}

template <typename Map>
std::uint64_t sum_records(const Map& counts) {
  std::uint64_t sum = 0;
  for (const auto& [name, count] : counts) sum += count.records();
  return sum;
}

std::string yes_no(bool balanced) {
  return balanced ? "balanced" : "NOT BALANCED";
}

/// A moment in UTC: "2026-11-29 20:15:03 UTC".
std::string moment_text(std::uint64_t ns) {
  const auto seconds = static_cast<std::time_t>(ns / 1'000'000'000);
  std::tm utc{};
  std::array<char, 40> text{};
  if (gmtime_r(&seconds, &utc) == nullptr) return "?";
  text[std::strftime(text.data(), text.size() - 1, "%Y-%m-%d %H:%M:%S UTC", &utc)] = '\0';
  return text.data();
}

std::string uptime_text(double seconds) {
  if (!(seconds > 0)) seconds = 0;
  std::array<char, 64> text{};
  if (seconds < 60) {
    std::snprintf(text.data(), text.size(), "%.1f s", seconds);
    return text.data();
  }
  const auto whole = static_cast<unsigned long long>(std::fmin(seconds, 1e15));
  std::snprintf(text.data(), text.size(), "%02llu:%02llu:%02llu", whole / 3600 % 24, whole / 60 % 60, whole % 60);
  const std::string days = whole >= 86400 ? std::to_string(whole / 86400) + " d " : "";
  return days + text.data();
}

std::string ratio(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f", std::isfinite(value) ? value : 0.0);
  return text.data();
}

std::string link_text(const v1::PortStatus& port) {
  if (!port.link_up()) return "down";
  return port.link_mbps() == 0 || port.link_mbps() == UINT32_MAX ? "up"
                                                                 : "up " + scaled(port.link_mbps() * 1e6, "bit/s");
}

/// What the policy for a full table has come to; empty while it was never needed.
std::string when_full_text(const v1::StatusReply& status) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (status.sampling_rate() > 1) add("one new flow in " + grouped(status.sampling_rate()) + " is taken");
  if (status.overflowed() != 0) {
    add(grouped(status.overflowed()) + " packets went beside it, " + grouped(status.overflow_flows()) +
        " flows are summed there");
  }
  if (status.evictions() != 0) add(grouped(status.evictions()) + " flows were evicted");
  return text.empty() ? text : status.when_full() + ": " + text;
}

/// What --sample leaves; empty: all packets.
std::string sampling_text(const v1::StatusReply& status) {
  std::string text = status.config().sample();
  if (text.empty() || text == "none") return {};
  if (text.starts_with("rate=")) {
    text += ": " + (status.packet_sampling_rate() > 1
                        ? "one packet in " + grouped(status.packet_sampling_rate()) + " counts now"
                        : std::string("every packet counts now"));
  }
  return text;
}

std::string ledger_state_text(const v1::StatusReply& status) {
  if (status.ledger() == "none") return "no worker counts";
  std::string text = yes_no(status.balanced());
  return status.stale_since_ns() == 0 ? text : text + ", " + stale_text(status.stale_since_ns());
}

/// "12.3 of 160 MiB"
std::string memory_text(const v1::ExporterLedger& exporter) {
  constexpr double kMiB = 1024.0 * 1024.0;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.1f of %.0f MiB", static_cast<double>(exporter.queue_octets()) / kMiB,
                static_cast<double>(exporter.queue_limit_octets()) / kMiB);
  return text.data();
}

/// Its name, and of a member its group's, of a group its members'.
std::string title_of(const v1::ExporterLedger& exporter) {
  if (!exporter.group().empty()) return exporter.name() + " (of " + exporter.group() + ')';
  if (exporter.members().empty()) return exporter.name();
  std::string names;
  for (const std::string& member : exporter.members()) names += (names.empty() ? "" : ", ") + member;
  return exporter.name() + " (" + names + ')';
}

/// The connections that an exporter had, and what became of the records on each.
std::string connections_text(const v1::ExporterLedger& exporter) {
  TextTable table("rrrl");
  for (const auto& connection : exporter.connections()) {
    if (table.empty()) table.row({"connection", "records acknowledged", "sent, not acknowledged", "ended"});
    const std::string number = std::to_string(connection.last());
    table.row({connection.first() == connection.last() ? number : std::to_string(connection.first()) + "-" + number,
               grouped(connection.exported().records()), grouped(connection.unacknowledged().records()),
               connection.open()            ? "open"
               : connection.ended().empty() ? "closed by weir"
                                            : connection.ended()});
  }
  return table.empty() ? std::string() : table.text(4);
}

std::string flooding_text(const v1::HashFlooding& flooding) {
  return grouped(flooding.far_inserts()) + " keys crowded off their place (" + grouped(flooding.far_inserts_recent()) +
         " in the last second), longest probe " + grouped(flooding.longest_probe()) +
         " of 16: somebody may know the hash's seed; a restart changes it";
}

/// Equation 1, and what became of the rejected frames where they are saved.
std::string frames_text(const v1::Ledger& ledger) {
  const bool several = !ledger.monitors().empty();
  TextTable first("llrr");
  first.row({"", "", "packets", "octets"});
  first.row(cells("", "received", ledger.received()));
  if (several) {
    first.row(cells("=", "offered to each monitor", ledger.monitors(0).offered()));
  } else {
    first.row(cells("=", "counted in flows", ledger.counted()));
    first.row(cells("+", "sampled out", ledger.sampled_out()));
    first.row(cells("+", "filtered out", ledger.filtered_out()));
  }
  if (!is_zero(ledger.frame_filtered_out())) {
    first.row(cells("+", "filtered out (--frame-filter)", ledger.frame_filtered_out()));
  }
  if (!several && !is_zero(ledger.duplicate())) first.row(cells("+", "duplicate (--pair)", ledger.duplicate()));
  add_named(first, "rejected", ledger.rejects());
  if (!several) first.row(cells("+", "lost: handover_full", ledger.handover_full()));
  if (!several && !is_zero(ledger.in_handover())) first.row(cells("+", "between two workers", ledger.in_handover()));
  std::string out = "1  every frame (frame octets)\n" + first.text();
  if (!ledger.has_saved_rejects()) return out;
  TextTable saved("llrr");
  saved.row(cells("", "rejected, saved", ledger.saved_rejects().saved()));
  add_named(saved, "rejected, not saved", ledger.saved_rejects().unsaved());
  return out + "   of the rejected, in " + ledger.saved_rejects().file() + " (--save-rejects)\n" + saved.text();
}

}  // namespace

std::string stale_text(std::uint64_t since_ns) {
  return "stale since " + moment_text(since_ns) + ": a worker does not answer, and these are its counts of then";
}

std::string losses_text(const v1::Ledger& ledger) {
  std::string out;
  const auto add = [&out](const std::string& where, const auto& counts) {
    for (const auto& [name, count] : counts) {
      if (count.records() == 0) continue;
      out.append(where).append(": ").append(grouped(count.records())).append(" records lost (");
      out.append(name).append(")\n");
    }
  };
  add("before the exporters", std::map(ledger.lost().begin(), ledger.lost().end()));
  for (const v1::ExporterLedger& exporter : ledger.exporters()) {
    if (!exporter.group().empty()) continue;  // its group's counts have its
    add(title_of(exporter), std::map(exporter.lost().begin(), exporter.lost().end()));
  }
  return out;
}

std::string ledger_text(const v1::Ledger& ledger) {
  std::string out = frames_text(ledger);
  if (ledger.has_input()) out += "   from " + input_text(ledger.input()) + '\n' + sample_groups_text(ledger.input());

  out += ledger.monitors().empty() ? "\n2  every counted packet (IP octets)\n" + counted_text(ledger)
                                   : monitors_ledger_text(ledger);

  out += "\n3  every drained record (IP octets)\n";
  if (ledger.exporters().empty()) out += "  no exporter\n";
  for (const auto& exporter : ledger.exporters()) {
    TextTable third("llrrr");
    third.row({"", "", "records", "packets", "octets"});
    third.row(cells("", "drained", exporter.drained()));
    third.row(cells("=", "exported", exporter.exported()));
    third.row(cells("+", "queued", exporter.queued()));
    add_named(third, "lost", exporter.lost());
    out += "  " + title_of(exporter) + ": " + exporter.state() + ", " + grouped(exporter.datagrams()) +
           " datagrams or writes, " + grouped(exporter.wire_octets()) + " octets, " + yes_no(exporter.balanced()) +
           '\n' + third.text(4) + connections_text(exporter);
  }

  out += quotes_text(ledger) + missing_facts_text(ledger);

  if (!ledger.ports().empty()) {
    TextTable ports("llrrrrr");
    ports.row({"port", "driver", "ipackets", "ibytes", "imissed", "ierrors", "rx_nombuf"});
    for (const auto& port : ledger.ports()) {
      ports.row({port.name(), port.driver(), grouped(port.ipackets()), grouped(port.ibytes()), grouped(port.imissed()),
                 grouped(port.ierrors()), grouped(port.rx_nombuf())});
    }
    out += "\nthe devices' own counters (they inform, and are no part of the balance)\n" + ports.text();
  }

  if (!ledger.workers().empty()) {
    TextTable workers("rrrrrrrrrrl");
    workers.row({"worker", "received", "counted", "rejected", "handed over", "taken over", "handover_full", "in table",
                 "in ring", "lost", ""});
    for (const auto& worker : ledger.workers()) {
      workers.row({std::to_string(worker.worker()), grouped(worker.received().packets()),
                   grouped(worker.counted().packets()), grouped(sum_packets(worker.rejects())),
                   grouped(worker.handed_over().packets()), grouped(worker.taken_over().packets()),
                   grouped(worker.handover_full().packets()), grouped(worker.in_table().packets()),
                   grouped(worker.in_ring().packets()), grouped(sum_packets(worker.lost())),
                   yes_no(worker.balanced())});
    }
    out += "\nworkers (packets)\n" + workers.text();
  }

  out += '\n';
  if (!ledger.doing().empty()) out += "weir is " + ledger.doing() + '\n';
  if (ledger.state() == "none") return out + "no worker counts: there is nothing to balance\n";
  if (ledger.stale_since_ns() != 0) out += stale_text(ledger.stale_since_ns()) + '\n';
  if (ledger.balanced()) return out + "balanced\n";
  std::string violations;
  for (const auto& violation : ledger.violations()) violations += (violations.empty() ? "" : "; ") + violation;
  return out + "NOT BALANCED: " + (violations.empty() ? "the equation at fault is not named" : violations) + '\n';
}

namespace {

/// A column of the status, and what it means.
struct StatusColumn {
  std::string_view name;
  std::string_view meaning;
};

constexpr auto kPortColumns = std::to_array<StatusColumn>(
    {{"port", "the device, as the EAL names it"},
     {"driver", "DPDK's driver of it"},
     {"link", "up with its speed, where the device says one, or down"},
     {"queues", "receive queues: one for each worker"},
     {"descriptors", "packets that a receive queue holds for a worker that is elsewhere"},
     {"MTU", "the largest IP packet that the device takes"},
     {"NUMA", "the node of memory that the device is on; -1: none"},
     {"RSS", "how the device spreads packets: by addresses, by ports, or not at all (none)"}});

constexpr auto kWorkerColumns = std::to_array<StatusColumn>(
    {{"worker", "its number; worker 0 has queue 0 of every port"},
     {"core", "the CPU that it runs on"},
     {"packets", "received in the last second"},
     {"share", "of the packets that all workers received"},
     {"frame bits", "received in the last second, without what Ethernet puts around a frame"},
     {"busy", "share of the last second: time awake x polls that found packets; near 100 % it can take no more"},
     {"asleep",
      "share of the last second in which it had no packets and gave its core away; the rest, up to 100 %, is "
      "polls that found nothing"},
     {"flows", "in its table now, of as many as it has room for"},
     {"idle", "what it does without packets: poll, pause, sleep for so long, or wait for an interrupt"}});

constexpr auto kExporterColumns = std::to_array<StatusColumn>(
    {{"exporter", "its name: ?name=, else its URI; of a group its members, whose counts it has, too"},
     {"state", "up, connecting, or what is wrong"},
     {"exported", "records that left"},
     {"queued", "records that wait"},
     {"queue memory", "octets that those take, of as many as the queue may have"},
     {"lost", "records that were dropped, by whatever name: weirctl ledger has each"},
     {"late > 1 s", "records that left more than a second after their flow should have ended"},
     {"latest ms", "the longest that a record was late"}});

std::vector<std::string> headings(std::span<const StatusColumn> columns) {
  std::vector<std::string> names;
  for (const StatusColumn& column : columns) names.emplace_back(column.name);
  return names;
}

/// Milliseconds as people say them: "8 ms", "1.02 s".
std::string span_text(std::uint64_t ms) {
  if (ms < 1000) return std::to_string(ms) + " ms";
  char text[32];
  std::snprintf(text, sizeof text, "%.3g s", static_cast<double>(ms) / 1000);
  return text;
}

/// A line about a worker that does not poll.
std::string silence_text(const v1::WorkerStatus& worker) {
  if (worker.silent_seconds() < 2) return {};
  char text[160];
  std::snprintf(text, sizeof text,
                "  worker %u HAS NOT POLLED for %.1f s: the counts of all workers are older than that\n",
                worker.worker(), worker.silent_seconds());
  return text;
}

/// The lateness of records as a histogram for each exporter that measured any.
std::string lateness_text(const v1::StatusReply& status) {
  std::map<std::uint64_t, std::map<int, std::uint64_t>> lines;  // by the bucket's end; UINT64_MAX: it has none
  std::map<int, std::uint64_t> sums;                            // by exporter, those that measured any
  for (int i = 0; i < status.exporters_size(); ++i) {
    for (const auto& bucket : status.exporters(i).lateness().buckets()) {
      lines[bucket.below_ms() == 0 ? UINT64_MAX : bucket.below_ms()][i] += bucket.records();
      sums[i] += bucket.records();
    }
  }
  std::string out;
  for (const auto& [exporter, sum] : sums) {
    TextTable table("lrrl");
    table.row({"later than", "records", "share", ""});
    for (const auto& [end, by_exporter] : lines) {
      const auto found = by_exporter.find(exporter);
      const std::uint64_t records = found == by_exporter.end() ? 0 : found->second;
      if (records == 0) continue;
      const double share = static_cast<double>(records) / static_cast<double>(sum);
      const std::uint64_t from = end == UINT64_MAX ? std::uint64_t{65'536} : end == 1 ? 0 : end / 2;
      table.row({span_text(from), grouped(records), percent(share),
                 std::string(static_cast<std::size_t>(std::ceil(share * 40)), '#')});
    }
    out +=
        "\nlateness of " + status.exporters(exporter).name() + " (from when a flow should have ended)\n" + table.text();
  }
  return out;
}

}  // namespace

std::string status_text(const v1::StatusReply& status) {
  TextTable head("ll");
  head.row({"weir", status.version() + ", process " + std::to_string(status.pid())});
  head.row({"up", uptime_text(status.uptime_s())});
  if (!status.phase().empty() && status.phase() != "running") {
    head.row({"state", status.phase() + (status.doing().empty() ? "" : ": " + status.doing())});
  }
  head.row({"flows", grouped(status.flows()) + " of " + grouped(status.capacity())});
  if (status.has_longest_idle()) {
    const v1::IdleFlow& flow = status.longest_idle();
    head.row({"longest idle", short_duration_text(flow.idle_ns()) + ": " + flow.name()});
  }
  if (std::string sampling = sampling_text(status); !sampling.empty()) head.row({"sampling", std::move(sampling)});
  if (std::string full = when_full_text(status); !full.empty()) head.row({"full table", std::move(full)});
  if (status.hash_flooding().suspected()) head.row({"HASH FLOODING", flooding_text(status.hash_flooding())});
  if (status.has_input()) {
    head.row({"input", input_text(status.input())});
  } else {
    head.row({"memory", status.hugepages() ? "huge pages" : "no huge pages"});
  }
  head.row({"ledger", ledger_state_text(status)});
  std::string out = head.text(0);

  TextTable ports("lllrrrrl");
  for (const auto& port : status.ports()) {
    if (ports.empty()) ports.row(headings(kPortColumns));
    ports.row({port.name(), port.driver(), link_text(port), std::to_string(port.queues()),
               std::to_string(port.rx_descriptors()), std::to_string(port.mtu()), std::to_string(port.numa_node()),
               port.rss()});
  }
  if (!status.has_input()) out += "\nports\n" + (ports.empty() ? "  none\n" : ports.text());

  TextTable workers("rrrrrrrrl");
  for (const auto& worker : status.workers()) {
    if (workers.empty()) workers.row(headings(kWorkerColumns));
    workers.row(
        {std::to_string(worker.worker()), status.input().samples_packets() ? "-" : std::to_string(worker.core()),
         scaled(static_cast<double>(worker.packets_per_second()), "pps"), percent(worker.share()),
         scaled(static_cast<double>(worker.frame_bits_per_second()), "bit/s"), percent(worker.busy()),
         percent(worker.asleep()), grouped(worker.flows()) + " of " + grouped(worker.capacity()), worker.idle()});
  }
  if (!status.input().groups().empty()) out += "\ngroups\n" + sample_groups_text(status.input());
  if (!status.has_input() || status.input().samples_packets())
    out += "\nworkers\n" + (workers.empty() ? "  none\n" : workers.text());
  for (const auto& worker : status.workers()) out += silence_text(worker);
  if (status.workers_size() > 1 && status.queue_skew() > 0) {
    out += "  skew " + ratio(status.queue_skew()) + ": the busiest worker against the mean (1 is even)\n";
  }

  if (!status.monitors().empty()) out += "\nmonitors\n" + monitors_text(status);
  if (status.has_prefixes()) out += "\nprefixes\n" + prefixes_text(status.prefixes());
  // Lateness of all records, and how many left more than a second after their flow should have ended.
  TextTable exporters("llrrrrrr");
  for (const auto& exporter : status.exporters()) {
    if (exporters.empty()) exporters.row(headings(kExporterColumns));
    std::uint64_t late = 0;
    for (const auto& bucket : exporter.lateness().buckets()) {
      if (bucket.below_ms() == 0 || bucket.below_ms() > 1024) late += bucket.records();
    }
    exporters.row({title_of(exporter), exporter.state(), grouped(exporter.exported().records()),
                   grouped(exporter.queued().records()), memory_text(exporter), grouped(sum_records(exporter.lost())),
                   grouped(late), grouped(exporter.lateness().greatest_ms())});
  }
  out += "\nexporters (records)\n" + (exporters.empty() ? "  none\n" : exporters.text());
  return out + lateness_text(status);
}

std::string status_columns_text() {
  std::string out;
  const auto add = [&out](const char* title, std::span<const StatusColumn> columns) {
    TextTable table("ll");
    for (const StatusColumn& column : columns) table.row({std::string(column.name), std::string(column.meaning)});
    out += std::string(out.empty() ? "" : "\n") + title + '\n' + table.text();
  };
  add("the columns of ports", kPortColumns);
  add("the columns of workers", kWorkerColumns);
  add("the columns of exporters", kExporterColumns);
  return out;
}

}  // namespace weir
