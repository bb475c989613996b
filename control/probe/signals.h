// ProbeSignals: the signals that weir takes, as something to wait for; and those that must not kill it.
//
// SIGINT, SIGTERM and SIGQUIT stop weir. weirctl may ask for the same, and to drain (ask()). SIGHUP opens the files of
// --export by their names and reads those of --prefixes again. They are blocked before the program starts its first
// thread, so that every thread inherits that and no thread is interrupted by them. One thread takes them from the
// kernel, which keeps no more than one of each that is pending; so a second signal counts, also one that comes while
// the supervisor reads files or flushes an exporter. The supervisor gets them one by one. Every other signal whose
// default is to end the process is ignored, for an end without a stop leaves the packets in the table unrecorded; but
// for SIGKILL, which nobody can ignore, and the signals of a fault in the program itself.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

namespace weir {

class ProbeSignals {
 public:
  enum class Event : std::uint8_t { stop, reopen, drain };
  struct Received {
    Event event;
    std::string_view name;  ///< "SIGTERM", "weirctl stop"
    bool asked = false;     ///< by ask()
    uid_t uid = 0;          ///< of a signal: whose process sent it
    pid_t pid = 0;          ///< likewise; 0: the kernel did, for a terminal
  };

  ProbeSignals();  ///< for this thread and those that it starts from now on
  ProbeSignals(const ProbeSignals&) = delete;
  ProbeSignals& operator=(const ProbeSignals&) = delete;
  ~ProbeSignals();

  /// Any thread: makes wait() return this event, stop or drain. Of both it returns stop alone, which drains.
  void ask(Event event);

  /// The signal that came, or what was asked for, or nothing within `limit`.
  [[nodiscard]] std::optional<Received> wait(std::chrono::nanoseconds limit) const;

 private:
  /// Signals that wait for the supervisor; what comes beyond them says nothing new.
  static constexpr std::size_t kMostWaiting = 16;

  void take_signals();

  sigset_t signals_;
  mutable std::mutex mutex_;  ///< guards what follows
  mutable std::condition_variable changed_;
  mutable std::deque<Received> waiting_;
  mutable bool stop_asked_ = false;
  mutable bool drain_asked_ = false;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace weir
