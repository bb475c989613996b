// LedgerKeeper: writes the ledger into the folder of --state, at once when packets are received and once a second from
// then on, and says what a run before has lost.
//
// It is a thread of its own, so that a disk that hangs holds up neither the probe nor the watchdog. It costs what one
// question of weirctl costs.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "control/probe/last_run.h"
#include "control/service/status_source.h"

namespace weir {

class LedgerKeeper {
 public:
  /// Logs what a run before has left in `folder` (of --state; empty: nothing is written). `source` outlives this.
  LedgerKeeper(const std::string& folder, StatusSource& source);
  LedgerKeeper(const LedgerKeeper&) = delete;
  LedgerKeeper& operator=(const LedgerKeeper&) = delete;
  /// Leaves the file: the run has not ended as it should, unless finish() was called before.
  ~LedgerKeeper();

  /// The run has ended in order: writes no more, and removes the file.
  void finish();

 private:
  void keep();
  /// Whether there was a ledger to write.
  bool look();
  void end();

  LastRunFile file_;
  StatusSource& source_;
  const std::uint64_t started_ns_;
  std::optional<std::string> trouble_;  ///< what the log has on a file that cannot be written

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable wake_;
  bool over_ = false;
  std::thread thread_;  ///< the last member: it uses the others
};

}  // namespace weir
