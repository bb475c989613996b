// What `weirctl metrics` prints: which metrics are on, how many records carry what they measured, and what they keep;
// and what the ledger says of facts that they had no room for.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

std::string running_metrics_text(const v1::MetricsReply& reply);

/// Some lines; empty where none is missing.
std::string missing_facts_text(const v1::Ledger& ledger);

}  // namespace weir
