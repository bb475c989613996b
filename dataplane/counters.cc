#include "dataplane/counters.h"

#include <algorithm>

namespace weir {

void add_flows(FlowCounters& sum, const FlowCounters& c) {
#define WEIR_X(name, description) sum.name += c.name;
  WEIR_LEFT_OUT(WEIR_X)
#undef WEIR_X
  sum.handed_over += c.handed_over;
  sum.handover_full += c.handover_full;
  sum.taken_over += c.taken_over;
  sum.new_flows_left_out += c.new_flows_left_out;
  sum.counted += c.counted;
  sum.counted_ip_octets += c.counted_ip_octets;
  sum.emitted += c.emitted;
  for (std::size_t i = 0; i < kLossCount; ++i) sum.lost[i] += c.lost[i];
  sum.in_table += c.in_table;
  sum.flows_created += c.flows_created;
  sum.evictions += c.evictions;
  sum.overflowed += c.overflowed;
  sum.sampling_level = std::max(sum.sampling_level, c.sampling_level);
  sum.packet_sampling_level = std::max(sum.packet_sampling_level, c.packet_sampling_level);
  sum.far_inserts += c.far_inserts;
  sum.longest_probe = std::max(sum.longest_probe, c.longest_probe);
  sum.late_expiries += c.late_expiries;
  for (std::size_t i = 0; i < kIcmpQuoteCount; ++i) sum.icmp_quotes[i] += c.icmp_quotes[i];
  for (std::size_t i = 0; i < Metrics::kCount; ++i) sum.records_with_metric[i] += c.records_with_metric[i];
  sum.pool_lines_in_use += c.pool_lines_in_use;
  for (std::size_t i = 0; i < kMissingFactCount; ++i) sum.missing_facts[i] += c.missing_facts[i];
}

WorkerCounters of_monitor(const WorkerCounters& worker, unsigned monitor) {
  const FlowCounters& flows = monitor == 0 ? static_cast<const FlowCounters&>(worker) : worker.further[monitor - 1];
  return {static_cast<const PacketCounters&>(worker), flows, {}};
}

WorkerCounters all_monitors(const WorkerCounters& worker) {
  WorkerCounters sum = of_monitor(worker, 0);
  for (std::size_t i = 0; i < worker.further.size(); ++i) add_flows(sum, worker.further[i]);
  return sum;
}

}  // namespace weir
