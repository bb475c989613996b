// FileExporter: records to a file or standard output as they come.
//
// Writes are gathered and leave when the buffer is full or kFlushAfter old, compressed or not; a rotating output begins
// a new file when it is due. The file holds whole records only. Live, a disk that is full is waited for: the file is
// cut back to its last whole record, the exporter is "connecting", records wait in the queue, and it tries again every
// second. Every other error, and a full disk while a capture is read, ends the exporter for good, and the rest is lost
// by name.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "control/export/compressor.h"
#include "control/export/export_queue.h"
#include "control/export/exporter.h"
#include "control/export/file_rotation.h"
#include "control/export/file_sink.h"
#include "control/export/record_buffer.h"

namespace weir {

struct FileOptions {
  Compression compression = Compression::none;
  bool wait_for_room = false;  ///< a full disk is waited for
};

/// Buffer, compressor and sink together: what the exporters of files share.
class FileWriter {
 public:
  FileWriter(FileSink sink, std::string file_name, std::unique_ptr<RecordEncoding> encoding, const FileOptions& options,
             ExportQueue& books)
      : sink_(std::move(sink)),
        file_name_(std::move(file_name)),
        buffer_(std::move(encoding)),
        compressor_(make_compressor(options.compression)),
        books_(books) {}

  [[nodiscard]] std::optional<FileSink::Identity> file() const {
    return sink_.regular() ? std::optional(sink_.identity()) : std::nullopt;
  }
  tl::expected<void, std::string> claim() { return sink_.lock(); }
  /// Empties the file.
  tl::expected<void, std::string> begin() { return sink_.truncate(); }
  std::size_t append(RecordSpan records) { return buffer_.append(records); }
  [[nodiscard]] bool empty() const { return buffer_.empty() && frame_.empty(); }
  struct Fault {
    std::string text;
    int error;  ///< errno
  };
  /// Writes what can be written now. Error: the file takes no more, and was cut back to its last whole record.
  tl::expected<void, Fault> flush();
  tl::expected<void, std::string> close();
  /// Goes on in another file; close() the one before.
  void continue_in(FileSink sink, std::string file_name);
  /// Octets in the file.
  [[nodiscard]] std::uint64_t octets() const { return octets_; }
  [[nodiscard]] bool regular() const { return sink_.regular(); }
  /// Loses what is left, and closes.
  void abandon(ExportLoss loss);

 private:
  [[nodiscard]] std::string fault(int error) const;
  tl::expected<void, Fault> flush_frame();

  FileSink sink_;
  std::string file_name_;
  RecordBuffer buffer_;
  std::unique_ptr<Compressor> compressor_;
  ExportQueue& books_;
  std::vector<std::uint8_t> frame_;  ///< compressed, not written as a whole yet
  std::size_t frame_sent_ = 0;
  std::size_t frame_source_ = 0;  ///< octets of the buffer that are in it
  std::uint64_t octets_ = 0;
};

class FileExporter final : public Exporter {
 public:
  /// `file_name` is for messages; `books` outlives the exporter. With a rotation: `sink` is the file that it opened.
  FileExporter(FileSink sink, const std::string& file_name, std::unique_ptr<RecordEncoding> encoding,
               const FileOptions& options, ExportQueue& books, std::optional<FileRotation> rotation = std::nullopt)
      : writer_(std::move(sink), file_name, std::move(encoding), options, books),
        file_name_(file_name),
        books_(books),
        rotation_(std::move(rotation)),
        wait_for_room_(options.wait_for_room) {}

  [[nodiscard]] std::optional<FileSink::Identity> file() const override { return writer_.file(); }
  tl::expected<void, std::string> claim() override { return writer_.claim(); }
  tl::expected<void, std::string> begin() override { return writer_.begin(); }
  tl::expected<void, std::string> reopen() override;
  std::size_t take(RecordSpan records, ExportTime now) override;
  [[nodiscard]] ExportTime ready() const override { return retry_at_; }
  [[nodiscard]] ExportTime due() const override;
  void tick(ExportTime now) override;
  bool drain(ExportTime now) override;
  void abandon(ExportLoss loss) override;
  [[nodiscard]] ExportLoss leftover() const override { return full_ ? ExportLoss::send_failed : ExportLoss::shutdown; }

 private:
  bool flush(ExportTime now);
  bool rotate(ExportTime now);
  bool continue_in_reopened(ExportTime now);
  bool finish_file();

  FileWriter writer_;
  const std::string file_name_;
  mutable std::mutex reopened_mutex_;
  std::optional<FileSink> reopened_;  ///< guarded by reopened_mutex_; set by any thread, taken by the exporter's
  ExportQueue& books_;
  std::optional<FileRotation> rotation_;
  const bool wait_for_room_;
  bool full_ = false;
  ExportTime retry_at_ = ExportTime::min();
  ExportTime due_ = ExportTime::max();
  ExportTime rotate_at_ = ExportTime::min();
};

}  // namespace weir
