#include "control/export/ipfix_buffer.h"

#include <algorithm>
#include <utility>

#include "control/export/datagram_exporter.h"

namespace weir {
namespace {

constexpr std::size_t kUsualOctets = std::size_t{256} * 1024;

IpfixOptions options_of(const TemplateOptions& templates, const ExportContext& context) {
  IpfixOptions options;
  templates.put(options, Dialect::ipfix);
  options.domain = templates.source_id + context.source_offset;
  options.payload_octets = kMaxPayload;
  options.template_refresh_messages = UINT32_MAX;
  options.header_time = header_time(context.mode);
  options.start_ns = stream_start_ns(context);
  return options;
}

}  // namespace

IpfixBuffer::IpfixBuffer(const TemplateOptions& templates, const ExportContext& context, const ExportQueue& books,
                         std::size_t most_octets)
    : context_(context), books_(books), most_octets_(most_octets), encoder_(options_of(templates, context)) {
  octets_.reserve(kUsualOctets + kMaxPayload);
}

void IpfixBuffer::append_message(std::span<const std::uint8_t> message, const RecordTotals& totals,
                                 std::uint32_t data_records) {
  const std::size_t at = octets_.size();
  octets_.insert(octets_.end(), message.begin(), message.end());
  IpfixEncoder::set_sequence(std::span(octets_).subspan(at), sequence_);
  sequence_ += data_records;
  messages_.push_back({octets_.size(), totals, data_records, deadlines_.size()});
}

void IpfixBuffer::announce(bool repeat_templates, const FlowRecord* record) {
  ExportAccount account = export_account(books_, context_, nullptr);
  // Its reader has all records before it, acknowledged or not.
  for (std::size_t i = messages_done_; i < messages_.size(); ++i) account.flow_records += messages_[i].totals.records;
  for (const AnnouncedMessage& one : encoder_.announce(account, record, exporter_clock_ns(), repeat_templates)) {
    append_message(one.octets, {}, one.data_records);
  }
}

void IpfixBuffer::close_message() {
  if (encoder_.empty()) return;
  const std::uint32_t data_records = encoder_.open_data_records();
  append_message(encoder_.finish(exporter_clock_ns()), open_, data_records);
  open_ = {};
}

std::size_t IpfixBuffer::append(RecordSpan records) {
  forget_acknowledged();
  std::size_t count = 0;
  const std::uint64_t now_ns = exporter_clock_ns();
  for (const RecordView record : records) {
    if (octets_.size() - boundary_ >= most_octets_) break;
    if (encoder_.announcement_due(&*record, now_ns)) announce(false, &*record);
    if (!encoder_.add(record, now_ns)) {
      close_message();
      if (encoder_.announcement_due(&*record, now_ns)) announce(false, &*record);
      static_cast<void>(encoder_.add(record, now_ns));  // an empty message takes every record
    }
    open_.add(*record);
    deadlines_.push_back(record->deadline_ns());
    ++count;
  }
  return count;
}

std::span<const std::uint8_t> IpfixBuffer::pending() {
  close_message();
  return std::span(octets_).subspan(sent_);
}

void IpfixBuffer::sent(std::size_t count) {
  sent_ += count;
  ever_sent_ = std::max(ever_sent_, sent_);
}

RecordTotals IpfixBuffer::acknowledged(std::size_t count) {
  acknowledged_ += count;
  RecordTotals done;
  const std::uint64_t now_ns = exporter_clock_ns();
  while (messages_done_ < messages_.size() && messages_[messages_done_].end <= acknowledged_) {
    const Message& message = messages_[messages_done_++];
    done += message.totals;
    boundary_ = message.end;
    for (; deadlines_done_ < message.deadlines_end; ++deadlines_done_) {
      lateness_.add(deadlines_[deadlines_done_], now_ns);
    }
  }
  if (boundary_ == octets_.size()) forget_acknowledged();
  return done;
}

std::size_t IpfixBuffer::messages_before(std::size_t end) const {
  std::size_t count = 0;
  std::size_t from = boundary_;
  for (std::size_t i = messages_done_; i < messages_.size() && from < end; ++i) {
    from = messages_[i].end;
    ++count;
  }
  return count;
}

RecordTotals IpfixBuffer::begun_before(std::size_t end) const {
  RecordTotals begun;
  const std::size_t count = messages_before(end);
  for (std::size_t i = 0; i < count; ++i) begun += messages_[messages_done_ + i].totals;
  return begun;
}

void IpfixBuffer::forget_acknowledged() {
  // Move the rest only if it is shorter than the part that is dropped.
  if (boundary_ == 0 || boundary_ < octets_.size() - boundary_) return;
  octets_.erase(octets_.begin(), octets_.begin() + static_cast<std::ptrdiff_t>(boundary_));
  messages_.erase(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(messages_done_));
  deadlines_.erase(deadlines_.begin(), deadlines_.begin() + static_cast<std::ptrdiff_t>(deadlines_done_));
  for (Message& message : messages_) {
    message.end -= boundary_;
    message.deadlines_end -= deadlines_done_;
  }
  sent_ -= boundary_;
  ever_sent_ -= std::min(boundary_, ever_sent_);
  acknowledged_ -= boundary_;
  boundary_ = 0;
  messages_done_ = 0;
  deadlines_done_ = 0;
}

RecordTotals IpfixBuffer::clear() {
  RecordTotals rest = open_;
  for (; messages_done_ < messages_.size(); ++messages_done_) rest += messages_[messages_done_].totals;
  static_cast<void>(encoder_.finish(0));
  open_ = {};
  octets_.clear();
  messages_.clear();
  deadlines_.clear();
  sent_ = ever_sent_ = acknowledged_ = boundary_ = messages_done_ = deadlines_done_ = 0;
  return rest;
}

void IpfixBuffer::begin_stream() {
  close_message();
  // Send this connection's templates first, then what the last connection did not acknowledge.
  const std::size_t once_sent = messages_before(ever_sent_);
  const std::vector<std::uint8_t> octets = std::exchange(octets_, {});
  const std::vector<Message> messages = std::exchange(messages_, {});
  const std::vector<std::uint64_t> deadlines = std::exchange(deadlines_, {});
  const std::size_t first = std::exchange(messages_done_, 0);
  std::size_t at = std::exchange(boundary_, 0);
  std::size_t deadline = std::exchange(deadlines_done_, 0);
  sent_ = ever_sent_ = acknowledged_ = 0;
  sequence_ = 0;
  encoder_.restart();
  announce(true);
  for (std::size_t i = first; i < messages.size(); ++i) {
    const Message& message = messages[i];
    deadlines_.insert(deadlines_.end(), deadlines.begin() + static_cast<std::ptrdiff_t>(deadline),
                      deadlines.begin() + static_cast<std::ptrdiff_t>(message.deadlines_end));
    deadline = message.deadlines_end;
    append_message(std::span(octets).subspan(at, message.end - at), message.totals, message.data_records);
    at = message.end;
    if (i - first < once_sent) ever_sent_ = octets_.size();
  }
}

void IpfixBuffer::end_stream() {
  close_message();
  announce(false);
}

}  // namespace weir
