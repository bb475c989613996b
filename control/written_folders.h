// The folders in which weir makes files later: anew when a log rotation has moved them away, or to remove a socket.
#pragma once

#include <string>
#include <vector>

#include "control/config/settings.h"

namespace weir {

/// A line for each file of the settings whose folder this user may not write in, which says what follows from it. The
/// folders of files that rotate by themselves are not looked at, since their files are made in there at the start.
std::vector<std::string> folders_not_writable(const Settings& settings);

}  // namespace weir
