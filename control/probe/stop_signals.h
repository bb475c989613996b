// StopSignals: SIGINT and SIGTERM as something to wait for.
//
// They are blocked before the program starts its first thread, so that every thread inherits that and no thread is
// interrupted by them; the supervisor takes them one by one. A signal that comes while nobody waits stays pending.
#pragma once

#include <chrono>
#include <csignal>
#include <optional>

namespace weir {

class StopSignals {
 public:
  StopSignals();  ///< blocks them, in this thread and those that it starts from now on

  /// The signal that came, or nothing within `limit`.
  [[nodiscard]] std::optional<int> wait(std::chrono::nanoseconds limit) const;

 private:
  sigset_t signals_;
};

}  // namespace weir
