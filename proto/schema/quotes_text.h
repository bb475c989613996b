// What became of the quotes in ICMP errors (--metrics icmp), as text for people.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

/// Some lines; empty where no error was looked at.
[[nodiscard]] std::string quotes_text(const v1::Ledger& ledger);

}  // namespace weir
