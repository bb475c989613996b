// LinePool: memory for what a metric keeps of some flows only, or of each flow a different amount: lines of 64 octets,
// bounded, one pool per worker.
//
// A metric takes a line when it has something to put into it and gives its lines back in release(), when the record has
// been written. If the pool is empty, take() says so: the metric leaves its fact out, and the pool counts that by the
// name of the fact (missing_facts.h). No packet is lost by it.
//
// A line's last 4 octets are the number of the next line: of the list that the metric makes of them, or of the free
// ones. Lines are numbered from 1. Those that were never used stay untouched.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "dataplane/memory.h"
#include "dataplane/metric/missing_facts.h"

namespace weir {

class LinePool {
 public:
  static constexpr std::uint32_t kNone = 0;
  static constexpr std::size_t kLineOctets = 64;

  LinePool() = default;
  /// ok() is false if the memory could not be had.
  explicit LinePool(std::uint32_t lines) : capacity_(lines), lines_(lines) {}
  [[nodiscard]] bool ok() const { return lines_.size() == capacity_; }
  void touch(Touching* touching = nullptr) {
    if (capacity_ != 0) lines_.touch(touching);
  }

  /// A line of zeros for `fact`; kNone: there is none, and the fact is counted as missing.
  [[nodiscard]] std::uint32_t take(MissingFact fact) {
    std::uint32_t line = free_;
    if (line != kNone) {
      free_ = next(line);
      if (free_ != kNone) __builtin_prefetch(&lines_[free_ - 1], 1);
    } else if (used_ < capacity_) {
      line = ++used_;
    } else {
      ++missing_[static_cast<std::size_t>(fact)];
      return kNone;
    }
    ++in_use_;
    lines_[line - 1] = {};
    return line;
  }
  /// Gives the line back, and those that follow it in its list.
  void give(std::uint32_t line) {
    while (line != kNone) {
      const std::uint32_t after = next(line);
      next(line) = free_;
      free_ = line;
      --in_use_;
      line = after;
    }
  }
  /// All lines are free again.
  void clear() { used_ = in_use_ = free_ = 0; }

  std::uint32_t& next(std::uint32_t line) { return lines_[line - 1].next; }
  [[nodiscard]] std::uint32_t next(std::uint32_t line) const { return lines_[line - 1].next; }
  /// What lies in the line.
  template <typename T>
  [[nodiscard]] T& at(std::uint32_t line) {
    check<T>();
    return *reinterpret_cast<T*>(lines_[line - 1].octets);
  }
  template <typename T>
  [[nodiscard]] const T& at(std::uint32_t line) const {
    check<T>();
    return *reinterpret_cast<const T*>(lines_[line - 1].octets);
  }

  [[nodiscard]] std::uint32_t capacity() const { return capacity_; }
  [[nodiscard]] std::uint32_t in_use() const { return in_use_; }
  /// By MissingFact: how often a line was wanted and there was none.
  [[nodiscard]] const std::array<std::uint64_t, kMissingFactCount>& missing() const { return missing_; }
  [[nodiscard]] std::size_t octets() const { return lines_.octets(); }
  /// Of lines that are or were in use.
  [[nodiscard]] std::size_t octets_in_use() const { return used_ * kLineOctets; }

 private:
  struct alignas(8) Line {
    std::uint8_t octets[kLineOctets - sizeof(std::uint32_t)];
    std::uint32_t next;
  };
  static_assert(sizeof(Line) == kLineOctets, "a cache line");

  template <typename T>
  static void check() {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(Line::octets) && alignof(T) <= alignof(Line));
  }

  std::uint32_t capacity_ = 0;
  std::uint32_t used_ = 0;  ///< lines up to this one were ever taken
  std::uint32_t in_use_ = 0;
  std::uint32_t free_ = kNone;
  std::array<std::uint64_t, kMissingFactCount> missing_{};
  MappedArray<Line> lines_;
};

}  // namespace weir
