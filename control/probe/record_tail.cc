#include "control/probe/record_tail.h"

#include <array>
#include <utility>

#include "proto/record/flow_protobuf.h"

namespace weir {
namespace {

/// Records in one message. With all that a record can hold that is less than the 4 MiB that a gRPC client takes.
constexpr int kMostInMessage = 256;

}  // namespace

RecordTail::RecordTail(RecordTap& tap, const MonitorNames& names, Wish wish, std::function<void()> wake)
    : names_(names),
      filter_(std::move(wish.filter)),
      follow_(wish.follow),
      reader_(tap.open(wish.monitor, std::move(wake))),
      leave_out_(first_of_last(wish.last)) {}

bool RecordTail::keeps(RecordView record) const {
  for (const Direction direction : {kForward, kReverse}) {
    if (record->packets[direction] != 0 && filter_.keeps(record, direction)) return true;
  }
  return false;
}

/// The place, among all records that left before, of the first one of the last that the filter keeps.
std::size_t RecordTail::first_of_last(std::size_t last) const {
  std::size_t place = 0;
  for (const RecordTap::Batch& batch : reader_->before()) place += batch->size();
  for (auto batch = reader_->before().rbegin(); batch != reader_->before().rend(); ++batch) {
    for (std::size_t i = (*batch)->size(); i != 0; --i) {
      if (last == 0) return place;
      --place;
      if (keeps((**batch)[i - 1])) --last;
    }
  }
  return place;
}

RecordTap::Batch RecordTail::next_batch() {
  while (before_at_ < reader_->before().size()) {
    RecordTap::Batch batch = reader_->before()[before_at_++];
    if (leave_out_ < batch->size()) {
      at_ = std::exchange(leave_out_, 0);
      return batch;
    }
    leave_out_ -= batch->size();
  }
  if (!follow_) return nullptr;
  live_ = true;
  at_ = 0;
  return reader_->take();
}

bool RecordTail::next(v1::TailReply& reply) {
  while (reply.records_size() < kMostInMessage) {
    if (batch_ == nullptr) batch_ = next_batch();
    if (batch_ == nullptr) break;
    for (; at_ < batch_->size() && reply.records_size() < kMostInMessage; ++at_) {
      const RecordView record = (*batch_)[at_];
      if (keeps(record)) {
        put(reply, record);
      } else if (live_) {
        ++filtered_out_;
      }
    }
    if (at_ == batch_->size()) batch_.reset();
  }
  const RecordTap::Counts counts = reader_->counts();
  reply.set_ended(follow_ ? counts.ended : 0);
  reply.set_skipped(follow_ ? counts.skipped : 0);
  reply.set_filtered_out(filtered_out_);
  return reply.records_size() != 0;
}

bool RecordTail::over() const {
  if (batch_ != nullptr || before_at_ < reader_->before().size()) return false;
  return !follow_ || reader_->over();
}

void RecordTail::put(v1::TailReply& reply, RecordView record) const {
  std::array<std::uint8_t, kFlowProtobufMaxOctets> message;
  const std::uint8_t* const end = write_flow_protobuf(message.data(), record, {}, names_.of(*record));
  const DelimitedMessage one = next_delimited({message.data(), end});
  reply.add_records()->ParseFromArray(one.message.data(), static_cast<int>(one.message.size()));
}

}  // namespace weir
