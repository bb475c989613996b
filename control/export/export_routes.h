// ExportRoutes: which monitors' records an exporter gets, and which exporters are several streams.
//
// A monitor names the exporters that its records go to; without a name they go to all. A member of a group gets what
// its group gets. A stream of NetFlow or IPFIX names one source id: where several monitors use such an exporter, each
// has a stream of its own, whose source id is that of the URI and the monitor's number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/export/export_context.h"
#include "control/export/export_uri.h"

namespace weir {

/// One exporter as it is opened.
struct ExportRoute {
  std::size_t uri = 0;                ///< its place among the URIs
  std::uint32_t monitors = 0;         ///< bit n: it gets the records of monitor n
  std::optional<unsigned> monitor{};  ///< a stream of this monitor's records alone, which its source id names
  std::string name;                   ///< by which status, ledger and metrics speak of it
};

struct RouteFault {
  std::optional<std::size_t> monitor;  ///< whose list is at fault; nothing: an exporter is
  std::size_t place = 0;               ///< in that list, or among the URIs
  std::string what;                    ///< one line without it
};

/// `groups`: what groups_of() says of the same URIs. Without monitors there is one, whose records go to all.
tl::expected<std::vector<ExportRoute>, RouteFault> routes_of(std::span<const ExportUri> uris,
                                                             std::span<const std::optional<std::size_t>> groups,
                                                             std::span<const ExportMonitor> monitors);

}  // namespace weir
