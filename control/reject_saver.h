// RejectSaver: the thread that empties the workers' rings of rejected frames into the file of --save-rejects.
//
// It looks every 10 ms: then a ring of 1 MiB holds 50 frames of any length per millisecond, or 1600 short ones. What
// comes faster the workers count as rejects_ring_full.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "control/reject_file.h"
#include "dataplane/reject_ring.h"

namespace weir {

class RejectSaver {
 public:
  RejectSaver(std::vector<RejectRing*> rings, RejectFile& file);
  RejectSaver(const RejectSaver&) = delete;
  RejectSaver& operator=(const RejectSaver&) = delete;
  ~RejectSaver();

  /// The workers have stopped: saves what the rings still hold, and waits for the end of the thread.
  void finish();

 private:
  void run();

  std::vector<RejectRing*> rings_;
  RejectFile& file_;
  std::atomic<bool> stopping_{false};  ///< written by the supervisor, read by the thread
  std::thread thread_;
};

}  // namespace weir
