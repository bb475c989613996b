// ExporterThread: a queue, an exporter, and the thread that takes records from the queue and gives them to the
// exporter.
//
// The thread blocks all signals: SIGINT and SIGTERM are for the main thread, and SIGPIPE and SIGXFSZ, which the kernel
// sends to the thread that writes, must not end the process. The write then fails with EPIPE or EFBIG, which is a named
// loss.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <tl/expected.hpp>

#include "control/export/export_queue.h"
#include "control/export/exporter.h"
#include "control/export/record_anonymiser.h"

namespace weir {

class ExporterThread {
 public:
  enum class Begin : unsigned char { now, at_start };  ///< at_start: with start()
  /// `queue` is the one that the exporter books in. `anonymiser`: the exporter gets what this makes of the records;
  /// none: the records as they are.
  ExporterThread(std::unique_ptr<ExportQueue> queue, std::unique_ptr<Exporter> exporter, Begin begin = Begin::now,
                 std::unique_ptr<RecordAnonymiser> anonymiser = nullptr);
  ExporterThread(const ExporterThread&) = delete;
  ExporterThread& operator=(const ExporterThread&) = delete;
  /// What is queued then is lost.
  ~ExporterThread();

  [[nodiscard]] ExportQueue& queue() const { return *queue_; }
  /// Before start().
  [[nodiscard]] Exporter& exporter() const { return *exporter_; }
  void start();
  /// Any thread: see Exporter::reopen().
  tl::expected<void, std::string> reopen();
  /// After queue().close(): returns when everything is out, or shortly after the deadline.
  void join();

 private:
  void run();

  std::unique_ptr<ExportQueue> queue_;
  std::unique_ptr<Exporter> exporter_;
  std::unique_ptr<RecordAnonymiser> anonymiser_;
  std::thread thread_;
};

}  // namespace weir
