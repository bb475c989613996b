#include "tools/collect/flow_printer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "proto/base/address_text.h"
#include "proto/base/duration.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/number_text.h"
#include "proto/base/tcp_flags.h"
#include "proto/base/time_text.h"
#include "proto/decode/flow_decoder.h"
#include "proto/decode/value_text.h"
#include "proto/record/flow_json.h"
#include "proto/record/message_json.h"

namespace weir {
namespace {

std::string address_text(const std::uint8_t* address, std::uint8_t ip_version) {
  char text[kAddressTextMaxOctets];
  return {text, write_address_text(text, address, ip_version)};
}

/// An exporter may be a file, whose name has any characters.
void append_json_string(std::string& out, std::string_view text) {
  if (text.find_first_of("\"\\") != std::string_view::npos) {
    out += json_string(std::string(text));
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

std::string end_text(EndReason reason) {
  switch (reason) {
    case EndReason::idle_timeout:
      return "idle";
    case EndReason::active_timeout:
      return "active";
    case EndReason::end_of_flow:
      return "closed";
    case EndReason::forced_end:
      return "forced";
    case EndReason::lack_of_resources:
      return "evicted";
  }
  return "-";  // a record of another producer: the value may be none of RFC 5102's
}

}  // namespace

std::string endpoint_text(const std::uint8_t* address, std::uint8_t ip_version, std::uint16_t port,
                          std::uint8_t protocol) {
  std::string text = address_text(address, ip_version);
  if (!has_ports(protocol)) return text;
  return ip_version == 4 ? fmt::format("{}:{}", text, port) : fmt::format("[{}]:{}", text, port);
}

void FlowPrinter::written() {
  if (lines_.size() >= kWriteAt) static_cast<void>(flush());  // an error is kept, and told by the caller's flush()
}

void FlowPrinter::print(RecordView record, const RecordDetails* details, const IpAddress& sampler_address,
                        std::string_view monitor) {
  if (format_ == Format::none || !error_.empty()) return;
  if (format_ == Format::json) {
    char line[kFlowJsonMaxOctets];
    lines_.append(line, write_flow_json(line, record, details == nullptr ? sampler_address : IpAddress(), monitor));
    if (details != nullptr) append_details(*details);
  } else {
    print_line(*record, monitor);
  }
  written();
}

/// Goes on with the object of the line before.
void FlowPrinter::append_details(const RecordDetails& details) {
  lines_.resize(lines_.size() - 2);  // "}\n"
  auto out = std::back_inserter(lines_);
  const FlowDetails& flow = details.flow;
  const MessageHeader& header = details.datagram.header;
  if (flow.tcp_control_bits > 0xff) fmt::format_to(out, R"(,"tcpControlBits":{})", flow.tcp_control_bits);
  if (flow.sampling_algorithm != 0) fmt::format_to(out, R"(,"samplingAlgorithm":{})", flow.sampling_algorithm);
  lines_ += R"(,"sampler_address":)";
  append_json_string(lines_, address_of_exporter(details.exporter));
  fmt::format_to(out, R"(,"observation_domain_id":{})", header.source_id);
  append_values_json(lines_, header.version,
                     std::span(details.datagram.values).subspan(flow.first_value, flow.value_count),
                     details.find_template);
  lines_ += "}\n";
}

void FlowPrinter::print_options(std::string_view exporter, const Decoded& datagram, const DecodedOptions& options,
                                const SubTemplateFinder& find_template) {
  if (format_ == Format::none || !error_.empty()) return;
  const FlowVersion version = datagram.header.version;
  const auto values = std::span(datagram.values).subspan(options.first_value, options.value_count);
  const auto scopes = static_cast<std::size_t>(
      std::find_if(values.begin(), values.end(), [](const DecodedValue& value) { return !value.scope; }) -
      values.begin());
  auto out = std::back_inserter(lines_);
  const bool counters = version == FlowVersion::sflow;  // which has no options
  if (format_ == Format::json) {
    if (counters) {
      lines_ += R"({"sample":"counters","sampler_address":)";
    } else {
      fmt::format_to(out, R"({{"options_template":{},"sampler_address":)", options.template_id);
    }
    append_json_string(lines_, address_of_exporter(exporter));
    fmt::format_to(out, R"(,"observation_domain_id":{},"scope":{{)", datagram.header.source_id);
    const std::size_t begin = lines_.size();
    append_values_json(lines_, version, values.first(scopes), find_template);
    if (scopes != 0) lines_.erase(begin, 1);  // the comma before the first
    lines_ += '}';
    append_values_json(lines_, version, values.subspan(scopes), find_template);
    lines_ += "}\n";
  } else {
    if (counters) {
      fmt::format_to(out, "counters of {} sub-agent {}:", exporter, datagram.header.source_id);
    } else {
      fmt::format_to(out, "options {} of {} id {}:", options.template_id, exporter, datagram.header.source_id);
    }
    for (const DecodedValue& value : values) {
      lines_ += value.scope ? " scope " : " ";
      lines_ += field_name(version, value);
      lines_ += '=';
      append_value_text(lines_, version, value, find_template);
    }
    lines_ += '\n';
  }
  written();
}

void FlowPrinter::print_text(std::string_view text) {
  if (!error_.empty()) return;
  lines_ += text;
  written();
}

void FlowPrinter::print_sums(const SumBy& sums, std::size_t count, bool json) {
  auto out = std::back_inserter(lines_);
  const std::vector<SumBy::Row> rows = sums.top(count);
  const auto& fields = sums.fields();
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    widths.push_back(fields[i].name().size());
    for (const SumBy::Row& row : rows) widths[i] = std::max(widths[i], row.values[i].size());
    if (!json) fmt::format_to(out, "{:<{}}  ", fields[i].name(), widths[i]);
  }
  if (!json) fmt::format_to(out, "{:>12}  {:>15}  {:>18}\n", "records", "packets", "bytes");
  for (const SumBy::Row& row : rows) {
    if (json) {
      lines_ += '{';
      for (std::size_t i = 0; i < fields.size(); ++i) {
        const char* const quote = fields[i].is_number() ? "" : "\"";
        fmt::format_to(out, R"("{}":{}{}{},)", fields[i].name(), quote, row.values[i], quote);
      }
      fmt::format_to(out,
                     R"("records":{},"packets":{},"bytes":{}}})"
                     "\n",
                     row.sums.records, row.sums.packets, row.sums.octets);
    } else {
      for (std::size_t i = 0; i < fields.size(); ++i) fmt::format_to(out, "{:<{}}  ", row.values[i], widths[i]);
      fmt::format_to(out, "{:>12}  {:>15}  {:>18}\n", row.sums.records, row.sums.packets, row.sums.octets);
    }
    written();
  }
}

/// From the first record on whose monitor is not that of the records before, there is a column for it.
bool FlowPrinter::shows_monitor(std::string_view monitor) {
  if (monitor_width_ == 0) {
    if (!first_monitor_) first_monitor_ = monitor;
    if (*first_monitor_ == monitor) return false;
    endpoint_width_ = 0;  // which brings a new heading
  }
  const std::size_t wanted = std::max({monitor_width_, std::string_view("MONITOR").size(), monitor.size()});
  if (wanted > monitor_width_) endpoint_width_ = 0;
  monitor_width_ = wanted;
  return true;
}

void FlowPrinter::print_line(const FlowRecord& record, std::string_view monitor) {
  const bool several = shows_monitor(monitor);
  const std::string source =
      endpoint_text(record.source_address, record.ip_version, record.source_port(), record.protocol);
  const std::string destination =
      endpoint_text(record.destination_address, record.ip_version, record.destination_port(), record.protocol);
  const std::size_t wanted = std::max({std::size_t{21}, source.size(), destination.size()});
  auto out = std::back_inserter(lines_);
  if (wanted > endpoint_width_) {
    endpoint_width_ = wanted;
    if (several) fmt::format_to(out, "{:<{}}  ", "MONITOR", monitor_width_);
    fmt::format_to(out, "{:<23}  {:>8}  {:<5}  {:<{}}  {:<{}}  {:>9}  {:>8}  {:>9}  {:>8}  {:<8}  {}\n", "START (UTC)",
                   "DURATION", "PROTO", "SOURCE", wanted, "DESTINATION", wanted, "PACKETS", "BYTES", "REVERSE", "BYTES",
                   "FLAGS", "END");
  }
  const auto flags = static_cast<std::uint8_t>(record.tcp_flags[kForward] | record.tcp_flags[kReverse]);
  const std::uint64_t start_ns = record.start_ns();
  const std::uint64_t end_ns = record.end_ns();
  if (several) fmt::format_to(out, "{:<{}}  ", monitor.empty() ? "-" : monitor, monitor_width_);
  fmt::format_to(out, "{:<23}  {:>8}  {:<5}  {:<{}}  {:<{}}  {:>9}  {:>8}  {:>9}  {:>8}  {:<8}  {}\n",
                 time_text(start_ns), short_duration_text(end_ns > start_ns ? end_ns - start_ns : 0),
                 protocol_text(record.protocol), source, endpoint_width_, destination, endpoint_width_,
                 record.packets[kForward], scaled(static_cast<double>(record.octets[kForward]), "B"),
                 record.packets[kReverse], scaled(static_cast<double>(record.octets[kReverse]), "B"),
                 tcp_flags_text(flags), end_text(record.end_reason));
}

void FlowPrinter::print_top(const std::vector<FlowTotals::Flow>& flows, bool json) {
  auto out = std::back_inserter(lines_);
  struct Row {
    std::string source, destination;
  };
  std::vector<Row> rows;
  std::size_t width = 21;
  for (const auto& [tuple, sums] : flows) {
    if (json) {
      fmt::format_to(out,
                     R"({{"src_addr":"{}","dst_addr":"{}","src_port":{},"dst_port":{},"proto":{},"packets":{},)"
                     R"("bytes":{},"first_ns":{},"last_ns":{}}})"
                     "\n",
                     address_text(tuple.source_address, tuple.ip_version),
                     address_text(tuple.destination_address, tuple.ip_version), tuple.source_port,
                     tuple.destination_port, tuple.protocol, sums.packets, sums.octets, sums.first_ns, sums.last_ns);
      continue;
    }
    rows.push_back(
        {endpoint_text(tuple.source_address, tuple.ip_version, tuple.source_port, tuple.protocol),
         endpoint_text(tuple.destination_address, tuple.ip_version, tuple.destination_port, tuple.protocol)});
    width = std::max({width, rows.back().source.size(), rows.back().destination.size()});
  }
  if (json || flows.empty()) return;
  if (endpoint_width_ != 0) lines_ += '\n';  // apart from the table of records
  fmt::format_to(out, "{:<5}  {:<{}}  {:<{}}  {:>15}  {:>18}  {:>8}\n", "PROTO", "SOURCE", width, "DESTINATION", width,
                 "PACKETS", "BYTES", "DURATION");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const FlowSums& sums = flows[i].sums;
    fmt::format_to(out, "{:<5}  {:<{}}  {:<{}}  {:>15}  {:>18}  {:>8}\n", protocol_text(flows[i].tuple.protocol),
                   rows[i].source, width, rows[i].destination, width, sums.packets, sums.octets,
                   short_duration_text(sums.last_ns > sums.first_ns ? sums.last_ns - sums.first_ns : 0));
  }
}

tl::expected<void, std::string> FlowPrinter::flush() {
  std::size_t written = 0;
  while (error_.empty() && written < lines_.size()) {
    const ssize_t octets = ::write(descriptor_, lines_.data() + written, lines_.size() - written);
    if (octets >= 0) {
      written += static_cast<std::size_t>(octets);
    } else if (errno != EINTR) {
      reader_left_ = errno == EPIPE;
      error_ = fmt::format("standard output: {}", std::strerror(errno));
    }
  }
  lines_.clear();
  if (!error_.empty()) return tl::make_unexpected(error_);
  return {};
}

}  // namespace weir
