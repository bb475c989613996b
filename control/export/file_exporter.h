// FileExporter: records to a file or standard output as they come.
//
// Writes are gathered and leave when the buffer is full or kFlushAfter old, compressed or not; a rotating output begins
// a new file when it is due. The file holds whole records only: after an error it is cut back to its last whole record.
//
// Live, every error is waited out: the exporter is "connecting" and says why, records wait in the queue, and it tries
// again after 1 s, 2 s and so on up to 10 s. Once a second it looks whether its file still has its name. A file that
// was moved away is completed with whole records, and the next ones go to a new file of the name; if that cannot be
// made, they go on to the old one, and the state says "reopening". A file that was deleted, with its folder perhaps,
// takes no record any more. Standard output that nobody reads any more is the one error that nothing can mend.
//
// While a capture is read, every error ends the exporter for good, and the rest is lost by name.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/export/compressor.h"
#include "control/export/export_queue.h"
#include "control/export/exporter.h"
#include "control/export/file_rotation.h"
#include "control/export/file_sink.h"
#include "control/export/stream_buffer.h"

namespace weir {

struct FileOptions {
  Compression compression = Compression::none;
  bool retries = false;  ///< errors are waited out
  bool append = false;   ///< what the file holds at the start stays
};

/// Buffer, compressor and sink together: what the exporters of files share.
class FileWriter {
 public:
  FileWriter(FileSink sink, std::string file_name, std::unique_ptr<StreamBuffer> buffer, const FileOptions& options,
             ExportQueue& books)
      : sink_(std::move(sink)),
        file_name_(std::move(file_name)),
        buffer_(std::move(buffer)),
        compressor_(make_compressor(options.compression)),
        append_(options.append),
        books_(books) {}

  [[nodiscard]] std::optional<FileSink::Identity> file() const {
    return sink_.regular() ? std::optional(sink_.identity()) : std::nullopt;
  }
  tl::expected<void, std::string> claim() { return sink_.lock(); }
  tl::expected<void, std::string> begin() { return sink_.begin(append_); }
  /// Where the file is, seen from its name.
  [[nodiscard]] FileSink::Place place() const { return sink_.place(file_name_); }
  std::size_t append(RecordSpan records) { return buffer_->append(records); }
  [[nodiscard]] bool empty() const { return buffer_->empty() && frame_.empty(); }
  /// No more records will come.
  void end_stream() { buffer_->end_stream(); }
  struct Fault {
    std::string text;
    int error;         ///< errno
    bool reader_left;  ///< of standard output
  };
  /// Writes what can be written now. Error: the file takes no more, and was cut back to its last whole record.
  tl::expected<void, Fault> flush();
  /// After that there is no file.
  tl::expected<void, std::string> close();
  /// Goes on in another file, with whole records; close() the one before.
  void continue_in(FileSink sink, std::string file_name);
  /// Octets in the file.
  [[nodiscard]] std::uint64_t octets() const { return octets_; }
  [[nodiscard]] bool is_open() const { return sink_.is_open(); }
  [[nodiscard]] bool regular() const { return sink_.regular(); }
  [[nodiscard]] bool fifo() const { return sink_.fifo(); }
  /// Loses what is left, and closes.
  void abandon(ExportLoss loss);

 private:
  [[nodiscard]] std::string error_of(int error) const;
  [[nodiscard]] Fault fault(int error) const;
  tl::expected<void, Fault> flush_frame();

  FileSink sink_;
  std::string file_name_;
  std::unique_ptr<StreamBuffer> buffer_;
  std::unique_ptr<Compressor> compressor_;
  const bool append_;
  ExportQueue& books_;
  std::vector<std::uint8_t> frame_;  ///< compressed, not written as a whole yet
  std::size_t frame_sent_ = 0;
  std::size_t frame_source_ = 0;  ///< octets of the buffer that are in it
  std::uint64_t octets_ = 0;
};

class FileExporter final : public Exporter {
 public:
  static constexpr std::chrono::seconds kFirstBackoff{1};
  static constexpr std::chrono::seconds kGreatestBackoff{10};
  /// How often it looks whether its file still has its name.
  static constexpr std::chrono::seconds kLookEvery{1};

  /// `file_name` is for messages; `books` outlives the exporter. With a rotation: `sink` is the file that it opened.
  FileExporter(FileSink sink, const std::string& file_name, std::unique_ptr<StreamBuffer> buffer,
               const FileOptions& options, ExportQueue& books, std::optional<FileRotation> rotation = std::nullopt)
      : writer_(std::move(sink), file_name, std::move(buffer), options, books),
        file_name_(file_name),
        books_(books),
        rotation_(std::move(rotation)),
        retries_(options.retries),
        has_name_(file_name != "-" && writer_.regular()) {}

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
  [[nodiscard]] ExportLoss leftover() const override {
    return trouble_ ? ExportLoss::send_failed : ExportLoss::shutdown;
  }

 private:
  /// Each does what can be done now. False: trouble, or the exporter has failed.
  bool settle(ExportTime now);
  bool look(ExportTime now);
  bool replace(FileSink::Place place, ExportTime now);
  bool rotate(ExportTime now);
  bool open_next(ExportTime now);
  bool flush(ExportTime now);
  bool flush_all(ExportTime now);
  tl::expected<void, std::string> finish_file();
  /// Waits out an error, or fails for good; false.
  bool wait_out(const std::string& why, ExportTime now);
  bool fail_with(const std::string& why, bool reader_left = false);
  void write_failed(const FileWriter::Fault& fault, ExportTime now);
  [[nodiscard]] tl::expected<FileSink, std::string> open_by_name();

  FileWriter writer_;
  const std::string file_name_;
  ExportQueue& books_;
  std::optional<FileRotation> rotation_;
  const bool retries_;
  const bool has_name_;                ///< a regular file, which can be moved away
  std::atomic<bool> look_now_{false};  ///< set by any thread, taken by the exporter's
  bool trouble_ = false;
  bool ended_ = false;  ///< no more records will come
  bool empty_ = true;   ///< the file that was closed last had nothing in it
  ExportClock::duration backoff_ = kFirstBackoff;
  ExportTime retry_at_ = ExportTime::min();
  ExportTime due_ = ExportTime::max();
  ExportTime rotate_at_ = ExportTime::min();
  ExportTime look_at_ = ExportTime::min();
};

}  // namespace weir
