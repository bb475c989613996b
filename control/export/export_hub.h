// ExportHub: hands every drained record to every exporter; each has a bounded queue of its own.
//
// The drain thread offers batches; an exporter's own thread encodes and sends. A batch is shared, not copied, so E
// exporters cost one copy of the records. A slow or dead exporter fills its queue and then loses by name
// (`queue_full`); neither the drain thread nor another exporter waits for it, unless the caller asks to wait for
// space (`weir read` and an orderly shutdown do, where being late costs nothing).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "control/export/export_mode.h"
#include "control/export/lateness.h"
#include "control/export/probe_facts.h"
#include "proto/base/counts.h"
#include "proto/record/record_batch.h"

namespace weir {

/// One exporter's side of the ledger's third equation, taken at one instant: drained = exported + queued + sum(lost).
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

  /// What has a place in the books: equal to `drained`.
  [[nodiscard]] RecordTotals accounted() const {
    RecordTotals sum = exported;
    sum += queued;
    for (const auto& [reason, totals] : lost) sum += totals;
    return sum;
  }
};

/// What the exporters know of the program that they run in.
struct ExportContext {
  ExportMode mode = ExportMode::live;
  /// Time of the first packet, ns since 1970; ExportMode::capture only.
  std::uint64_t capture_start_ns = 0;
  std::uint32_t sampling_rate = 1;  ///< what options data say before the first record
  std::shared_ptr<const ProbeFacts> facts;
  std::size_t queue_records =
      1U << 20;  ///< bound of each exporter's queue, in records (128 octets each without sections: 128 MiB)
};

class ExportHub {
 public:
  /// Opens every URI (files are created, sockets made, names resolved) and starts the exporters' threads.
  /// Error: one line naming the URI, what is wrong with it, and what would be right.
  static tl::expected<std::unique_ptr<ExportHub>, std::string> open(const std::vector<std::string>& uris,
                                                                    const ExportContext& context);
  ExportHub(const ExportHub&) = delete;
  ExportHub& operator=(const ExportHub&) = delete;
  /// Closes without waiting; what is queued then was lost. Call finish() first.
  ~ExportHub();

  /// Offers a batch to every exporter. wait: block until each live exporter has room. Called by one thread.
  void offer(std::shared_ptr<const RecordBatch> batch, bool wait);

  /// Sends what is queued, flushes and closes every exporter, joins their threads. What is not out by `timeout`
  /// is lost by name. Returns one line for each exporter that failed on the way (empty: all went well).
  std::vector<std::string> finish(std::chrono::milliseconds timeout);

  /// One line for each exporter that failed or lost records, as of now.
  [[nodiscard]] std::vector<std::string> problems() const;

  [[nodiscard]] std::vector<ExporterSnapshot> snapshot() const;

 private:
  struct Impl;
  explicit ExportHub(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Checks the text of an export URI without opening anything. Error: one line, as for open().
tl::expected<void, std::string> check_export_uri(const std::string& uri);

}  // namespace weir
