// RecordBuffer: JSON lines or length-delimited protobuf messages, each a whole record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "control/export/export_hub.h"
#include "control/export/ordered_encoding.h"
#include "control/export/stream_buffer.h"
#include "proto/record/flow_record.h"

namespace weir {

enum class RecordFormat : std::uint8_t { json, protobuf };

class RecordBuffer final : public StreamBuffer {
 public:
  /// 256 KiB are some 1500 protobuf records a write: the system call vanishes beside the encoding. 2 MiB are some 5000
  /// JSON lines: five runs of the queue, which several cores may encode (ordered_encoding.h).
  static constexpr std::size_t kUsualOctets = std::size_t{256} * 1024;
  static constexpr std::size_t usual_octets(RecordFormat format) {
    return format == RecordFormat::json ? 8 * kUsualOctets : kUsualOctets;
  }

  explicit RecordBuffer(RecordFormat format, std::size_t capacity_octets = kUsualOctets,
                        const RecordTimeouts& timeouts = {});

  std::size_t append(std::span<const FlowRecord> records) override;
  std::span<const std::uint8_t> pending() override { return {octets_.data() + sent_, end_ - sent_}; }
  [[nodiscard]] bool empty() const override { return end_ == sent_; }
  RecordTotals advance(std::size_t count) override;
  /// Octets that left of a record that has not left as a whole.
  [[nodiscard]] std::size_t begun_octets() const { return sent_ - boundary_; }
  void rewind() override { sent_ = boundary_; }
  RecordTotals clear() override;

 private:
  struct Mark {
    std::size_t end;
    std::uint64_t packets;
    std::uint64_t octets;
    std::uint64_t deadline_ns;  ///< see Lateness
  };
  template <typename Encode>
  std::size_t append_with(std::span<const FlowRecord> records, std::size_t longest, Encode encode);
  std::size_t append_side_by_side(std::span<const FlowRecord> records);
  void mark(const FlowRecord& record);
  void make_room(std::size_t octets);

  RecordFormat format_;
  RecordTimeouts timeouts_;
  std::vector<std::uint8_t> octets_;
  std::size_t end_ = 0;
  std::size_t sent_ = 0;
  std::size_t boundary_ = 0;  ///< end of the last record that left as a whole
  std::vector<Mark> marks_;   ///< of the records in octets_, in order
  std::size_t marks_done_ = 0;
  std::unique_ptr<OrderedEncoding> side_by_side_;  ///< made when it is first needed
};

}  // namespace weir
