// A simple model of what the metric tcp counts, for tests with random segments: sequence numbers are unwrapped to 64
// bits, and everything that was seen is kept as a list of ranges, however many there are.
//
// The metric keeps only so many gaps, and looks back only so far: `exact` says whether a side has stayed within that.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir::test {

struct ModelSegment {
  unsigned side = 0;
  unsigned flags = 0x10;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint32_t payload = 0;
  unsigned window = 0;
  bool sack = false;
};

struct ModelCounts {
  std::uint64_t payload = 0, stream = 0, retransmitted_octets = 0;
  std::uint32_t retransmitted = 0, out_of_order = 0, duplicate_acks = 0, keep_alives = 0, zero_windows = 0,
                zero_window_episodes = 0;

  bool operator==(const ModelCounts&) const = default;
};

class TcpModel {
 public:
  static constexpr std::int64_t kReach = 1 << 30;
  static constexpr std::size_t kMostGaps = 8;

  void see(const ModelSegment& segment) {
    Side& me = sides_[segment.side];
    const Side& peer = sides_[1 - segment.side];
    const bool syn = (segment.flags & 2) != 0, fin = (segment.flags & 1) != 0, rst = (segment.flags & 4) != 0;
    me.counts.payload += segment.payload;
    if (rst) return;
    if (segment.window == 0) {
      ++me.counts.zero_windows;
      if (!me.known || me.window != 0) ++me.counts.zero_window_episodes;
    }
    const bool another = me.known && syn && me.opens_another(segment.seq);
    if (another) sides_[0].acknowledged = sides_[1].acknowledged = 0;
    if (!me.known || another) {
      me.begin(segment.seq);
      if (syn) me.initial = {true, segment.seq};
    }
    const std::uint32_t all = segment.payload + (syn ? 1 : 0) + (fin ? 1 : 0);
    const bool probed = peer.known && peer.window == 0;
    const bool unacknowledged = peer.acknowledged != 0 && peer.acknowledged != static_cast<std::uint32_t>(me.next);
    const bool before_next = segment.seq + 1 == static_cast<std::uint32_t>(me.next);
    if (!syn && !fin && segment.payload <= 1 && before_next && !probed && !(segment.payload == 1 && unacknowledged)) {
      ++me.counts.keep_alives;
    } else {
      if (all != 0) take(me, segment, all);
      const bool outstanding =
          peer.known && static_cast<std::int32_t>(static_cast<std::uint32_t>(peer.next) - segment.ack) > 0;
      if (all == 0 && (segment.flags & 0x10) != 0 && segment.ack == me.acknowledged && outstanding &&
          (segment.window == me.window || segment.sack)) {
        ++me.counts.duplicate_acks;
      }
    }
    if ((segment.flags & 0x10) != 0 &&
        (me.acknowledged == 0 || static_cast<std::int32_t>(segment.ack - me.acknowledged) > 0)) {
      me.acknowledged = segment.ack;
    }
    me.window = segment.window;
  }
  [[nodiscard]] const ModelCounts& counts(unsigned side) const { return sides_[side].counts; }
  /// The metric is as exact as the model.
  [[nodiscard]] bool exact() const { return sides_[0].exact && sides_[1].exact; }
  /// The number that would come next; near the wrap before anything was sent.
  [[nodiscard]] std::uint32_t next(unsigned side) const {
    return sides_[side].known ? static_cast<std::uint32_t>(sides_[side].next) : 0xffff'ff00U + side * 100;
  }

 private:
  using Range = std::pair<std::int64_t, std::int64_t>;

  struct Side {
    bool known = false, exact = true;
    std::pair<bool, std::uint32_t> initial{false, 0};
    std::int64_t next = 0;
    std::vector<Range> ranges;
    std::uint32_t acknowledged = 0;
    unsigned window = 0;
    ModelCounts counts;

    void begin(std::uint32_t seq) {
      known = true;
      next = (std::int64_t{1} << 40) + seq;
      ranges.clear();
    }
    [[nodiscard]] std::int64_t unwrapped(std::uint32_t seq) const {
      return next + static_cast<std::int32_t>(seq - static_cast<std::uint32_t>(next));
    }
    [[nodiscard]] bool opens_another(std::uint32_t seq) const {
      if (initial.first) return seq != initial.second;
      return unwrapped(seq) > next || next - unwrapped(seq) > kReach;
    }
    [[nodiscard]] std::int64_t seen_of(std::int64_t from, std::int64_t to) const {
      std::int64_t seen = 0;
      for (const Range& range : ranges) {
        seen += std::max<std::int64_t>(0, std::min(to, range.second) - std::max(from, range.first));
      }
      return seen;
    }
    void add(Range added) {
      std::vector<Range> others;
      for (const Range& range : ranges) {
        if (range.second < added.first || range.first > added.second) {
          others.push_back(range);
        } else {
          added = {std::min(range.first, added.first), std::max(range.second, added.second)};
        }
      }
      others.push_back(added);
      std::sort(others.begin(), others.end());
      ranges = others;
    }
  };

  static void take(Side& me, const ModelSegment& segment, std::uint32_t all) {
    std::int64_t from = me.unwrapped(segment.seq);
    if (from - me.next > kReach || me.next - from > kReach) {
      me.begin(segment.seq);
      from = me.next;
    }
    const std::int64_t to = from + all;
    const std::int64_t payload_from = from + ((segment.flags & 2) != 0 ? 1 : 0);
    const auto seen = static_cast<std::uint32_t>(me.seen_of(from, to));
    const auto seen_payload = static_cast<std::uint64_t>(me.seen_of(payload_from, payload_from + segment.payload));
    const bool below = from < me.next;
    if (seen != 0) ++me.counts.retransmitted;
    if ((seen != 0 && seen != all) || (seen == 0 && below)) ++me.counts.out_of_order;
    me.counts.retransmitted_octets += seen_payload;
    me.counts.stream += segment.payload - seen_payload;
    // What lies between the first segment, if that was a mere ACK, and the next one is a gap, too.
    if (me.ranges.empty()) me.ranges.emplace_back(me.next, me.next);
    me.add({from, to});
    me.next = std::max(me.next, to);
    if (me.ranges.size() - 1 > kMostGaps || me.next - me.ranges.front().first > kReach) me.exact = false;
  }

  Side sides_[2];
};

}  // namespace weir::test
