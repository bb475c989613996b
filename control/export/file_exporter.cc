#include "control/export/file_exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "control/export/endpoint.h"

namespace weir {
namespace {

constexpr std::chrono::seconds kRetryEvery{1};
/// How often a rotating output looks at the clock when nothing comes.
constexpr std::chrono::milliseconds kLookEvery{250};

}  // namespace

std::string FileWriter::fault(int error) const {
  return fmt::format("{}: {}", file_name_ == "-" ? "standard output" : file_name_, error_text(error));
}

tl::expected<void, FileWriter::Fault> FileWriter::flush() {
  if (compressor_ != nullptr) return flush_frame();
  if (buffer_.empty()) return {};
  const FileSink::Written written = sink_.write(buffer_.pending());
  const RecordTotals done = buffer_.advance(written.octets);
  octets_ += written.octets;
  books_.exported(done, written.writes, written.octets, buffer_.take_lateness());
  if (written.error == 0) return {};
  octets_ -= buffer_.begun_octets();
  sink_.cut_back(buffer_.begun_octets());
  buffer_.rewind();
  return tl::unexpected(Fault{fault(written.error), written.error});
}

tl::expected<void, FileWriter::Fault> FileWriter::flush_frame() {
  if (frame_.empty()) {
    if (buffer_.empty()) return {};
    const std::span<const std::uint8_t> pending = buffer_.pending();
    if (const auto made = compressor_->compress(pending, frame_); !made) {
      frame_.clear();
      return tl::unexpected(Fault{made.error(), ENOMEM});
    }
    frame_sent_ = 0;
    frame_source_ = pending.size();
  }
  const FileSink::Written written = sink_.write(std::span<const std::uint8_t>(frame_).subspan(frame_sent_));
  frame_sent_ += written.octets;
  octets_ += written.octets;
  if (written.error != 0) {
    sink_.cut_back(frame_sent_);
    octets_ -= frame_sent_;
    books_.exported({}, written.writes, written.octets);
    frame_sent_ = 0;
    return tl::unexpected(Fault{fault(written.error), written.error});
  }
  RecordTotals done;
  if (frame_sent_ == frame_.size()) {
    frame_.clear();
    done = buffer_.advance(frame_source_);
  }
  books_.exported(done, written.writes, written.octets, buffer_.take_lateness());
  return {};
}

tl::expected<void, std::string> FileWriter::close() {
  const int error = sink_.close();
  if (error == 0) return {};
  return tl::unexpected(fault(error));
}

void FileWriter::continue_in(FileSink sink, std::string file_name) {
  sink_ = std::move(sink);
  file_name_ = std::move(file_name);
  buffer_.begin_stream();
  octets_ = 0;
}

void FileWriter::abandon(ExportLoss loss) {
  sink_.cut_back(compressor_ != nullptr ? frame_sent_ : buffer_.begun_octets());
  frame_.clear();
  books_.lost(buffer_.clear(), loss);
  static_cast<void>(sink_.close());
}

bool FileExporter::flush(ExportTime now) {
  const auto done = writer_.flush();
  if (done) {
    if (full_) books_.set_connected(true);
    full_ = false;
    retry_at_ = ExportTime::min();
    due_ = writer_.empty() ? ExportTime::max() : due_;
    return true;
  }
  const bool full = done.error().error == ENOSPC || done.error().error == EDQUOT;
  if (!full || !wait_for_room_ || !writer_.regular()) {
    fail(done.error().text, ExportLoss::send_failed);
    return false;
  }
  full_ = true;
  retry_at_ = due_ = now + kRetryEvery;
  books_.set_connected(false);
  return false;
}

bool FileExporter::finish_file() {
  const bool empty = writer_.octets() == 0;
  if (const auto closed = writer_.close(); !closed) {
    fail(closed.error(), ExportLoss::send_failed);
    return false;
  }
  if (!rotation_) return true;
  const auto published = rotation_->publish(empty);
  if (!published) fail(published.error(), ExportLoss::send_failed);
  return published.has_value();
}

bool FileExporter::rotate(ExportTime now) {
  if (!rotation_) return true;
  rotate_at_ = now + kLookEvery;
  const std::uint64_t wall_ns = exporter_clock_ns();
  if (!rotation_->due(wall_ns, writer_.octets())) return true;
  // What came before belongs into the old file.
  while (!writer_.empty()) {
    if (!flush(now)) return false;
  }
  if (!finish_file()) return false;
  auto sink = rotation_->open(wall_ns);
  if (!sink) {
    fail(sink.error(), ExportLoss::send_failed);
    return false;
  }
  writer_.continue_in(std::move(*sink), rotation_->part());
  return true;
}

tl::expected<void, std::string> FileExporter::reopen() {
  if (rotation_ || file_name_ == "-" || !writer_.regular()) return {};
  auto sink = FileSink::open(file_name_);
  if (!sink) return tl::unexpected(sink.error());
  sink->append();
  const std::lock_guard lock(reopened_mutex_);
  reopened_ = std::move(*sink);
  return {};
}

/// Whole records end the old file. False: not yet, or the exporter has failed.
bool FileExporter::continue_in_reopened(ExportTime now) {
  std::optional<FileSink> sink;
  {
    const std::lock_guard lock(reopened_mutex_);
    sink = std::exchange(reopened_, std::nullopt);
  }
  if (!sink || sink->identity() == writer_.file()) return true;
  while (!writer_.empty()) {
    if (flush(now)) continue;
    const std::lock_guard lock(reopened_mutex_);  // the old disk is full: once more when it is not
    if (!reopened_) reopened_ = std::move(sink);
    return false;
  }
  if (!finish_file()) return false;
  static_cast<void>(sink->lock());  // whoever holds it, the records have nowhere else to go
  writer_.continue_in(std::move(*sink), file_name_);
  return true;
}

std::size_t FileExporter::take(RecordSpan records, ExportTime now) {
  if (!continue_in_reopened(now) || !rotate(now)) return 0;
  if (writer_.empty()) due_ = now + kFlushAfter;
  const std::size_t count = writer_.append(records);
  if (count < records.size()) flush(now);
  return count;
}

ExportTime FileExporter::due() const {
  {
    const std::lock_guard lock(reopened_mutex_);
    if (reopened_ && !full_) return ExportTime::min();
  }
  return rotation_ && !full_ ? std::min(due_, rotate_at_) : due_;
}

void FileExporter::tick(ExportTime now) {
  if (due_ <= now && !flush(now)) return;
  if (continue_in_reopened(now)) rotate(now);
}

bool FileExporter::drain(ExportTime now) {
  if (retry_at_ > now) return false;
  if (!flush(now)) return false;
  if (!writer_.empty()) return false;
  finish_file();
  return true;
}

void FileExporter::abandon(ExportLoss loss) {
  const bool empty = writer_.octets() == 0;
  writer_.abandon(loss);
  if (rotation_) static_cast<void>(rotation_->publish(empty));
}

}  // namespace weir
