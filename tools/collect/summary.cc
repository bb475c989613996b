#include "tools/collect/summary.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>
#include <string_view>

#include "proto/base/duration.h"
#include "proto/base/number_text.h"
#include "proto/base/time_text.h"
#include "proto/record/message_json.h"

namespace weir {

namespace {

/// No clock that anybody looks at is wrong by more than a day; it is old data that is sent again.
constexpr std::uint64_t kMostClockErrorMs = 86'400'000;

/// "1 datagram", "2,000 datagrams".
std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", grouped(count), what, count == 1 ? "" : "s");
}

/// One line: what came, and only what is worth knowing beside.
void append_stream(std::string& text, const StreamReport& report) {
  const StreamCounts& counts = report.counts;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "  {} {} {} {}: {}, {}, ", report.exporter, version_name(report.version),
                 report.version == FlowVersion::ipfix   ? "domain"
                 : report.version == FlowVersion::sflow ? "sub-agent"
                                                        : "source id",
                 report.source_id, counted(counts.datagrams, report.session ? "message" : "datagram"),
                 counted(counts.records, "record"));
  if (report.version == FlowVersion::netflow1) {
    text += "which have no sequence";
  } else if (counts.sequence_gaps == 0) {
    text += "no sequence gap";
  } else {
    fmt::format_to(out, "{}, {} lost", counted(counts.sequence_gaps, "sequence gap"),
                   sequence_counts_datagrams(report.version) ? counted(counts.lost_datagrams, "datagram")
                                                             : counted(counts.lost_records, "record"));
  }
  const auto mention = [&](std::uint64_t count, std::string_view what) {
    if (count != 0) fmt::format_to(out, ", {} {}", grouped(count), what);
  };
  mention(counts.late_datagrams, "out of order");
  mention(counts.restarts, "restarts");
  mention(counts.option_records, report.version == FlowVersion::sflow ? "counter samples" : "options records");
  mention(counts.unknown_samples, "samples of unknown formats");
  mention(counts.template_changes, "template changes");
  mention(counts.given_template_sets, "data sets by given templates");
  mention(counts.templates_expired, "templates expired");
  mention(counts.withdrawals, "templates withdrawn");
  mention(counts.sequence_own, "messages whose sequence counts their own records");
  const auto apart_ms = static_cast<std::uint64_t>(std::abs(report.skew.least_ms));
  if (report.skew.known && apart_ms > kMostClockErrorMs) {
    fmt::format_to(out, ", headers carry times of {}: this looks like a replay",
                   iso_time(std::uint64_t{report.exported_s} * 1'000'000'000, 0).substr(0, 10));
  } else if (report.skew.known && (report.skew.least_ms < -1000 || report.skew.least_ms > 2000)) {
    // Headers in whole seconds may add up to one second.
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
    fmt::format_to(out, "  the capture lacks {} in {} of TCP connections\n", counted(counts.tcp_missing_octets, "byte"),
                   counted(counts.tcp_holes, "place"));
  }
  if (counts.tcp_out_of_step != 0) {
    fmt::format_to(out, "  {} in TCP connections where no IPFIX message stands\n",
                   counted(counts.tcp_out_of_step, "place"));
  }
  if (counts.tcp_skipped_octets != 0) {
    fmt::format_to(out, "  {} of TCP connections skipped, up to the next whole message\n",
                   counted(counts.tcp_skipped_octets, "byte"));
  }
}

}  // namespace

std::string summary_text(const Collector& collector, const FlowTotals& totals) {
  const Collector::Counts& counts = collector.counts();
  const FlowDecoder& decoder = collector.decoder();
  const StreamCounts sum = decoder.totals();
  std::string text;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "{}, {}, {}, {}{} (distinct directional 5-tuples)\n", counted(totals.records(), "record"),
                 counted(totals.packets(), "packet"), counted(totals.octets(), "byte"),
                 totals.complete() ? "" : "at least ", counted(totals.flows(), "flow"));
  if (!totals.complete()) {
    fmt::format_to(out, "  more flows came than are told apart: a greater --max-flows counts them all\n");
  }
  for (const StreamReport& report : decoder.reports()) append_stream(text, report);
  if (decoder.forgotten() != 0) {
    fmt::format_to(out, "  {} forgotten, the one silent longest first: a greater --max-memory keeps more\n",
                   counted(decoder.forgotten(), "exporter"));
  }
  if (const std::uint64_t dropped = sum.unknown_template - sum.recovered_sets; dropped != 0) {
    fmt::format_to(out, "  {} dropped: the template was not seen\n", counted(dropped, "data set"));
  }
  if (sum.recovered_sets != 0) {
    fmt::format_to(out, "  {} came before the template and waited for it\n", counted(sum.recovered_sets, "data set"));
  }
  if (sum.count_mismatches != 0) {
    fmt::format_to(out, "  {}: header record count differs from contents\n", counted(sum.count_mismatches, "datagram"));
  }
  for (std::size_t i = 1; i < kDecodeErrorCount; ++i) {
    const auto error = static_cast<DecodeError>(i);
    if (decoder.errors(error) == 0) continue;
    fmt::format_to(out, "  malformed: {} {}: {}\n", grouped(decoder.errors(error)), error_name(error),
                   error_text(error));
  }
  if (counts.connections != 0) fmt::format_to(out, "  {}\n", counted(counts.connections, "connection"));
  if (counts.connections_refused != 0) {
    fmt::format_to(out, "  {} refused: too many at once\n", counted(counts.connections_refused, "connection"));
  }
  if (counts.connections_closed != 0) {
    fmt::format_to(out, "  {} closed to make room for others\n",
                   counted(counts.connections_closed, "silent connection"));
  }
  append_captures(text, counts);
  if (counts.streams_malformed != 0) {
    fmt::format_to(out, "  {} ended by octets that are no record\n", counted(counts.streams_malformed, "stream"));
  }
  if (counts.streams_cut_off != 0) {
    fmt::format_to(out, "  {} ended by the sender within a record\n", counted(counts.streams_cut_off, "stream"));
  }
  if (const std::uint64_t drops = collector.kernel_drops(); drops != 0) {
    fmt::format_to(out, "  {} dropped by the kernel: the receive buffer was full\n", counted(drops, "datagram"));
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
    const unsigned version = report.version == FlowVersion::sflow ? 5 : static_cast<unsigned>(report.version);
    fmt::format_to(out, R"({}{{"exporter":{},"format":"{}","version":{},"source_id":{})", separator,
                   json_string(report.exporter), version_name(report.version), version, report.source_id);
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
  fmt::format_to(
      out,
      R"(}},"kernel_drops":{},"connections":{},"connections_refused":{},"connections_closed":{},"streams_malformed":{},)"
      R"("streams_cut_off":{}}})"
      "\n",
      collector.kernel_drops(), counts.connections, counts.connections_refused, counts.connections_closed,
      counts.streams_malformed, counts.streams_cut_off);
  return text;
}

}  // namespace weir
