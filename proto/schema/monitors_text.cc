#include "proto/schema/monitors_text.h"

#include <string_view>

#include "proto/base/number_text.h"
#include "proto/schema/count_cells.h"
#include "proto/schema/csv_line.h"
#include "proto/schema/text_table.h"

namespace weir {
namespace {

/// "none" where nothing is said, so that every cell has a word.
std::string word(const std::string& text, std::string_view nothing = "none") {
  return text.empty() ? std::string(nothing) : text;
}

/// What --sample and a full table make of the monitor's packets and flows now.
std::string sampling_of(const v1::MonitorStatus& monitor) {
  std::string text = word(monitor.sample());
  if (monitor.packet_sampling_rate() > 1) text += ", 1 in " + grouped(monitor.packet_sampling_rate());
  if (monitor.sampling_rate() > 1) text += ", one new flow in " + grouped(monitor.sampling_rate());
  return text;
}

std::string exporters_of(const v1::MonitorStatus& monitor) {
  std::string names;
  for (const std::string& name : monitor.exporters()) names += (names.empty() ? "" : " ") + name;
  return word(names, "all");
}

}  // namespace

v1::MonitorStatus plain_monitor(const v1::StatusReply& status, const v1::Ledger& ledger) {
  v1::MonitorStatus monitor;
  const v1::Config& config = status.config();
  monitor.set_name("(the options)");
  monitor.set_key(config.key());
  monitor.set_filter(config.filter());
  monitor.set_metrics(config.metrics());
  monitor.set_sample(config.sample());
  monitor.set_idle_timeout(config.idle_timeout());
  monitor.set_active_timeout(config.active_timeout());
  monitor.set_packets(ledger.counted().packets());
  monitor.set_records(ledger.drained().records());
  monitor.set_evictions(status.evictions());
  monitor.set_overflowed(status.overflowed());
  monitor.set_when_full(config.when_full());
  for (const auto& exporter : ledger.exporters()) monitor.add_exporters(exporter.name());
  monitor.set_flows(status.flows());
  monitor.set_capacity(status.capacity());
  monitor.set_sampling_rate(status.sampling_rate());
  monitor.set_packet_sampling_rate(status.packet_sampling_rate());
  return monitor;
}

std::string monitors_text(const v1::StatusReply& status) {
  TextTable table("lllllllrrr");
  table.row(
      {"monitor", "key", "filter", "idle, active", "metrics", "sampling", "exporters", "flows", "packets", "records"});
  for (const auto& monitor : status.monitors()) {
    table.row({monitor.name(), monitor.key(), word(monitor.filter()),
               monitor.idle_timeout() + ", " + monitor.active_timeout(), word(monitor.metrics()), sampling_of(monitor),
               exporters_of(monitor), grouped(monitor.flows()) + " of " + grouped(monitor.capacity()),
               grouped(monitor.packets()), grouped(monitor.records())});
  }
  return table.text();
}

std::string monitors_csv(const v1::StatusReply& status) {
  std::string text =
      csv_line({"name", "key", "filter", "idle_timeout", "active_timeout", "metrics", "sample", "when_full",
                "exporters", "flows", "capacity", "packets", "records", "evictions", "overflowed"});
  for (const auto& monitor : status.monitors()) {
    text += csv_line({monitor.name(), monitor.key(), monitor.filter(), monitor.idle_timeout(), monitor.active_timeout(),
                      monitor.metrics(), monitor.sample(), monitor.when_full(), exporters_of(monitor),
                      std::to_string(monitor.flows()), std::to_string(monitor.capacity()),
                      std::to_string(monitor.packets()), std::to_string(monitor.records()),
                      std::to_string(monitor.evictions()), std::to_string(monitor.overflowed())});
  }
  return text;
}

std::string monitors_ledger_text(const v1::Ledger& ledger) {
  std::string out;
  for (const auto& monitor : ledger.monitors()) {
    TextTable first("llrr");
    first.row({"", "", "packets", "octets"});
    first.row(cells("", "offered", monitor.offered()));
    first.row(cells("=", "counted in flows", monitor.counted()));
    first.row(cells("+", "sampled out", monitor.sampled_out()));
    first.row(cells("+", "filtered out", monitor.filtered_out()));
    if (!is_zero(monitor.duplicate())) first.row(cells("+", "duplicate (--pair)", monitor.duplicate()));
    first.row(cells("+", "lost: handover_full", monitor.handover_full()));
    if (!is_zero(monitor.in_handover())) first.row(cells("+", "between two workers", monitor.in_handover()));
    out += "\n   monitor " + monitor.name() + (monitor.balanced() ? ": balanced" : ": NOT BALANCED") +
           "\n   every packet offered (frame octets)\n" + first.text(4) + "   every counted packet (IP octets)\n" +
           counted_text(monitor, 4);
  }
  return out;
}

}  // namespace weir
