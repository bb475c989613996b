// RecordSorter: any number of records in, the same records in a total order out.
//
// Order: start time, then source address, destination address, source port, destination port, protocol, then the whole
// record as memory, sections included; so the same set of records gives the same output whatever order the workers
// delivered it in.
//
// Memory: an arena of `run_records` times 128 octets, 512 MiB at the default of 4 Mi: room for so many records without
// sections, or for fewer with them. Each record has 16 octets of sorting index more (64 MiB): what is moved while
// sorting is the index and not the records. Pages are touched as they fill. A full run is sorted and written to a
// temporary file that has no name (in $TMPDIR, else /tmp), and at the end the runs are merged: 256 KiB of read buffer
// for each run, so 64 MiB for a thousand million records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "proto/base/unique_fd.h"
#include "proto/record/record_batch.h"

namespace weir {

/// The order of the output: true if `a` comes before `b`.
bool record_precedes(RecordView a, RecordView b);

class RecordSorter {
 public:
  static constexpr std::size_t kDefaultRunRecords = 4U << 20;

  /// `run_records`: records without sections that the arena has room for.
  explicit RecordSorter(std::size_t run_records = kDefaultRunRecords);
  RecordSorter(const RecordSorter&) = delete;
  RecordSorter& operator=(const RecordSorter&) = delete;
  ~RecordSorter();

  /// Error (of both): the temporary file cannot be made, written or read; one line.
  tl::expected<void, std::string> add(RecordSpan records);
  /// No more will come: next() may be called.
  tl::expected<void, std::string> finish();
  /// Appends the next records in order, at most `most`; returns how many, 0 at the end.
  tl::expected<std::size_t, std::string> next(RecordBatch& out, std::size_t most);

  [[nodiscard]] std::size_t spilled_runs() const { return runs_.size(); }

 private:
  /// What a record's length is a multiple of: records lie without a gap in the arena, the file and the buffers.
  using Word = std::uint64_t;
  struct Entry {
    std::uint64_t start_ns;
    std::uint32_t at;  ///< in arena_
  };
  static_assert(sizeof(Entry) == 16, "the index's share of the memory, as above");
  /// A sorted run in the temporary file: the part that is not read yet, and a buffer of what was.
  struct Run {
    std::uint64_t file_at;    ///< octets
    std::uint64_t file_left;  ///< octets
    std::vector<Word> buffer;
    std::size_t at = 0;   ///< the first record in the buffer
    std::size_t end = 0;  ///< of what was read
  };
  static RecordView record_at(const Word* words) { return *reinterpret_cast<const FlowRecord*>(words); }
  static bool has_whole_record(const Run& run);
  void sort_memory();
  tl::expected<void, std::string> spill();
  tl::expected<void, std::string> write(const std::vector<Word>& block);
  tl::expected<void, std::string> refill(Run& run);
  [[nodiscard]] RecordView head(std::size_t source) const;
  tl::expected<bool, std::string> step(std::size_t source);
  void sift_down(std::size_t at);

  const std::size_t capacity_;  ///< words
  std::unique_ptr<Word[]> arena_;
  std::size_t used_ = 0;   ///< words
  std::size_t count_ = 0;  ///< records in the arena
  std::vector<Entry> order_;
  std::size_t order_at_ = 0;
  UniqueFd file_;
  std::uint64_t file_octets_ = 0;
  std::vector<Run> runs_;
  std::vector<std::size_t> heap_;  ///< sources with records left, least head first; runs_.size() is the memory
};

}  // namespace weir
