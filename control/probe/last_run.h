// LastRunFile: the ledger of the run that goes on, in the folder of --state, and what it says of a run that ended
// without a stop (kill -9, a crash, a loss of power).
//
// A run writes `ledger.json` again and again and removes it at its orderly end. A start that finds it knows that the
// run before was killed. When it writes its own, it keeps the one that it found as `ledger-before.json`. Whatever else
// may be in a file of that name is no reason not to start.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "proto/schema/last_run.pb.h"

namespace weir {

class LastRunFile {
 public:
  /// `folder`: of --state, which is there and nobody else's; empty: none, and nothing below does anything.
  explicit LastRunFile(const std::string& folder);

  /// What a run that ended without a stop has left; nothing: there was none. Error: one line on a file that is there
  /// and says nothing.
  tl::expected<std::optional<v1::LastRun>, std::string> found() const;
  /// Puts this in the place of what was written before. Error: one line.
  tl::expected<void, std::string> write(v1::LastRun run);
  /// The run has ended as it should. What this run has not written stays.
  void remove();

  [[nodiscard]] bool none() const { return path_.empty(); }

 private:
  std::string path_;  ///< empty: none
  std::string path_before_;
  bool written_ = false;  ///< the file is this run's
};

/// What `run` lost, as far as it is known, in one line without control characters.
std::string last_run_text(const v1::LastRun& run);

}  // namespace weir
