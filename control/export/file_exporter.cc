#include "control/export/file_exporter.h"

#include <fmt/format.h>

#include "control/export/endpoint.h"

namespace weir {

std::string FileWriter::fault(int error) const {
  return fmt::format("{}: {}", file_name_ == "-" ? "standard output" : file_name_, error_text(error));
}

tl::expected<void, std::string> FileWriter::flush() {
  if (buffer_.empty()) return {};
  const FileSink::Written written = sink_.write(buffer_.pending());
  const RecordTotals done = buffer_.advance(written.octets);
  books_.exported(done, written.writes, written.octets);
  if (written.error == 0) return {};
  sink_.cut_back(buffer_.begun_octets());
  buffer_.rewind();
  return tl::unexpected(fault(written.error));
}

tl::expected<void, std::string> FileWriter::close() {
  const int error = sink_.close();
  if (error == 0) return {};
  return tl::unexpected(fault(error));
}

void FileWriter::abandon(ExportLoss loss) {
  sink_.cut_back(buffer_.begun_octets());
  books_.lost(buffer_.clear(), loss);
  static_cast<void>(sink_.close());
}

bool FileExporter::flush() {
  const auto done = writer_.flush();
  if (!done) fail(done.error(), ExportLoss::send_failed);
  if (writer_.empty()) due_ = ExportTime::max();
  return done.has_value();
}

std::size_t FileExporter::take(std::span<const FlowRecord> records, ExportTime now) {
  if (writer_.empty()) due_ = now + kFlushAfter;
  const std::size_t count = writer_.append(records);
  if (count < records.size()) flush();
  return count;
}

void FileExporter::tick(ExportTime /*now*/) {
  flush();
}

bool FileExporter::drain(ExportTime /*now*/) {
  if (!flush()) return false;
  if (!writer_.empty()) return false;
  if (const auto closed = writer_.close(); !closed) fail(closed.error(), ExportLoss::send_failed);
  return true;
}

}  // namespace weir
