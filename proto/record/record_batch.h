// RecordBatch: records of any length, one after the other in one arena, with a list of where each begins.
//
// The list gives random access, which encoding on several cores needs. RecordSpan is a run of a batch's records.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <vector>

#include "proto/record/sections.h"

namespace weir {

/// A line of a record in a ring or an arena.
struct RecordLine {
  std::uint64_t words[kRecordLineOctets / sizeof(std::uint64_t)];
};
static_assert(sizeof(RecordLine) == kRecordLineOctets);

/// A run of records. It refers to a batch: valid as long as that is, and unchanged.
class RecordSpan {
 public:
  class Iterator {
   public:
    // NOLINTBEGIN(readability-identifier-naming): the standard library's names
    using iterator_category = std::input_iterator_tag;
    using value_type = RecordView;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = RecordView;
    // NOLINTEND(readability-identifier-naming)

    Iterator(const RecordLine* lines, const std::uint32_t* at) : lines_(lines), at_(at) {}
    RecordView operator*() const { return *reinterpret_cast<const FlowRecord*>(lines_ + *at_); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    const RecordLine* lines_;
    const std::uint32_t* at_;
  };

  RecordSpan() = default;
  RecordSpan(const RecordLine* lines, const std::uint32_t* offsets, std::size_t count)
      : lines_(lines), offsets_(offsets), count_(count) {}

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] RecordView operator[](std::size_t index) const {
    return *reinterpret_cast<const FlowRecord*>(lines_ + offsets_[index]);
  }
  [[nodiscard]] RecordView front() const { return (*this)[0]; }
  [[nodiscard]] RecordSpan first(std::size_t count) const { return {lines_, offsets_, count}; }
  [[nodiscard]] RecordSpan subspan(std::size_t from) const { return {lines_, offsets_ + from, count_ - from}; }
  [[nodiscard]] RecordSpan subspan(std::size_t from, std::size_t count) const {
    return {lines_, offsets_ + from, count};
  }
  [[nodiscard]] Iterator begin() const { return {lines_, offsets_}; }
  [[nodiscard]] Iterator end() const { return {lines_, offsets_ + count_}; }

 private:
  const RecordLine* lines_ = nullptr;
  const std::uint32_t* offsets_ = nullptr;
  std::size_t count_ = 0;
};

class RecordBatch {
 public:
  [[nodiscard]] std::size_t size() const { return offsets_.size(); }
  [[nodiscard]] bool empty() const { return offsets_.empty(); }
  /// Octets of the arena that records lie in.
  [[nodiscard]] std::size_t octets() const { return lines_.size() * sizeof(RecordLine); }
  [[nodiscard]] RecordView operator[](std::size_t index) const { return span()[index]; }
  [[nodiscard]] RecordSpan span() const { return {lines_.data(), offsets_.data(), offsets_.size()}; }
  [[nodiscard]] RecordSpan subspan(std::size_t from) const { return span().subspan(from); }
  [[nodiscard]] RecordSpan subspan(std::size_t from, std::size_t count) const { return span().subspan(from, count); }
  [[nodiscard]] RecordSpan::Iterator begin() const { return span().begin(); }
  [[nodiscard]] RecordSpan::Iterator end() const { return span().end(); }

  /// The base of a record, to be changed where it lies; which sections it has stays as it is.
  [[nodiscard]] FlowRecord& mutable_base(std::size_t index) {
    return *reinterpret_cast<FlowRecord*>(lines_.data() + offsets_[index]);
  }

  /// A section that the record has, to be changed likewise.
  template <typename S>
  [[nodiscard]] S& mutable_section(std::size_t index) {
    return section_of<S>(mutable_base(index));
  }

  /// Octets of memory that it has from the allocator, used or not.
  [[nodiscard]] std::size_t allocated_octets() const {
    return sizeof(RecordBatch) + lines_.capacity() * sizeof(RecordLine) + offsets_.capacity() * sizeof(std::uint32_t);
  }
  /// The most that a batch of so many records has after trim(), however long they are.
  static constexpr std::size_t most_allocated_octets(std::size_t records) {
    constexpr std::size_t kRecord = kMostRecordLines * sizeof(RecordLine) + sizeof(std::uint32_t);
    constexpr std::size_t kRounding = 4 * (sizeof(RecordLine) + sizeof(std::uint32_t));  // of trim()
    return sizeof(RecordBatch) + records * kRecord * 4 / 3 + kRounding;
  }

  /// `octets`: of the arena; 0: records without sections.
  void reserve(std::size_t records, std::size_t octets = 0) {
    offsets_.reserve(records);
    lines_.reserve(octets != 0 ? octets / sizeof(RecordLine) : records * (sizeof(FlowRecord) / sizeof(RecordLine)));
  }
  /// Gives memory back if more than a quarter of it is not used, so that a batch that waits costs what it holds.
  void trim() {
    if (lines_.size() < lines_.capacity() / 4 * 3) lines_.shrink_to_fit();
    if (offsets_.size() < offsets_.capacity() / 4 * 3) offsets_.shrink_to_fit();
  }
  void clear() {
    lines_.clear();
    offsets_.clear();
  }
  /// Appends a copy of the record, which does not lie in this batch.
  void append(RecordView record) {
    const std::size_t at = lines_.size();
    offsets_.push_back(static_cast<std::uint32_t>(at));
    lines_.resize(at + record.lines());
    std::memcpy(lines_.data() + at, record.octets(), record.size());
  }
  /// Appends a copy of the record that has the sections `added`, too, with all their octets 0. The record has none of
  /// these yet.
  void append_with(RecordView record, std::uint32_t added) {
    const std::uint32_t before = record->sections & kAllSections;
    const std::size_t at = lines_.size();
    offsets_.push_back(static_cast<std::uint32_t>(at));
    lines_.resize(at + record_lines(before | added));
    auto* to = reinterpret_cast<std::uint8_t*>(lines_.data() + at);
    const std::uint8_t* from = record.octets();
    // All octets up to the first section that is added, then the others one by one.
    const std::uint32_t low = before & ((added & (~added + 1)) - 1);
    const std::size_t whole = sizeof(FlowRecord) + sections_octets(low);
    std::memcpy(to, from, whole);
    reinterpret_cast<FlowRecord*>(to)->sections |= added;
    to += whole;
    from += whole;
    for (std::uint32_t rest = (before & ~low) | added; rest != 0; rest &= rest - 1) {
      const std::size_t octets = kSectionOctets[static_cast<std::size_t>(std::countr_zero(rest)) + 1];
      if ((before & rest & (~rest + 1)) != 0) {
        std::memcpy(to, from, octets);
        from += octets;
      }
      to += octets;
    }
  }
  void append(RecordSpan records) {
    for (const RecordView record : records) append(record);
  }

 private:
  std::vector<RecordLine> lines_;
  std::vector<std::uint32_t> offsets_;  ///< of each record, in lines; a batch has some thousand records
};

}  // namespace weir
