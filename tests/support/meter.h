// A shard with a ring and counters, fed packet by packet, whose records can be looked at and whose ledger balances.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "dataplane/flow/flow_shard.h"
#include "tests/support/flow_packet.h"
#include "tests/support/records.h"

namespace weir::test {

class Meter {
 public:
  explicit Meter(std::uint32_t capacity = 1024, const FlowTimeouts& timeouts = {}, std::size_t ring_records = 1U << 12,
                 RingFull ring_full = RingFull::lose, WhenFull when_full = WhenFull::evict,
                 const KeyHash::Seed& seed = {1, 2, 3, 4, 5, 6}, const Metrics& metrics = {})
      : ring(RecordRing::Exactly{ring_lines(ring_records)}),
        shard(capacity, KeyHash(seed), timeouts, counters, ring, ring_full, when_full, metrics) {}

  void add(const FlowPacket& packet) { add(packet.packet()); }
  void add(ParsedPacket packet) {
    packet.hash = shard.hash_of(packet.key);
    shard.process({&packet, 1});
  }
  void add(ParsedPacket packet, const PacketFacts& facts) {
    packet.hash = shard.hash_of(packet.key);
    shard.process({&packet, 1}, &facts);
  }
  void add_burst(std::vector<ParsedPacket> packets) {
    for (ParsedPacket& packet : packets) packet.hash = shard.hash_of(packet.key);
    for (std::size_t at = 0; at < packets.size(); at += FlowShard::kBurst) {
      shard.process({packets.data() + at, std::min(FlowShard::kBurst, packets.size() - at)});
    }
  }
  /// Effective time passes, timers fire.
  void pass(std::uint64_t offset_ns, std::size_t budget = ~std::size_t{0}) {
    shard.advance(kEpochNs + offset_ns, budget);
  }
  void drain(std::uint64_t offset_ns) { shard.drain(kEpochNs + offset_ns); }

  /// What came out since the last call.
  std::vector<FlowRecord> records() { return take_records(ring); }
  /// The same with their sections.
  RecordBatch batch() { return take_batch(ring); }

  /// counted = in table + lost + emitted, and the table recounted holds what the counters say.
  void expect_balanced() const {
    RecordTotals lost;
    for (const RecordTotals& one : counters.lost) lost += one;
    EXPECT_EQ(counters.counted.packets, counters.in_table.packets + lost.packets + counters.emitted.packets);
    EXPECT_EQ(counters.counted_ip_octets, counters.in_table.octets + lost.octets + counters.emitted.octets);
    EXPECT_EQ(shard.recount(), counters.in_table);
  }

  WorkerCounters counters;
  RecordRing ring;
  FlowShard shard;
};

}  // namespace weir::test
