// StreamBuffer: encoded records on their way into a stream, and where each of them ends.
//
// A write may stop anywhere. The buffer knows the boundary of every record (or message of records), so that a file can
// be cut back to the last whole one, a new connection begins with a whole one, and what counts as exported is exactly
// what left completely.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "control/export/lateness.h"
#include "proto/base/counts.h"
#include "proto/record/record_batch.h"

namespace weir {

class StreamBuffer {
 public:
  virtual ~StreamBuffer() = default;

  /// Encodes leading records while there is room; returns how many.
  virtual std::size_t append(RecordSpan records) = 0;
  /// What has not left yet. Nothing may be appended while it is in use.
  virtual std::span<const std::uint8_t> pending() = 0;
  [[nodiscard]] virtual bool empty() const = 0;
  /// The first `count` octets of pending() left; returns the records that are now out as a whole.
  virtual RecordTotals advance(std::size_t count) = 0;
  /// What has begun to leave and has not left as a whole starts over.
  virtual void rewind() = 0;
  /// Forgets everything; returns the records that had not left as a whole.
  virtual RecordTotals clear() = 0;
  /// A new stream begins: what a reader needs first is put in front.
  virtual void begin_stream() {}
  /// No more records will come.
  virtual void end_stream() {}

  /// Lateness of what left since the last call.
  Lateness take_lateness() { return std::exchange(lateness_, {}); }

 protected:
  Lateness lateness_;
};

}  // namespace weir
