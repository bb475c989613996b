// A bounded single-producer single-consumer ring of plain values.
//
// Producer and consumer each own one cache line with their index and a cached copy of the other's, so that the other
// side's line is read only when the cached copy says full (or empty): once a lap at best, not once a record. The
// capacity is a power of two. Indices run free in 64 bits: at 100 M records a second they last 5800 years.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace weir {

/// How a ring copies a value; a type whose parts need not all be copied overloads it.
template <typename T>
inline void copy_value(T& to, const T& from) {
  to = from;
}

template <typename T>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// A ring of at least `capacity` values (rounded up to a power of two).
  explicit SpscRing(std::size_t capacity) : slots_(std::bit_ceil(capacity)), mask_(slots_.size() - 1) {}

  [[nodiscard]] std::size_t capacity() const { return slots_.size(); }

  /// Producer: false if there is no room.
  bool push(const T& value) {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ == slots_.size()) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ == slots_.size()) return false;
    }
    copy_value(slots_[tail & mask_], value);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// Producer: the slot that the next push() will fill, or nullptr if there is no room. Fill it, then commit().
  T* claim() {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ == slots_.size()) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ == slots_.size()) return nullptr;
    }
    return &slots_[tail & mask_];
  }
  void commit() { tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  /// Consumer: takes up to out.size() values in order; says how many.
  std::size_t pop(std::span<T> out) {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (tail_seen_ - head < out.size()) tail_seen_ = tail_.load(std::memory_order_acquire);
    const std::size_t count = std::min<std::size_t>(out.size(), tail_seen_ - head);
    for (std::size_t i = 0; i < count; ++i) copy_value(out[i], slots_[(head + i) & mask_]);
    head_.store(head + count, std::memory_order_release);
    return count;
  }

  /// Values in the ring, as seen from a third thread: exact only while both sides rest.
  [[nodiscard]] std::size_t size() const {
    const std::uint64_t head = head_.load(std::memory_order_acquire);
    return static_cast<std::size_t>(tail_.load(std::memory_order_acquire) - head);
  }

 private:
  std::vector<T> slots_;
  const std::uint64_t mask_;
  alignas(64) std::atomic<std::uint64_t> tail_{0};  ///< written by the producer, read by both
  std::uint64_t head_seen_ = 0;                     ///< producer's alone
  alignas(64) std::atomic<std::uint64_t> head_{0};  ///< written by the consumer, read by both
  std::uint64_t tail_seen_ = 0;                     ///< consumer's alone
};

}  // namespace weir
