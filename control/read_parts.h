// What `weir read` does alike for captures and for raw records: signals, where records go, what exporters are told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config/settings.h"
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

/// `start_ns`: time of the first packet, ns since 1970.
[[nodiscard]] ExportContext read_context(const Settings& settings, std::uint64_t start_ns);

}  // namespace weir
