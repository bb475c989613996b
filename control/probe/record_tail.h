// RecordTail: the records of one call of Tail, filtered and as messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/query/record_filter.h"
#include "control/record_tap.h"
#include "control/service/operator_source.h"
#include "proto/record/monitor_names.h"

namespace weir {

class RecordTail final : public TailReader {
 public:
  struct Wish {
    std::optional<unsigned> monitor;  ///< nothing: all
    RecordFilter filter;
    std::size_t last = 0;  ///< records that the filter keeps, of those that have left already
    bool follow = false;
  };

  /// `names` of the monitors, which outlives this, as the tap does.
  RecordTail(RecordTap& tap, const MonitorNames& names, Wish wish, std::function<void()> wake);

  bool next(v1::TailReply& reply) override;
  [[nodiscard]] bool over() const override;

 private:
  [[nodiscard]] bool keeps(RecordView record) const;
  [[nodiscard]] std::size_t first_of_last(std::size_t last) const;
  RecordTap::Batch next_batch();
  void put(v1::TailReply& reply, RecordView record) const;

  const MonitorNames& names_;
  const RecordFilter filter_;
  const bool follow_;
  std::unique_ptr<RecordTap::Reader> reader_;
  std::size_t before_at_ = 0;  ///< the next batch of those that left before
  std::size_t leave_out_ = 0;  ///< records before the first of the last
  RecordTap::Batch batch_;     ///< that is being sent
  std::size_t at_ = 0;         ///< the next record of it
  bool live_ = false;          ///< batch_ left after the reader came
  std::uint64_t filtered_out_ = 0;
};

}  // namespace weir
