// OrderedEncoding: one exporter's records encoded by several cores, in their order.
//
// A JSON line costs about 350 ns, so one core makes three million of them a second at best; where the queue is long and
// the exporter's threads may use more cores than one, slices of 128 records are encoded side by side (a pipeline of
// oneTBB: slices are handed out and taken back one at a time and in order, only the encoding between is parallel).
// Light load never comes here, and with one core to run on, nothing does: no thread is started then.
//
// Cores: those that the calling thread may run on, at most kMostCores. In a running weir these are the ones that no
// worker has, since its export threads are kept off the workers' cores.
//
// Memory: kSlices slices of 128 records, 2365 octets each at most: 2.4 MB for each exporter that needed it, touched as
// far as lines are long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "proto/record/record_batch.h"

namespace weir {

class OrderedEncoding {
 public:
  static constexpr std::size_t kSliceRecords = 128;
  static constexpr std::size_t kSlices = 8;
  static constexpr unsigned kMostCores = 8;
  /// Fewer records than this are not worth the hand-over (some 20 us).
  static constexpr std::size_t kLeastRecords = 1024;

  /// Writes one record, returns its end; `longest_octets` is the most it may need. Several cores call it at once.
  using Encode = std::function<std::uint8_t*(std::uint8_t* out, RecordView record)>;
  /// Gets the records in order, each with its octets. false: no more are wanted.
  using Take = std::function<bool(RecordView record, std::span<const std::uint8_t> octets)>;

  OrderedEncoding(Encode encode, std::size_t longest_octets);
  OrderedEncoding(const OrderedEncoding&) = delete;
  OrderedEncoding& operator=(const OrderedEncoding&) = delete;
  ~OrderedEncoding();

  /// Whether the calling thread has more than one core to run on.
  [[nodiscard]] static bool worthwhile();
  /// Returns when `take` was called for all records, or has refused one.
  void run(RecordSpan records, const Take& take);

 private:
  struct Pipeline;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace weir
