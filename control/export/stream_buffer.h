// StreamBuffer: encoded records on their way into a stream, and where each of them ends.
//
// A write may stop anywhere. The buffer knows the boundary of every record (or message of records), so that a file can
// be cut back to the last whole one, a new connection begins with a whole one, and what counts as exported is exactly
// what is out as a whole.
//
// Octets go through two steps: they are sent, and they are acknowledged. The buffer keeps what was sent until it is
// acknowledged, so that it can be sent again when a connection breaks. For a file the two steps are one: advance().
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
  /// What has not been sent yet. Nothing may be appended while it is in use.
  virtual std::span<const std::uint8_t> pending() = 0;
  /// Whether nothing is pending.
  [[nodiscard]] virtual bool empty() const = 0;
  /// Octets that wait to be sent, without those of a message that is still open.
  [[nodiscard]] virtual std::size_t pending_octets() const = 0;
  /// The first `count` octets of pending() were sent.
  virtual void sent(std::size_t count) = 0;
  /// The next `count` octets of what was sent are acknowledged; returns the records that now are as a whole.
  virtual RecordTotals acknowledged(std::size_t count) = 0;
  /// Both steps in one.
  RecordTotals advance(std::size_t count) {
    sent(count);
    return acknowledged(count);
  }
  /// Whether it holds nothing at all: everything was sent and acknowledged.
  [[nodiscard]] virtual bool settled() const = 0;
  /// Octets that left of a record (or message) that has not left as a whole.
  [[nodiscard]] virtual std::size_t begun_octets() const = 0;
  /// What has not been acknowledged as a whole is pending again, from its start.
  virtual void rewind() = 0;
  /// Records of which something was sent since the last rewind(), and which are not acknowledged as a whole.
  [[nodiscard]] virtual RecordTotals in_flight() const = 0;
  /// The same since ever: those of which something was sent before a rewind(), too.
  [[nodiscard]] virtual RecordTotals once_sent() const = 0;
  /// Forgets everything; returns the records that were not acknowledged as a whole.
  virtual RecordTotals clear() = 0;
  /// A new stream begins: what a reader needs first is put in front.
  virtual void begin_stream() {}
  /// No more records will come.
  virtual void end_stream() {}

  /// Lateness of what was acknowledged since the last call.
  Lateness take_lateness() { return std::exchange(lateness_, {}); }

 protected:
  Lateness lateness_;
};

}  // namespace weir
