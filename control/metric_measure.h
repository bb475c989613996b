// What metrics cost on this machine: packets of many flows are counted without any metric, with each, and with all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir {

struct MetricCost {
  std::string metrics;       ///< the value of --metrics
  double nanoseconds = 0;    ///< per packet, in a table of 10 000 flows
  double many_flows_ns = 0;  ///< the same with a million flows
};

struct MetricCosts {
  std::string processor;
  std::vector<MetricCost> costs;  ///< the first is `none`
};

/// Takes some seconds of one core.
MetricCosts measure_metrics();

std::string measured_text(const MetricCosts& costs);

}  // namespace weir
