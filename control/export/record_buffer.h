// RecordBuffer: encoded records on their way out, and where each of them ends.
//
// A write may stop anywhere. The buffer knows the boundary of every record, so that a file can be cut back to the last
// whole one, a new connection begins with a whole one, and what counts as exported is exactly what left completely.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "control/export/export_hub.h"
#include "proto/flow_record.h"

namespace weir {

enum class RecordFormat : std::uint8_t { json, protobuf };

class RecordBuffer {
 public:
  /// 256 KiB are some 1500 protobuf or 500 JSON records a write: the system call vanishes beside the encoding.
  explicit RecordBuffer(RecordFormat format, std::size_t capacity_octets = std::size_t{256} * 1024);

  /// Encodes leading records while there is room; returns how many.
  std::size_t append(std::span<const FlowRecord> records);
  /// What has not left yet.
  [[nodiscard]] std::span<const std::uint8_t> pending() const { return {octets_.data() + sent_, end_ - sent_}; }
  [[nodiscard]] bool empty() const { return end_ == sent_; }
  /// The first `count` octets of pending() left; returns the records that are now out as a whole.
  RecordTotals advance(std::size_t count);
  /// Octets that left of a record that has not left as a whole.
  [[nodiscard]] std::size_t begun_octets() const { return sent_ - boundary_; }
  /// That record starts over.
  void rewind() { sent_ = boundary_; }
  /// Forgets everything; returns the records that had not left as a whole.
  RecordTotals clear();

 private:
  struct Mark {
    std::size_t end;
    std::uint64_t packets;
    std::uint64_t octets;
  };
  template <typename Encode>
  std::size_t append_with(std::span<const FlowRecord> records, std::size_t longest, Encode encode);
  void make_room(std::size_t octets);

  RecordFormat format_;
  std::vector<std::uint8_t> octets_;
  std::size_t end_ = 0;
  std::size_t sent_ = 0;
  std::size_t boundary_ = 0;  ///< end of the last record that left as a whole
  std::vector<Mark> marks_;   ///< of the records in octets_, in order
  std::size_t marks_done_ = 0;
};

}  // namespace weir
