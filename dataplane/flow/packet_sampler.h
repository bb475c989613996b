// PacketSampler and FlowSampler: which packets, and which flows, --sample leaves (sampling.h).
//
// PacketSampler walks from one packet that is taken to the next: what is left out costs no draw. Its numbers come from
// splitmix64 (Steele, Lea and Flood, 2014), seeded by --sample-key and the worker's number, so that `weir read` gives
// the same records each time.
#pragma once

#include <cstdint>

#include "dataplane/flow/sampling.h"
#include "dataplane/packet/flow_key.h"

namespace weir {

class PacketSampler {
 public:
  /// Packets that take() is asked about at once, at most.
  static constexpr unsigned kMost = 64;

  PacketSampler(const Sampling& sampling, unsigned worker)
      : on_(sampling.by_packets()),
        random_(!sampling.deterministic),
        one_in_(sampling.one_in),
        state_(sampling.seed[0] ^ (sampling.seed[1] + worker)) {
    begin();
  }

  [[nodiscard]] bool on() const { return on_; }
  /// N is 2^level from the next packet on.
  void set_level(unsigned level) {
    one_in_ = std::uint32_t{1} << level;
    begin();
  }

  /// Of the next `count` packets: bit n says that packet n is taken.
  [[nodiscard]] std::uint64_t take(unsigned count) {
    std::uint64_t taken = 0;
    std::uint64_t at = until_next_;
    while (at < count) {
      taken |= std::uint64_t{1} << at;
      const std::uint32_t place = draw();
      at += after_taken_ + place + std::uint64_t{1};
      after_taken_ = one_in_ - 1 - place;
    }
    until_next_ = at - count;
    return taken;
  }

 private:
  /// N packets begin.
  void begin() {
    const std::uint32_t place = draw();
    until_next_ = place;
    after_taken_ = one_in_ - 1 - place;
  }
  /// A place among N.
  std::uint32_t draw() {
    if (!random_) return one_in_ - 1;
    std::uint64_t mixed = state_ += 0x9e37'79b9'7f4a'7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58'476d'1ce4'e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d0'49bb'1331'11eb;
    return static_cast<std::uint32_t>((mixed >> 32) * one_in_ >> 32);
  }

  bool on_;
  bool random_;
  std::uint32_t one_in_;
  std::uint32_t after_taken_ = 0;  ///< packets of the N that follow the one taken
  std::uint64_t until_next_ = 0;   ///< packets before the next one that is taken
  std::uint64_t state_;
};

class FlowSampler {
 public:
  explicit FlowSampler(const Sampling& sampling)
      : on_(sampling.by == Sampling::By::flows), hash_(sampling.seed), last_(UINT64_MAX / sampling.one_in) {}

  [[nodiscard]] bool on() const { return on_; }
  /// Whether the flow of this key, as --key makes it, is counted.
  [[nodiscard]] bool takes(const FlowKey& key) const { return hash_(key) <= last_; }
  /// Of a packet whose key may be an extended one.
  [[nodiscard]] bool takes(const ParsedPacket& packet) const { return hash_(packet.key, packet.addition) <= last_; }

 private:
  bool on_;
  KeyHash hash_;
  std::uint64_t last_;  ///< greatest hash of a flow that is
};

}  // namespace weir
