// The value of --metrics: which metrics are on.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "dataplane/flow/key_mask.h"
#include "dataplane/metric/metrics.h"

namespace weir {

/// `text` is all, none, or names separated by commas, each with a parameter after a colon where it has one
/// ("packets:10"). Error: what is wrong and what was expected.
[[nodiscard]] tl::expected<Metrics, std::string> parse_metric_list(std::string_view text);

/// "layer2, tcp, packets[:N]".
[[nodiscard]] std::string metric_names();

/// `list`, a list of metrics as given, with what a key with this makes of it (for_key() in flow_settings.h): of MAC
/// addresses or the inner VLAN, layer2, too.
[[nodiscard]] std::string metric_list_for_key(const std::string& list, const KeyFields& key);

}  // namespace weir
