// What came in by --input as a text: one line of `weirctl status`, and one of the ledger.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

/// "records+unix:/run/agent.sock: 12,345 raw records, 1 of 3 connections open, 2 raw records cut".
std::string input_text(const v1::InputLedger& input);

}  // namespace weir
