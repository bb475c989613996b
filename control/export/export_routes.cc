#include "control/export/export_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string_view>
#include <utility>

#include "proto/base/similar.h"

namespace weir {
namespace {

using Groups = std::span<const std::optional<std::size_t>>;

tl::unexpected<RouteFault> fault(std::optional<std::size_t> monitor, std::size_t place, std::string what) {
  return tl::unexpected(RouteFault{monitor, place, std::move(what)});
}

/// By URI, the monitors that use it, without what groups make of it.
tl::expected<std::vector<std::uint32_t>, RouteFault> users_of(std::span<const ExportUri> uris, Groups groups,
                                                              std::span<const ExportMonitor> monitors) {
  std::vector<std::uint32_t> users(uris.size());
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < uris.size(); ++i) {
    if (!groups[i]) names.push_back(uris[i].name);
  }
  for (std::size_t monitor = 0; monitor < monitors.size(); ++monitor) {
    const std::uint32_t bit = 1U << monitor;
    const std::vector<std::string>& wanted = monitors[monitor].exporters;
    for (std::size_t i = 0; wanted.empty() && i < uris.size(); ++i) users[i] |= bit;
    for (std::size_t place = 0; place < wanted.size(); ++place) {
      const auto found =
          std::find_if(uris.begin(), uris.end(), [&](const ExportUri& one) { return one.name == wanted[place]; });
      if (found == uris.end()) {
        const std::string meant = did_you_mean(wanted[place], names);
        return fault(monitor, place,
                     "no exporter has this name" +
                         (meant.empty() ? "; expected the ?name= of one, or the URI of one without" : meant));
      }
      const auto uri = static_cast<std::size_t>(found - uris.begin());
      if (groups[uri]) {
        return fault(monitor, place,
                     fmt::format("a member of the group {}; expected the group's name", uris[*groups[uri]].name));
      }
      if ((users[uri] & bit) != 0) return fault(monitor, place, "given twice; expected each exporter once");
      users[uri] |= bit;
    }
  }
  return users;
}

/// What two streams to one place must not share.
struct StreamName {
  std::string_view place;  ///< the URI without its options
  std::uint32_t source_id;

  friend bool operator==(const StreamName&, const StreamName&) = default;
};

/// Each stream of a monitor has a source id of its own at the collector that it goes to.
tl::expected<void, RouteFault> check_source_ids(std::span<const ExportUri> uris, std::span<const ExportRoute> routes) {
  std::vector<std::pair<StreamName, std::size_t>> streams;  // and the place of the URI
  for (const ExportRoute& route : routes) {
    const auto first = uris[route.uri].request->source_id();
    if (!first || !route.monitor) continue;
    const std::uint64_t most = uris[route.uri].kind->scheme == "netflow5" ? 255 : UINT32_MAX;
    const std::uint64_t id = std::uint64_t{*first} + *route.monitor;
    if (id > most) {
      return fault(std::nullopt, route.uri,
                   fmt::format("source_id={} and {} more, the place of a monitor, is above {}; expected a smaller one",
                               *first, *route.monitor, most));
    }
    const std::string_view text = uris[route.uri].text;
    const StreamName name{text.substr(0, text.find('?')), static_cast<std::uint32_t>(id)};
    const auto other = std::find_if(streams.begin(), streams.end(), [&](const auto& one) { return one.first == name; });
    if (other != streams.end()) {
      return fault(std::nullopt, route.uri,
                   fmt::format("{} has source id {} there, too, with a monitor's place added; expected a source_id= "
                               "that is no other stream's",
                               uris[other->second].name, id));
    }
    streams.emplace_back(name, route.uri);
  }
  return {};
}

}  // namespace

tl::expected<std::vector<ExportRoute>, RouteFault> routes_of(std::span<const ExportUri> uris, Groups groups,
                                                             std::span<const ExportMonitor> monitors) {
  std::vector<ExportRoute> routes;
  if (monitors.empty()) {
    for (std::size_t uri = 0; uri < uris.size(); ++uri) routes.push_back({uri, 1, std::nullopt, uris[uri].name});
    return routes;
  }
  const auto users = users_of(uris, groups, monitors);
  if (!users) return tl::unexpected(users.error());
  for (std::size_t uri = 0; uri < uris.size(); ++uri) {
    const std::uint32_t bits = (*users)[groups[uri].value_or(uri)];
    if (bits == 0) {
      return fault(std::nullopt, uri, "no monitor exports to it; expected its name in the export list of one");
    }
    if (!uris[uri].kind->names_source) {
      routes.push_back({uri, bits, std::nullopt, uris[uri].name});
      continue;
    }
    const bool several = std::popcount(bits) > 1;
    if (several && groups[uri]) {
      return fault(std::nullopt, uri,
                   fmt::format("each of its messages names one monitor, and its group {} has several; expected a group "
                               "for each monitor",
                               uris[*groups[uri]].name));
    }
    if (several && !uris[uri].request->file().empty()) {
      return fault(
          std::nullopt, uri,
          "each of its messages names one monitor, and several export to it; expected a file for each monitor");
    }
    for (unsigned monitor = 0; monitor < monitors.size(); ++monitor) {
      if ((bits >> monitor & 1) == 0) continue;
      routes.push_back({uri, 1U << monitor, monitor,
                        several ? fmt::format("{} of {}", uris[uri].name, monitors[monitor].name) : uris[uri].name});
    }
  }
  if (const auto apart = check_source_ids(uris, routes); !apart) return tl::unexpected(apart.error());
  return routes;
}

}  // namespace weir
