// What a record ring holds, for tests.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/record_ring.h"
#include "proto/record/record_batch.h"

namespace weir::test {

/// Everything that was published, sections included.
inline RecordBatch take_batch(RecordRing& ring) {
  RecordBatch batch;
  ring.consume(SIZE_MAX, [&](const RingLine& line) { batch.append(RecordMessage::record(line)); });
  return batch;
}

/// The octets of each record, sections included, sorted: what they are whatever order the workers gave them in.
inline std::vector<std::string> octets_of(const RecordBatch& batch) {
  std::vector<std::string> records;
  for (const RecordView view : batch) {
    records.emplace_back(reinterpret_cast<const char*>(view.octets()), view.size());
  }
  std::sort(records.begin(), records.end());
  return records;
}

/// The bases alone: what a record has beyond them is not in these copies, and their `sections` say so.
inline std::vector<FlowRecord> bases_of(const RecordBatch& batch) {
  std::vector<FlowRecord> records;
  for (const RecordView view : batch) {
    records.push_back(*view);
    records.back().sections = 0;
  }
  return records;
}
inline std::vector<FlowRecord> take_records(RecordRing& ring) {
  return bases_of(take_batch(ring));
}

}  // namespace weir::test
