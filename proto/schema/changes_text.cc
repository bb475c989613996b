#include "proto/schema/changes_text.h"

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>

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

std::uint64_t lost_records(const v1::ExporterLedger& exporter) {
  std::uint64_t records = 0;
  for (const auto& [name, count] : exporter.lost()) records += count.records();
  return records;
}

}  // namespace

std::string changes_text(const v1::ChangeReply& reply, const std::string& how) {
  TextTable table("llll");
  for (const v1::ConfigChange& change : reply.changes()) {
    if (table.empty()) table.row({"field", "now", "then", "takes effect"});
    std::string effect = change.effect() == "hot" ? "while weir runs" : "when weir is started again";
    if (!change.why().empty()) effect += ": " + change.why();
    table.row({change.field(), values_text(change.before()), values_text(change.after()), effect});
  }
  std::string text = table.empty() ? "" : table.text();
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
            (i == reply.entries_size() - 1 ? "  runs now" : "") + '\n';
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
