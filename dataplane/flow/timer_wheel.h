// TimerWheel: a hashed hierarchical timer wheel over the indices of a fixed array, built for timers that are moved
// rather than fired.
//
// A packet only writes its flow's "last seen"; the wheel is not told. When a slot comes due, the caller looks at each
// entry: it is over, or it is put where it now belongs. So a flow costs one visit each time its former deadline
// passes, not one a packet.
//
// Three levels of 256 slots. A tick is 2^24 ns = 16.8 ms, so level 0 spans 4.3 s, level 1 18.3 min, level 2 78.2 h:
// more than any timeout (72 h) reaches. A slot is a doubly linked list threaded through an array of 8 octets an
// index, so that an entry can be taken out at once, and nothing is allocated.
//
// Work is bounded: advance() visits at most `budget` entries and continues where it stopped, in the middle of a slot
// if need be. Empty slots are skipped by bitmap, so that a jump of decades costs one pass over the occupied slots.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/memory.h"

namespace weir {

class TimerWheel {
 public:
  static constexpr unsigned kTickShift = 24;
  static constexpr std::uint64_t kTickNs = std::uint64_t{1} << kTickShift;
  static constexpr std::size_t kBatch = 16;      ///< entries passed to due() together
  static constexpr std::size_t kLinkOctets = 8;  ///< memory for each index

  /// A wheel for indices below `capacity`. ok() is false if the memory could not be had.
  explicit TimerWheel(std::uint32_t capacity) : links_(capacity) { heads_.fill(kNil); }
  [[nodiscard]] bool ok() const { return links_.size() != 0; }
  void touch(Touching* touching = nullptr) { links_.touch(touching); }
  [[nodiscard]] std::size_t octets() const { return links_.octets() + sizeof(*this); }

  /// The first tick that is wholly past `time_ns`: what fires there fires at or after time_ns.
  static std::uint64_t tick_after(std::uint64_t time_ns) {
    return (time_ns >> kTickShift) + ((time_ns & (kTickNs - 1)) != 0 ? 1 : 0);
  }

  /// Puts `index`, which must not be in the wheel, where it comes due at `tick` (at the earliest the next one).
  void schedule(std::uint32_t index, std::uint64_t tick);
  /// Takes `index`, which must be in the wheel, out of it.
  void cancel(std::uint32_t index);
  /// Takes out all.
  void clear() {
    heads_.fill(kNil);
    occupied_ = {};
    stages_ = 0;
  }

  /// Sets the time of a wheel that holds nothing yet.
  void start(std::uint64_t tick) { current_ = tick; }
  [[nodiscard]] std::uint64_t current_tick() const { return current_; }
  /// Whether advance(now_tick) would have anything to do.
  [[nodiscard]] bool behind(std::uint64_t now_tick) const { return current_ < now_tick || stages_ != 0 || due_ready(); }

  /// Moves to `now_tick`, taking out what comes due: prefetch(index) for each, then due(indices) for up to kBatch of
  /// them, so that what they read is on its way together. At most `budget` entries; says how many. due() may schedule
  /// the same indices again.
  template <typename Prefetch, typename Due>
  std::size_t advance(std::uint64_t now_tick, std::size_t budget, Prefetch&& prefetch, Due&& due) {
    std::size_t visited = 0;
    for (;;) {
      while (due_ready()) {
        if (visited == budget) return visited;
        std::uint32_t batch[kBatch];
        std::size_t count = 0;
        for (; count < kBatch && count < budget - visited && due_ready(); ++count) {
          batch[count] = heads_[kDueList];
          cancel(batch[count]);
          prefetch(batch[count]);
        }
        due(std::span<const std::uint32_t>(batch, count));
        visited += count;
      }
      if (stages_ != 0) {
        detach_next_stage();
      } else if (current_ < now_tick) {
        step(now_tick);
      } else {
        return visited;
      }
    }
  }

 private:
  static constexpr unsigned kSlotBits = 8;
  static constexpr unsigned kSlots = 1U << kSlotBits;
  static constexpr unsigned kLevels = 3;
  static constexpr unsigned kDueList = kLevels * kSlots;
  static constexpr std::uint32_t kNil = 0x7fffffff;
  static constexpr std::uint32_t kHeadOf = 0x80000000;  ///< in Link::prev: first of the list in the low bits

  struct Link {
    std::uint32_t next;
    std::uint32_t prev;
  };
  static_assert(sizeof(Link) == kLinkOctets,
                "eight links a cache line: neighbours in a list are often neighbours in memory");

  [[nodiscard]] bool due_ready() const { return heads_[kDueList] != kNil; }
  [[nodiscard]] static unsigned digit(std::uint64_t tick, unsigned level) {
    return static_cast<unsigned>(tick >> (kSlotBits * level)) & (kSlots - 1);
  }
  /// First occupied slot of `level` in [from, kSlots), or kSlots.
  [[nodiscard]] unsigned next_occupied(unsigned level, unsigned from) const;
  void step(std::uint64_t now_tick);
  void detach_next_stage();

  MappedArray<Link> links_;
  std::array<std::uint32_t, kDueList + 1> heads_;
  std::array<std::array<std::uint64_t, kSlots / 64>, kLevels> occupied_{};
  std::uint64_t current_ = 0;
  unsigned stages_ = 0;  ///< bit L: the slot of level L at current_ has yet to be moved to the due list
};

}  // namespace weir
