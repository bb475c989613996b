// RecordIntake: raw records (--input records) on their way to the accounter, counted as a worker counts packets.
//
// It stands where a worker stands with packets: what it receives it rejects by name, or puts into a record ring, which
// the drain empties into the accounter. Its counters are a worker's, so that the ledger's equations are the same: a raw
// record counts as the packets that the agent counted, with the octets of the link layer as frame octets. A record
// without packets counts as one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/counters.h"
#include "dataplane/input/raw_record.h"
#include "dataplane/record_ring.h"

namespace weir {

class RecordIntake {
 public:
  /// `keep_others`: records that are not of IP are kept, not rejected.
  explicit RecordIntake(bool keep_others = false)
      : keep_others_(keep_others), ring_(kRingRecords * record_lines(RawFlowRecord::kSections)) {}

  /// Takes a record. False: the ring has no room for it; then nothing was counted.
  bool add(RawRecordOctets octets);
  /// Takes a record, which is lost by name (ring_full) where the ring has no room.
  void add_or_lose(RawRecordOctets octets);
  /// What was taken may leave.
  void publish() { ring_.publish(); }

  [[nodiscard]] RecordRing& records() { return ring_; }
  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }
  /// Raw records that were taken, rejected or lost.
  [[nodiscard]] std::uint64_t raw_records() const { return raw_records_; }

 private:
  static constexpr std::size_t kRingRecords = 16384;  // 4 MiB

  enum class Push : bool { wait, lose };
  bool take(RawRecordOctets octets, Push push);
  [[nodiscard]] bool push(const RawFlowRecord& record);

  bool keep_others_;
  RecordRing ring_;
  WorkerCounters counters_;
  std::uint64_t raw_records_ = 0;
};

}  // namespace weir
