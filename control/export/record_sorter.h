// RecordSorter: any number of records in, the same records in a total order out.
//
// Order: start time, then source address, destination address, source port, destination port, protocol, then the whole
// record as memory; so the same set of records gives the same output whatever order the workers delivered it in.
//
// Memory: `run_records` records of 192 octets, 768 MiB at the default of 4 Mi, are held at most, plus 16 octets each of
// sorting index (64 MiB): what is moved while sorting is the index and not the records. Pages are touched as they
// fill. A full run is sorted and written to a temporary file that has no name (in $TMPDIR, else /tmp), and at the end
// the runs are merged: 256 KiB of read buffer for each run, so 64 MiB for a thousand million records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "proto/base/unique_fd.h"
#include "proto/record/flow_record.h"

namespace weir {

/// The order of the output: true if `a` comes before `b`.
bool record_precedes(const FlowRecord& a, const FlowRecord& b);

class RecordSorter {
 public:
  static constexpr std::size_t kDefaultRunRecords = 4U << 20;

  explicit RecordSorter(std::size_t run_records = kDefaultRunRecords);
  RecordSorter(const RecordSorter&) = delete;
  RecordSorter& operator=(const RecordSorter&) = delete;
  ~RecordSorter();

  /// Error (of both): the temporary file cannot be made, written or read; one line.
  tl::expected<void, std::string> add(std::span<const FlowRecord> records);
  /// No more will come: next() may be called.
  tl::expected<void, std::string> finish();
  /// The next records in order; returns how many, 0 at the end.
  tl::expected<std::size_t, std::string> next(std::span<FlowRecord> out);

  [[nodiscard]] std::size_t spilled_runs() const { return runs_.size(); }

 private:
  struct Entry {
    std::uint64_t start_ns;
    std::uint32_t index;
  };
  /// A sorted run in the temporary file, or (file_left == 0, buffer empty) the one in memory.
  struct Run {
    std::uint64_t file_at;    ///< octets
    std::uint64_t file_left;  ///< records
    std::vector<FlowRecord> buffer;
    std::size_t buffer_at = 0;
  };
  void sort_memory();
  tl::expected<void, std::string> spill();
  tl::expected<void, std::string> refill(Run& run);
  [[nodiscard]] const FlowRecord& head(std::size_t source) const;
  tl::expected<bool, std::string> step(std::size_t source);
  void sift_down(std::size_t at);

  const std::size_t run_records_;
  std::unique_ptr<FlowRecord[]> records_;
  std::size_t count_ = 0;
  std::vector<Entry> order_;
  std::size_t order_at_ = 0;
  UniqueFd file_;
  std::uint64_t file_octets_ = 0;
  std::vector<Run> runs_;
  std::vector<std::size_t> heap_;  ///< sources with records left, least head first; runs_.size() is the memory
};

}  // namespace weir
