// The metric `packets`: length, time, direction and TCP flags of a record's first packets, at most N of them.
//
// Five of them lie in a line beside the flow's others, so that a packet goes to no page of its own. When the sixth
// comes the five go to a line of the worker's pool, so that a flow takes only as many lines as it needs. After N
// packets, a packet costs a comparison. Where the pool has no line left the list ends; the pool counts it.
#pragma once

#include <algorithm>
#include <cstddef>

#include "dataplane/metric/metric.h"

namespace weir {

struct Packets {
  static constexpr std::string_view kName = "packets";
  static constexpr std::string_view kMeaning = "length, time, direction and TCP flags of the first N packets";
  static constexpr std::uint32_t kSections = kSectionBit<PacketsSection>;
  static constexpr MetricParameter kParameter{"N", 1, PacketsSection::kMost, &MetricParameters::first_packets};

  static constexpr unsigned kEach = 5;
  struct FivePackets {
    FirstPacket packets[kEach];  ///< `direction` is the side here
  };

  struct State {
    std::uint64_t start_ns;   ///< time of the first packet
    std::uint32_t last_line;  ///< of those in the pool, the last one first
    std::uint16_t count;
    std::uint16_t ended;  ///< 1: the pool had no line for the last five packets
    FivePackets last;     ///< that are not in the pool
    std::uint32_t reserved;
  };
  static_assert(sizeof(State) == 80 && offsetof(State, last) == 16,
                "with layer2, tcp and rtt, three cache lines; a packet after the first N touches two");
  struct Slot {};

  /// All flows may have two lines, which is ten packets for each; small tables as many as they want.
  static std::uint64_t pool_lines(std::uint64_t flows, const MetricParameters& parameters) {
    constexpr std::uint64_t kSmallTable = 4096;
    const std::uint64_t most = (parameters.first_packets - 1) / kEach;
    return std::max(flows * std::min<std::uint64_t>(most, 2), std::min(flows, kSmallTable) * most);
  }
  static constexpr std::size_t kPoolLines = (PacketsSection::kMost - 1) / kEach;

  static bool applies(std::uint8_t /*protocol*/) { return true; }

  static Verdict update(State& state, Slot& /*slot*/, const MetricInput& input) {
    if (state.count < input.parameters.first_packets && state.ended == 0) [[unlikely]]
      keep(state, input);
    return Verdict::goes_on;
  }
  static std::uint32_t sections(const State& state, const Slot& /*slot*/) { return state.count != 0 ? kSections : 0; }

  static void finish(const State& state, const Slot& /*slot*/, const MetricOutput& output) {
    auto& section = output.section<PacketsSection>();
    section.count = std::min<std::uint32_t>(state.count, PacketsSection::kMost);
    const std::uint32_t in_pool = section.count == 0 ? 0 : (section.count - 1) / kEach * kEach;
    std::copy_n(state.last.packets, section.count - in_pool, section.packets + in_pool);
    std::uint32_t line = state.last_line;
    for (std::uint32_t end = in_pool; end != 0; end -= kEach) {
      std::copy_n(output.pool.at<FivePackets>(line).packets, kEach, section.packets + end - kEach);
      line = output.pool.next(line);
    }
    for (std::uint32_t i = 0; i < section.count; ++i) {
      section.packets[i].direction ^= static_cast<std::uint8_t>(output.initiator);
    }
  }

  static void release(State& state, Slot& /*slot*/, LinePool& pool) {
    pool.give(state.last_line);
    state = {};
  }

 private:
  static void keep(State& state, const MetricInput& input) {
    const unsigned place = state.count % kEach;
    if (place == 0) [[unlikely]] {
      if (state.count == 0) {
        state.start_ns = input.packet.time_ns;
      } else if (!keep_five(state, input.pool)) {
        state.ended = 1;
        return;
      }
    }
    FirstPacket& packet = state.last.packets[place];
    packet.ip_octets = input.packet.ip_octets;
    packet.set_offset_ns(input.packet.time_ns > state.start_ns ? input.packet.time_ns - state.start_ns : 0);
    packet.direction = static_cast<std::uint8_t>(input.side);
    packet.tcp_flags = input.packet.tcp_flags;
    ++state.count;
  }
  /// False: the pool is empty.
  [[gnu::noinline]] static bool keep_five(State& state, LinePool& pool) {
    const std::uint32_t line = pool.take(MissingFact::packets_cut);
    if (line == LinePool::kNone) return false;
    pool.at<FivePackets>(line) = state.last;
    pool.next(line) = state.last_line;
    state.last_line = line;
    return true;
  }
};

}  // namespace weir
