// MonitorOptions: what a monitor is made with, and what a generation of its flows is (flow_generation.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/flow/flow_settings.h"
#include "dataplane/flow/port_pairs.h"
#include "dataplane/flow/record_writer.h"
#include "dataplane/flow/sample_facts.h"
#include "dataplane/flow/sampling.h"
#include "dataplane/metric/metrics.h"
#include "dataplane/packet/flow_filter.h"
#include "dataplane/record_ring.h"

namespace weir {

struct MonitorOptions {
  std::uint8_t number = 0;
  bool alone = true;                  ///< there is no other monitor
  bool icmp_in_key = false;           ///< the parser puts ICMP types and codes into the key, for whichever monitor
  std::uint32_t capacity = 1U << 20;  ///< flows of this worker
  std::size_t ring_lines = kLeastRingLines;
  RingFull ring_full = RingFull::lose;
  FlowTimeouts timeouts;
  WhenFull when_full = WhenFull::evict;
  KeyFields key;
  PortPairs pairs;
  const SampleFacts* samples = nullptr;  ///< the source's, which outlives the monitor; nullptr: packets are not samples
  Metrics metrics;
  Sampling sampling;
  unsigned worker = 0;                 ///< its number, which makes its random numbers its own
  const FlowFilter* filter = nullptr;  ///< nullptr: every packet counts; must outlive the monitor
};

/// `plain`, the options of the first monitor, for one of those beside it.
[[nodiscard]] MonitorOptions further_monitor(const MonitorOptions& plain, const FurtherMonitor& further,
                                             std::uint8_t number);

}  // namespace weir
