// Exporter: encodes and sends for one URI; ExporterThread drives it.
//
// claim() and then begin() are called once, by who opened it, reopen() by any thread. All other functions are called by
// the exporter's own thread, with a run of records at a time. None of them blocks for more than kLongestBlock, so that
// an orderly shutdown ends in time. Only the exporter moves what it took from `queued` to `exported` or to a loss, in
// the books of its queue.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "control/export/export_queue.h"
#include "control/export/exporter_times.h"
#include "control/export/file_sink.h"
#include "control/export/loss.h"
#include "proto/record/record_batch.h"

namespace weir {

struct ExportFailure {
  std::string why;
  ExportLoss loss;
  bool reader_left = false;  ///< whoever read standard output has had enough
};

class Exporter {
 public:
  virtual ~Exporter() = default;

  /// The regular file that it writes: two exporters must not have the same.
  [[nodiscard]] virtual std::optional<FileSink::Identity> file() const { return std::nullopt; }
  /// Keeps other programs away from its file. Error: one line without the URI.
  virtual tl::expected<void, std::string> claim() { return {}; }
  /// All else that the program needs is up, so this one may change what is there: a file loses its old content now.
  /// Error: one line without the URI.
  virtual tl::expected<void, std::string> begin() { return {}; }

  /// Any thread: makes its file anew if somebody has moved it away; what comes from now on goes there. Error: one line
  /// without the URI; the old file stays in use.
  virtual tl::expected<void, std::string> reopen() { return {}; }

  /// Takes leading records; returns how many. What it does not take is offered again, not before ready().
  virtual std::size_t take(RecordSpan records, ExportTime now) = 0;
  /// Earliest time at which take() can do something; min(): at any time.
  [[nodiscard]] virtual ExportTime ready() const { return ExportTime::min(); }
  /// When it wants tick() whether records come or not; max(): never.
  [[nodiscard]] virtual ExportTime due() const = 0;
  virtual void tick(ExportTime now) = 0;
  /// No more records will come: a step towards having everything out and closed. true: done.
  virtual bool drain(ExportTime now) = 0;
  /// Closes; what it still holds is lost as `loss`.
  virtual void abandon(ExportLoss loss) = 0;
  /// The loss that names what is left at the deadline of a shutdown.
  [[nodiscard]] virtual ExportLoss leftover() const { return ExportLoss::shutdown; }

  /// Set: it failed for good. abandon() is the only function that may still be called.
  [[nodiscard]] const std::optional<ExportFailure>& failure() const { return failure_; }

 protected:
  void fail(std::string why, ExportLoss loss, bool reader_left = false) {
    if (!failure_) failure_ = ExportFailure{std::move(why), loss, reader_left};
  }

 private:
  std::optional<ExportFailure> failure_;
};

}  // namespace weir
