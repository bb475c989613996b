#include "control/export/export_hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <string_view>
#include <utility>

#include "control/export/export_queue.h"
#include "control/export/export_uri.h"
#include "control/export/hub_entry.h"
#include "control/export/hub_opening.h"
#include "proto/base/similar.h"

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;

/// The books of an entry that is no member of a group.
ExporterSnapshot snapshot_of(const HubEntry& entry) {
  if (entry.last) return *entry.last;
  ExporterSnapshot snapshot = entry.queue().snapshot();
  snapshot.uri = entry.uri;
  snapshot.monitors = entry.route.monitors;
  snapshot.missed = entry.missed;
  snapshot.left_at = entry.left_at;
  if (entry.removed()) {
    snapshot.name += " (removed)";
    snapshot.state = "removed";
  }
  return snapshot;
}

/// What the monitors of an entry have given.
RecordTotals given_to(const HubEntry& entry, const std::vector<RecordTotals>& given) {
  RecordTotals sum;
  for (std::size_t monitor = 0; monitor < given.size(); ++monitor) {
    if ((entry.route.monitors >> monitor & 1) != 0) sum += given[monitor];
  }
  return sum;
}

/// One line of what the exporter could not do; empty: nothing.
std::string problem_of(const ExporterSnapshot& snapshot) {
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
    text += fmt::format("{}{} of {} records lost ({})", text.empty() ? "" : "; ", all.records, snapshot.drained.records,
                        names);
  }
  return text.empty() ? text : fmt::format("export '{}': {}", snapshot.name, text);
}

/// Two exporters of one name that were removed, as one.
ExporterSnapshot sum_of(ExporterSnapshot first, const ExporterSnapshot& second) {
  first.drained += second.drained;
  first.exported += second.exported;
  first.queued += second.queued;
  for (std::size_t i = 0; i < first.lost.size(); ++i) first.lost[i].second += second.lost[i].second;
  first.datagrams += second.datagrams;
  first.wire_octets += second.wire_octets;
  first.lateness += second.lateness;
  first.missed += second.missed;
  *first.left_at += *second.left_at;
  first.connections.clear();  // of two exporters, whose numbers both begin at 1
  return first;
}

}  // namespace

struct ExportHub::Impl {
  ExportMode mode = ExportMode::live;
  std::mutex mutex;  ///< guards what follows
  std::shared_ptr<const HubEntries> entries = std::make_shared<const HubEntries>();

  /// The list as it is now. What it names lives as long as the list does.
  [[nodiscard]] std::shared_ptr<const HubEntries> list() {
    const std::lock_guard lock(mutex);
    return entries;
  }
  void set_list(HubEntries next) {
    auto list = std::make_shared<const HubEntries>(std::move(next));
    const std::lock_guard lock(mutex);
    entries.swap(list);
  }
  /// Groups first, since they hand out until they are closed; then all others, so that their deadlines do not add up.
  void close_all(ExportTime deadline);
};

void ExportHub::Impl::close_all(ExportTime deadline) {
  const auto all = list();
  for (const HubEntry& entry : *all) {
    if (entry.thread != nullptr && !entry.is_member()) entry.queue().close(deadline);
  }
  for (const HubEntry& entry : *all) {
    if (entry.thread != nullptr && entry.is_group()) entry.thread->join();
  }
  for (const HubEntry& entry : *all) {
    if (entry.thread != nullptr) entry.queue().close(deadline);
  }
}

struct ExportChange::Impl {
  HubOpening opening;
};

ExportChange::ExportChange(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ExportChange::ExportChange(ExportChange&&) noexcept = default;
ExportChange::~ExportChange() = default;

ExportHub::ExportHub(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ExportHub::~ExportHub() {
  impl_->close_all(ExportClock::now());
}

tl::expected<std::unique_ptr<ExportHub>, std::string> ExportHub::prepare(const std::vector<std::string>& texts,
                                                                         const ExportContext& context) {
  auto opening = HubOpening::prepare(texts, context);
  if (!opening) return Error(opening.error());
  auto impl = std::make_unique<Impl>();
  impl->mode = context.mode;
  impl->set_list(std::move(opening->added));
  return std::unique_ptr<ExportHub>(new ExportHub(std::move(impl)));
}

tl::expected<void, std::string> ExportHub::begin() {
  const auto all = impl_->list();
  const HubOpening opening{*all, {}};
  if (auto begun = opening.begin(); !begun) return begun;
  for (const HubEntry& entry : *all) entry.thread->start();
  return {};
}

tl::expected<std::unique_ptr<ExportHub>, std::string> ExportHub::open(const std::vector<std::string>& texts,
                                                                      const ExportContext& context) {
  auto hub = prepare(texts, context);
  if (!hub) return hub;
  if (auto begun = (*hub)->begin(); !begun) return Error(begun.error());
  return hub;
}

tl::expected<void, std::string> ExportHub::check_change(const std::vector<std::string>& texts,
                                                        const ExportContext& context) {
  auto opening = HubOpening::prepare(texts, context, *impl_->list(), false);
  if (!opening) return Error(opening.error());
  return {};
}

tl::expected<ExportChange, std::string> ExportHub::prepare_change(const std::vector<std::string>& texts,
                                                                  const ExportContext& context) {
  auto opening = HubOpening::prepare(texts, context, *impl_->list());
  if (!opening) return Error(opening.error());
  if (auto begun = opening->begin(); !begun) return Error(begun.error());
  return ExportChange(std::make_unique<ExportChange::Impl>(ExportChange::Impl{std::move(*opening)}));
}

void ExportHub::change(const ExportChange& change, const std::vector<RecordTotals>& given) {
  HubEntries next = *impl_->list();
  for (const std::size_t place : change.impl_->opening.removed) next[place].left_at = given_to(next[place], given);
  for (const HubEntry& added : change.impl_->opening.added) {
    next.push_back(added);
    next.back().missed = given_to(added, given);
    added.thread->start();
  }
  impl_->set_list(std::move(next));
}

std::vector<std::string> ExportHub::close_removed(std::chrono::milliseconds limit) {
  std::vector<std::string> problems;
  HubEntries next = *impl_->list();
  const ExportTime deadline = ExportClock::now() + limit;
  for (const HubEntry& entry : next) {
    if (entry.removed() && entry.thread != nullptr) entry.queue().close(deadline);
  }
  for (std::size_t i = 0; i < next.size(); ++i) {
    HubEntry& entry = next[i];
    if (!entry.removed() || entry.thread == nullptr) continue;
    entry.thread->join();
    entry.last = snapshot_of(entry);
    entry.last->queue_octets = entry.last->queue_limit_octets = 0;
    entry.thread.reset();
    if (std::string text = problem_of(*entry.last); !text.empty()) problems.push_back(std::move(text));
    const auto before = std::find_if(next.begin(), next.end(), [&](const HubEntry& other) {
      return &other != &entry && other.last && other.last->name == entry.last->name;
    });
    if (before == next.end()) continue;
    before->last = sum_of(std::move(*before->last), *entry.last);
    for (HubEntry& other : next) {
      if (other.group && *other.group > i) --*other.group;
    }
    next.erase(next.begin() + static_cast<std::ptrdiff_t>(i--));
  }
  impl_->set_list(std::move(next));
  return problems;
}

tl::expected<void, std::string> ExportHub::pause(const std::string& name, bool on) {
  const auto all = impl_->list();
  bool found = false;
  std::vector<std::string_view> names;
  for (const HubEntry& entry : *all) {
    if (entry.removed()) continue;
    names.push_back(entry.uri_name);
    if (entry.uri_name != name && entry.route.name != name) continue;
    entry.queue().set_paused(on);
    found = true;
  }
  if (found) return {};
  return Error(fmt::format("{}: no exporter has this name{}", name, did_you_mean(name, names)));
}

void ExportHub::resume_all() {
  for (const HubEntry& entry : *impl_->list()) {
    if (entry.thread != nullptr) entry.queue().set_paused(false);
  }
}

bool ExportHub::reader_left() const {
  const std::vector<ExporterSnapshot> all = snapshot();
  return std::any_of(all.begin(), all.end(), [](const ExporterSnapshot& one) { return one.reader_left; });
}

bool ExportHub::all_failed() const {
  // A member's failure is its group's to mend.
  const auto all = impl_->list();
  for (const HubEntry& entry : *all) {
    if (!entry.removed() && !entry.is_member() && !entry.queue().failed()) return false;
  }
  return !all->empty();
}

void ExportHub::offer(std::shared_ptr<const RecordBatch> batch, bool wait, unsigned monitor) {
  const std::shared_ptr<const RecordBatch> shared = std::move(batch);
  if (shared == nullptr || shared->empty()) return;
  const auto all = impl_->list();
  // Serve every queue that has room before waiting for any other.
  std::vector<ExportQueue*> full;
  for (const HubEntry& entry : *all) {
    if (entry.takes(monitor) && !entry.queue().push(shared)) full.push_back(&entry.queue());
  }
  for (ExportQueue* const queue : full) {
    if (wait && queue->push_waiting(shared, patience(impl_->mode))) continue;
    queue->refuse(*shared);
  }
}

void ExportHub::wait_for_room(std::size_t octets, unsigned monitor) {
  // Waiting for one after the other is enough: while nobody offers, room only grows.
  const auto all = impl_->list();
  for (const HubEntry& entry : *all) {
    if (entry.takes(monitor)) entry.queue().wait_for_room(octets, patience(impl_->mode));
  }
}

std::vector<std::string> ExportHub::finish(std::chrono::milliseconds timeout) {
  const ExportTime deadline = ExportClock::now() + timeout;
  impl_->close_all(deadline);
  for (const HubEntry& entry : *impl_->list()) {
    if (entry.thread != nullptr) entry.thread->join();
  }
  return problems();
}

std::vector<std::string> ExportHub::reopen() {
  std::vector<std::string> problems;
  for (const HubEntry& entry : *impl_->list()) {
    if (entry.removed()) continue;
    const auto reopened = entry.thread->reopen();
    if (!reopened) problems.push_back(fmt::format("export '{}': {}", entry.queue().name(), reopened.error()));
  }
  return problems;
}

std::vector<std::string> ExportHub::problems() const {
  std::vector<std::string> problems;
  for (const HubEntry& entry : *impl_->list()) {
    // A group's own: its members speak for themselves.
    const ExporterSnapshot snapshot = snapshot_of(entry);
    if (snapshot.reader_left && impl_->mode == ExportMode::capture) continue;  // `| head` had enough
    if (std::string text = problem_of(snapshot); !text.empty()) problems.push_back(std::move(text));
  }
  return problems;
}

std::vector<ExporterSnapshot> ExportHub::snapshot() const {
  const auto list = impl_->list();
  const HubEntries& entries = *list;
  std::vector<ExporterSnapshot> result(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i].is_group()) continue;
    GroupBooks::Snapshots all = entries[i].books->snapshots();
    result[i] = std::move(all.group);
    for (std::size_t member = 0; member < result.size(); ++member) {
      if (entries[member].group != i) continue;
      const std::string& name = entries[member].queue().name();
      result[member] = *std::find_if(all.members.begin(), all.members.end(),
                                     [&](const ExporterSnapshot& one) { return one.name == name; });
    }
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (!entries[i].is_group() && !entries[i].is_member()) result[i] = snapshot_of(entries[i]);
    result[i].uri = entries[i].uri;
    result[i].monitors = entries[i].route.monitors;
  }
  return result;
}

tl::expected<void, std::string> check_export_uri(const std::string& uri) {
  if (auto parsed = parse_export_uri(uri); !parsed) return Error(parsed.error());
  return {};
}

}  // namespace weir
