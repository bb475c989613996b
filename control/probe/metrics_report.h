// The answer to `weirctl metrics`, as a function of values.
#pragma once

#include <cstdint>
#include <string>

#include "control/probe/moment.h"
#include "control/probe/phase.h"
#include "dataplane/metric/metrics.h"
#include "proto/schema/control.pb.h"

namespace weir {

/// What does not change while the workers run.
struct MetricFacts {
  Metrics metrics;
  std::uint64_t pool_lines = 0;  ///< of all workers
  std::string monitor{};         ///< its name; empty: the configuration names none
  unsigned number = 0;           ///< of the monitor
};

/// Before the workers run, and after.
v1::MetricsReply make_metrics(const Activity& activity);
/// Adds what is known of a monitor of a probe whose workers run. `moment`: nullptr where no worker has counted yet.
void add_running_metrics(v1::MetricsReply& reply, const MetricFacts& facts, const Moment* moment, bool stale);

}  // namespace weir
