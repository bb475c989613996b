// The metric `packets`: length, time, direction and TCP flags of a record's first packets, at most N of them.
//
// The packets lie in lines of the worker's pool, five in each, so that a flow takes only as many lines as it needs.
// After N packets, a packet costs a comparison. Where the pool has no line left the list ends; the pool counts it.
#pragma once

#include <algorithm>

#include "dataplane/metric/metric.h"

namespace weir {

struct Packets {
  static constexpr std::string_view kName = "packets";
  static constexpr std::string_view kMeaning = "length, time, direction and TCP flags of the first N packets";
  static constexpr std::uint32_t kSections = kSectionBit<PacketsSection>;
  static constexpr MetricParameter kParameter{"N", 1, PacketsSection::kMost, &MetricParameters::first_packets};

  static constexpr unsigned kEach = 5;
  /// What a line of the pool holds.
  struct FivePackets {
    FirstPacket packets[kEach];  ///< `direction` is the side here
  };

  struct State {
    std::uint32_t first_line;
    std::uint16_t count;
    std::uint16_t ended;  ///< 1: the pool had no line for the next packet
  };
  static_assert(sizeof(State) == 8, "all that a packet after the first N touches");
  struct Slot {
    std::uint64_t start_ns;  ///< time of the first packet
    std::uint64_t last_line;
  };

  /// All flows may have two lines, which is ten packets for each; small tables as many as they want.
  static std::uint64_t pool_lines(std::uint64_t flows, const MetricParameters& parameters) {
    constexpr std::uint64_t kSmallTable = 4096;
    const std::uint64_t most = (parameters.first_packets + kEach - 1) / kEach;
    return std::max(flows * std::min<std::uint64_t>(most, 2), std::min(flows, kSmallTable) * most);
  }
  static constexpr std::size_t kPoolLines = (PacketsSection::kMost + kEach - 1) / kEach;

  static bool applies(std::uint8_t /*protocol*/) { return true; }

  static Verdict update(State& state, Slot& slot, const MetricInput& input) {
    if (state.count < input.parameters.first_packets && state.ended == 0) [[unlikely]]
      keep(state, slot, input);
    return Verdict::goes_on;
  }

  static std::uint32_t sections(const State& state, const Slot& /*slot*/) { return state.count != 0 ? kSections : 0; }

  static void finish(const State& state, const Slot& /*slot*/, const MetricOutput& output) {
    auto& section = output.section<PacketsSection>();
    section.count = std::min<std::uint32_t>(state.count, PacketsSection::kMost);
    std::uint32_t line = state.first_line;
    for (unsigned i = 0; i < section.count; ++i) {
      if (i != 0 && i % kEach == 0) line = output.pool.next(line);
      section.packets[i] = output.pool.at<FivePackets>(line).packets[i % kEach];
      section.packets[i].direction ^= static_cast<std::uint8_t>(output.initiator);
    }
  }

  static void release(State& state, Slot& /*slot*/, LinePool& pool) {
    pool.give(state.first_line);
    state = {};
  }

 private:
  [[gnu::noinline]] static void keep(State& state, Slot& slot, const MetricInput& input) {
    const unsigned place = state.count % kEach;
    if (place == 0) {
      const std::uint32_t line = input.pool.take(MissingFact::packets_cut);
      if (line == LinePool::kNone) {
        state.ended = 1;
        return;
      }
      if (state.count == 0) {
        state.first_line = line;
        slot.start_ns = input.packet.time_ns;
      } else {
        input.pool.next(static_cast<std::uint32_t>(slot.last_line)) = line;
      }
      slot.last_line = line;
    }
    FirstPacket& packet = input.pool.at<FivePackets>(static_cast<std::uint32_t>(slot.last_line)).packets[place];
    packet.ip_octets = input.packet.ip_octets;
    packet.set_offset_ns(input.packet.time_ns > slot.start_ns ? input.packet.time_ns - slot.start_ns : 0);
    packet.direction = static_cast<std::uint8_t>(input.side);
    packet.tcp_flags = input.packet.tcp_flags;
    ++state.count;
  }
};

}  // namespace weir
