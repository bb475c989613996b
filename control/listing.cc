#include "control/listing.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "control/export/loss.h"
#include "control/saved_rejects.h"
#include "dataplane/icmp_quotes.h"
#include "dataplane/loss.h"
#include "dataplane/metric/missing_facts.h"
#include "dataplane/packet/reject.h"
#include "proto/base/left_out.h"
#include "proto/record/fields.h"
#include "proto/record/flow_protobuf.h"
#include "proto/record/message_json.h"
#include "proto/schema/text_table.h"

namespace weir {
namespace {

void add_reasons(TextTable& table, std::span<const ReasonText> texts) {
  for (const ReasonText& text : texts) table.row({std::string(text.name), std::string(text.description)});
}

std::string_view type_of(const Field& field) {
  constexpr std::string_view kNumbers[] = {"", "u8", "u16", "", "u32", "", "", "", "u64"};
  switch (field.form) {
    case Form::number:
      return kNumbers[field.place.octets + field.computed.octets];  // one of them is 0
    case Form::time_ns:
      return "time";
    case Form::address:
      return "address";
    case Form::mac:
      return "mac";
    case Form::community_id:
    case Form::characters:
    case Form::text:
      return "text";
    case Form::tunnel:
    case Form::domain:
      return "name";
    case Form::as_path:
    case Form::histogram:
    case Form::packets:
    case Form::labels:
      return "list";
  }
  return "";
}

std::string_view unit_of(Unit unit) {
  switch (unit) {
    case Unit::none:
      return "";
    case Unit::octets:
      return "octets";
    case Unit::packets:
      return "packets";
    case Unit::nanoseconds:
      return "ns";
  }
  return "";
}

/// "8 or 27"; a reverse element of IANA's is "29305:2", one of weir's own "32473:4112". Empty: no template carries it.
std::string element_of(const Column& column) {
  const Wire& wire = kFieldRows[column.row].field.wire;
  const bool reverse = column.side == kReverse;
  const auto number = [&](unsigned element) {
    if (wire.enterprise == kOwnElement) return fmt::format("32473:{}", element + (reverse ? 4096U : 0U));
    return reverse ? fmt::format("29305:{}", element) : fmt::format("{}", element);
  };
  switch (wire.rule) {
    case WireRule::none:
      return "";
    case WireRule::flow_start:
      return reverse ? number(152) : "22 or 152";
    case WireRule::flow_end:
      return reverse ? number(153) : "21 or 153";
    case WireRule::vlan:
      return "58, 243";
    case WireRule::sampling:
      return "34, 35";
    case WireRule::by_family:
    case WireRule::icmp:
      return number(wire.element) + " or " + number(wire.element6);
    case WireRule::tunnel_id:
      return number(wire.element) + ", 351";
    case WireRule::label_stack:
      return fmt::format("{} to {}", wire.element, wire.element + LabelStackSection::kMost - 1);
    case WireRule::histogram:
      return "291 of " + number(wire.element);
    case WireRule::packet_lists:
      return fmt::format("291 of {} to {}", number(wire.element), wire.element + kListedFacts.size() - 1);
    case WireRule::plain:
    case WireRule::mapped:
    case WireRule::label:
    case WireRule::text:
      return number(wire.element);
  }
  return "";
}

std::string meaning_of(const Column& column) {
  return std::string(column.side == kReverse ? "in the reverse direction: " : "") +
         std::string(kFieldRows[column.row].field.meaning);
}

/// What records say that is no column of the field table: nothing of the flow, but of who made the record.
struct ProbeField {
  std::string_view name;
  std::string_view type;
  unsigned protobuf;
  std::string_view meaning;
};
constexpr auto kProbeFields = std::to_array<ProbeField>(
    {{"monitor", "text", kMonitorNumber,
      "name of the monitor that made the record, if the configuration names several"},
     {"sampler_address", "address", kSamplerAddressNumber, "address of the probe (--sampler-address)"}});
constexpr std::string_view kProbeSection = "probe";

}  // namespace

std::string reasons_text() {
  TextTable rejects("ll");
  add_reasons(rejects, std::span(kRejectTexts).subspan(1));  // the first is `none`
  TextTable unsaved("ll");
  add_reasons(unsaved, kUnsavedRejectTexts);
  TextTable left_out("ll");
  add_reasons(left_out, kLeftOutTexts);
  TextTable losses("ll");
  losses.row({"handover_full", "the ring to the worker that owns the packet's flow had no room"});
  add_reasons(losses, kLossTexts);
  TextTable quotes("ll");
  add_reasons(quotes, kIcmpQuoteTexts);
  TextTable missing("ll");
  add_reasons(missing, kMissingFactTexts);
  TextTable export_losses("ll");
  add_reasons(export_losses, kExportLossTexts);
  return "Rejects: a frame that is not counted in a flow (ledger: rejects)\n" + rejects.text() +
         "\nRejected frames that --save-rejects did not save (ledger: saved_rejects)\n" + unsaved.text() +
         "\nPackets that were left out because somebody asked for it (ledger: by these names)\n" + left_out.text() +
         "\nLosses before the exporters (ledger: handover_full, lost)\n" + losses.text() +
         "\nLosses of an exporter (ledger: exporters, lost)\n" + export_losses.text() +
         "\nWhat became of the quotes in ICMP errors, with --metrics icmp (ledger: icmp_quotes). No packet is lost "
         "with "
         "one\n" +
         quotes.text() +
         "\nWhat a metric left out because its pool was empty (ledger: missing_facts). No packet is lost with one\n" +
         missing.text();
}

std::string tunnels_text() {
  TextTable table("llrl");
  table.row({"name", "default", "UDP port", ""});
  for (std::size_t i = 1; i < kTunnelTypes.size(); ++i) {
    const TunnelTypeInfo& info = kTunnelTypes[i];
    table.row({std::string(info.name), info.by_default ? "on" : "off",
               info.told != TunnelSide::none ? std::to_string(info.port) : "", std::string(info.what)});
  }
  return table.text();
}

std::string fields_text() {
  TextTable table("llllrll");
  table.row({"section", "field", "type", "unit", "protobuf", "IPFIX element", "meaning"});
  for (const Column& column : kJsonColumns) {
    const FieldRow& row = kFieldRows[column.row];
    const unsigned protobuf = row.field.protobuf[column.side];
    table.row({std::string(kSectionNames[static_cast<std::size_t>(row.section)]),
               std::string(column_name(column).view()), std::string(type_of(row.field)),
               std::string(unit_of(row.field.unit)), protobuf == 0 ? "" : std::to_string(protobuf), element_of(column),
               meaning_of(column)});
  }
  for (const ProbeField& field : kProbeFields) {
    table.row({std::string(kProbeSection), std::string(field.name), std::string(field.type), "",
               std::to_string(field.protobuf), "", std::string(field.meaning)});
  }
  return table.text(0);
}

std::string fields_json() {
  std::string out = "[";
  const auto add = [&out](std::string_view name, std::string_view section, std::string_view type, std::string_view unit,
                          unsigned protobuf, const std::string& element, const std::string& meaning) {
    out += fmt::format(R"({}{{"name":{},"section":{},"type":{},"unit":{},"protobuf":{},"element":{},"meaning":{}}})",
                       out.size() == 1 ? "\n" : ",\n", json_string(std::string(name)),
                       json_string(std::string(section)), json_string(std::string(type)),
                       json_string(std::string(unit)), protobuf, json_string(element), json_string(meaning));
  };
  for (const Column& column : kJsonColumns) {
    const FieldRow& row = kFieldRows[column.row];
    add(column_name(column).view(), kSectionNames[static_cast<std::size_t>(row.section)], type_of(row.field),
        unit_of(row.field.unit), row.field.protobuf[column.side], element_of(column), meaning_of(column));
  }
  for (const ProbeField& field : kProbeFields) {
    add(field.name, kProbeSection, field.type, "", field.protobuf, "", std::string(field.meaning));
  }
  return out + "\n]\n";
}

std::string metrics_text(const Metrics& metrics) {
  TextTable table("lrrrl");
  table.row({"name", "line bytes", "slot bytes", "pool bytes", "what it records, and its fields"});
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    if ((metrics.enabled() >> i & 1) == 0) continue;
    const MetricInfo& info = Metrics::kInfos[i];
    std::string name(info.name);
    if (info.parameter.member != nullptr) name.append("[:").append(info.parameter.form).append("]");
    table.row({std::move(name), std::to_string(info.line_octets), std::to_string(info.slot_octets),
               std::to_string(info.pool_octets), std::string(info.meaning)});
    std::string fields;
    for (const Column& column : kJsonColumns) {
      const FieldRow& row = kFieldRows[column.row];
      if ((info.sections & section_bit(row.section)) == 0 || column.side == kReverse) continue;
      fields.append(fields.empty() ? "" : " ").append(row.field.name);
    }
    table.row({"", "", "", "", fields});
    const MetricParameter& parameter = info.parameter;
    if (parameter.member == nullptr) continue;
    if (!parameter.words[0].empty()) {
      table.row({"", "", "", "", std::string(parameter.form).append(": ").append(parameter.meaning)});
      continue;
    }
    table.row({"", "", "", "",
               fmt::format("{}: {} to {}; without it {}", parameter.form, parameter.least, parameter.greatest,
                           MetricParameters{}.*parameter.member)});
  }
  return table.text(0) +
         fmt::format(
             "Bytes are per flow. The line bytes of the metrics that are on lie together in as few "
             "lines of {} bytes as hold them: {} with all metrics on. Pool bytes are the most that a\n"
             "flow takes of a worker's pool, which is bounded; `weirctl metrics` shows how full it is.\n",
             Metrics::kLineOctets, Metrics::kMostLines);
}

}  // namespace weir
