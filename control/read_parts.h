// What `weir read` does alike for captures and for raw records: signals, where records go, what exporters are told.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/settings.h"
#include "control/enrich/interface_store.h"
#include "control/export/export_context.h"

namespace weir {

/// The first signal ends the reading and exports what was read; the second one ends the program, whatever it is waiting
/// for (a pager that nobody scrolls, say).
void heed_signals();
/// The first signal came.
[[nodiscard]] bool is_interrupted();

/// Where records go. Somebody who asks for nothing sees them, unless standard output is the ledger's: the largest that
/// a terminal has room for, or all of them.
[[nodiscard]] std::vector<std::string> read_exports(const Settings& settings);

/// --interfaces; nullptr: records do not name them. Error: one line.
[[nodiscard]] tl::expected<std::unique_ptr<InterfaceStore>, std::string> open_interfaces(const Settings& settings);

/// `start_ns`: time of the first packet, ns since 1970. `interfaces`: what options data say of them, or nullptr.
[[nodiscard]] ExportContext read_context(const Settings& settings, std::uint64_t start_ns,
                                         const InterfaceStore* interfaces);

}  // namespace weir
