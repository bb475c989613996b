// Files that weir opens again, makes anew or removes while it runs or ends, and that its user may not.
#pragma once

#include <string>
#include <vector>

#include "control/config/settings.h"

namespace weir {

/// A line for each such file of the settings, which says what follows from it: the file of --config, files of --export
/// that a log rotation moves away, socket files of memif servers. Files of --export that rotate by themselves are not
/// looked at, since they are made in the same folder at the start.
std::vector<std::string> closed_later(const Settings& settings);

}  // namespace weir
