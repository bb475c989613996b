// PacketLevels: by entry of the table, at which N its packets are sampled, where N changes (--sample rate).
//
// A record has one rate: a flow whose next packet was sampled at another N ends its record there. So that this costs
// nothing between two changes, it is known how many flows have which level.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/flow/sampling.h"
#include "dataplane/memory.h"

namespace weir {

class PacketLevels {
 public:
  /// `capacity`: 0 where N does not change; then only on(), ok(), touch() and octets() may be called.
  explicit PacketLevels(std::uint32_t capacity) : on_(capacity != 0), levels_(capacity) {}

  [[nodiscard]] bool on() const { return on_; }
  [[nodiscard]] bool ok() const { return !on_ || levels_.size() != 0; }
  void touch(Touching* touching) { levels_.touch(touching); }
  [[nodiscard]] std::size_t octets() const { return levels_.octets(); }

  /// Every flow has this level.
  [[nodiscard]] bool all_at(unsigned level) const { return flows_at_[level] == flows_; }
  /// Of an entry that has a flow.
  [[nodiscard]] unsigned level_of(std::uint32_t number) const { return levels_[number] - 1U; }
  void set(std::uint32_t number, unsigned level) {
    forget(number);
    levels_[number] = static_cast<std::uint8_t>(level + 1);
    ++flows_at_[level];
    ++flows_;
  }
  /// The entry has no flow any more.
  void forget(std::uint32_t number) {
    if (levels_[number] == 0) return;
    --flows_at_[level_of(number)];
    --flows_;
    levels_[number] = 0;
  }

 private:
  bool on_;
  MappedArray<std::uint8_t> levels_;  ///< level + 1; 0: no flow
  std::array<std::uint32_t, Sampling::kMostLevel + 1> flows_at_{};
  std::uint32_t flows_ = 0;
};

}  // namespace weir
