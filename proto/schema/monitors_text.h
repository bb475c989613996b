// Monitors as weirctl prints them: those that the configuration names, and their parts of the ledger.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

/// A line for each monitor. One that has no name, where the configuration has no block, is made of the options.
std::string monitors_text(const v1::StatusReply& status);

/// What became of the packets and records of each monitor: equations 1 and 2.
std::string monitors_ledger_text(const v1::Ledger& ledger);

}  // namespace weir
