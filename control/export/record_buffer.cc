#include "control/export/record_buffer.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace weir {
namespace {

std::size_t usual_octets(const RecordEncoding& encoding) {
  return encoding.on_several_cores() != nullptr ? 8 * RecordBuffer::kUsualOctets : RecordBuffer::kUsualOctets;
}

/// What a JSON line usually needs at most; the rest of a run that needs more waits for the next write.
constexpr std::size_t kUsualLineOctets = 512;

}  // namespace

RecordBuffer::RecordBuffer(std::unique_ptr<RecordEncoding> encoding, std::size_t capacity_octets,
                           std::size_t most_octets)
    : encoding_(std::move(encoding)),
      longest_(encoding_->longest_octets()),
      most_octets_(most_octets),
      octets_(std::max(capacity_octets != 0 ? capacity_octets : usual_octets(*encoding_), 2 * longest_)) {
  marks_.reserve(octets_.size() / 64);
}

void RecordBuffer::make_room(std::size_t octets) {
  if (octets_.size() - end_ >= octets) return;
  const std::size_t kept = end_ - boundary_;
  if (boundary_ != 0 && (boundary_ >= kept || most_octets_ == 0)) {
    // The rest waits for a slow peer to take or acknowledge it. In a large buffer it is moved only if it is shorter
    // than the part that became free.
    std::memmove(octets_.data(), octets_.data() + boundary_, kept);
    marks_.erase(marks_.begin(), marks_.begin() + static_cast<std::ptrdiff_t>(marks_done_));
    for (Mark& mark : marks_) mark.end -= boundary_;
    marks_done_ = 0;
    end_ -= boundary_;
    sent_ -= boundary_;
    ever_sent_ -= std::min(boundary_, ever_sent_);
    acknowledged_ -= boundary_;
    boundary_ = 0;
  }
  if (octets_.size() - end_ < octets && octets_.size() < most_octets_) {
    octets_.resize(std::min(most_octets_, 2 * octets_.size()));
  }
}

/// false: there is no room for it yet.
bool RecordBuffer::append_head(RecordSpan records) {
  const std::string head = encoding_->head(records);
  if (head.empty()) {
    head_due_ = false;
    return true;
  }
  // Leave room for the first record, too, so that a header is never sent alone.
  if (octets_.size() < head.size() + longest_) octets_.resize(head.size() + longest_);
  make_room(head.size() + longest_);
  if (octets_.size() - end_ < head.size() + longest_) return false;
  std::memcpy(octets_.data() + end_, head.data(), head.size());
  end_ += head.size();
  head_due_ = false;
  return true;
}

std::size_t RecordBuffer::append_one_by_one(RecordSpan records) {
  make_room(longest_);
  std::size_t count = 0;
  for (const RecordView record : records) {
    if (octets_.size() - end_ < longest_) break;
    end_ = static_cast<std::size_t>(encoding_->write(octets_.data() + end_, record) - octets_.data());
    mark(record);
    ++count;
  }
  return count;
}

/// The record that ends at end_.
void RecordBuffer::mark(RecordView record) {
  marks_.push_back({end_, record->total_packets(), record->total_octets(), record->deadline_ns()});
}

std::size_t RecordBuffer::append_side_by_side(RecordSpan records) {
  if (side_by_side_ == nullptr)
    side_by_side_ = std::make_unique<OrderedEncoding>(encoding_->on_several_cores(), longest_);
  std::size_t count = 0;
  side_by_side_->run(records, [&](RecordView record, std::span<const std::uint8_t> line) {
    if (octets_.size() - end_ < line.size()) return false;
    std::memcpy(octets_.data() + end_, line.data(), line.size());
    end_ += line.size();
    mark(record);
    ++count;
    return true;
  });
  return count;
}

std::size_t RecordBuffer::append(RecordSpan records) {
  if (records.empty()) return 0;
  if (head_due_ && !append_head(records)) return 0;
  if (records.size() >= OrderedEncoding::kLeastRecords && encoding_->on_several_cores() != nullptr &&
      OrderedEncoding::worthwhile()) {
    make_room(longest_);
    const std::size_t fit = (octets_.size() - end_) / kUsualLineOctets;
    if (fit >= OrderedEncoding::kLeastRecords) return append_side_by_side(records.first(std::min(fit, records.size())));
  }
  return append_one_by_one(records);
}

void RecordBuffer::sent(std::size_t count) {
  sent_ += count;
  ever_sent_ = std::max(ever_sent_, sent_);
}

RecordTotals RecordBuffer::acknowledged(std::size_t count) {
  acknowledged_ += count;
  RecordTotals done;
  const std::uint64_t now_ns = exporter_clock_ns();
  while (marks_done_ < marks_.size() && marks_[marks_done_].end <= acknowledged_) {
    const Mark& mark = marks_[marks_done_++];
    done += {1, mark.packets, mark.octets};
    lateness_.add(mark.deadline_ns, now_ns);
    boundary_ = mark.end;
  }
  if (settled()) forget_all();
  return done;
}

RecordTotals RecordBuffer::begun_before(std::size_t end) const {
  RecordTotals begun;
  std::size_t from = boundary_;
  for (std::size_t i = marks_done_; i < marks_.size() && from < end; ++i) {
    begun += {1, marks_[i].packets, marks_[i].octets};
    from = marks_[i].end;
  }
  return begun;
}

void RecordBuffer::forget_all() {
  marks_.clear();
  marks_done_ = end_ = sent_ = ever_sent_ = acknowledged_ = boundary_ = 0;
}

RecordTotals RecordBuffer::clear() {
  RecordTotals rest;
  for (; marks_done_ < marks_.size(); ++marks_done_) {
    rest += {1, marks_[marks_done_].packets, marks_[marks_done_].octets};
  }
  forget_all();
  return rest;
}

}  // namespace weir
