// What tests of workers share: their hash, what they counted, and the ledger of a worker at rest.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "dataplane/worker.h"
#include "tests/support/records.h"

namespace weir::test {

inline const KeyHash kHash({0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89,
                            0x452821e638d01377, 0xbe5466cf34e90c6c});

inline std::vector<FlowRecord> take(RecordRing& ring) {
  return take_records(ring);
}

inline PacketCount sum_of(std::initializer_list<PacketCount> counts) {
  PacketCount sum;
  for (const PacketCount& count : counts) sum += count;
  return sum;
}

/// Ledger equations 1, front and monitor, and 2 of a worker at rest.
inline void expect_balanced(const Worker& worker) {
  const WorkerCounters c = worker.counters();
  PacketCount out = sum_of({c.frame_filtered_out, c.offered, c.fragments_handed_over});
  for (const PacketCount& reject : c.rejects) out += reject;
  EXPECT_EQ(sum_of({c.received, c.fragments_taken_over}), out);
  EXPECT_EQ(sum_of({c.offered, c.taken_over}),
            sum_of({c.counted, c.all_sampled_out(), c.filtered_out, c.duplicate, c.handed_over, c.handover_full}));
  RecordTotals flows = c.in_table;
  flows += c.emitted;
  for (const RecordTotals& lost : c.lost) flows += lost;
  EXPECT_EQ(flows.packets, c.counted.packets);
  EXPECT_EQ(flows.octets, c.counted_ip_octets);
  EXPECT_EQ(worker.recount(), c.in_table);
}

}  // namespace weir::test
