// FileExporter: records to a file or standard output as they come.
//
// Writes are gathered and leave when the buffer is full or kFlushAfter old. A full disk ends the exporter for good: the
// file then holds whole records only, and the rest is lost by name.
#pragma once

#include <string>

#include "control/export/export_queue.h"
#include "control/export/exporter.h"
#include "control/export/file_sink.h"
#include "control/export/record_buffer.h"

namespace weir {

/// Buffer and sink together: what the exporters of files share.
class FileWriter {
 public:
  FileWriter(FileSink sink, std::string file_name, RecordFormat format, ExportQueue& books)
      : sink_(std::move(sink)), file_name_(std::move(file_name)), buffer_(format), books_(books) {}

  std::size_t append(std::span<const FlowRecord> records) { return buffer_.append(records); }
  [[nodiscard]] bool empty() const { return buffer_.empty(); }
  /// Writes what can be written now. Error: the file takes no more, and was cut back to its last whole record.
  tl::expected<void, std::string> flush();
  tl::expected<void, std::string> close();
  /// Loses what is left, and closes.
  void abandon(ExportLoss loss);

 private:
  std::string fault(int error) const;

  FileSink sink_;
  std::string file_name_;
  RecordBuffer buffer_;
  ExportQueue& books_;
};

class FileExporter final : public Exporter {
 public:
  /// `file_name` is for messages; `books` outlives the exporter.
  FileExporter(FileSink sink, const std::string& file_name, RecordFormat format, ExportQueue& books)
      : writer_(std::move(sink), file_name, format, books) {}

  std::size_t take(std::span<const FlowRecord> records, ExportTime now) override;
  [[nodiscard]] ExportTime due() const override { return due_; }
  void tick(ExportTime now) override;
  bool drain(ExportTime now) override;
  void abandon(ExportLoss loss) override { writer_.abandon(loss); }

 private:
  bool flush();

  FileWriter writer_;
  ExportTime due_ = ExportTime::max();
};

}  // namespace weir
