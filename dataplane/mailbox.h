// Mailboxes: what another thread asks of a worker, which answers between two polls.
//
// A worker never waits for anybody, so it looks into each box once per poll and goes on: one load and a branch that is
// never taken where nothing was asked.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir {

/// One value that one thread owns and another may ask for. Requests come from one thread at a time.
template <typename T>
class SnapshotBox {
 public:
  /// Asker: from now on answered() tells when a copy no older than this call is there.
  void request() { requested_.store(requested_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  [[nodiscard]] bool answered() const {
    return answered_.load(std::memory_order_acquire) == requested_.load(std::memory_order_relaxed);
  }
  /// Asker: the copy, once answered() holds and until the next request().
  [[nodiscard]] const T& value() const { return value_; }

  /// Owner, once per poll: takes the value of `current()` if somebody asked.
  template <typename Current>
  void answer(Current&& current) {
    const std::uint64_t requested = requested_.load(std::memory_order_acquire);
    if (requested == answered_.load(std::memory_order_relaxed)) [[likely]]
      return;
    value_ = current();
    answered_.store(requested, std::memory_order_release);
  }

 private:
  alignas(64) std::atomic<std::uint64_t> requested_{0};  ///< written by the asker, read by both
  alignas(64) std::atomic<std::uint64_t> answered_{0};   ///< written by the owner, read by both
  T value_{};                                            ///< written by the owner while requested_ != answered_
};

}  // namespace weir
