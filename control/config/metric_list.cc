#include "control/config/metric_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "proto/base/similar.h"
#include "proto/base/split.h"

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
  if (text.empty()) return tl::unexpected(fmt::format("expected all, none or names of {}", metric_names()));
  for (const std::string_view name : split(text, ',')) {
    if (name == "all" || name == "none") {
      return tl::unexpected(
          fmt::format("'{}' cannot stand beside other names; expected all, none or names of {}", name, metric_names()));
    }
    const auto found = std::find_if(Metrics::kInfos.begin(), Metrics::kInfos.end(),
                                    [&](const MetricInfo& info) { return info.name == name; });
    if (found == Metrics::kInfos.end()) {
      std::vector<std::string_view> names{"all", "none"};
      for (const MetricInfo& info : Metrics::kInfos) names.push_back(info.name);
      return tl::unexpected(fmt::format("there is no metric '{}'{}; expected all, none or names of {}", name,
                                        did_you_mean(name, names), metric_names()));
    }
    enabled |= std::uint32_t{1} << (found - Metrics::kInfos.begin());
  }
  return Metrics(enabled);
}

}  // namespace weir
