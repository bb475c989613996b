// What was collected, as lines for people and as one JSON object for programs.
#pragma once

#include <string>

#include "tools/collect/collector.h"
#include "tools/collect/flow_totals.h"

namespace weir {

/// Several lines; only what happened is mentioned.
std::string summary_text(const Collector& collector, const FlowTotals& totals);

/// One line: datagrams records packets octets flows flows_complete streams[] sequence_gaps lost_datagrams
/// unknown_template count_mismatches malformed{} kernel_drops connections ...
std::string summary_json(const Collector& collector, const FlowTotals& totals);

}  // namespace weir
