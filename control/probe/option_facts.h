// What options data tell collectors of the probe as a whole: packets that came into no flow, and records that were lost
// before the exporters. Pure functions of the counters.
#pragma once

#include <vector>

#include "control/probe/moment.h"
#include "dataplane/dpdk/runtime.h"
#include "proto/base/counts.h"
#include "proto/encode/options_data.h"

namespace weir {

/// Rejected, or lost between two workers; frame octets.
PacketCount ignored_packets(const std::vector<WorkerCounters>& workers);
/// By reason, every reason once, those of the overflow accounter included.
std::vector<NamedLoss> losses_before_exporters(const std::vector<WorkerCounters>& workers,
                                               const OverflowTotals& overflow);
/// The ports as interfaces, counted from 1; one that is on an interface of the kernel has its name.
std::vector<InterfaceName> interfaces_of(const std::vector<dpdk::PortInfo>& ports);

}  // namespace weir
