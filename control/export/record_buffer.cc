#include "control/export/record_buffer.h"

#include <algorithm>
#include <cstring>

#include "proto/record/flow_json.h"
#include "proto/record/flow_protobuf.h"

namespace weir {
namespace {

std::uint8_t* write_json(std::uint8_t* out, const FlowRecord& record) {
  return reinterpret_cast<std::uint8_t*>(write_flow_json(reinterpret_cast<char*>(out), record));
}

/// What a JSON line usually needs at most; the rest of a run that needs more waits for the next write.
constexpr std::size_t kUsualJsonOctets = 512;

}  // namespace

RecordBuffer::RecordBuffer(RecordFormat format, std::size_t capacity_octets, const RecordTimeouts& timeouts)
    : format_(format),
      timeouts_(timeouts),
      octets_(std::max(capacity_octets, 2 * std::max(kFlowJsonMaxOctets, kFlowProtobufMaxOctets))) {
  marks_.reserve(octets_.size() / 64);
}

void RecordBuffer::make_room(std::size_t octets) {
  if (octets_.size() - end_ >= octets || boundary_ == 0) return;
  // Moves at most the rest that a slow peer has not taken.
  std::memmove(octets_.data(), octets_.data() + boundary_, end_ - boundary_);
  marks_.erase(marks_.begin(), marks_.begin() + static_cast<std::ptrdiff_t>(marks_done_));
  for (Mark& mark : marks_) mark.end -= boundary_;
  marks_done_ = 0;
  end_ -= boundary_;
  sent_ -= boundary_;
  boundary_ = 0;
}

template <typename Encode>
std::size_t RecordBuffer::append_with(std::span<const FlowRecord> records, std::size_t longest, Encode encode) {
  make_room(longest);
  std::size_t count = 0;
  for (const FlowRecord& record : records) {
    if (octets_.size() - end_ < longest) break;
    end_ = static_cast<std::size_t>(encode(octets_.data() + end_, record) - octets_.data());
    mark(record);
    ++count;
  }
  return count;
}

/// The record that ends at end_.
void RecordBuffer::mark(const FlowRecord& record) {
  marks_.push_back({end_, record.total_packets(), record.total_octets(), Lateness::deadline_ns(record, timeouts_)});
}

std::size_t RecordBuffer::append_side_by_side(std::span<const FlowRecord> records) {
  if (side_by_side_ == nullptr) side_by_side_ = std::make_unique<OrderedEncoding>(write_json, kFlowJsonMaxOctets);
  std::size_t count = 0;
  side_by_side_->run(records, [&](const FlowRecord& record, std::span<const std::uint8_t> line) {
    if (octets_.size() - end_ < line.size()) return false;
    std::memcpy(octets_.data() + end_, line.data(), line.size());
    end_ += line.size();
    mark(record);
    ++count;
    return true;
  });
  return count;
}

std::size_t RecordBuffer::append(std::span<const FlowRecord> records) {
  if (format_ == RecordFormat::protobuf) return append_with(records, kFlowProtobufMaxOctets, write_flow_protobuf);
  if (records.size() >= OrderedEncoding::kLeastRecords && OrderedEncoding::worthwhile()) {
    make_room(kFlowJsonMaxOctets);
    const std::size_t fit = (octets_.size() - end_) / kUsualJsonOctets;
    if (fit >= OrderedEncoding::kLeastRecords) return append_side_by_side(records.first(std::min(fit, records.size())));
  }
  return append_with(records, kFlowJsonMaxOctets, write_json);
}

RecordTotals RecordBuffer::advance(std::size_t count) {
  sent_ += count;
  RecordTotals done;
  const std::uint64_t now_ns = exporter_clock_ns();
  while (marks_done_ < marks_.size() && marks_[marks_done_].end <= sent_) {
    const Mark& mark = marks_[marks_done_++];
    done += {1, mark.packets, mark.octets};
    lateness_.add(mark.deadline_ns, now_ns);
    boundary_ = mark.end;
  }
  if (empty()) {
    marks_.clear();
    marks_done_ = end_ = sent_ = boundary_ = 0;
  }
  return done;
}

RecordTotals RecordBuffer::clear() {
  RecordTotals rest;
  for (; marks_done_ < marks_.size(); ++marks_done_) {
    rest += {1, marks_[marks_done_].packets, marks_[marks_done_].octets};
  }
  marks_.clear();
  marks_done_ = end_ = sent_ = boundary_ = 0;
  return rest;
}

}  // namespace weir
