// SortedFileExporter: all records of a capture, for people to read, in order of start time.
//
// Records end in the order of their timeouts and come from several workers, so nothing can be written before the last
// one is here. Until then they count as queued.
#pragma once

#include <cstddef>
#include <string>

#include "control/export/exporter.h"
#include "control/export/file_exporter.h"
#include "control/export/record_sorter.h"

namespace weir {

class SortedFileExporter final : public Exporter {
 public:
  SortedFileExporter(FileSink sink, const std::string& file_name, std::unique_ptr<StreamBuffer> buffer,
                     const FileOptions& options, ExportQueue& books,
                     std::size_t run_records = RecordSorter::kDefaultRunRecords)
      : writer_(std::move(sink), file_name, std::move(buffer), options, books), books_(books), sorter_(run_records) {}

  [[nodiscard]] std::optional<FileSink::Identity> file() const override { return writer_.file(); }
  tl::expected<void, std::string> claim() override { return writer_.claim(); }
  tl::expected<void, std::string> begin() override { return writer_.begin(); }
  std::size_t take(RecordSpan records, ExportTime now) override;
  [[nodiscard]] ExportTime due() const override { return ExportTime::max(); }
  void tick(ExportTime /*now*/) override {}
  bool drain(ExportTime now) override;
  void abandon(ExportLoss loss) override;

 private:
  bool fail_with(const std::string& why, bool reader_left = false);

  FileWriter writer_;
  ExportQueue& books_;
  RecordSorter sorter_;
  RecordTotals held_;  ///< in the sorter, or in block_
  bool sorted_ = false;
  bool all_out_of_sorter_ = false;
  RecordBatch block_;  ///< out of the sorter and not yet in the writer, from block_at_
  std::size_t block_at_ = 0;
};

}  // namespace weir
