#include "control/metric_list.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir {

std::string metric_names() {
  std::string names;
  for (const MetricInfo& info : Metrics::kInfos) names.append(names.empty() ? "" : ", ").append(info.name);
  return names;
}

tl::expected<Metrics, std::string> parse_metric_list(std::string_view text) {
  if (text == "all") return Metrics(Metrics::kAll);
  if (text == "none") return Metrics();
  std::uint32_t enabled = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view name = text.substr(at, comma - at);
    const auto found = std::find_if(Metrics::kInfos.begin(), Metrics::kInfos.end(),
                                    [&](const MetricInfo& info) { return info.name == name; });
    if (found == Metrics::kInfos.end()) {
      return tl::unexpected(
          fmt::format("there is no metric '{}'; expected all, none or names of {}", name, metric_names()));
    }
    enabled |= std::uint32_t{1} << (found - Metrics::kInfos.begin());
    at = comma + 1;
  }
  return Metrics(enabled);
}

}  // namespace weir
