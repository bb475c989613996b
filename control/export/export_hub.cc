#include "control/export/export_hub.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "control/export/datagram_exporter.h"
#include "control/export/endpoint.h"
#include "control/export/export_queue.h"
#include "control/export/export_uri.h"
#include "control/export/exporter_thread.h"
#include "control/export/file_exporter.h"
#include "control/export/ipfix_buffer.h"
#include "control/export/kafka_exporter.h"
#include "control/export/socket_exporter.h"
#include "control/export/sorted_file_exporter.h"

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;

/// An exporter that is open and not yet running.
struct Opened {
  std::unique_ptr<ExportQueue> queue;
  std::unique_ptr<Exporter> exporter;
};

bool is_file(const ExportUri& uri) {
  return uri.kind == ExportKind::protobuf_file || uri.kind == ExportKind::json_file;
}

bool is_datagram(const ExportUri& uri) {
  return uri.kind == ExportKind::netflow9 || uri.kind == ExportKind::ipfix || uri.kind == ExportKind::netflow5 ||
         uri.kind == ExportKind::netflow7;
}

tl::expected<std::unique_ptr<Exporter>, std::string> make_socket_exporter(const ExportUri& uri,
                                                                          const ExportContext& context,
                                                                          ExportQueue& queue) {
  std::vector<Endpoint> endpoints;
  std::string peer = uri.path;
  if (uri.kind == ExportKind::protobuf_unix) {
    endpoints.push_back(unix_endpoint(uri.path));
  } else {
    auto resolved = resolve(uri.host, uri.port, SOCK_STREAM);
    if (!resolved) return Error(resolved.error());
    endpoints = std::move(*resolved);
    peer = fmt::format("{}:{}", uri.host, uri.port);
  }
  SocketOptions options;
  options.reconnect = reconnects(context.mode);
  std::unique_ptr<StreamBuffer> buffer;
  if (uri.kind == ExportKind::ipfix_tcp) {
    buffer = std::make_unique<IpfixBuffer>(uri, context, queue);
  } else {
    buffer = std::make_unique<RecordBuffer>(RecordFormat::protobuf, RecordBuffer::kUsualOctets, context.timeouts);
  }
  auto exporter =
      std::make_unique<SocketExporter>(std::move(endpoints), std::move(peer), options, queue, std::move(buffer));
  if (needs_peer_at_start(context.mode)) {
    if (const auto connected = exporter->connect_now(); !connected) {
      return Error(connected.error() + "; start the collector first");
    }
  }
  return exporter;
}

/// Standard output carries the records of one exporter, and no file those of two: neither by name nor by link.
tl::expected<void, std::string> check_distinct(const std::vector<ExportUri>& uris,
                                               const std::vector<std::pair<std::size_t, FileSink::Identity>>& files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!(files[i].second == files[j].second)) continue;
      return Error(fmt::format("export '{}': the same file as '{}'; each exporter needs its own",
                               uris[files[i].first].text, uris[files[j].first].text));
    }
  }
  return {};
}

}  // namespace

struct ExportHub::Impl {
  std::vector<std::unique_ptr<ExporterThread>> exporters;
  ExportMode mode = ExportMode::live;
};

ExportHub::ExportHub(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ExportHub::~ExportHub() {
  // All at once, and then one after the other: the deadlines do not add up.
  for (const auto& exporter : impl_->exporters) exporter->queue().close(ExportClock::now());
}

tl::expected<std::unique_ptr<ExportHub>, std::string> ExportHub::open(const std::vector<std::string>& texts,
                                                                      const ExportContext& context) {
  // First everything that the text alone tells, so that a typing mistake in the last URI creates no file for the first.
  std::vector<ExportUri> uris;
  for (const std::string& text : texts) {
    auto uri = parse_export_uri(text);
    if (!uri) return Error(uri.error());
    const auto same = [&](const ExportUri& other) { return other.standard_output() && uri->standard_output(); };
    if (const auto first = std::find_if(uris.begin(), uris.end(), same); first != uris.end()) {
      return Error(fmt::format("export '{}': standard output is taken by '{}'; name a file", text, first->text));
    }
    uris.push_back(std::move(*uri));
  }

  std::vector<Opened> opened(uris.size());
  std::vector<std::pair<std::size_t, FileSink>> sinks;
  std::vector<std::optional<FileRotation>> rotations(uris.size());
  std::vector<std::pair<std::size_t, FileSink::Identity>> files;
  for (std::size_t i = 0; i < uris.size(); ++i) {
    const ExportUri& uri = uris[i];
    const auto fault = [&](const std::string& what) { return Error(fmt::format("export '{}': {}", uri.text, what)); };
    opened[i].queue = std::make_unique<ExportQueue>(uri.text, context.queue_records);
    if (is_file(uri)) {
      if (uri.rotates()) rotations[i].emplace(uri.path, uri.rotate_ns, uri.rotate_octets);
      auto sink = uri.rotates() ? rotations[i]->open(exporter_clock_ns()) : FileSink::open(uri.path);
      if (!sink) return fault(sink.error());
      if (sink->regular()) files.emplace_back(i, sink->identity());
      sinks.emplace_back(i, std::move(*sink));
    } else if (uri.kind == ExportKind::kafka) {
      auto exporter = KafkaExporter::open(uri, context, *opened[i].queue);
      if (!exporter) return fault(exporter.error());
      opened[i].exporter = std::move(*exporter);
    } else if (is_datagram(uri)) {
      auto exporter = open_datagram_exporter(uri, context, *opened[i].queue);
      if (!exporter) return fault(exporter.error());
      opened[i].exporter = std::move(*exporter);
    } else {
      auto exporter = make_socket_exporter(uri, context, *opened[i].queue);
      if (!exporter) return fault(exporter.error());
      opened[i].exporter = std::move(*exporter);
    }
  }
  if (auto distinct = check_distinct(uris, files); !distinct) return Error(distinct.error());
  // Files lose their old content only now that all of them may be written.
  for (auto& [i, sink] : sinks) {
    const ExportUri& uri = uris[i];
    if (const auto emptied = sink.truncate(); !emptied) {
      return Error(fmt::format("export '{}': {}", uri.text, emptied.error()));
    }
    FileOptions options;
    options.format = uri.kind == ExportKind::json_file ? RecordFormat::json : RecordFormat::protobuf;
    options.compression = uri.compression;
    options.wait_for_room = waits_for_disk(context.mode);
    options.timeouts = context.timeouts;
    ExportQueue& queue = *opened[i].queue;
    if (rotations[i]) {
      const std::string name = rotations[i]->part();
      opened[i].exporter =
          std::make_unique<FileExporter>(std::move(sink), name, options, queue, std::move(rotations[i]));
    } else if (options.format == RecordFormat::json && sorts_by_start(context.mode)) {
      opened[i].exporter = std::make_unique<SortedFileExporter>(std::move(sink), uri.path, options, queue);
    } else {
      opened[i].exporter = std::make_unique<FileExporter>(std::move(sink), uri.path, options, queue);
    }
  }

  auto impl = std::make_unique<Impl>();
  impl->mode = context.mode;
  for (Opened& one : opened) {
    impl->exporters.push_back(std::make_unique<ExporterThread>(std::move(one.queue), std::move(one.exporter)));
  }
  return std::unique_ptr<ExportHub>(new ExportHub(std::move(impl)));
}

void ExportHub::offer(std::shared_ptr<const RecordBatch> batch, bool wait) {
  const std::shared_ptr<const RecordBatch> shared = std::move(batch);
  if (shared == nullptr || shared->empty()) return;
  // Everybody gets what there is room for before anybody is waited for.
  std::vector<std::size_t> next;
  next.reserve(impl_->exporters.size());
  for (const auto& exporter : impl_->exporters) next.push_back(exporter->queue().push(shared, 0));
  for (std::size_t i = 0; i < next.size(); ++i) {
    ExportQueue& queue = impl_->exporters[i]->queue();
    if (next[i] < shared->size() && wait) next[i] = queue.push_waiting(shared, next[i], patience(impl_->mode));
    if (next[i] < shared->size()) queue.refuse(*shared, next[i]);
  }
}

std::vector<std::string> ExportHub::finish(std::chrono::milliseconds timeout) {
  const ExportTime deadline = ExportClock::now() + timeout;
  for (const auto& exporter : impl_->exporters) exporter->queue().close(deadline);
  for (const auto& exporter : impl_->exporters) exporter->join();

  std::vector<std::string> problems;
  for (const ExporterSnapshot& snapshot : this->snapshot()) {
    std::string text = snapshot.state.starts_with("failed: ") ? snapshot.state : std::string();
    RecordTotals all;
    std::string names;
    for (const auto& [name, totals] : snapshot.lost) {
      if (totals.records == 0) continue;
      all += totals;
      names += fmt::format("{}{} {}", names.empty() ? "" : ", ", name, totals.records);
    }
    if (all.records != 0) {
      text += fmt::format("{}{} of {} records lost ({})", text.empty() ? "" : "; ", all.records,
                          snapshot.drained.records, names);
    }
    if (!text.empty()) problems.push_back(fmt::format("export '{}': {}", snapshot.uri, text));
  }
  return problems;
}

std::vector<ExporterSnapshot> ExportHub::snapshot() const {
  std::vector<ExporterSnapshot> result;
  result.reserve(impl_->exporters.size());
  for (const auto& exporter : impl_->exporters) result.push_back(exporter->queue().snapshot());
  return result;
}

tl::expected<void, std::string> check_export_uri(const std::string& uri) {
  if (auto parsed = parse_export_uri(uri); !parsed) return Error(parsed.error());
  return {};
}

}  // namespace weir
