// What the control service says of changes of the configuration, laid out for a person: `weirctl config`, `exporters`.
#pragma once

#include <string>
#include <vector>

#include "proto/schema/control.pb.h"

namespace weir {

/// Of a list, one of which has two values or more: "- VALUE" of those that went, then "+ VALUE" of those that came.
/// Empty: neither is a list, or both have the same values.
std::vector<std::string> list_changes(const std::vector<std::string>& before, const std::vector<std::string>& after);

/// A row for each field that differs, below them what was taken from lists and added to them, then what became of it:
/// applied, refused and why, or (`how` of the request: "diff", "check") neither. Then the notes. Ends with a line
/// break.
std::string changes_text(const v1::ChangeReply& reply, const std::string& how);

/// A row for each entry, the latest first, with its changes below.
std::string history_text(const v1::HistoryReply& reply);

/// A row for each exporter.
std::string exporters_text(const v1::StatusReply& status);

}  // namespace weir
