// Forwarder: what was collected goes on to other collectors, by the exporters of control/export: `--export URI`.
//
// From sockets (ExportMode::live), records are offered as they come and an exporter that cannot follow loses by name:
// waiting would only move the loss into the kernel's receive buffer. From files (ExportMode::capture), the reader waits
// for the exporters, and their headers carry the time of the records, as in `weir read`. Records go on with the name of
// the monitor that made them, in the formats that have it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "control/export/export_hub.h"
#include "proto/record/learnt_names.h"
#include "proto/record/record_batch.h"

namespace weir {

class Forwarder {
 public:
  /// `inputs`: files that are read, which no exporter may write to.
  Forwarder(std::vector<std::string> uris, std::vector<std::string> inputs, ExportMode mode)
      : uris_(std::move(uris)), inputs_(std::move(inputs)), mode_(mode) {}

  /// Live: opens the exporters. From files they are opened with the first record, whose time their headers need.
  tl::expected<void, std::string> start();
  /// `monitor`: that made the record; empty: it names none.
  void add(RecordView record, std::string_view monitor = {});
  /// Opens the files anew that somebody has moved away. Says on standard error which cannot be made.
  void reopen();
  /// Hands on what has gathered.
  void flush();
  /// Sends what is queued and closes. One line for each exporter that lost or failed, and for what add() could not
  /// open.
  std::vector<std::string> finish();
  /// One line for each exporter: what it took and what it lost.
  [[nodiscard]] std::vector<ExporterSnapshot> snapshot() const;

 private:
  static constexpr std::size_t kBatch = 4096;
  tl::expected<void, std::string> open(std::uint64_t first_ns);

  std::vector<std::string> uris_;
  std::vector<std::string> inputs_;
  ExportMode mode_;
  std::unique_ptr<ExportHub> hub_;
  RecordBatch batch_;
  std::shared_ptr<LearntNames> monitors_ = std::make_shared<LearntNames>();
  bool told_of_monitors_ = false;
  std::string error_;
};

}  // namespace weir
