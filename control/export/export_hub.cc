#include "control/export/export_hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "control/export/export_queue.h"
#include "control/export/export_routes.h"
#include "control/export/export_uri.h"
#include "control/export/exporter_thread.h"
#include "control/export/file_sink.h"
#include "control/export/group_books.h"
#include "control/export/group_members.h"

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;
using Exporters = std::vector<std::unique_ptr<ExporterThread>>;

tl::unexpected<std::string> fault(const std::string& uri, const std::string& what) {
  return Error(fmt::format("export '{}': {}", uri, what));
}

bool is_name(const std::vector<ExportUri>& uris, const std::string& name) {
  return std::any_of(uris.begin(), uris.end(), [&](const ExportUri& one) { return one.name == name; });
}

/// What the texts alone tell. Standard output carries the records of one exporter, and no two have one name.
tl::expected<std::vector<ExportUri>, std::string> parse_all(const std::vector<std::string>& texts) {
  std::vector<ExportUri> uris;
  const ExportUri* standard_output = nullptr;
  uris.reserve(texts.size());
  for (const std::string& text : texts) {
    auto uri = parse_export_uri(text);
    if (!uri) return Error(uri.error());
    const auto same =
        std::find_if(uris.begin(), uris.end(), [&](const ExportUri& one) { return one.name == uri->name; });
    if (same != uris.end() && uri->name != uri->text) {
      return fault(text, fmt::format("'{}' has the name {}, too; each exporter needs its own", same->text, uri->name));
    }
    // A device may be given twice; each of the two still gets a name of its own.
    for (unsigned number = 2; same != uris.end() && is_name(uris, uri->name); ++number) {
      uri->name = fmt::format("{}#{}", uri->text, number);  // which has no key
    }
    uris.push_back(std::move(*uri));
    if (uris.back().request->file() != "-") continue;
    if (standard_output != nullptr) {
      return fault(text, fmt::format("standard output is taken by '{}'; name a file", standard_output->text));
    }
    standard_output = &uris.back();
  }
  return uris;
}

/// Where the exporter of a URI is; of a group, which is never several streams.
std::optional<std::size_t> place_of(std::optional<std::size_t> uri, const std::vector<ExportRoute>& routes) {
  if (!uri) return std::nullopt;
  const auto found =
      std::find_if(routes.begin(), routes.end(), [&](const ExportRoute& one) { return one.uri == *uri; });
  return static_cast<std::size_t>(found - routes.begin());
}

/// No file carries the records of two exporters: neither by its name nor by a link.
tl::expected<void, std::string> check_distinct(const Exporters& opened, const std::vector<std::string>& uris) {
  for (std::size_t i = 0; i < opened.size(); ++i) {
    const auto file = opened[i]->exporter().file();
    for (std::size_t j = 0; file && j < i; ++j) {
      if (opened[j]->exporter().file() != file) continue;
      return fault(uris[i], fmt::format("the same file as '{}'; each exporter needs its own", uris[j]));
    }
  }
  return {};
}

/// No exporter writes to a file that is read, whatever its name there.
tl::expected<void, std::string> check_inputs(const Exporters& opened, const std::vector<std::string>& uris,
                                             const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    const auto identity = FileSink::identity_of(input);
    for (std::size_t i = 0; identity && i < opened.size(); ++i) {
      if (opened[i]->exporter().file() != identity) continue;
      return fault(uris[i], fmt::format("that is the input {} itself; name another file", input));
    }
  }
  return {};
}

}  // namespace

struct ExportHub::Impl {
  Exporters exporters;
  std::vector<std::string> uris;    ///< of the exporters, in the same order
  std::vector<ExportRoute> routes;  ///< likewise
  ExportMode mode = ExportMode::live;
  std::vector<std::optional<std::size_t>> groups;  ///< of each exporter, the place of the one that it is a member of
  std::vector<std::shared_ptr<GroupBooks>> books;  ///< of each exporter that is a group, else nullptr

  [[nodiscard]] bool is_group(std::size_t i) const { return books[i] != nullptr; }
  [[nodiscard]] bool is_member(std::size_t i) const { return groups[i].has_value(); }

  [[nodiscard]] bool takes(std::size_t i, unsigned monitor) const {
    return !is_member(i) && (routes[i].monitors >> monitor & 1) != 0;
  }

  tl::expected<void, std::string> open(std::size_t i, const ExportUri& uri, const ExportContext& context);
  /// Groups first, since they hand out until they are closed; then all others, so that their deadlines do not add up.
  void close_all(ExportTime deadline);
};

/// Members are open before their group is.
tl::expected<void, std::string> ExportHub::Impl::open(std::size_t i, const ExportUri& uri,
                                                      const ExportContext& context) {
  auto queue = std::make_unique<ExportQueue>(routes[i].name, context.queue_octets, measures_lateness(context.mode));
  if (is_member(i)) queue->join_group();
  ExportContext own = context;
  if (const std::optional<unsigned> monitor = routes[i].monitor) {
    own.source_offset = *monitor;
    own.sampling_rate = context.monitors[*monitor].sampling_rate;
    own.sampled_at_random = context.monitors[*monitor].sampled_at_random;
  }
  if (const std::vector<std::string> names = uri.request->members(); !names.empty()) {
    std::vector<ExportQueue*> members;
    for (const std::string& name : names) {
      for (std::size_t member = 0; member < exporters.size(); ++member) {
        if (groups[member] == i && exporters[member]->queue().name() == name) {
          members.push_back(&exporters[member]->queue());
        }
      }
    }
    books[i] = own.group = std::make_shared<GroupBooks>(*queue, std::move(members));
  }
  std::unique_ptr<RecordAnonymiser> anonymiser;
  if (uri.anonymise) {
    auto pan = CryptoPan::make(*uri.anonymise);
    if (!pan) return fault(uri.text, pan.error());
    anonymiser = std::make_unique<RecordAnonymiser>(std::move(*pan));
  }
  auto exporter = uri.request->open(own, *queue);
  if (!exporter) return fault(uri.text, exporter.error());
  uris[i] = uri.text;
  exporters[i] = std::make_unique<ExporterThread>(std::move(queue), std::move(*exporter),
                                                  ExporterThread::Begin::at_start, std::move(anonymiser));
  return {};
}

void ExportHub::Impl::close_all(ExportTime deadline) {
  for (std::size_t i = 0; i < exporters.size(); ++i) {
    if (!is_member(i)) exporters[i]->queue().close(deadline);
  }
  for (std::size_t i = 0; i < exporters.size(); ++i) {
    if (is_group(i)) exporters[i]->join();
  }
  for (const auto& exporter : exporters) exporter->queue().close(deadline);
}

ExportHub::ExportHub(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ExportHub::~ExportHub() {
  impl_->close_all(ExportClock::now());
}

tl::expected<std::unique_ptr<ExportHub>, std::string> ExportHub::prepare(const std::vector<std::string>& texts,
                                                                         const ExportContext& context) {
  // Check all texts before anything is opened: a typing mistake in the last URI must not create the first one's file.
  const auto uris = parse_all(texts);
  if (!uris) return Error(uris.error());
  auto impl = std::make_unique<Impl>();
  impl->mode = context.mode;
  auto groups = groups_of(*uris);
  if (!groups) return fault((*uris)[groups.error().uri].text, groups.error().what);
  auto routes = routes_of(*uris, *groups, context.monitors);
  if (!routes) {
    const RouteFault& wrong = routes.error();
    if (!wrong.monitor) return fault((*uris)[wrong.place].text, wrong.what);
    const ExportMonitor& monitor = context.monitors[*wrong.monitor];
    return Error(fmt::format("monitor {}: export {}: {}", monitor.name, monitor.exporters[wrong.place], wrong.what));
  }
  impl->routes = std::move(*routes);
  const std::size_t count = impl->routes.size();
  for (const ExportRoute& route : impl->routes) impl->groups.push_back(place_of((*groups)[route.uri], impl->routes));
  impl->exporters.resize(count);
  impl->uris.resize(count);
  impl->books.resize(count);
  for (const bool group : {false, true}) {
    for (std::size_t i = 0; i < count; ++i) {
      const ExportUri& uri = (*uris)[impl->routes[i].uri];
      if (uri.request->members().empty() == group) continue;
      if (auto opened = impl->open(i, uri, context); !opened) return Error(opened.error());
    }
  }
  if (auto distinct = check_distinct(impl->exporters, impl->uris); !distinct) return Error(distinct.error());
  if (auto apart = check_inputs(impl->exporters, impl->uris, context.inputs); !apart) return Error(apart.error());
  for (std::size_t i = 0; i < impl->exporters.size(); ++i) {
    const auto claimed = impl->exporters[i]->exporter().claim();
    if (!claimed) return fault(impl->uris[i], claimed.error());
  }
  return std::unique_ptr<ExportHub>(new ExportHub(std::move(impl)));
}

tl::expected<void, std::string> ExportHub::begin() {
  for (std::size_t i = 0; i < impl_->exporters.size(); ++i) {
    const auto begun = impl_->exporters[i]->exporter().begin();
    if (!begun) return fault(impl_->uris[i], begun.error());
  }
  for (const auto& exporter : impl_->exporters) exporter->start();
  return {};
}

tl::expected<std::unique_ptr<ExportHub>, std::string> ExportHub::open(const std::vector<std::string>& texts,
                                                                      const ExportContext& context) {
  auto hub = prepare(texts, context);
  if (!hub) return hub;
  if (auto begun = (*hub)->begin(); !begun) return Error(begun.error());
  return hub;
}

bool ExportHub::reader_left() const {
  const std::vector<ExporterSnapshot> all = snapshot();
  return std::any_of(all.begin(), all.end(), [](const ExporterSnapshot& one) { return one.reader_left; });
}

bool ExportHub::all_failed() const {
  // A member's failure is its group's to mend.
  for (std::size_t i = 0; i < impl_->exporters.size(); ++i) {
    if (!impl_->is_member(i) && !impl_->exporters[i]->queue().failed()) return false;
  }
  return !impl_->exporters.empty();
}

void ExportHub::offer(std::shared_ptr<const RecordBatch> batch, bool wait, unsigned monitor) {
  const std::shared_ptr<const RecordBatch> shared = std::move(batch);
  if (shared == nullptr || shared->empty()) return;
  // Serve every queue that has room before waiting for any other.
  std::vector<ExportQueue*> full;
  for (std::size_t i = 0; i < impl_->exporters.size(); ++i) {
    ExportQueue& queue = impl_->exporters[i]->queue();
    if (impl_->takes(i, monitor) && !queue.push(shared)) full.push_back(&queue);
  }
  for (ExportQueue* const queue : full) {
    if (wait && queue->push_waiting(shared, patience(impl_->mode))) continue;
    queue->refuse(*shared);
  }
}

void ExportHub::wait_for_room(std::size_t octets, unsigned monitor) {
  // Waiting for one after the other is enough: while nobody offers, room only grows.
  for (std::size_t i = 0; i < impl_->exporters.size(); ++i) {
    if (impl_->takes(i, monitor)) impl_->exporters[i]->queue().wait_for_room(octets, patience(impl_->mode));
  }
}

std::vector<std::string> ExportHub::finish(std::chrono::milliseconds timeout) {
  const ExportTime deadline = ExportClock::now() + timeout;
  impl_->close_all(deadline);
  for (const auto& exporter : impl_->exporters) exporter->join();
  return problems();
}

std::vector<std::string> ExportHub::reopen() {
  std::vector<std::string> problems;
  for (const auto& exporter : impl_->exporters) {
    const auto reopened = exporter->reopen();
    if (!reopened) problems.push_back(fmt::format("export '{}': {}", exporter->queue().name(), reopened.error()));
  }
  return problems;
}

std::vector<std::string> ExportHub::problems() const {
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < impl_->exporters.size(); ++i) {
    // A group's own: its members speak for themselves.
    const ExporterSnapshot snapshot = impl_->exporters[i]->queue().snapshot();
    if (snapshot.reader_left && impl_->mode == ExportMode::capture) continue;  // `| head` had enough
    RecordTotals all;
    std::string names;
    bool refused = snapshot.state.starts_with("failed: ");
    for (const auto& [name, totals] : snapshot.lost) {
      if (totals.records == 0) continue;
      all += totals;
      refused |= name == kExportLossTexts[static_cast<std::size_t>(ExportLoss::send_failed)].name;
      names += fmt::format("{}{} {}", names.empty() ? "" : ", ", name, totals.records);
    }
    std::string text = refused && snapshot.state != "up" ? snapshot.state : std::string();
    if (all.records != 0) {
      text += fmt::format("{}{} of {} records lost ({})", text.empty() ? "" : "; ", all.records,
                          snapshot.drained.records, names);
    }
    if (!text.empty()) problems.push_back(fmt::format("export '{}': {}", snapshot.name, text));
  }
  return problems;
}

std::vector<ExporterSnapshot> ExportHub::snapshot() const {
  std::vector<ExporterSnapshot> result;
  result.resize(impl_->exporters.size());
  for (std::size_t i = 0; i < impl_->exporters.size(); ++i) {
    if (!impl_->is_group(i)) continue;
    GroupBooks::Snapshots all = impl_->books[i]->snapshots();
    result[i] = std::move(all.group);
    for (std::size_t member = 0; member < result.size(); ++member) {
      if (impl_->groups[member] != i) continue;
      const std::string& name = impl_->exporters[member]->queue().name();
      result[member] = *std::find_if(all.members.begin(), all.members.end(),
                                     [&](const ExporterSnapshot& one) { return one.name == name; });
    }
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (!impl_->is_group(i) && !impl_->is_member(i)) result[i] = impl_->exporters[i]->queue().snapshot();
    result[i].uri = impl_->uris[i];
    result[i].monitors = impl_->routes[i].monitors;
  }
  return result;
}

tl::expected<void, std::string> check_export_uri(const std::string& uri) {
  if (auto parsed = parse_export_uri(uri); !parsed) return Error(parsed.error());
  return {};
}

}  // namespace weir
