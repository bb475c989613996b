#include "proto/schema/metrics_text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "proto/base/number_text.h"
#include "proto/schema/report_text.h"
#include "proto/schema/text_table.h"

namespace weir {
namespace {

/// "12.5 %" of all.
std::string share_text(std::uint64_t part, std::uint64_t all) {
  if (all == 0) return "";
  // In tenths of a percent, without overflow where counts are large.
  const auto tenths = std::llround(static_cast<double>(part) / static_cast<double>(all) * 1000);
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " %";
}

}  // namespace

std::string running_metrics_text(const v1::MetricsReply& reply) {
  std::string out;
  if (!reply.doing().empty()) out += "weir is " + reply.doing() + "\n\n";
  const bool named = std::any_of(reply.metrics().begin(), reply.metrics().end(),
                                 [](const auto& metric) { return !metric.monitor().empty(); });
  TextTable metrics(named ? "lllrrr" : "llrrr");
  const auto row = [&](std::string monitor, std::vector<std::string> cells) {
    if (named) cells.insert(cells.begin(), std::move(monitor));
    metrics.row(std::move(cells));
  };
  row("monitor", {"metric", "", "records with it", "share", "bytes per flow"});
  bool any = false;
  for (const auto& metric : reply.metrics()) {
    any = any || metric.on();
    const std::uint64_t all = named ? metric.all_records() : reply.records();
    row(metric.monitor(),
        {metric.name(), metric.on() ? "on" : "off", metric.on() ? grouped(metric.records()) : "",
         metric.on() ? share_text(metric.records(), all) : "",
         grouped(metric.state_octets()) +
             (metric.pool_octets() == 0 ? "" : " + " + grouped(metric.pool_octets()) + " of the pool")});
  }
  out += metrics.text(0) + '\n';
  TextTable sums("ll");
  sums.row({"records", grouped(reply.records()) + " emitted since the start"});
  if (any) {
    sums.row({"flows", grouped(reply.flows()) + " in the table, with " + (named ? "at most " : "") +
                           grouped(reply.flow_octets()) + " bytes each for the metrics that are on"});
  }
  if (reply.pool_lines() != 0) {
    sums.row(
        {"pool", grouped(reply.pool_lines_in_use()) + " of " + grouped(reply.pool_lines()) + " lines of 64 bytes"});
    sums.row({"missing", reply.pool_refused() == 0
                             ? std::string("nothing: the pool was never empty")
                             : grouped(reply.pool_refused()) +
                                   " facts were left out, since the pool was empty; `weirctl ledger` names them, and "
                                   "no packet is lost by that"});
  }
  out += sums.text(0);
  if (reply.stale_since_ns() != 0) out += '\n' + stale_text(reply.stale_since_ns()) + '\n';
  if (!any && reply.doing().empty()) out += "\nno metric is on; `weir run --metrics LIST` turns some on\n";
  return out;
}

std::string missing_facts_text(const v1::Ledger& ledger) {
  if (ledger.missing_facts().empty()) return {};
  const std::map<std::string, std::uint64_t> sorted(ledger.missing_facts().begin(), ledger.missing_facts().end());
  TextTable facts("lr");
  for (const auto& [name, count] : sorted) facts.row({name, grouped(count)});
  return "\nfacts that metrics left out, since their pool was empty (no packet is lost by that: see `weir reasons`)\n" +
         facts.text();
}

}  // namespace weir
