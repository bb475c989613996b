#include "tools/collect/summary.h"

#include <fmt/format.h>

#include <iterator>

#include "proto/message_json.h"
#include "tools/collect/units.h"

namespace weir {

std::string summary_text(const Collector& collector, const FlowTotals& totals) {
  const Collector::Counts& counts = collector.counts();
  const Netflow9Decoder& decoder = collector.decoder();
  const Netflow9Counts sum = decoder.totals();
  std::string text;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "{} records, {} packets, {} octets, {}{} flows (distinct directional 5-tuples)\n",
                 grouped(totals.records()), grouped(totals.packets()), grouped(totals.octets()),
                 totals.complete() ? "" : "at least ", grouped(totals.flows()));
  if (!totals.complete()) {
    fmt::format_to(out, "  more flows came than are told apart: a greater --max-flows counts them all\n");
  }
  for (const auto& [exporter, source_id] : collector.streams()) {
    const Netflow9Counts stream = decoder.counts(exporter, source_id);
    fmt::format_to(out, "  {} source id {}: {} datagrams, {} records, ", exporter, source_id, grouped(stream.datagrams),
                   grouped(stream.records));
    if (stream.sequence_gaps == 0) {
      text += "no sequence gap";
    } else {
      fmt::format_to(out, "{} sequence gaps, {} datagrams lost", grouped(stream.sequence_gaps),
                     grouped(stream.lost_datagrams));
    }
    if (stream.late_datagrams != 0) fmt::format_to(out, ", {} out of order", grouped(stream.late_datagrams));
    if (stream.restarts != 0) fmt::format_to(out, ", {} restarts", grouped(stream.restarts));
    text += '\n';
  }
  if (sum.unknown_template != 0) {
    fmt::format_to(out, "  {} data FlowSets dropped: their template was not seen yet\n", grouped(sum.unknown_template));
  }
  if (sum.count_mismatches != 0) {
    fmt::format_to(out, "  {} datagrams whose header counts other than they hold\n", grouped(sum.count_mismatches));
  }
  for (std::size_t i = 1; i < kNetflow9ErrorCount; ++i) {
    const auto error = static_cast<Netflow9Error>(i);
    if (decoder.errors(error) == 0) continue;
    fmt::format_to(out, "  malformed: {} {}: {}\n", grouped(decoder.errors(error)), error_name(error),
                   error_text(error));
  }
  if (counts.connections != 0) fmt::format_to(out, "  {} connections\n", grouped(counts.connections));
  if (counts.connections_refused != 0) {
    fmt::format_to(out, "  {} connections refused: too many at once\n", grouped(counts.connections_refused));
  }
  if (counts.streams_malformed != 0) {
    fmt::format_to(out, "  {} streams ended by octets that are no weir.v1.FlowRecord\n",
                   grouped(counts.streams_malformed));
  }
  if (counts.streams_cut_off != 0) {
    fmt::format_to(out, "  {} streams ended by their sender within a record\n", grouped(counts.streams_cut_off));
  }
  if (const std::uint64_t drops = collector.kernel_drops(); drops != 0) {
    fmt::format_to(out, "  {} datagrams dropped by the kernel: the receive buffer was full\n", grouped(drops));
  }
  return text;
}

std::string summary_json(const Collector& collector, const FlowTotals& totals) {
  const Collector::Counts& counts = collector.counts();
  const Netflow9Decoder& decoder = collector.decoder();
  const Netflow9Counts sum = decoder.totals();
  std::string text;
  auto out = std::back_inserter(text);
  fmt::format_to(out,
                 R"({{"datagrams":{},"wire_octets":{},"records":{},"packets":{},"octets":{},"flows":{},)"
                 R"("flows_complete":{},"streams":[)",
                 counts.datagrams, counts.wire_octets, totals.records(), totals.packets(), totals.octets(),
                 totals.flows(), totals.complete());
  const char* separator = "";
  for (const auto& [exporter, source_id] : collector.streams()) {
    const Netflow9Counts stream = decoder.counts(exporter, source_id);
    fmt::format_to(
        out,
        R"({}{{"exporter":{},"source_id":{},"datagrams":{},"records":{},"option_records":{},"templates":{},)"
        R"("sequence_gaps":{},"lost_datagrams":{},"late_datagrams":{},"restarts":{},"unknown_template":{}}})",
        separator, json_string(exporter), source_id, stream.datagrams, stream.records, stream.option_records,
        stream.templates, stream.sequence_gaps, stream.lost_datagrams, stream.late_datagrams, stream.restarts,
        stream.unknown_template);
    separator = ",";
  }
  fmt::format_to(out,
                 R"(],"sequence_gaps":{},"lost_datagrams":{},"late_datagrams":{},"restarts":{},"unknown_template":{},)"
                 R"("count_mismatches":{},"malformed":{{)",
                 sum.sequence_gaps, sum.lost_datagrams, sum.late_datagrams, sum.restarts, sum.unknown_template,
                 sum.count_mismatches);
  for (std::size_t i = 1; i < kNetflow9ErrorCount; ++i) {
    const auto error = static_cast<Netflow9Error>(i);
    fmt::format_to(out, R"({}"{}":{})", i == 1 ? "" : ",", error_name(error), decoder.errors(error));
  }
  fmt::format_to(out,
                 R"(}},"kernel_drops":{},"connections":{},"connections_refused":{},"streams_malformed":{},)"
                 R"("streams_cut_off":{}}})"
                 "\n",
                 collector.kernel_drops(), counts.connections, counts.connections_refused, counts.streams_malformed,
                 counts.streams_cut_off);
  return text;
}

}  // namespace weir
