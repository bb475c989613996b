// LineRing: a bounded single-producer single-consumer ring of messages of variable length, in whole lines of 64 octets.
//
// A message lies in one piece: where it would not fit before the ring's end, the lines that are left there are skipped.
// The length is known before the claim, so that a ring which has room for the message takes it. What was committed
// becomes visible with publish(), once for many messages: the consumer's line is then touched once a burst.
//
// What the two sides tell each other is a line for each of them, written once a burst; what the producer writes with
// each message is on a line of its own. The producer keeps a copy of the consumer's index, and reads that again only
// when the copy says full. The capacity is a power of two. Indices run free in 64 bits: at 100 M records a second of
// two lines they last 2900 years.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir {

/// One line of a ring.
struct alignas(64) RingLine {
  std::uint64_t words[8];
};

/// `Message` describes what lies in the ring:
///   static unsigned lines(const RingLine&)    how long the message that begins there is; 0: the rest is skipped
///   static void mark_skip(RingLine&)          makes lines() say 0
template <typename Message>
class LineRing {
 public:
  /// A ring of at least `lines` lines, rounded up to a power of two. Where messages differ in length it needs twice the
  /// lines of the longest, so that an empty ring takes any message wherever its end is.
  explicit LineRing(std::size_t lines) : lines_(std::bit_ceil(lines)), mask_(lines_.size() - 1) {}

  [[nodiscard]] std::size_t capacity_lines() const { return lines_.size(); }

  /// Producer: room for a message of `count` lines in one piece, nullptr if there is none. Fill it, then commit().
  RingLine* claim(unsigned count) {
    const std::size_t at = tail_ & mask_;
    const std::size_t to_end = lines_.size() - at;
    const std::size_t needed = count <= to_end ? count : to_end + count;
    if (lines_.size() - (tail_ - head_seen_) < needed) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (lines_.size() - (tail_ - head_seen_) < needed) return nullptr;
    }
    if (count <= to_end) [[likely]]
      return &lines_[at];
    Message::mark_skip(lines_[at]);
    tail_ += to_end;
    return &lines_[0];
  }
  /// Producer: the message that was claimed with `count` lines is complete.
  void commit(unsigned count) { tail_ += count; }
  /// Producer: what was committed may be seen.
  void publish() {
    if (tail_ == told_) return;
    told_ = tail_;
    published_.store(tail_, std::memory_order_release);
  }

  /// Consumer: calls take(first line) for at most `most` messages in order; says for how many.
  template <typename Take>
  std::size_t consume(std::size_t most, Take&& take) {
    const std::uint64_t begin = head_.load(std::memory_order_relaxed);
    const std::uint64_t tail = published_.load(std::memory_order_acquire);
    std::uint64_t head = begin;
    std::size_t count = 0;
    while (head != tail && count < most) {
      const RingLine& line = lines_[head & mask_];
      const unsigned length = Message::lines(line);
      if (length == 0) {
        head += lines_.size() - (head & mask_);
        continue;
      }
      take(line);
      head += length;
      ++count;
    }
    if (head != begin) head_.store(head, std::memory_order_release);
    return count;
  }

  /// Whether nothing that was published is left, as seen from any thread.
  [[nodiscard]] bool empty() const {
    const std::uint64_t head = head_.load(std::memory_order_acquire);
    return published_.load(std::memory_order_acquire) == head;
  }

 private:
  std::vector<RingLine> lines_;
  const std::uint64_t mask_;
  alignas(64) std::uint64_t tail_ = 0;                   ///< producer's alone, as the next two: what is committed
  std::uint64_t told_ = 0;                               ///< what published_ says
  std::uint64_t head_seen_ = 0;                          ///< head_, as read last
  alignas(64) std::atomic<std::uint64_t> published_{0};  ///< written by the producer, read by both
  alignas(64) std::atomic<std::uint64_t> head_{0};       ///< written by the consumer, read by both
};

}  // namespace weir
