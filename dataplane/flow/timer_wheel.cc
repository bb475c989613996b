#include "dataplane/flow/timer_wheel.h"

namespace weir {

void TimerWheel::schedule(std::uint32_t index, std::uint64_t tick) {
  if (tick <= current_) tick = current_ + 1;
  unsigned level = 0;
  unsigned slot = 0;
  const std::uint64_t differs = tick ^ current_;
  if (differs < kSlots) {
    slot = digit(tick, 0);
  } else if (differs < (std::uint64_t{1} << (2 * kSlotBits))) {
    level = 1;
    slot = digit(tick, 1);
  } else {
    // The top level is a ring: the slot just behind the current one is the farthest there is. What lies farther
    // still is visited there and put on.
    level = 2;
    const std::uint64_t ahead = (tick >> (2 * kSlotBits)) - (current_ >> (2 * kSlotBits));
    slot = ahead < kSlots ? digit(tick, 2) : (digit(current_, 2) + kSlots - 1) % kSlots;
  }
  const unsigned list = level * kSlots + slot;
  const std::uint32_t head = heads_[list];
  links_[index] = {head, kHeadOf | list};
  if (head != kNil) links_[head].prev = index;
  heads_[list] = index;
  occupied_[level][slot / 64] |= std::uint64_t{1} << (slot % 64);
}

void TimerWheel::cancel(std::uint32_t index) {
  const Link link = links_[index];
  if (link.next != kNil) links_[link.next].prev = link.prev;
  if ((link.prev & kHeadOf) == 0) {
    links_[link.prev].next = link.next;
    return;
  }
  const unsigned list = link.prev & ~kHeadOf;
  heads_[list] = link.next;
  if (link.next == kNil && list != kDueList) {
    occupied_[list / kSlots][list % kSlots / 64] &= ~(std::uint64_t{1} << (list % 64));
  }
}

unsigned TimerWheel::next_occupied(unsigned level, unsigned from) const {
  for (unsigned word = from / 64; word < kSlots / 64; ++word) {
    std::uint64_t bits = occupied_[level][word];
    if (word == from / 64) bits &= ~std::uint64_t{0} << (from % 64);
    if (bits != 0) return word * 64 + static_cast<unsigned>(std::countr_zero(bits));
  }
  return kSlots;
}

// Goes to the next tick at which anything lies, or to now_tick if nothing does before. Level 0 holds what is due in
// the current block of 256 ticks, level 1 in the current block of 65536, so the first level that has a slot ahead
// has the earliest one.
void TimerWheel::step(std::uint64_t now_tick) {
  std::uint64_t next = now_tick + 1;
  if (const unsigned slot = digit(current_, 0) + 1; slot < kSlots) {
    const unsigned found = next_occupied(0, slot);
    if (found < kSlots) next = (current_ & ~std::uint64_t{kSlots - 1}) + found;
  }
  if (next > now_tick) {
    const unsigned found = digit(current_, 1) + 1 < kSlots ? next_occupied(1, digit(current_, 1) + 1) : kSlots;
    if (found < kSlots) {
      constexpr std::uint64_t kBlock = std::uint64_t{1} << (2 * kSlotBits);
      const std::uint64_t tick = (current_ & ~(kBlock - 1)) + (std::uint64_t{found} << kSlotBits);
      if (tick < next) next = tick;
    }
  }
  if (next > now_tick) {
    const unsigned here = digit(current_, 2);
    unsigned found = here + 1 < kSlots ? next_occupied(2, here + 1) : kSlots;
    if (found == kSlots) {
      found = next_occupied(2, 0);
      found = found <= here ? found + kSlots : 2 * kSlots;
    }
    if (found < 2 * kSlots) {
      const std::uint64_t tick = ((current_ >> (2 * kSlotBits)) + (found - here)) << (2 * kSlotBits);
      if (tick < next) next = tick;
    }
  }
  if (next > now_tick) {
    current_ = now_tick;
    return;
  }
  current_ = next;
  stages_ = 1U;
  if (digit(next, 0) == 0) {
    stages_ |= 2U;
    if (digit(next, 1) == 0) stages_ |= 4U;
  }
}

void TimerWheel::detach_next_stage() {
  // Visit the highest level first: its timers move down to lower levels.
  unsigned level = kLevels - 1;
  while (level != 0 && (stages_ & (1U << level)) == 0) --level;
  stages_ &= ~(1U << level);
  const unsigned slot = digit(current_, level);
  const unsigned list = level * kSlots + slot;
  const std::uint32_t head = heads_[list];
  if (head == kNil) return;
  heads_[list] = kNil;
  occupied_[level][slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  // The due list is empty here, since advance() detaches a slot only then.
  heads_[kDueList] = head;
  links_[head].prev = kHeadOf | kDueList;
}

}  // namespace weir
