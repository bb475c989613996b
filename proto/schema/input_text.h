// What came in by --input as a text: one line of `weirctl status`, and one of the ledger.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

/// "records+unix:/run/agent.sock: 12,345 raw records, 1 of 3 connections open, 2 raw records cut".
/// "psample: 12,345 packets of 2 groups, 7 never came, 1 times the socket was full".
std::string input_text(const v1::InputLedger& input);

/// psample: the groups as a table; nothing where there are none.
std::string sample_groups_text(const v1::InputLedger& input);

}  // namespace weir
