#include "control/export/file_exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "control/export/endpoint.h"

namespace weir {
namespace {

/// How often a rotating output looks at the clock when nothing comes.
constexpr std::chrono::milliseconds kClockEvery{250};

}  // namespace

std::string FileWriter::error_of(int error) const {
  return fmt::format("{}: {}", file_name_ == "-" ? "standard output" : file_name_, error_text(error));
}

FileWriter::Fault FileWriter::fault(int error) const {
  return {error_of(error), error, error == EPIPE && file_name_ == "-"};
}

tl::expected<void, FileWriter::Fault> FileWriter::flush() {
  if (compressor_ != nullptr) return flush_frame();
  if (buffer_->empty()) return {};
  const FileSink::Written written = sink_.write(buffer_->pending());
  const RecordTotals done = buffer_->advance(written.octets);
  octets_ += written.octets;
  books_.exported(done, written.writes, written.octets, buffer_->take_lateness());
  if (written.error == 0) return {};
  octets_ -= buffer_->begun_octets();
  sink_.cut_back(buffer_->begun_octets());
  buffer_->rewind();
  return tl::unexpected(fault(written.error));
}

tl::expected<void, FileWriter::Fault> FileWriter::flush_frame() {
  if (frame_.empty()) {
    if (buffer_->empty()) return {};
    const std::span<const std::uint8_t> pending = buffer_->pending();
    if (const auto made = compressor_->compress(pending, frame_); !made) {
      frame_.clear();
      return tl::unexpected(Fault{made.error(), ENOMEM, false});
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
    return tl::unexpected(fault(written.error));
  }
  RecordTotals done;
  if (frame_sent_ == frame_.size()) {
    frame_.clear();
    done = buffer_->advance(frame_source_);
  }
  books_.exported(done, written.writes, written.octets, buffer_->take_lateness());
  return {};
}

tl::expected<void, std::string> FileWriter::close() {
  const int error = sink_.close();
  sink_ = FileSink();
  if (error == 0) return {};
  return tl::unexpected(error_of(error));
}

void FileWriter::continue_in(FileSink sink, std::string file_name) {
  sink_ = std::move(sink);
  file_name_ = std::move(file_name);
  frame_.clear();
  frame_sent_ = 0;
  buffer_->rewind();
  buffer_->begin_stream();
  octets_ = 0;
}

void FileWriter::abandon(ExportLoss loss) {
  sink_.cut_back(compressor_ != nullptr ? frame_sent_ : buffer_->begun_octets());
  frame_.clear();
  books_.lost(buffer_->clear(), loss);
  static_cast<void>(sink_.close());
}

bool FileExporter::fail_with(const std::string& why, bool reader_left) {
  fail(why, ExportLoss::send_failed, reader_left);
  return false;
}

bool FileExporter::wait_out(const std::string& why, ExportTime now) {
  if (!retries_) return fail_with(why);
  trouble_ = true;
  retry_at_ = due_ = now + backoff_;
  backoff_ = std::min<ExportClock::duration>(2 * backoff_, kGreatestBackoff);
  books_.set_connected(false, why);
  return false;
}

void FileExporter::write_failed(const FileWriter::Fault& fault, ExportTime now) {
  if (fault.reader_left) {
    fail_with(fault.text, true);
    return;
  }
  // The next reader of the FIFO must begin with a whole record.
  if (fault.error == EPIPE && writer_.fifo() && retries_) static_cast<void>(writer_.close());
  wait_out(fault.text, now);
}

bool FileExporter::flush(ExportTime now) {
  if (const auto done = writer_.flush(); !done) {
    write_failed(done.error(), now);
    return false;
  }
  if (trouble_) books_.set_connected(true);
  trouble_ = false;
  backoff_ = kFirstBackoff;
  retry_at_ = ExportTime::min();
  due_ = writer_.empty() ? ExportTime::max() : due_;
  return true;
}

bool FileExporter::flush_all(ExportTime now) {
  while (!writer_.empty()) {
    if (!flush(now)) return false;
  }
  return true;
}

tl::expected<FileSink, std::string> FileExporter::open_by_name() {
  auto sink = rotation_ ? rotation_->open(exporter_clock_ns()) : FileSink::open(file_name_);
  if (!sink) return sink;
  if (auto locked = sink->lock(); !locked) return tl::unexpected(locked.error());
  if (auto begun = sink->begin(!rotation_); !begun) return tl::unexpected(begun.error());
  return sink;
}

/// Ends the file, if there is one, and makes the next.
bool FileExporter::open_next(ExportTime now) {
  if (const auto finished = finish_file(); !finished) return wait_out(finished.error(), now);
  auto sink = open_by_name();
  if (!sink) return wait_out(sink.error(), now);
  writer_.continue_in(std::move(*sink), rotation_ ? rotation_->part() : file_name_);
  look_at_ = now + kLookEvery;
  return flush(now);
}

/// Closes the file, and gives it its name where it rotates. May be tried again.
tl::expected<void, std::string> FileExporter::finish_file() {
  if (writer_.is_open()) {
    empty_ = writer_.octets() == 0;
    if (rotation_ && writer_.place() != FileSink::Place::named) rotation_->forget();
    if (auto closed = writer_.close(); !closed) return closed;
  }
  return rotation_ ? rotation_->publish(empty_) : tl::expected<void, std::string>();
}

bool FileExporter::rotate(ExportTime now) {
  if (!rotation_) return true;
  rotate_at_ = now + kClockEvery;
  if (!rotation_->due(exporter_clock_ns(), writer_.octets())) return true;
  // Records that came before the change belong in the old file.
  return flush_all(now) && open_next(now);
}

/// The file was moved or deleted: goes on in a new one of its name.
bool FileExporter::replace(FileSink::Place place, ExportTime now) {
  auto sink = open_by_name();
  if (!sink && place == FileSink::Place::moved) {
    books_.set_reopening(fmt::format("{}; records go on to the file that was moved away", sink.error()));
    return true;
  }
  // What the file that was moved does not take, because its disk is full or gone, goes to the new one.
  if (place == FileSink::Place::moved) static_cast<void>(flush_all(now));
  static_cast<void>(writer_.close());
  if (!sink) {
    if (rotation_) rotation_->forget();
    return wait_out(sink.error(), now);
  }
  writer_.continue_in(std::move(*sink), rotation_ ? rotation_->part() : file_name_);
  books_.set_reopening({});
  return flush(now);
}

/// Once a second: whether the file still has its name.
bool FileExporter::look(ExportTime now) {
  if (!retries_ || !has_name_) return true;
  if (!look_now_.exchange(false) && look_at_ > now) return true;
  look_at_ = now + kLookEvery;
  const FileSink::Place place = writer_.place();
  if (place != FileSink::Place::named) return replace(place, now);
  books_.set_reopening({});
  return true;
}

bool FileExporter::settle(ExportTime now) {
  if (retry_at_ > now) return false;
  if (!writer_.is_open()) return open_next(now);
  return look(now) && rotate(now);
}

tl::expected<void, std::string> FileExporter::reopen() {
  if (rotation_ || !has_name_ || !retries_) return {};
  auto sink = FileSink::open(file_name_);
  // The exporter's thread tries to open it again; its state names the error if it cannot.
  look_now_ = true;
  if (!sink) return tl::unexpected(sink.error());
  return sink->begin(true);
}

std::size_t FileExporter::take(RecordSpan records, ExportTime now) {
  if (!settle(now)) return 0;
  if (writer_.empty()) due_ = now + kFlushAfter;
  const std::size_t count = writer_.append(records);
  if (count < records.size()) flush(now);
  return count;
}

ExportTime FileExporter::due() const {
  if (look_now_) return ExportTime::min();
  if (trouble_) return retry_at_;
  ExportTime due = due_;
  if (rotation_) due = std::min(due, rotate_at_);
  return retries_ && has_name_ ? std::min(due, look_at_) : due;
}

void FileExporter::tick(ExportTime now) {
  // The cause may have been removed in the meantime.
  if (look_now_ && trouble_) retry_at_ = now;
  if (!writer_.regular()) look_now_ = false;  // there is none to look at
  if (!settle(now)) return;
  if (due_ <= now) flush(now);
}

bool FileExporter::drain(ExportTime now) {
  if (!ended_) writer_.end_stream();
  ended_ = true;
  if (retry_at_ > now) return false;
  if (!writer_.empty() && (!settle(now) || !flush(now) || !writer_.empty())) return false;
  if (const auto finished = finish_file(); !finished) fail_with(finished.error());
  return true;
}

void FileExporter::abandon(ExportLoss loss) {
  const bool empty = writer_.octets() == 0;
  writer_.abandon(loss);
  if (rotation_) static_cast<void>(rotation_->publish(empty));
}

}  // namespace weir
