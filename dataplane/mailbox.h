// Mailboxes: what another thread asks of a worker, which answers between two polls.
//
// A worker never waits for anybody, so it looks into each box once per poll and goes on: one load and a branch that is
// never taken where nothing was asked.
//
//   SnapshotBox         a copy of what the worker counts
//   ConfigurationSlot   what the worker is to go by from now on: made beside the old one, offered, taken between two
//                       polls, and only then the old one is freed
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <utility>

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

/// A value that a control thread gives and a worker uses. One control thread at a time.
template <typename T>
class ConfigurationSlot {
 public:
  /// Control: from now on the worker is to go by `next`. An offer before it that was not taken yet is withdrawn.
  void offer(std::unique_ptr<const T> next) {
    while (!taken() && !withdraw()) std::this_thread::yield();  // it is being taken just now
    next_ = std::move(next);
    offered_.store(next_.get(), std::memory_order_release);
  }
  /// Control: whether the worker has what was offered last. What it had before is freed then.
  [[nodiscard]] bool taken() {
    if (next_ == nullptr) return true;
    if (has_.load(std::memory_order_acquire) != next_.get()) return false;
    current_ = std::move(next_);
    return true;
  }
  /// Control: takes the last offer back. False: it is too late for that.
  [[nodiscard]] bool withdraw() {
    if (offered_.exchange(nullptr, std::memory_order_acquire) == nullptr) return false;
    next_.reset();
    return true;
  }

  /// Worker: whether take() would find one now.
  [[nodiscard]] bool offered() const { return offered_.load(std::memory_order_relaxed) != nullptr; }
  /// Worker, once per poll: use(value) if there is an offer. The value lives until the next one was taken.
  template <typename Use>
  void take(Use&& use) {
    if (offered_.load(std::memory_order_relaxed) == nullptr) [[likely]]
      return;
    const T* const next = offered_.exchange(nullptr, std::memory_order_acquire);
    if (next == nullptr) return;  // withdrawn in between
    use(*next);
    has_.store(next, std::memory_order_release);
  }

 private:
  alignas(64) std::atomic<const T*> offered_{nullptr};  ///< written by control, and by the worker that takes it
  alignas(64) std::atomic<const T*> has_{nullptr};      ///< written by the worker, read by control
  std::unique_ptr<const T> current_;                    ///< control's: what the worker has
  std::unique_ptr<const T> next_;                       ///< control's: what it has yet to take
};

/// Offers `value` to all slots and waits at most `limit`. Says how many have taken it. A worker that is late takes it
/// as soon as it polls again.
template <typename T>
std::size_t publish(std::span<ConfigurationSlot<T>* const> slots, const T& value, std::chrono::nanoseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  for (ConfigurationSlot<T>* slot : slots) slot->offer(std::make_unique<const T>(value));
  std::size_t count = 0;
  for (ConfigurationSlot<T>* slot : slots) {
    // A worker answers within one poll, microseconds; one that shares its CPU, when it is scheduled next.
    while (!slot->taken() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    count += slot->taken() ? 1 : 0;
  }
  return count;
}

}  // namespace weir
