#include "control/export/sorted_file_exporter.h"

namespace weir {
namespace {

constexpr std::size_t kBlockRecords = 1024;

}  // namespace

bool SortedFileExporter::fail_with(const std::string& why, bool reader_left) {
  fail(why, ExportLoss::send_failed, reader_left);
  return false;
}

std::size_t SortedFileExporter::take(RecordSpan records, ExportTime /*now*/) {
  // The sorter counts records that it could not keep as held, so abandon() loses all of them by name.
  held_ += totals_of(records);
  if (const auto added = sorter_.add(records); !added) fail_with(added.error());
  return records.size();
}

bool SortedFileExporter::drain(ExportTime /*now*/) {
  if (!sorted_) {
    sorted_ = true;
    if (const auto finished = sorter_.finish(); !finished) return fail_with(finished.error());
  }
  // Write one block per step and check the shutdown's deadline in between.
  if (block_at_ == block_.size() && !all_out_of_sorter_) {
    block_.clear();
    block_at_ = 0;
    const auto count = sorter_.next(block_, kBlockRecords);
    if (!count) {
      block_.clear();
      return fail_with(count.error());
    }
    all_out_of_sorter_ = *count == 0;
  }
  const RecordSpan rest = block_.subspan(block_at_);
  const std::size_t appended = writer_.append(rest);
  held_ -= totals_of(rest.first(appended));
  block_at_ += appended;
  if (appended < rest.size() || all_out_of_sorter_) {
    if (const auto flushed = writer_.flush(); !flushed) {
      return fail_with(flushed.error().text, flushed.error().reader_left);
    }
  }
  if (!all_out_of_sorter_ || !writer_.empty()) return false;
  if (const auto closed = writer_.close(); !closed) fail_with(closed.error());
  return true;
}

void SortedFileExporter::abandon(ExportLoss loss) {
  books_.lost(held_, loss);
  held_ = {};
  writer_.abandon(loss);
}

}  // namespace weir
