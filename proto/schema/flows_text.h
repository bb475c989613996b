// What weirctl top, flows and flow print: live flows and sums of them, as tables, JSON lines and CSV.
#pragma once

#include <cstdint>
#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

enum class FlowsForm : std::uint8_t {
  table,
  json,  ///< an object a line
  csv,   ///< RFC 4180, with a line of names first
};

/// Sums by key. A table ends with the sum of all of them and what was looked at.
[[nodiscard]] std::string top_text(const v1::TopReply& reply, FlowsForm form);
/// A page of flows, a line each.
[[nodiscard]] std::string flows_text(const v1::FlowsReply& reply, FlowsForm form);
/// Flows of one name with all their fields: as a table, a field a line.
[[nodiscard]] std::string flow_text(const v1::FlowsReply& reply, FlowsForm form);

/// Of workers that did not answer, one line without its end; empty: all did.
[[nodiscard]] std::string missing_workers_text(const v1::FlowScope& scope);

}  // namespace weir
