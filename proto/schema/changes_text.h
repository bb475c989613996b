// What the control service says of changes of the configuration, laid out for a person: `weirctl config`, `exporters`.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

/// A row for each field that differs, then what became of it: applied, refused and why, or (`how` of the request:
/// "diff", "check") neither. Then the notes. Ends with a line break.
std::string changes_text(const v1::ChangeReply& reply, const std::string& how);

/// A row for each entry, the latest first, with its changes below.
std::string history_text(const v1::HistoryReply& reply);

/// A row for each exporter.
std::string exporters_text(const v1::StatusReply& status);

}  // namespace weir
