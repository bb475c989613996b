// ExporterSnapshot: one exporter's side of the ledger's third equation, taken at one instant.
//
//   drained = exported + queued + sum(lost)
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "control/export/lateness.h"
#include "proto/base/counts.h"

namespace weir {

struct ExporterSnapshot {
  std::string name;  ///< ?name= of the URI, else the URI
  std::string uri;
  std::string state;  ///< "up", "connecting", "connecting: why", "failed: why"
  RecordTotals drained;
  RecordTotals exported;
  RecordTotals queued;
  std::vector<std::pair<std::string, RecordTotals>> lost;  ///< every name of export/loss.h, zeros included
  std::uint64_t datagrams = 0;                             ///< datagrams or writes that left
  std::uint64_t wire_octets = 0;
  Lateness lateness;  ///< live only

  /// All that is accounted for: equal to `drained`.
  [[nodiscard]] RecordTotals accounted() const {
    RecordTotals sum = exported;
    sum += queued;
    for (const auto& [reason, totals] : lost) sum += totals;
    return sum;
  }
};

}  // namespace weir
