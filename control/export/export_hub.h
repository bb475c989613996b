// ExportHub: hands every drained record to every exporter of its monitor (export_routes.h); each has a bounded queue of
// its own.
//
// The drain thread offers batches; an exporter's own thread encodes and sends. A batch is shared, not copied, so E
// exporters cost one copy of the records. A slow or dead exporter fills its queue and then loses by name
// (`queue_full`); neither the drain thread nor another exporter waits for it, unless the caller asks to wait for
// space (`weir read` and an orderly shutdown do, where being late costs nothing). To wait and to offer can be two
// steps: a caller that keeps a lock around its own books and offer() waits first, by wait_for_room().
//
// While records pass, exporters are added and removed (a change is opened first, so that one that cannot be made
// changes nothing), paused and resumed. What a removed one counted stays in the snapshot. The list of exporters is
// replaced as a whole; who goes through it has the one that was there when it began.
//
// Members of groups (group_exporter.h) are offered nothing here: their groups give them what is theirs.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/export/export_context.h"
#include "control/export/exporter_snapshot.h"
#include "proto/record/record_batch.h"

namespace weir {

/// Exporters that are open and take no records yet, and those whose place they take.
class ExportChange {
 public:
  ExportChange(ExportChange&& other) noexcept;
  ~ExportChange();

 private:
  friend class ExportHub;
  struct Impl;
  explicit ExportChange(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class ExportHub {
 public:
  /// Opens every URI (files are made or opened, and locked; sockets made). A file keeps what it holds,
  /// and one that was made goes again with this object, until begin(). Error: one line naming the URI, what is wrong
  /// with it, and what would be right.
  static tl::expected<std::unique_ptr<ExportHub>, std::string> prepare(const std::vector<std::string>& uris,
                                                                       const ExportContext& context);
  /// All else that the program needs is up: empties the files and starts the exporters' threads. Error: as above.
  tl::expected<void, std::string> begin();
  /// Both, for who needs nothing else.
  static tl::expected<std::unique_ptr<ExportHub>, std::string> open(const std::vector<std::string>& uris,
                                                                    const ExportContext& context);
  ExportHub(const ExportHub&) = delete;
  ExportHub& operator=(const ExportHub&) = delete;
  /// Closes without waiting; what is queued then was lost. Call finish() first.
  ~ExportHub();

  /// Offers a batch of a monitor's records to every exporter that gets them. wait: block until each live exporter has
  /// room. Called by one thread.
  void offer(std::shared_ptr<const RecordBatch> batch, bool wait, unsigned monitor = 0);
  /// Blocks until every live exporter of the monitor has room for a batch of `octets` of memory: offer(..., false) of
  /// one no larger than that loses nothing at them. Called by the thread that offers.
  void wait_for_room(std::size_t octets, unsigned monitor = 0);

  /// Whether prepare_change() would have a reason to fail that can be seen without opening anything.
  [[nodiscard]] tl::expected<void, std::string> check_change(const std::vector<std::string>& uris,
                                                             const ExportContext& context);
  /// Opens what `uris` have and the running exporters have not. Error: as for prepare(); then nothing has changed.
  tl::expected<ExportChange, std::string> prepare_change(const std::vector<std::string>& uris,
                                                         const ExportContext& context);
  /// The new ones take records from now on, those that go get no more. `given`: what each monitor has given to offer()
  /// by now. No offer() meanwhile, and no other change between prepare_change() and this.
  void change(const ExportChange& change, const std::vector<RecordTotals>& given);
  /// Flushes and closes those that were removed. What is not out by `limit` is lost by name. Returns one line for each
  /// that failed or lost records while it was there.
  std::vector<std::string> close_removed(std::chrono::milliseconds limit);
  /// A paused exporter takes no records from its queue, whose bound is the same. Error: one line: there is none of this
  /// name, which is that of its URI or of one stream of it.
  tl::expected<void, std::string> pause(const std::string& name, bool on);
  void resume_all();

  /// Every exporter to a file that does not rotate by itself opens its file by its name once more; records go on there.
  /// Where the file still has that name nothing changes. Returns one line for each file that cannot be opened: it goes
  /// on in the old one.
  [[nodiscard]] std::vector<std::string> reopen();

  /// Sends what is queued, flushes and closes every exporter, joins their threads. What is not out by `timeout`
  /// is lost by name. Returns one line for each exporter that failed on the way (empty: all went well).
  std::vector<std::string> finish(std::chrono::milliseconds timeout);

  /// One line for each exporter that failed or lost records, as of now.
  [[nodiscard]] std::vector<std::string> problems() const;
  /// Whoever read an exporter's standard output has had enough.
  [[nodiscard]] bool reader_left() const;
  /// There are exporters, and none of them takes anything any more.
  [[nodiscard]] bool all_failed() const;

  [[nodiscard]] std::vector<ExporterSnapshot> snapshot() const;

 private:
  struct Impl;
  explicit ExportHub(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Checks the text of an export URI without opening anything. Error: one line, as for open().
tl::expected<void, std::string> check_export_uri(const std::string& uri);

}  // namespace weir
