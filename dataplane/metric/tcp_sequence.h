// What one end of a TCP connection has sent, by sequence number: what is new in a segment, what was seen before, and
// what fills a gap. Numbers are modulo 2^32 (RFC 9293 §3.4).
//
// What was seen is everything from `floor` to the number after the greatest one that was seen (`next`), without the
// holes. Both the number of holes and the distance that is looked back are bounded, whatever is sent:
//
//   kMostHoles  A hole that finds no room is forgotten: what fills it will count as seen before. `cut` says so.
//   kReach      No window is greater (RFC 7323 §2.3). What lies farther back is forgotten. A segment that lies
//               farther away, or a SYN with another initial number, begins the numbering anew, so that one forged
//               segment does not spoil what follows it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace weir {

/// How far `a` is after `b`; below 0: before it.
[[nodiscard]] inline std::int32_t sequence_distance(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b);
}

/// Numbers in [begin, end) that were not seen.
struct SequenceHole {
  std::uint32_t begin;
  std::uint32_t end;
};

/// What a segment brought: how many of its numbers were seen before, and whether any of the others fills a gap.
struct SegmentNews {
  std::uint32_t seen;          ///< of the payload, of SYN and of FIN
  std::uint32_t seen_payload;  ///< of the payload alone
  bool fills_gap;
};

struct SequenceTrack {
  static constexpr unsigned kMostHoles = 8;
  static constexpr std::uint32_t kReach = std::uint32_t{1} << 30;

  std::uint32_t floor;    ///< nothing before it was seen; until has_floor is false
  std::uint32_t initial;  ///< number of the SYN
  std::uint8_t hole_count;
  bool known;      ///< a segment was seen: `next` means something
  bool has_floor;  ///< else `floor` is out of reach
  bool has_initial;
  bool cut;  ///< a hole found no room since the record began
  std::uint8_t reserved[3];

  /// The numbering begins with `sequence`.
  void begin(std::uint32_t sequence, std::uint32_t& next) {
    floor = next = sequence;
    hole_count = 0;
    known = has_floor = true;
  }
  void begin_with_syn(std::uint32_t sequence, std::uint32_t& next) {
    begin(sequence, next);
    initial = sequence;
    has_initial = true;
  }
  /// Whether a SYN opens another connection than the one that is known.
  [[nodiscard]] bool opens_another(std::uint32_t sequence, std::uint32_t next) const {
    if (has_initial) return sequence != initial;
    return next - sequence > kReach;
  }
  /// Forgets what is out of reach. `moved`: by how much `next` went on since the last call, or more.
  void forget(std::uint32_t next, std::uint64_t moved, SequenceHole* holes) {
    if (moved >= kReach) {  // every hole is from before
      hole_count = 0;
      has_floor = false;
      return;
    }
    if (next - floor > kReach) has_floor = false;
    unsigned kept = 0;
    for (unsigned i = 0; i < hole_count; ++i) {
      if (next - holes[i].begin <= kReach) holes[kept++] = holes[i];
    }
    hole_count = static_cast<std::uint8_t>(kept);
  }

  /// Takes `payload` octets from `sequence` on, after a SYN's number and before a FIN's if the segment has them.
  /// `sequence` is within kReach of `next`.
  SegmentNews take(std::uint32_t sequence, std::uint32_t syn, std::uint32_t payload, std::uint32_t fin,
                   std::uint32_t& next, SequenceHole* holes) {
    const std::uint32_t end = sequence + syn + payload + fin;
    if (sequence_distance(sequence, next) >= 0) {
      if (sequence != next) leave({next, sequence}, holes);
      next = end;
      return {};
    }
    const std::uint32_t below = sequence_distance(end, next) > 0 ? next : end;
    const std::uint32_t missed = missing(sequence, below, holes);
    const std::uint32_t payload_begin = sequence + syn;
    const std::uint32_t payload_end = payload_begin + payload;
    const std::uint32_t payload_below = sequence_distance(payload_end, next) > 0 ? next : payload_end;
    SegmentNews news{below - sequence - missed, 0, missed != 0};
    if (sequence_distance(payload_below, payload_begin) > 0) {
      news.seen_payload = payload_below - payload_begin - missing(payload_begin, payload_below, holes);
    }
    if (missed != 0) fill(sequence, below, holes);
    if (sequence_distance(end, next) > 0) next = end;
    return news;
  }

 private:
  /// How many numbers of [begin, end) were not seen; end is at most `next`.
  [[nodiscard]] std::uint32_t missing(std::uint32_t begin, std::uint32_t end, const SequenceHole* holes) const {
    std::uint32_t count = 0;
    if (has_floor && sequence_distance(floor, begin) > 0) {
      const std::uint32_t to = sequence_distance(floor, end) < 0 ? floor : end;
      count += to - begin;
      begin = to;
    }
    for (unsigned i = 0; i < hole_count; ++i) {
      const std::uint32_t from = sequence_distance(holes[i].begin, begin) > 0 ? holes[i].begin : begin;
      const std::uint32_t to = sequence_distance(holes[i].end, end) < 0 ? holes[i].end : end;
      if (sequence_distance(to, from) > 0) count += to - from;
    }
    return count;
  }
  void leave(const SequenceHole& hole, SequenceHole* holes) {
    if (hole_count == kMostHoles) {
      cut = true;
      std::copy(holes + 1, holes + kMostHoles, holes);
      --hole_count;
    }
    holes[hole_count++] = hole;
  }
  /// [begin, end) is seen from now on.
  void fill(std::uint32_t begin, std::uint32_t end, SequenceHole* holes) {
    if (has_floor && sequence_distance(floor, begin) > 0) {
      const std::uint32_t old_floor = floor;
      floor = begin;
      if (sequence_distance(old_floor, end) > 0) leave({end, old_floor}, holes);
    }
    unsigned kept = 0;
    SequenceHole rest{};  // what is left of a hole after its middle was filled
    for (unsigned i = 0; i < hole_count; ++i) {
      const SequenceHole hole = holes[i];
      const bool before = sequence_distance(begin, hole.begin) > 0;
      const bool after = sequence_distance(hole.end, end) > 0;
      if (sequence_distance(end, hole.begin) <= 0 || sequence_distance(hole.end, begin) <= 0) {
        holes[kept++] = hole;
      } else if (before) {
        holes[kept++] = {hole.begin, begin};
        if (after) rest = {end, hole.end};
      } else if (after) {
        holes[kept++] = {end, hole.end};
      }
    }
    hole_count = static_cast<std::uint8_t>(kept);
    if (rest.begin != rest.end) leave(rest, holes);
  }
};

}  // namespace weir
