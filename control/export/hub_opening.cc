#include "control/export/hub_opening.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "control/export/export_queue.h"
#include "control/export/export_uri.h"
#include "control/export/file_sink.h"
#include "control/export/group_members.h"

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;

tl::unexpected<std::string> fault(const std::string& uri, const std::string& what) {
  return Error(fmt::format("export '{}': {}", uri, what));
}

bool is_name(const std::vector<ExportUri>& uris, const std::string& name) {
  return std::any_of(uris.begin(), uris.end(), [&](const ExportUri& one) { return one.name == name; });
}

/// What the texts alone tell. Standard output carries the records of one exporter, and no two have one name.
tl::expected<std::vector<ExportUri>, std::string> parse_all(const std::vector<std::string>& texts) {
  std::vector<ExportUri> uris;
  std::optional<std::size_t> standard_output;
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
    if (standard_output) {
      return fault(text, fmt::format("standard output is taken by '{}'; name a file", uris[*standard_output].text));
    }
    standard_output = uris.size() - 1;
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

/// No file carries the records of two exporters: neither by its name nor by a link. One that goes still has its file.
tl::expected<void, std::string> check_distinct(const HubEntries& added, const HubEntries& live) {
  for (std::size_t i = 0; i < added.size(); ++i) {
    const auto file = added[i].thread->exporter().file();
    if (!file) continue;
    const auto same = [&](const HubEntry& other) {
      return other.thread != nullptr && other.thread->exporter().file() == file;
    };
    const auto end = added.begin() + static_cast<std::ptrdiff_t>(i);
    const auto before = std::find_if(added.begin(), end, same);
    if (before != end) {
      return fault(added[i].uri, fmt::format("the same file as '{}'; each exporter needs its own", before->uri));
    }
    const auto running = std::find_if(live.begin(), live.end(), same);
    if (running != live.end()) {
      return fault(added[i].uri,
                   fmt::format("'{}' writes to this file; remove it first, or name another file", running->uri));
    }
  }
  return {};
}

/// No exporter writes to a file that is read, whatever its name there.
tl::expected<void, std::string> check_inputs(const HubEntries& added, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    const auto identity = FileSink::identity_of(input);
    for (const HubEntry& entry : added) {
      if (!identity || entry.thread->exporter().file() != identity) continue;
      return fault(entry.uri, fmt::format("that is the input {} itself; name another file", input));
    }
  }
  return {};
}

/// The entry of the same exporter among those that run.
std::optional<std::size_t> running(const HubEntries& live, const HubEntry& wanted) {
  for (std::size_t i = 0; i < live.size(); ++i) {
    const HubEntry& entry = live[i];
    if (!entry.removed() && entry.given == wanted.given && entry.route.name == wanted.route.name &&
        entry.route.monitors == wanted.route.monitors && entry.route.monitor == wanted.route.monitor) {
      return i;
    }
  }
  return std::nullopt;
}

/// Opens the exporter of an entry whose place is `at`. Members are open before their group is.
tl::expected<void, std::string> open(HubEntries& entries, std::size_t at, const ExportUri& uri,
                                     const ExportContext& context) {
  HubEntry& entry = entries[at];
  auto queue = std::make_unique<ExportQueue>(entry.route.name, context.queue_octets, measures_lateness(context.mode));
  if (entry.is_member()) queue->join_group();
  ExportContext own = context;
  if (const std::optional<unsigned> monitor = entry.route.monitor) {
    own.source_offset = *monitor;
    own.sampling_rate = context.monitors[*monitor].sampling_rate;
    own.sampled_at_random = context.monitors[*monitor].sampled_at_random;
  }
  if (const std::vector<std::string> names = uri.request->members(); !names.empty()) {
    std::vector<ExportQueue*> members;
    for (const std::string& name : names) {
      for (const HubEntry& member : entries) {
        if (member.group == at && member.route.name == name) members.push_back(&member.queue());
      }
    }
    entry.books = own.group = std::make_shared<GroupBooks>(*queue, std::move(members));
  }
  std::unique_ptr<RecordAnonymiser> anonymiser;
  if (uri.anonymise) {
    auto pan = CryptoPan::make(*uri.anonymise);
    if (!pan) return fault(uri.text, pan.error());
    anonymiser = std::make_unique<RecordAnonymiser>(std::move(*pan));
  }
  auto exporter = uri.request->open(own, *queue);
  if (!exporter) return fault(uri.text, exporter.error());
  entry.thread = std::make_shared<ExporterThread>(std::move(queue), std::move(*exporter),
                                                  ExporterThread::Begin::at_start, std::move(anonymiser));
  return {};
}

/// A group knows its members from when it is opened.
tl::expected<void, std::string> check_groups(const HubEntries& wanted, const std::vector<ExportUri>& uris,
                                             const HubOpening& opening, const HubEntries& live) {
  constexpr const char* kWhy = "a group and its members change when weir is started again, not while it runs";
  for (const HubEntry& entry : opening.added) {
    if (entry.is_member() || !uris[entry.route.uri].request->members().empty()) return fault(entry.uri, kWhy);
  }
  for (const std::size_t place : opening.removed) {
    if (live[place].is_member() || live[place].is_group()) return fault(live[place].uri, kWhy);
  }
  for (const HubEntry& entry : wanted) {
    const auto place = running(live, entry);
    if (place && live[*place].is_member() != entry.is_member()) return fault(entry.uri, kWhy);
  }
  return {};
}

/// What the texts and the monitors make of exporters, none of them open yet.
tl::expected<HubEntries, std::string> entries_of(const std::vector<std::string>& texts,
                                                 const std::vector<ExportUri>& uris, const ExportContext& context) {
  auto groups = groups_of(uris);
  if (!groups) return fault(uris[groups.error().uri].text, groups.error().what);
  auto routes = routes_of(uris, *groups, context.monitors);
  if (!routes) {
    const RouteFault& wrong = routes.error();
    if (!wrong.monitor) return fault(uris[wrong.place].text, wrong.what);
    const ExportMonitor& monitor = context.monitors[*wrong.monitor];
    return Error(fmt::format("monitor {}: export {}: {}", monitor.name, monitor.exporters[wrong.place], wrong.what));
  }
  HubEntries entries;
  for (const ExportRoute& route : *routes) {
    HubEntry& entry = entries.emplace_back();
    entry.uri = uris[route.uri].text;
    entry.given = texts[route.uri];
    entry.uri_name = uris[route.uri].name;
    entry.route = route;
    entry.group = place_of((*groups)[route.uri], *routes);
  }
  return entries;
}

}  // namespace

tl::expected<HubOpening, std::string> HubOpening::prepare(const std::vector<std::string>& texts,
                                                          const ExportContext& context, const HubEntries& live,
                                                          bool open_them) {
  const auto uris = parse_all(texts);
  if (!uris) return Error(uris.error());
  const auto wanted = entries_of(texts, *uris, context);
  if (!wanted) return Error(wanted.error());
  HubOpening opening;
  std::vector<bool> stays(live.size(), false);
  for (const HubEntry& entry : *wanted) {
    const auto place = running(live, entry);
    if (place) {
      stays[*place] = true;
    } else {
      opening.added.push_back(entry);
    }
  }
  for (std::size_t i = 0; i < live.size(); ++i) {
    if (!stays[i] && !live[i].removed()) opening.removed.push_back(i);
  }
  if (!live.empty()) {
    if (auto fit = check_groups(*wanted, *uris, opening, live); !fit) return Error(fit.error());
  }
  if (!open_them) return opening;
  for (const bool group : {false, true}) {
    for (std::size_t i = 0; i < opening.added.size(); ++i) {
      const ExportUri& uri = (*uris)[opening.added[i].route.uri];
      if (uri.request->members().empty() == group) continue;
      if (auto opened = open(opening.added, i, uri, context); !opened) return Error(opened.error());
    }
  }
  if (auto distinct = check_distinct(opening.added, live); !distinct) return Error(distinct.error());
  if (auto apart = check_inputs(opening.added, context.inputs); !apart) return Error(apart.error());
  for (const HubEntry& entry : opening.added) {
    const auto claimed = entry.thread->exporter().claim();
    if (!claimed) return fault(entry.uri, claimed.error());
  }
  return opening;
}

tl::expected<void, std::string> HubOpening::begin() const {
  for (const HubEntry& entry : added) {
    const auto begun = entry.thread->exporter().begin();
    if (!begun) return fault(entry.uri, begun.error());
  }
  return {};
}

}  // namespace weir
