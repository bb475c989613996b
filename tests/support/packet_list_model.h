// What the metrics `lengths` and `packets` should tell of one record, by the plain definitions: from a list of all its
// packets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "proto/record/sections.h"

namespace weir::test {

class PacketListModel {
 public:
  void see(unsigned side, std::uint32_t octets, std::uint8_t tcp_flags, std::uint64_t time_ns) {
    all_.push_back({side, octets, tcp_flags, time_ns});
  }

  /// Whether the section lists the first packets; `initiator`: the side that is forward.
  [[nodiscard]] bool is_list(const PacketsSection& section, unsigned initiator) const {
    const std::size_t count = std::min<std::size_t>(all_.size(), PacketsSection::kMost);
    bool same = section.count == count;
    for (std::size_t i = 0; same && i < count; ++i) {
      const std::uint64_t offset = all_[i].time_ns > all_[0].time_ns ? all_[i].time_ns - all_[0].time_ns : 0;
      const FirstPacket& packet = section.packets[i];
      same = packet.ip_octets == all_[i].octets && packet.tcp_flags == all_[i].tcp_flags &&
             packet.direction == (all_[i].side ^ initiator) && packet.offset_ns() == offset;
    }
    return same;
  }

  /// Whether the sections tell the least, greatest and mean values, and the bins, of a direction.
  [[nodiscard]] bool are_lengths(const LengthsSection& lengths, const HistogramsSection& histograms,
                                 Direction direction, unsigned initiator) const {
    std::vector<std::uint64_t> octets, times;
    std::uint64_t latest = 0;
    for (const Packet& packet : all_) {
      if ((packet.side ^ initiator) != direction) continue;
      if (!octets.empty()) times.push_back(packet.time_ns > latest ? packet.time_ns - latest : 0);
      latest = std::max(latest, packet.time_ns);
      octets.push_back(packet.octets);
    }
    return least(octets) == lengths.length_min[direction] && greatest(octets) == lengths.length_max[direction] &&
           mean(octets) == lengths.length_mean[direction] && least(times) == lengths.iat_min_ns[direction] &&
           greatest(times) == lengths.iat_max_ns[direction] && mean(times) == lengths.iat_mean_ns[direction] &&
           are_bins(octets, 1, histograms.length[direction]) && are_bins(times, 1'000'000, histograms.iat[direction]);
  }

 private:
  struct Packet {
    unsigned side;
    std::uint32_t octets;
    std::uint8_t tcp_flags;
    std::uint64_t time_ns;
  };
  using Values = std::vector<std::uint64_t>;

  static std::uint64_t least(const Values& values) {
    return values.empty() ? 0 : *std::min_element(values.begin(), values.end());
  }
  static std::uint64_t greatest(const Values& values) {
    return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  }
  static std::uint64_t mean(const Values& values) {
    std::uint64_t sum = 0;
    for (const std::uint64_t value : values) sum += value;
    return values.empty() ? 0 : (sum + values.size() / 2) / values.size();
  }
  static bool are_bins(const Values& values, std::uint64_t unit, const std::uint32_t (&bins)[kHistogramBins]) {
    constexpr std::uint64_t kEdges[] = {15, 31, 63, 127, 255, 511, 1023};
    std::uint32_t expected[kHistogramBins] = {};
    for (const std::uint64_t value : values) {
      unsigned bin = 0;
      while (bin < std::size(kEdges) && value / unit > kEdges[bin]) ++bin;
      ++expected[bin];
    }
    return std::equal(std::begin(expected), std::end(expected), std::begin(bins));
  }

  std::vector<Packet> all_;
};

}  // namespace weir::test
