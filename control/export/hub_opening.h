// HubOpening: from the list of export URIs to exporters that are open: those that are new, beside those that stay.
//
// All texts are checked before anything is opened: a typing mistake in the last URI must not create the first one's
// file. A file keeps what it holds until begin().
#pragma once

#include <cstddef>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/export/export_context.h"
#include "control/export/hub_entry.h"

namespace weir {

struct HubOpening {
  HubEntries added;
  std::vector<std::size_t> removed;  ///< places of those that the list has no more

  /// `live`: what runs; empty at the start. Groups and their members stay as they are while weir runs. `open`: false:
  /// only what can be told without opening anything is checked, and `added` has no threads. Error: one line that names
  /// the URI, what is wrong with it, and what would be right.
  static tl::expected<HubOpening, std::string> prepare(const std::vector<std::string>& texts,
                                                       const ExportContext& context, const HubEntries& live = {},
                                                       bool open = true);
  /// Files lose their old content. Error: as above.
  [[nodiscard]] tl::expected<void, std::string> begin() const;
};

}  // namespace weir
