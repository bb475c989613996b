#include "tools/collect/summary.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>
#include <string_view>

#include "proto/base/duration.h"
#include "proto/base/number_text.h"
#include "proto/record/message_json.h"

namespace weir {

namespace {

/// "1 datagram", "2,000 datagrams".
std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", grouped(count), what, count == 1 ? "" : "s");
}

/// One line: what came, and only what is worth knowing beside.
void append_stream(std::string& text, const StreamReport& report) {
  const StreamCounts& counts = report.counts;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "  {} {} {} {}: {} datagrams, {} records, ", report.exporter, version_name(report.version),
                 report.version == FlowVersion::ipfix ? "domain" : "source id", report.source_id,
                 grouped(counts.datagrams), grouped(counts.records));
  if (counts.sequence_gaps == 0) {
    text += "no sequence gap";
  } else if (report.version == FlowVersion::netflow9) {
    fmt::format_to(out, "{} sequence gaps, {} datagrams lost", grouped(counts.sequence_gaps),
                   grouped(counts.lost_datagrams));
  } else {
    fmt::format_to(out, "{} sequence gaps, {} records lost", grouped(counts.sequence_gaps),
                   grouped(counts.lost_records));
  }
  const auto mention = [&](std::uint64_t count, std::string_view what) {
    if (count != 0) fmt::format_to(out, ", {} {}", grouped(count), what);
  };
  mention(counts.late_datagrams, "out of order");
  mention(counts.restarts, "restarts");
  mention(counts.option_records, "options records");
  mention(counts.template_changes, "template changes");
  mention(counts.templates_expired, "templates expired");
  mention(counts.withdrawals, "templates withdrawn");
  mention(counts.sequence_own, "messages whose sequence counts their own records");
  // A second is what whole seconds in the header may add.
  if (report.skew.known && (report.skew.least_ms < -1000 || report.skew.least_ms > 2000)) {
    const auto apart_ms = static_cast<std::uint64_t>(std::abs(report.skew.least_ms));
    fmt::format_to(out, ", its clock is {} {}", short_duration_text(apart_ms * 1'000'000),
                   report.skew.least_ms < 0 ? "ahead" : "behind");
  }
  text += '\n';
}

/// What was found in captures, and what was not.
void append_captures(std::string& text, const Collector::Counts& counts) {
  if (counts.capture_packets == 0) return;
  auto out = std::back_inserter(text);
  text += "  ";
  if (counts.capture_messages == 0 || counts.capture_datagrams != 0) {
    text += counted(counts.capture_datagrams, "datagram");
  }
  if (counts.capture_messages != 0) {
    if (counts.capture_datagrams != 0) text += " and ";
    text += counted(counts.capture_messages, "message") + " over TCP";
  }
  text += " found in " + counted(counts.capture_packets, "packet");
  if (counts.capture_cut_off != 0) {
    fmt::format_to(out, "; {} cut off by the snapshot length", grouped(counts.capture_cut_off));
  }
  text += '\n';
  if (counts.capture_fragments != 0) {
    fmt::format_to(out, "  {} could not be put together: others of the same packet are missing\n",
                   counted(counts.capture_fragments, "IP fragment"));
  }
  if (counts.tcp_holes != 0) {
    fmt::format_to(out, "  the capture lacks {} in {} of TCP connections\n",
                   counted(counts.tcp_missing_octets, "octet"), counted(counts.tcp_holes, "place"));
  }
  if (counts.tcp_out_of_step != 0) {
    fmt::format_to(out, "  {} in TCP connections where no IPFIX message stands\n",
                   counted(counts.tcp_out_of_step, "place"));
  }
  if (counts.tcp_skipped_octets != 0) {
    fmt::format_to(out, "  {} of TCP connections skipped, up to the next whole message\n",
                   counted(counts.tcp_skipped_octets, "octet"));
  }
}

}  // namespace

std::string summary_text(const Collector& collector, const FlowTotals& totals) {
  const Collector::Counts& counts = collector.counts();
  const FlowDecoder& decoder = collector.decoder();
  const StreamCounts sum = decoder.totals();
  std::string text;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "{} records, {} packets, {} octets, {}{} flows (distinct directional 5-tuples)\n",
                 grouped(totals.records()), grouped(totals.packets()), grouped(totals.octets()),
                 totals.complete() ? "" : "at least ", grouped(totals.flows()));
  if (!totals.complete()) {
    fmt::format_to(out, "  more flows came than are told apart: a greater --max-flows counts them all\n");
  }
  for (const StreamReport& report : decoder.reports()) append_stream(text, report);
  if (const std::uint64_t dropped = sum.unknown_template - sum.recovered_sets; dropped != 0) {
    fmt::format_to(out, "  {} data FlowSets dropped: their template was not seen\n", grouped(dropped));
  }
  if (sum.recovered_sets != 0) {
    fmt::format_to(out, "  {} data FlowSets came before their template and were decoded after it\n",
                   grouped(sum.recovered_sets));
  }
  if (sum.count_mismatches != 0) {
    fmt::format_to(out, "  {} datagrams whose header counts other than they hold\n", grouped(sum.count_mismatches));
  }
  for (std::size_t i = 1; i < kDecodeErrorCount; ++i) {
    const auto error = static_cast<DecodeError>(i);
    if (decoder.errors(error) == 0) continue;
    fmt::format_to(out, "  malformed: {} {}: {}\n", grouped(decoder.errors(error)), error_name(error),
                   error_text(error));
  }
  if (counts.connections != 0) fmt::format_to(out, "  {} connections\n", grouped(counts.connections));
  if (counts.connections_refused != 0) {
    fmt::format_to(out, "  {} connections refused: too many at once\n", grouped(counts.connections_refused));
  }
  append_captures(text, counts);
  if (counts.streams_malformed != 0) {
    fmt::format_to(out, "  {} streams ended by octets that are no record\n", grouped(counts.streams_malformed));
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
  const FlowDecoder& decoder = collector.decoder();
  const StreamCounts sum = decoder.totals();
  std::string text;
  auto out = std::back_inserter(text);
  fmt::format_to(out,
                 R"({{"datagrams":{},"wire_octets":{},"records":{},"packets":{},"octets":{},"flows":{},)"
                 R"("flows_complete":{},"streams":[)",
                 counts.datagrams, counts.wire_octets, totals.records(), totals.packets(), totals.octets(),
                 totals.flows(), totals.complete());
  const char* separator = "";
  for (const StreamReport& report : decoder.reports()) {
    fmt::format_to(out, R"({}{{"exporter":{},"version":{},"source_id":{})", separator, json_string(report.exporter),
                   static_cast<unsigned>(report.version), report.source_id);
#define WEIR_X(name, meaning) fmt::format_to(out, R"(,"{}":{})", #name, report.counts.name);
    WEIR_STREAM_COUNTS(WEIR_X)
#undef WEIR_X
    fmt::format_to(out, R"(,"templates_known":{},"waiting_sets":{})", report.templates, report.waiting_sets);
    if (report.skew.known) {
      fmt::format_to(out, R"(,"clock_skew_ms":{{"least":{},"last":{},"greatest":{}}})", report.skew.least_ms,
                     report.skew.last_ms, report.skew.greatest_ms);
    }
    text += '}';
    separator = ",";
  }
  fmt::format_to(
      out,
      R"(],"sequence_gaps":{},"lost_datagrams":{},"lost_records":{},"late_datagrams":{},"restarts":{},)"
      R"("unknown_template":{},"recovered_sets":{},"template_changes":{},"count_mismatches":{},"malformed":{{)",
      sum.sequence_gaps, sum.lost_datagrams, sum.lost_records, sum.late_datagrams, sum.restarts, sum.unknown_template,
      sum.recovered_sets, sum.template_changes, sum.count_mismatches);
  for (std::size_t i = 1; i < kDecodeErrorCount; ++i) {
    const auto error = static_cast<DecodeError>(i);
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
