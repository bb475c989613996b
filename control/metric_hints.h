// What --metrics and the fields of the exporters have to say to one another: a field of a metric that is off has no
// value, and a table shows no field of a metric unless it is asked to.
#pragma once

#include <string>
#include <vector>

#include "control/config/settings.h"

namespace weir {

/// One line for each export whose fields do not fit the metrics; `exports`: their URIs.
std::vector<std::string> metric_hints(const Settings& settings, const std::vector<std::string>& exports);

}  // namespace weir
