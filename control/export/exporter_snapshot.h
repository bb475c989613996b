// ExporterSnapshot: one exporter's side of the ledger's third equation, taken at one instant.
//
//   drained = exported + queued + sum(lost)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/export/lateness.h"
#include "proto/base/counts.h"

namespace weir {

/// A connection of an exporter over TCP or a unix stream socket, or several that follow each other.
struct ConnectionCount {
  std::uint64_t first = 0;  ///< number of the connection, from 1 on
  std::uint64_t last = 0;   ///< the same, or the last one of several old ones
  RecordTotals exported;    ///< acknowledged on it
  /// Sent on it and not acknowledged when it ended: sent again on a later one, or lost by name.
  RecordTotals unacknowledged;
  bool open = false;
  std::string ended;  ///< why; empty: it is open, or weir closed it

  friend bool operator==(const ConnectionCount&, const ConnectionCount&) = default;
};

struct ExporterSnapshot {
  std::string name;                  ///< ?name= of the URI, else the URI
  std::string uri;                   ///< without the keys that it may hold
  std::string group;                 ///< name of the group that it is a member of; empty: none
  std::vector<std::string> members;  ///< of a group: their names. Its counts are its own and its members' in one
  /// "up", "refused: why", "reopening: why", "connecting", "connecting: why", "failed: why"; "paused", "removed"
  std::string state;
  std::uint32_t monitors = 1;           ///< bit n: it gets the records of monitor n
  bool reader_left = false;             ///< failed: whoever read standard output has had enough
  RecordTotals missed;                  ///< what its monitors had given before it was added
  std::optional<RecordTotals> left_at;  ///< removed: what they had given by then
  RecordTotals drained;
  RecordTotals exported;
  RecordTotals queued;
  std::vector<std::pair<std::string, RecordTotals>> lost;  ///< every name of export/loss.h, zeros included
  std::uint64_t datagrams = 0;                             ///< datagrams or writes that left
  std::uint64_t wire_octets = 0;
  std::uint64_t queue_octets = 0;        ///< memory of the batches that wait
  std::uint64_t queue_limit_octets = 0;  ///< the most that it may be
  Lateness lateness;                     ///< live only
  /// Of exporters with connections: the last ones, oldest first; their `exported` add up to the exporter's.
  std::vector<ConnectionCount> connections;

  /// All that is accounted for: equal to `drained`.
  [[nodiscard]] RecordTotals accounted() const {
    RecordTotals sum = exported;
    sum += queued;
    for (const auto& [reason, totals] : lost) sum += totals;
    return sum;
  }
};

}  // namespace weir
