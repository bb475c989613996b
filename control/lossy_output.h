// LossyOutput: text on its way to a descriptor whose reader may have stopped, without ever waiting for it.
//
// What the descriptor does not take at once is kept, up to a bound; what is beyond that is dropped as whole messages
// and counted. A reader that comes back gets what was kept, and one line that says how many messages are missing there.
//
// A pipe or a terminal is opened anew by /proc: that description is ours alone, so that O_NONBLOCK on it changes
// nothing for the programs that share standard error. Where that is refused, poll() is asked before each write of
// PIPE_BUF octets. A regular file takes everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "proto/base/unique_fd.h"

namespace weir {

class LossyOutput {
 public:
  static constexpr std::size_t kMostWaiting = std::size_t{256} * 1024;

  /// `descriptor` stays the caller's.
  explicit LossyOutput(int descriptor, std::size_t most_waiting = kMostWaiting);
  LossyOutput(const LossyOutput&) = delete;
  LossyOutput& operator=(const LossyOutput&) = delete;
  ~LossyOutput() = default;

  /// Any thread. Does not block.
  void put(std::string_view message);
  /// Writes what waits, as far as it goes now. True: nothing waits any more.
  bool pump();
  /// Waits until pump() can do something; false: not within `timeout_ms`.
  [[nodiscard]] bool wait_writable(int timeout_ms) const;
  [[nodiscard]] bool waiting() const;

 private:
  enum class Kind : unsigned char { file, nonblocking, socket, other };
  bool pump_locked();
  [[nodiscard]] long write_some(std::string_view text) const;

  UniqueFd fd_;
  Kind kind_ = Kind::other;
  const std::size_t most_waiting_;
  mutable std::mutex mutex_;
  std::string waiting_;
  std::uint64_t dropped_ = 0;
};

}  // namespace weir
