// MetricLayout: where the states of the metrics that are on lie in a flow's lines and slot.
//
// Lines, each of them a cache miss of every packet that touches it where flows are many: first the states that packets
// of both sides touch, side by side in as few lines as hold them; then the states that are a line for each side.
//
// Slot: where a metric that is on begins late (metric_set.h), bits that say which have begun, and their parts; then
// what every flow has. The later one in the list comes first: a QUIC packet then reads one line of the slot.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace weir {

/// What the layout must know of a metric.
struct MetricRoom {
  std::uint16_t line_octets;
  std::uint16_t slot_octets;
  bool line_per_side;
  bool begins_late;
};

template <std::size_t kCount>
struct MetricLayout {
  static constexpr std::size_t kLineOctets = 64;

  MetricLayout() = default;
  MetricLayout(std::uint32_t enabled, const std::array<MetricRoom, kCount>& rooms) {
    place_lines(enabled, rooms);
    place_slots(enabled, rooms);
  }

  std::size_t lines = 0;         ///< of a flow
  std::size_t common_lines = 0;  ///< packets of both sides touch these; the rest are pairs, a line for each side
  std::size_t slot_octets = 0;   ///< whole lines
  std::size_t early_at = 0;      ///< octets of the slot before what every flow has
  std::size_t early_octets = 0;  ///< that every flow has
  std::uint32_t late = 0;        ///< bits of the metrics that begin late
  std::array<std::uint16_t, kCount> line_at{};
  std::array<std::uint16_t, kCount> slot_at{};

 private:
  static constexpr std::size_t lines_of(std::size_t octets) { return (octets + kLineOctets - 1) / kLineOctets; }

  void place_lines(std::uint32_t enabled, const std::array<MetricRoom, kCount>& rooms) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
      if ((enabled >> i & 1) == 0 || rooms[i].line_per_side) continue;
      line_at[i] = static_cast<std::uint16_t>(at);
      at += rooms[i].line_octets;
    }
    common_lines = lines_of(at);
    lines = common_lines;
    for (std::size_t i = 0; i < kCount; ++i) {
      if ((enabled >> i & 1) == 0 || !rooms[i].line_per_side) continue;
      line_at[i] = static_cast<std::uint16_t>(lines * kLineOctets);
      lines += 2;
    }
    // A flow without lines is one without metrics.
    lines += enabled != 0 && lines == 0 ? 1 : 0;
  }
  void place_slots(std::uint32_t enabled, const std::array<MetricRoom, kCount>& rooms) {
    for (std::size_t i = 0; i < kCount; ++i) {
      if ((enabled >> i & 1) != 0 && rooms[i].begins_late) late |= std::uint32_t{1} << i;
    }
    std::size_t at = late == 0 ? 0 : sizeof(std::uint64_t);
    for (std::size_t i = kCount; i-- != 0;) {
      if ((late >> i & 1) == 0) continue;
      slot_at[i] = static_cast<std::uint16_t>(at);
      at += rooms[i].slot_octets;
    }
    early_at = at;
    for (std::size_t i = 0; i < kCount; ++i) {
      if ((enabled >> i & 1) == 0 || rooms[i].begins_late) continue;
      slot_at[i] = static_cast<std::uint16_t>(at);
      at += rooms[i].slot_octets;
    }
    early_octets = at - early_at;
    // An odd number of lines, so that the same line of all slots is not in a few sets of a cache.
    slot_octets = at == 0 ? 0 : (lines_of(at) | 1) * kLineOctets;
  }
};

}  // namespace weir
