// ProbeSignals: the signals that weir takes, as something to wait for; and those that must not kill it.
//
// SIGINT, SIGTERM and SIGQUIT stop weir. weirctl may ask for the same, and to drain (ask()). SIGHUP opens the files of
// --export by their names and reads those of
// --prefixes again. They are blocked before the program starts its first thread, so that every thread inherits that and
// no thread is interrupted by them; the supervisor takes them one by one. A signal that comes while nobody waits stays
// pending. Every other signal whose default is to end the process is ignored, for an end without a stop leaves the
// packets in the table unrecorded; but for SIGKILL, which nobody can ignore, and the signals of a fault in the program
// itself.
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir {

class ProbeSignals {
 public:
  enum class Event : std::uint8_t { stop, reopen, drain };
  struct Received {
    Event event;
    std::string_view name;  ///< "SIGTERM", "weirctl stop"
    bool asked = false;     ///< by ask()
  };

  ProbeSignals();  ///< for this thread and those that it starts from now on

  /// Any thread: makes wait() return this event, stop or drain. Of both it returns stop alone, which drains.
  void ask(Event event);

  /// The signal that came, or what was asked for, or nothing within `limit`.
  [[nodiscard]] std::optional<Received> wait(std::chrono::nanoseconds limit) const;

 private:
  [[nodiscard]] std::optional<Received> take_asked() const;

  sigset_t signals_;
  mutable std::atomic<bool> stop_asked_{false};   ///< written by any thread, taken by wait()
  mutable std::atomic<bool> drain_asked_{false};  ///< likewise
};

}  // namespace weir
