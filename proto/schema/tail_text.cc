#include "proto/schema/tail_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string_view>
#include <vector>

#include "proto/base/duration.h"
#include "proto/base/number_text.h"
#include "proto/base/time_text.h"
#include "proto/record/flow_json.h"
#include "proto/record/flow_name.h"
#include "proto/record/flow_protobuf.h"
#include "proto/schema/csv_line.h"

namespace weir {
namespace {

/// flowEndReason, IANA information element 136.
constexpr std::array<std::string_view, 6> kReasons{"", "idle", "active", "closed", "forced", "evicted"};

/// Columns of a fixed width, since what comes later is not known yet.
std::string columns(const std::array<std::string, 8>& cells) {
  constexpr std::array<int, 7> kWidths{-23, 8, 10, 13, 11, 13, -7};  // negative: set left
  std::string line;
  for (std::size_t i = 0; i < kWidths.size(); ++i) {
    const auto width = static_cast<std::size_t>(kWidths[i] < 0 ? -kWidths[i] : kWidths[i]);
    const std::string blanks(width - std::min(width, cells[i].size()), ' ');
    line += (kWidths[i] < 0 ? cells[i] + blanks : blanks + cells[i]) + "  ";
  }
  return line + cells.back() + '\n';
}

/// The record of a message; nullptr: it is none.
std::unique_ptr<OwnedRecord> record_of(const v1::FlowRecord& message) {
  const std::string octets = message.SerializeAsString();
  auto record = std::make_unique<OwnedRecord>();
  const bool decoded = decode_flow({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()}, *record);
  return decoded ? std::move(record) : nullptr;
}

std::string json_line(const RecordView record, const std::string& monitor) {
  std::vector<char> text(kFlowJsonMaxOctets);
  return {text.data(), write_flow_json(text.data(), record, {}, monitor)};
}

}  // namespace

std::string tail_heading(FlowsForm form) {
  if (form == FlowsForm::json) return {};
  if (form == FlowsForm::csv) {
    return csv_line({"flow", "packets", "bytes", "rev_packets", "rev_bytes", "time_flow_start_ns", "time_flow_end_ns",
                     "end_reason", "monitor"});
  }
  return columns({"last packet (UTC)", "lasted", "packets", "bytes", "rev_packets", "rev_bytes", "end", "flow"});
}

std::string tail_line(const v1::FlowRecord& record, FlowsForm form) {
  const auto decoded = record_of(record);
  if (decoded == nullptr) return {};
  const RecordView view = *decoded;
  if (form == FlowsForm::json) return json_line(view, record.monitor());
  const std::string name = flow_name(*view);
  if (form == FlowsForm::csv) {
    return csv_line({name, std::to_string(record.packets()), std::to_string(record.bytes()),
                     std::to_string(record.rev_packets()), std::to_string(record.rev_bytes()),
                     std::to_string(view->start_ns()), std::to_string(view->end_ns()),
                     std::to_string(static_cast<unsigned>(view->end_reason)), record.monitor()});
  }
  const auto reason = static_cast<std::size_t>(view->end_reason);
  return columns({time_text(view->end_ns()),
                  short_duration_text(view->end_ns() - std::min(view->end_ns(), view->start_ns())),
                  grouped(record.packets()), grouped(record.bytes()), grouped(record.rev_packets()),
                  grouped(record.rev_bytes()), std::string(reason < kReasons.size() ? kReasons[reason] : ""),
                  record.monitor().empty() ? name : name + " (" + record.monitor() + ')'});
}

}  // namespace weir
