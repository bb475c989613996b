#include "dataplane/monitor.h"

#include <algorithm>

namespace weir {

Monitor::Monitor(const MonitorOptions& options, const KeyHash& hash)
    : number_(options.number),
      hash_(hash),
      mask_(options.key),
      records_(std::max(options.ring_lines, kLeastRingLines)),
      shard_(options.capacity, hash, for_key(options.timeouts, options.key), counters_, records_, options.ring_full,
             options.full_table, options.metrics) {}

// A function of its own, with a copy of the hash: its secret words then stay in registers.
void Monitor::prepare(std::span<ParsedPacket> burst) const {
  if (mask_.changes()) [[unlikely]] {
    for (ParsedPacket& packet : burst) mask_.apply(packet);
  }
  const KeyHash hash = hash_;
  for (ParsedPacket& packet : burst) {
    packet.hash = hash(packet.key);
    shard_.prefetch(packet.hash);
  }
}

FlowCounters Monitor::counters() const {
  FlowCounters counters = counters_;
  counters.far_inserts = shard_.table().index().far_inserts();
  counters.longest_probe = shard_.table().index().longest_probe();
  return counters;
}

}  // namespace weir
