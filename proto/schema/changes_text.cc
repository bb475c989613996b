#include "proto/schema/changes_text.h"

#include <google/protobuf/repeated_ptr_field.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/base/number_text.h"
#include "proto/base/time_text.h"
#include "proto/schema/text_table.h"

namespace weir {
namespace {

std::string values_text(const google::protobuf::RepeatedPtrField<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + value;
  return text.empty() ? "(none)" : text;
}

std::vector<std::string> texts_of(const google::protobuf::RepeatedPtrField<std::string>& values) {
  return {values.begin(), values.end()};
}

/// How many values a list has, where it is shown below.
std::string count_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " value" : " values");
}

std::uint64_t lost_records(const v1::ExporterLedger& exporter) {
  std::uint64_t records = 0;
  for (const auto& [name, count] : exporter.lost()) records += count.records();
  return records;
}

}  // namespace

std::vector<std::string> list_changes(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  if (before.size() < 2 && after.size() < 2) return {};
  std::vector<std::string> changes;
  std::vector<std::string> added = after;
  for (const std::string& value : before) {
    const auto same = std::find(added.begin(), added.end(), value);
    if (same == added.end()) {
      changes.push_back("- " + value);
    } else {
      added.erase(same);
    }
  }
  for (const std::string& value : added) changes.push_back("+ " + value);
  return changes;
}

std::string changes_text(const v1::ChangeReply& reply, const std::string& how) {
  TextTable table("llll");
  std::string lists;
  for (const v1::ConfigChange& change : reply.changes()) {
    if (table.empty()) table.row({"field", "now", "then", "takes effect"});
    std::string effect = change.effect() == "hot" ? "while weir runs" : "when weir is started again";
    if (!change.why().empty()) effect += ": " + change.why();
    const auto values = list_changes(texts_of(change.before()), texts_of(change.after()));
    if (values.empty()) {
      table.row({change.field(), values_text(change.before()), values_text(change.after()), effect});
      continue;
    }
    table.row({change.field(), count_text(texts_of(change.before()).size()),
               count_text(texts_of(change.after()).size()), effect});
    for (const std::string& value : values) lists.append(change.field()).append(": ").append(value).append("\n");
  }
  std::string text = (table.empty() ? "" : table.text()) + lists;
  if (!reply.refused().empty()) {
    text += (how == "check" ? "it would be refused: " : "nothing is changed: ") + reply.refused() + '\n';
  } else if (reply.applied()) {
    text += reply.entry() == 0 ? "done\n" : "applied: entry " + std::to_string(reply.entry()) + " of the history\n";
  } else if (reply.changes().empty()) {
    text += "no difference: this is what runs\n";
  } else if (how == "check") {
    text += "it would be applied\n";
  }
  for (const std::string& note : reply.notes()) text += "note: " + note + '\n';
  return text;
}

std::string history_text(const v1::HistoryReply& reply) {
  std::string text;
  for (int i = reply.entries_size() - 1; i >= 0; --i) {
    const v1::HistoryEntry& entry = reply.entries(i);
    text += std::to_string(entry.number()) + "  " + time_text(entry.time_ns()) + "  " + entry.asked() + "  (uid " +
            std::to_string(entry.uid()) + ", pid " + std::to_string(entry.pid()) + ")" +
            (entry.number() == reply.running() ? "  runs now" : "") + '\n';
    for (const std::string& change : entry.changes()) text += "     " + change + '\n';
  }
  if (reply.folder().empty()) text += "no --state: the history ends with weir\n";
  return text;
}

std::string exporters_text(const v1::StatusReply& status) {
  TextTable table("lllrrr");
  for (const v1::ExporterLedger& exporter : status.exporters()) {
    if (table.empty()) table.row({"exporter", "state", "uri", "exported", "queued", "lost"});
    table.row({exporter.name(), exporter.state(), exporter.uri(), grouped(exporter.exported().records()),
               grouped(exporter.queued().records()), grouped(lost_records(exporter))});
  }
  return table.empty() ? "no exporters: records are counted and dropped\n" : table.text(0);
}

}  // namespace weir
