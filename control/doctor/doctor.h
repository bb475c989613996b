// `weir doctor`: what stands in the way of `weir run` with these settings, and the commands that mend it.
#pragma once

#include "control/config/settings.h"

namespace weir {

/// Looks at everything and prints it: for people, or as JSON, an object a line. Returns the exit code: 1 where
/// something stands in the way.
int examine(const Settings& settings, bool json);

}  // namespace weir
