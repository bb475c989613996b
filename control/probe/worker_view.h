// WorkerView: what the services ask of workers, whoever runs them: those on the queues of ports (worker_set.h), or the
// one that takes the kernel's samples (sample_worker.h).
#pragma once

#include <vector>

#include "control/probe/metrics_report.h"
#include "control/probe/moment.h"
#include "control/probe/status_report.h"
#include "control/query/flow_walk.h"

namespace weir {

class WorkerView {
 public:
  WorkerView() = default;
  WorkerView(const WorkerView&) = delete;
  WorkerView& operator=(const WorkerView&) = delete;
  virtual ~WorkerView() = default;

  [[nodiscard]] virtual unsigned monitors() const = 0;
  [[nodiscard]] virtual std::vector<WorkerBooks> books() = 0;
  /// Where live flows of a monitor are asked for, by worker.
  [[nodiscard]] virtual std::vector<FlowPart> flow_parts(unsigned monitor) = 0;
  [[nodiscard]] virtual std::vector<WorkerFacts> facts() const = 0;
  [[nodiscard]] virtual MetricFacts metrics(unsigned monitor) const = 0;
};

}  // namespace weir
