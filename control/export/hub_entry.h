// HubEntry: an exporter in the hub's list, from when it is opened until long after it was removed: what it counted
// stays in the ledger.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/export/export_routes.h"
#include "control/export/exporter_snapshot.h"
#include "control/export/exporter_thread.h"
#include "control/export/group_books.h"
#include "proto/base/counts.h"

namespace weir {

struct HubEntry {
  std::shared_ptr<ExporterThread> thread;  ///< nullptr: it was removed, and is closed
  std::string uri;                         ///< for everybody to see
  std::string given;                       ///< the same with its keys
  std::string uri_name;                    ///< of the URI, which may make several streams
  ExportRoute route;
  std::optional<std::size_t> group;      ///< the place of the one that it is a member of
  std::shared_ptr<GroupBooks> books;     ///< of a group; else nullptr
  RecordTotals missed;                   ///< what its monitors had given before it was added
  std::optional<RecordTotals> left_at;   ///< removed: what they had given by then
  std::optional<ExporterSnapshot> last;  ///< removed and closed: its books

  [[nodiscard]] bool is_group() const { return books != nullptr; }
  [[nodiscard]] bool is_member() const { return group.has_value(); }
  [[nodiscard]] bool removed() const { return left_at.has_value(); }
  [[nodiscard]] bool takes(unsigned monitor) const {
    return !is_member() && !removed() && (route.monitors >> monitor & 1) != 0;
  }
  [[nodiscard]] ExportQueue& queue() const { return thread->queue(); }
};

using HubEntries = std::vector<HubEntry>;

}  // namespace weir
