// Sampling: which packets, or which flows, are counted (--sample), as a value.
//
// Packets: one of each N in the order in which a worker is offered them, at a random place among them, or the last one
// (RFC 5475 sections 5.1 and 5.2.1). Flows: those whose keyed hash is in the lowest Nth of all values (section 6.2):
// both directions and all packets of a conversation agree, and so do probes that have one --sample-key. Rate: packets,
// where N follows the traffic in powers of two (adaptive_rate.h).
//
// Where a monitor has no filter, packets are chosen before they are parsed, so that a frame that is left out costs next
// to nothing; else after the filter.
#pragma once

#include <cstdint>

#include "dataplane/flow/key_hash.h"

namespace weir {

struct Sampling {
  enum class By : std::uint8_t { nothing, packets, flows, rate };

  By by = By::nothing;
  bool deterministic = false;    ///< by packets: the last of each N
  std::uint32_t one_in = 1;      ///< N; by rate 1, the level says more
  std::uint64_t most_pps = 0;    ///< by rate: packets per second that are to be counted, all workers together
  KeyHash::Seed seed = kNoSeed;  ///< of what is random; kNoSeed: not chosen yet

  static constexpr KeyHash::Seed kNoSeed{};
  /// With the policy `sample`, which takes one flow in 65536 at most, a record's rate stays within 32 bits.
  static constexpr std::uint32_t kMostOneIn = 65535;
  /// By rate: N is at most 2 to the power of this.
  static constexpr unsigned kMostLevel = 15;

  [[nodiscard]] bool by_packets() const { return by == By::packets || by == By::rate; }
  /// samplingAlgorithm of records (IANA information element 35): 2 is random; 0 stands for 1, deterministic.
  [[nodiscard]] std::uint8_t algorithm() const { return by == By::nothing || deterministic ? 0 : 2; }

  friend bool operator==(const Sampling&, const Sampling&) = default;
};

}  // namespace weir
