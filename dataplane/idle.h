// What a worker does when there is nothing to do.
//
// A loop that only polls burns its core whether packets come or not. One that waits must not wait longer than its
// receive ring lasts, or the first packets of a burst are lost. So a worker goes down a ladder as its queues stay
// empty, and is back on top with the first packet:
//
//   polling       for the first 2 us after a packet: at 500 kpps and more it never leaves this rung
//   pausing       some hundred ns between polls (the CPU's pause instruction: power, and the other hyper-thread's
//   share) waiting       after 50 us without a packet: until the device's RX interrupt where it has one, else a short
//   sleep
//
// longest_sleep_ns() is half of what the ring holds when minimum-size frames come at full link rate: 4096 descriptors
// at 10 Gbit/s (14.88 Mpps, 67.2 ns each) are 275 us, so it sleeps 137 us; the other half is for the kernel's waking it
// up. At 100 Gbit/s that is 13 us. A packet that ends a sleep is stamped with the poll that finds it, so its time is
// late by at most that much. A core that the kernel keeps free for its worker (isolcpus) is there to be burnt: auto
// polls on it.
#pragma once

#include <x86intrin.h>

#include <cstdint>

namespace weir {

enum class IdleMode : std::uint8_t {
  poll,   ///< never stop polling
  pause,  ///< pause between empty polls; the core stays this process's
  wait,   ///< all of the ladder
};

class IdleLadder {
 public:
  enum class Step : std::uint8_t { poll, pause, wait };
  static constexpr std::uint64_t kPauseAfterNs = 2'000;
  static constexpr std::uint64_t kWaitAfterNs = 50'000;

  explicit IdleLadder(IdleMode mode) : mode_(mode) {}

  /// What to do after a poll at `now_ns` that had work (packets, timers) or had none.
  Step after(bool work, std::uint64_t now_ns) {
    if (mode_ == IdleMode::poll) return Step::poll;
    if (work) {
      idle_ = false;
      return Step::poll;
    }
    if (!idle_) {
      idle_ = true;
      since_ns_ = now_ns;
    }
    const std::uint64_t idle_ns = now_ns - since_ns_;
    if (idle_ns < kPauseAfterNs) return Step::poll;
    return idle_ns < kWaitAfterNs || mode_ == IdleMode::pause ? Step::pause : Step::wait;
  }

  /// Some hundred ns where the instruction takes 140 cycles (Skylake and later), less elsewhere.
  static void pause() {
    for (int i = 0; i < 8; ++i) _mm_pause();
  }

 private:
  IdleMode mode_;
  bool idle_ = false;
  std::uint64_t since_ns_ = 0;
};

/// Half the time in which minimum-size frames at `link_mbps` fill `descriptors`; 0 where that is less than a sleep
/// costs, and at most a millisecond, so that timers and questions are not kept waiting.
constexpr std::uint64_t longest_sleep_ns(unsigned descriptors, std::uint32_t link_mbps) {
  constexpr std::uint64_t kLeastNs = 5'000;
  constexpr std::uint64_t kMostNs = 1'000'000;
  // 64 octets, and 20 of preamble and gap, in bits, times 1000 ns a Mbit/s.
  constexpr std::uint64_t kFrameBits = std::uint64_t{8} * (64 + 20);
  if (link_mbps == 0) return 0;
  const std::uint64_t sleep_ns = descriptors * kFrameBits * 1000 / link_mbps / 2;
  return sleep_ns < kLeastNs ? 0 : sleep_ns < kMostNs ? sleep_ns : kMostNs;
}

}  // namespace weir
