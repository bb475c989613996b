#include "proto/schema/flows_text.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/base/duration.h"
#include "proto/base/json_string.h"
#include "proto/base/number_text.h"
#include "proto/record/field_text.h"
#include "proto/record/fields.h"
#include "proto/record/flow_json.h"
#include "proto/record/flow_protobuf.h"
#include "proto/record/group_key.h"
#include "proto/schema/csv_line.h"
#include "proto/schema/text_table.h"

namespace weir {
namespace {

/// A rate as a whole number of bits per second.
std::string whole(double bits_per_second) {
  return std::to_string(std::llround(bits_per_second));
}

std::string rate_text(double bits_per_second) {
  return scaled(bits_per_second, "bit/s");
}

/// How a value stands in JSON.
enum class Value : std::uint8_t {
  number,
  text,
  escaped,  ///< a text whose odd octets are escaped already, as take_group_text() does it
};

/// Of the values of each field.
std::vector<Value> values_of(const v1::TopReply& reply) {
  std::vector<Value> values;
  for (const std::string& word : reply.fields()) {
    const auto field = parse_group_field(word, {});
    const Form form = field ? kFieldRows[field->column.row].field.form : Form::address;
    const bool escaped = form == Form::text || form == Form::characters;
    values.push_back(field && field->is_number() ? Value::number : escaped ? Value::escaped : Value::text);
  }
  return values;
}

/// A member of a JSON object, its comma included.
void put_member(std::string& out, std::string_view name, std::string_view value, Value form) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += name;
  out += form == Value::number ? "\":" : "\":\"";
  if (form == Value::text) {
    std::vector<char> escaped(value.size() * kJsonOctetMost + 1);
    out.append(escaped.data(), write_json_string(escaped.data(), value));
  } else {
    out += value;
  }
  if (form != Value::number) out += '"';
}

std::string plural(std::uint64_t count, const std::string& one) {
  return grouped(count) + ' ' + one + (count == 1 ? "" : "s");
}

/// What was looked at, as the last line of a table.
std::string scope_text(const v1::FlowScope& scope, const std::string& what) {
  std::string text = what + plural(scope.flows(), "live flow");
  if (!scope.monitor().empty()) text += " of monitor " + scope.monitor();
  text +=
      ", in " + std::to_string(std::llround(scope.took_ms())) + " ms. Counters are those since a flow's last report.\n";
  return text;
}

std::vector<std::string> sums_of(const v1::TopGroup& group) {
  return {std::to_string(group.flows()), std::to_string(group.packets()), std::to_string(group.bytes()),
          whole(group.bits_per_second())};
}

std::string top_table(const v1::TopReply& reply) {
  const std::vector<Value> forms = values_of(reply);
  std::string alignment;
  std::vector<std::string> names;
  for (int i = 0; i < reply.fields_size(); ++i) {
    alignment += forms[static_cast<std::size_t>(i)] == Value::number ? 'r' : 'l';
    names.push_back(reply.fields(i));
  }
  TextTable table(alignment + "rrrrr");
  names.insert(names.end(), {"flows", "packets", "bytes", "share", "rate"});
  table.row(std::move(names));
  const auto share = [&](std::uint64_t bytes) {
    return reply.all().bytes() == 0 ? std::string()
                                    : percent(static_cast<double>(bytes) / static_cast<double>(reply.all().bytes()));
  };
  for (const v1::TopGroup& group : reply.groups()) {
    std::vector<std::string> cells(group.values().begin(), group.values().end());
    cells.insert(cells.end(), {grouped(group.flows()), grouped(group.packets()), grouped(group.bytes()),
                               share(group.bytes()), rate_text(group.bits_per_second())});
    table.row(std::move(cells));
  }
  std::string text = table.text(0) + '\n';
  text += plural(reply.all_groups(), "group") + " with " + plural(reply.all().flows(), "one-way flow") + ", " +
          plural(reply.all().packets(), "packet") + ", " + plural(reply.all().bytes(), "byte") + ", " +
          rate_text(reply.all().bits_per_second()) + '\n';
  if (reply.has_ungrouped()) {
    text += "there was no room for more groups: " + plural(reply.ungrouped().flows(), "one-way flow") + " with " +
            plural(reply.ungrouped().bytes(), "byte") + " are in none of them\n";
  }
  return text + scope_text(reply.scope(), grouped(reply.scope().matched()) + " of ");
}

/// The record of a live flow; nothing: it is none.
std::unique_ptr<OwnedRecord> record_of(const v1::LiveFlow& flow) {
  const std::string message = flow.record().SerializeAsString();
  auto record = std::make_unique<OwnedRecord>();
  const bool decoded = decode_flow({reinterpret_cast<const std::uint8_t*>(message.data()), message.size()}, *record);
  return decoded ? std::move(record) : nullptr;
}

/// The record's JSON line with what the moment makes of the flow before its first field.
std::string json_line(const v1::LiveFlow& flow) {
  std::string line = "{";
  put_member(line, "flow", flow.name(), Value::text);
  put_member(line, "age_ns", std::to_string(flow.age_ns()), Value::number);
  put_member(line, "idle_ns", std::to_string(flow.idle_ns()), Value::number);
  put_member(line, "bits_per_second", whole(flow.bits_per_second()), Value::number);
  put_member(line, "worker", std::to_string(flow.worker()), Value::number);
  const auto record = record_of(flow);
  if (record == nullptr) return line + "}\n";
  std::vector<char> text(kFlowJsonMaxOctets);
  char* const end = write_flow_json(text.data(), *record);
  return line + std::string(text.data(), end).replace(0, 1, ",");  // in place of its brace
}

std::string json_lines(const v1::FlowsReply& reply) {
  std::string lines;
  for (const v1::LiveFlow& flow : reply.flows()) lines += json_line(flow);
  return lines;
}

std::string csv_lines(const v1::FlowsReply& reply) {
  std::string lines = csv_line(
      {"flow", "packets", "bytes", "rev_packets", "rev_bytes", "bits_per_second", "age_ns", "idle_ns", "worker"});
  for (const v1::LiveFlow& flow : reply.flows()) {
    const v1::FlowRecord& record = flow.record();
    lines += csv_line({flow.name(), std::to_string(record.packets()), std::to_string(record.bytes()),
                       std::to_string(record.rev_packets()), std::to_string(record.rev_bytes()),
                       whole(flow.bits_per_second()), std::to_string(flow.age_ns()), std::to_string(flow.idle_ns()),
                       std::to_string(flow.worker())});
  }
  return lines;
}

}  // namespace

std::string top_text(const v1::TopReply& reply, FlowsForm form) {
  if (form == FlowsForm::table) return top_table(reply);
  std::vector<std::string> names;
  for (const std::string& word : reply.fields()) names.push_back(word.substr(0, word.find('/')));
  const std::vector<Value> forms = values_of(reply);
  const std::vector<std::string> sums{"flows", "packets", "bytes", "bits_per_second"};
  std::string text;
  if (form == FlowsForm::csv) {
    std::vector<std::string> heading = names;
    heading.insert(heading.end(), sums.begin(), sums.end());
    text += csv_line(heading);
  }
  for (const v1::TopGroup& group : reply.groups()) {
    std::vector<std::string> values(group.values().begin(), group.values().end());
    std::vector<std::string> counts = sums_of(group);
    if (form == FlowsForm::csv) {
      values.insert(values.end(), counts.begin(), counts.end());
      text += csv_line(values);
      continue;
    }
    std::string line = "{";
    for (std::size_t i = 0; i < values.size() && i < names.size(); ++i) {
      put_member(line, names[i], values[i], forms[i]);
    }
    for (std::size_t i = 0; i < sums.size(); ++i) put_member(line, sums[i], counts[i], Value::number);
    text += line + "}\n";
  }
  return text;
}

std::string flows_text(const v1::FlowsReply& reply, FlowsForm form) {
  if (form == FlowsForm::json) return json_lines(reply);
  if (form == FlowsForm::csv) return csv_lines(reply);
  TextTable table("lrrrrrrr");
  table.row({"flow", "packets", "bytes", "rev_packets", "rev_bytes", "rate", "age", "idle"});
  for (const v1::LiveFlow& flow : reply.flows()) {
    const v1::FlowRecord& record = flow.record();
    table.row({flow.name(), grouped(record.packets()), grouped(record.bytes()), grouped(record.rev_packets()),
               grouped(record.rev_bytes()), rate_text(flow.bits_per_second()), short_duration_text(flow.age_ns()),
               short_duration_text(flow.idle_ns())});
  }
  const std::string shown = grouped(static_cast<std::uint64_t>(reply.flows_size())) + " shown of " +
                            grouped(reply.scope().matched()) + " that match, among ";
  return table.text(0) + '\n' + scope_text(reply.scope(), shown);
}

std::string flow_text(const v1::FlowsReply& reply, FlowsForm form) {
  if (form == FlowsForm::json) return json_lines(reply);
  if (form == FlowsForm::csv) return csv_lines(reply);
  std::string text;
  for (const v1::LiveFlow& flow : reply.flows()) {
    if (!text.empty()) text += '\n';
    text += flow.name() + '\n';
    TextTable table("ll");
    table.row({"age", short_duration_text(flow.age_ns())});
    table.row({"idle", short_duration_text(flow.idle_ns())});
    table.row({"rate", rate_text(flow.bits_per_second())});
    table.row({"worker", std::to_string(flow.worker())});
    if (const auto record = record_of(flow)) {
      for (const Column& column : kJsonColumns) {
        if (!has_column(column, *record)) continue;
        std::string value;
        append_field_text(value, column, *record, TextForm::people);
        table.row({std::string(column_name(column).view()), std::move(value)});
      }
    }
    text += table.text();
  }
  return text + '\n' + scope_text(reply.scope(), "found among ");
}

std::string missing_workers_text(const v1::FlowScope& scope) {
  if (scope.missing_workers().empty()) return {};
  std::string text = scope.missing_workers_size() == 1 ? "worker" : "workers";
  for (const std::uint32_t worker : scope.missing_workers()) {
    text += (text.back() == 'r' || text.back() == 's' ? " " : ", ") + std::to_string(worker);
  }
  return text + " did not answer in time: all or some of " + (scope.missing_workers_size() == 1 ? "its" : "their") +
         " flows are missing above";
}

}  // namespace weir
