// What the control service answers with, laid out for a person: `weirctl status`, `weirctl ledger`, and the ledger
// that `weir run` and `weir read` print at their end. The same facts as JSON come from proto/record/message_json.h.
#pragma once

#include <cstdint>
#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

/// The three equations with their numbers, then ports, workers and exporters. The last line is "balanced" or
/// "NOT BALANCED: " and what does not hold. Ends with a line break.
std::string ledger_text(const v1::Ledger& ledger);

/// A line for each name under which records were lost, before the exporters and of each exporter; empty: none was.
std::string losses_text(const v1::Ledger& ledger);

std::string status_text(const v1::StatusReply& status);
/// What each column of status_text() means (`weirctl status --explain`).
std::string status_columns_text();
/// What is said of counts that are not of now.
std::string stale_text(std::uint64_t since_ns);

}  // namespace weir
