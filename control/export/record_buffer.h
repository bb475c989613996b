// RecordBuffer: what a RecordEncoding makes of records, each a whole one.
//
// What a file begins with (RecordEncoding::head) is a part of its first record here: it leaves, is cut back and begins
// anew with that record. A file without a record has nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "control/export/ordered_encoding.h"
#include "control/export/record_encoding.h"
#include "control/export/stream_buffer.h"
#include "proto/record/record_batch.h"

namespace weir {

class RecordBuffer final : public StreamBuffer {
 public:
  /// 256 KiB are some 1500 protobuf records a write: the system call vanishes beside the encoding. Where several cores
  /// may encode (ordered_encoding.h), it is eight times that: 2 MiB are some 5000 JSON lines, five runs of the queue.
  static constexpr std::size_t kUsualOctets = std::size_t{256} * 1024;

  /// `capacity_octets` 0: as above. `most_octets`: what it may grow to while what was sent is not acknowledged; 0: it
  /// does not grow.
  explicit RecordBuffer(std::unique_ptr<RecordEncoding> encoding, std::size_t capacity_octets = 0,
                        std::size_t most_octets = 0);

  std::size_t append(RecordSpan records) override;
  std::span<const std::uint8_t> pending() override { return {octets_.data() + sent_, end_ - sent_}; }
  [[nodiscard]] bool empty() const override { return end_ == sent_; }
  [[nodiscard]] std::size_t pending_octets() const override { return end_ - sent_; }
  void sent(std::size_t count) override;
  RecordTotals acknowledged(std::size_t count) override;
  [[nodiscard]] bool settled() const override { return end_ == boundary_; }
  [[nodiscard]] std::size_t begun_octets() const override { return sent_ - boundary_; }
  void rewind() override { sent_ = acknowledged_ = boundary_; }
  [[nodiscard]] RecordTotals in_flight() const override { return begun_before(sent_); }
  [[nodiscard]] RecordTotals once_sent() const override { return begun_before(ever_sent_); }
  RecordTotals clear() override;
  /// Only while it is empty, where the encoding has a head.
  void begin_stream() override { head_due_ = true; }

 private:
  struct Mark {
    std::size_t end;
    std::uint64_t packets;
    std::uint64_t octets;
    std::uint64_t deadline_ns;  ///< of the record, see Lateness
  };
  bool append_head(RecordSpan records);
  std::size_t append_one_by_one(RecordSpan records);
  std::size_t append_side_by_side(RecordSpan records);
  void mark(RecordView record);
  void make_room(std::size_t octets);
  void forget_all();
  /// The records that are not acknowledged and begin before `end`.
  [[nodiscard]] RecordTotals begun_before(std::size_t end) const;

  std::unique_ptr<RecordEncoding> encoding_;
  const std::size_t longest_;      ///< encoding_->longest_octets()
  const std::size_t most_octets_;  ///< octets_ may grow to
  bool head_due_ = true;
  std::vector<std::uint8_t> octets_;
  std::size_t end_ = 0;
  std::size_t sent_ = 0;
  std::size_t ever_sent_ = 0;     ///< the greatest sent_ of what is here now
  std::size_t acknowledged_ = 0;  ///< at most sent_
  std::size_t boundary_ = 0;      ///< end of the last record that was acknowledged as a whole
  std::vector<Mark> marks_;       ///< of the records in octets_, in order
  std::size_t marks_done_ = 0;
  std::unique_ptr<OrderedEncoding> side_by_side_;  ///< made when it is first needed
};

}  // namespace weir
