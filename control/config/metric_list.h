// The value of --metrics: which metrics are on.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "dataplane/metric/metrics.h"

namespace weir {

/// `text` is all, none, or names separated by commas. Error: what is wrong and what was expected.
[[nodiscard]] tl::expected<Metrics, std::string> parse_metric_list(std::string_view text);

/// "layer2, tcp".
[[nodiscard]] std::string metric_names();

}  // namespace weir
