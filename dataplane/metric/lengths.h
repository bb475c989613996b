// The metric `lengths`: how long the packets of a direction are, and how much time lies between them: least, greatest,
// mean, standard deviation, and a histogram of each.
//
// A packet adds to sums and counts to two bins, without a division; mean and deviation are made of the sums when the
// record ends. All of a direction's state is two lines of the slot: what 256 octets per flow need cannot lie beside the
// entry, so a packet costs up to two cache misses more where flows are many.
//
// What lies above the IP headers is the IP octets without 20 or 40 per packet, and without what headers are longer than
// that, which is summed: few packets have IPv4 options or extension headers.
//
// The time between two packets is that of the input. A packet that is older than one before it (a reordered capture)
// came 0 ns after it.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>

#include "dataplane/metric/metric.h"

namespace weir {

struct Lengths {
  static constexpr std::string_view kName = "lengths";
  static constexpr std::string_view kMeaning = "packet lengths and times between packets: statistics and histograms";
  static constexpr std::uint32_t kSections = kSectionBit<LengthsSection> | kSectionBit<HistogramsSection>;
  static constexpr unsigned kBins = HistogramsSection::kBins;

  struct OfSide {
    std::uint64_t last_ns;         ///< greatest packet time so far
    std::uint64_t length_squares;  ///< sum; UINT64_MAX: or more
    std::uint64_t iat_sum_ns;      ///< sum
    std::uint64_t iat_squares;     ///< sum of squares in ns^2, the lower half of it
    std::uint64_t iat_squares_up;  ///< the upper half
    std::uint64_t iat_min_ns;
    std::uint64_t iat_max_ns;
    std::uint32_t length_min;
    std::uint32_t length_max;
    std::uint32_t lengths[kBins];
    std::uint32_t iats[kBins];
  };
  static_assert(sizeof(OfSide) == 128, "a packet touches two lines");
  struct State {};
  struct Slot {
    OfSide sides[2];
    std::uint64_t extra_header_octets[2];  ///< of IP headers beyond their fixed part
  };

  static bool applies(std::uint8_t /*protocol*/) { return true; }

  static Verdict update(State& /*state*/, Slot& slot, const MetricInput& input) {
    OfSide& side = slot.sides[input.side];
    const std::uint32_t octets = input.packet.ip_octets;
    const std::uint64_t time_ns = input.packet.time_ns;
    ++side.lengths[bin_of(octets)];
    add_saturated(side.length_squares, std::uint64_t{octets} * octets);
    if (input.facts.ip_extra_words != 0) [[unlikely]]
      slot.extra_header_octets[input.side] += input.facts.ip_extra_words * 4U;
    if (input.first) [[unlikely]] {
      side.length_min = side.length_max = octets;
      side.iat_min_ns = UINT64_MAX;
      side.last_ns = time_ns;
      return Verdict::goes_on;
    }
    side.length_min = std::min(side.length_min, octets);
    side.length_max = std::max(side.length_max, octets);
    add_iat(side, time_ns > side.last_ns ? time_ns - side.last_ns : 0);
    side.last_ns = std::max(side.last_ns, time_ns);
    return Verdict::goes_on;
  }

  static std::uint32_t sections(const State& /*state*/, const Slot& /*slot*/) { return kSections; }

  static void finish(const State& /*state*/, const Slot& slot, const MetricOutput& output) {
    auto& section = output.section<LengthsSection>();
    auto& histograms = output.section<HistogramsSection>();
    for (const Direction direction : {kForward, kReverse}) {
      const OfSide& side = slot.sides[output.side(direction)];
      const std::uint64_t packets = output.record.packets[direction];
      if (packets == 0) continue;
      const std::uint64_t octets = output.record.octets[direction];
      const std::uint64_t header_octets =
          packets * (output.record.ip_version == 4 ? 20 : 40) + slot.extra_header_octets[output.side(direction)];
      section.ip_payload_octets[direction] = octets - std::min(octets, header_octets);
      section.length_min[direction] = side.length_min;
      section.length_max[direction] = side.length_max;
      section.length_mean[direction] = static_cast<std::uint32_t>(rounded_mean(octets, packets));
      section.length_stddev[direction] = static_cast<std::uint32_t>(deviation(side.length_squares, octets, packets));
      std::copy_n(side.lengths, kBins, histograms.length[direction]);
      if (packets == 1) continue;
      section.iat_min_ns[direction] = side.iat_min_ns;
      section.iat_max_ns[direction] = side.iat_max_ns;
      section.iat_mean_ns[direction] = rounded_mean(side.iat_sum_ns, packets - 1);
      section.iat_stddev_ns[direction] =
          deviation(Wide{side.iat_squares_up} << 64 | side.iat_squares, side.iat_sum_ns, packets - 1);
      std::copy_n(side.iats, kBins, histograms.iat[direction]);
    }
  }

 private:
  __extension__ using Wide = unsigned __int128;

  /// Of octets, or of ms: 0 to 15, 16 to 31, 32 to 63, and so on; the last bin has the rest.
  static unsigned bin_of(std::uint64_t value) {
    return std::min(static_cast<unsigned>(std::bit_width(value >> 4)), kBins - 1);
  }
  static void add_saturated(std::uint64_t& sum, std::uint64_t value) {
    sum += value;
    if (sum < value) [[unlikely]]
      sum = UINT64_MAX;  // only IPv6 jumbograms (RFC 2675), or what claims to be one
  }
  static void add_iat(OfSide& side, std::uint64_t iat_ns) {
    ++side.iats[bin_of(iat_ns / 1'000'000)];  // by a constant: a multiplication
    side.iat_min_ns = std::min(side.iat_min_ns, iat_ns);
    side.iat_max_ns = std::max(side.iat_max_ns, iat_ns);
    side.iat_sum_ns += iat_ns;
    const Wide squares = (Wide{side.iat_squares_up} << 64 | side.iat_squares) + Wide{iat_ns} * iat_ns;
    side.iat_squares = static_cast<std::uint64_t>(squares);
    side.iat_squares_up = static_cast<std::uint64_t>(squares >> 64);
  }

  static std::uint64_t rounded_mean(std::uint64_t sum, std::uint64_t count) { return (sum + count / 2) / count; }
  /// Of all values, not of a sample of them, rounded. Exact up to the root: the sums lose nothing.
  static std::uint64_t deviation(Wide squares, std::uint64_t sum, std::uint64_t count) {
    const Wide all = squares * count;
    const Wide mean_part = Wide{sum} * sum;
    if (all <= mean_part) return 0;
    const long double root = std::sqrt(static_cast<long double>(all - mean_part));
    return static_cast<std::uint64_t>(root / static_cast<long double>(count) + 0.5L);
  }
};

}  // namespace weir
