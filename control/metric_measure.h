// What metrics cost on this machine: packets of many flows are counted without any metric, with each, and with all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir {

struct MetricCost {
  std::string metrics;                  ///< the value of --metrics
  std::optional<double> nanoseconds;    ///< per packet, in a table of 10 000 flows; without a value: no memory for it
  std::optional<double> many_flows_ns;  ///< the same with a million flows
};

struct MetricCosts {
  std::string processor;
  std::vector<MetricCost> costs;  ///< the first is `none`
};

/// Takes about 15 seconds of one core, more with more metrics.
MetricCosts measure_metrics();

std::string measured_text(const MetricCosts& costs);

}  // namespace weir
