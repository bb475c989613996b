// DrainTotals: what the drain, the overflow accounter and the exporters have counted, all of one instant.
//
// Plain values: the thread that fills them is RecordDrain, the ledger that is made of them is
// control/ledger/ledger_report.h.
#pragma once

#include <cstdint>
#include <vector>

#include "control/export/exporter_snapshot.h"
#include "proto/base/counts.h"

namespace weir {

/// The accounter's account: taken from the rings = held + lost + given to the exporters, in packets and octets.
struct OverflowTotals {
  RecordTotals taken;
  RecordTotals held;
  RecordTotals lost;
  RecordTotals given;
  std::uint64_t times_clamped = 0;  ///< of raw records: times that lay in the future
};

struct DrainTotals {
  std::vector<RecordTotals> drained;  ///< by ring: those of the first monitor by worker, then those of the next
  OverflowTotals overflow;            ///< of the first monitor
  std::vector<ExporterSnapshot> exporters;
  std::vector<OverflowTotals> further_overflow{};  ///< of the monitors after it
};

}  // namespace weir
