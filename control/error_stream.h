// ErrorStream: while it lives, nothing that writes to `stderr` waits for whoever reads it.
//
// A reader of standard error that has stopped (a full pipe, a terminal after Ctrl-S) would otherwise hold up the next
// thread that logs, the supervisor for one, which then hears no signal any more. The log, the progress line, the ledger
// and DPDK's own messages all go through the C stream `stderr`, which glibc lets a program replace. Here its octets go
// to a LossyOutput, and a thread of its own writes what could not be written at once.
#pragma once

#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "control/lossy_output.h"

namespace weir {

/// Makes `stream` the log's; the level is coloured if `colour`.
void log_to(std::FILE* stream, bool colour);

class ErrorStream {
 public:
  ErrorStream();
  ErrorStream(const ErrorStream&) = delete;
  ErrorStream& operator=(const ErrorStream&) = delete;
  /// Gives what waits kLastCall to be read, and `stderr` back.
  ~ErrorStream();

 private:
  static constexpr std::chrono::milliseconds kLastCall{200};
  void run();

  LossyOutput* output_;  ///< never freed: some thread may hold the stream still
  std::FILE* const before_;
  std::shared_ptr<spdlog::logger> logger_before_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace weir
