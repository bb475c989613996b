// RecordRing: flow records on their way from a worker to the control side.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "dataplane/line_ring.h"
#include "proto/record/sections.h"

namespace weir {

/// A record as a ring's message: the first line of its base says how long it is.
struct RecordMessage {
  /// Of FlowRecord::sections, in a ring only: no record begins here.
  static constexpr std::uint32_t kSkipMark = std::uint32_t{1} << 30;
  static_assert((kSkipMark & (kAllSections | FlowRecord::kOverflowMark)) == 0);

  static const FlowRecord& record(const RingLine& line) { return *reinterpret_cast<const FlowRecord*>(&line); }
  static unsigned lines(const RingLine& line) {
    const std::uint32_t sections = sections_of(line);
    return (sections & kSkipMark) != 0 ? 0 : record_lines(sections);
  }
  static void mark_skip(RingLine& line) {
    std::memcpy(reinterpret_cast<std::uint8_t*>(&line) + kSectionsAt, &kSkipMark, sizeof kSkipMark);
  }

 private:
  static constexpr std::size_t kSectionsAt = offsetof(FlowRecord, sections);
  static_assert(kSectionsAt + sizeof kSkipMark <= sizeof(RingLine));

  static std::uint32_t sections_of(const RingLine& line) {
    std::uint32_t sections;
    std::memcpy(&sections, reinterpret_cast<const std::uint8_t*>(&line) + kSectionsAt, sizeof sections);
    return sections;
  }
};

/// The least ring for records of any length.
inline constexpr std::size_t kLeastRingLines = std::size_t{2} * kMostRecordLines;

/// A ring that any record fits into, however few lines are asked for: a producer that waits for room gets it one day.
class RecordRing : public LineRing<RecordMessage> {
 public:
  explicit RecordRing(std::size_t lines) : LineRing(std::max(lines, kLeastRingLines)) {}

  /// For tests of a ring that is full after few records. Longer records than half of it may never fit.
  struct Exactly {
    std::size_t lines;
  };
  explicit RecordRing(Exactly exactly) : LineRing(exactly.lines) {}
};

/// Lines of a ring that has room for this many records without sections.
[[nodiscard]] constexpr std::size_t ring_lines(std::size_t records) {
  return records * record_lines(0);
}

}  // namespace weir
