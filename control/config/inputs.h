// What weir reads, and that nothing which it writes takes the place of it.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/settings.h"

namespace weir {

/// Captures, the files of --input and --prefixes and the file of --config.
std::vector<std::string> inputs_of(const Settings& settings);

/// Neither the ledger nor the rejects take the place of an input. Error: one line that names both. (ExportHub sees to
/// the exporters.)
tl::expected<void, std::string> outputs_are_apart(const Settings& settings);

}  // namespace weir
