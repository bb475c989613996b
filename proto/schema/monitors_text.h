// Monitors as weirctl prints them: those that the configuration names, and their parts of the ledger.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

/// The monitor that the options make, where the configuration has no block; its counts are the ledger's.
v1::MonitorStatus plain_monitor(const v1::StatusReply& status, const v1::Ledger& ledger);

/// A line for each of status.monitors(); and the same as CSV.
std::string monitors_text(const v1::StatusReply& status);
std::string monitors_csv(const v1::StatusReply& status);

/// What became of the packets and records of each monitor: equations 1 and 2.
std::string monitors_ledger_text(const v1::Ledger& ledger);

}  // namespace weir
