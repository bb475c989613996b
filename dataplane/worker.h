// Worker: one core's run-to-completion loop, one poll at a time.
//
// A poll takes a burst from the source, parses it, counts what belongs to this worker, hands over what belongs to
// another one, takes over what others parsed for it, ends a bounded number of flows, and answers a snapshot request.
// Nothing in it waits, locks, allocates or logs. Its longest: 32 packets from the source, 32 from each other worker,
// and kTimerBudget expiries; at 200 ns an expiry (two cache misses and a record of two cache lines) 64 of them are 13
// us. Where the burst was full, more packets wait, and only kBusyTimerBudget flows end, and as many as began: four are
// below 1 us, so that a burst of 32, which takes 2.15 us to arrive at 14.88 Mpps, is counted in that time even while a
// million flows end at once. With a poll of 2 us they still end at 2 million a second.
//
// Fragments: a later fragment takes the ports of its datagram's first (fragment_cache.h). Where all packets of a pair
// of addresses reach one worker, its own cache is all there is to it. With hand-over, the worker that owns a datagram
// is fixed by a hash of addresses, identification and protocol: whoever receives a first fragment sends that worker a
// note, and a later one the packet itself, which goes on from there, ports and all, to the worker of its flow. Both
// take the same ring, so the order in which a worker received them is kept. A fragment then crosses two rings in place
// of one; what is no fragment pays nothing. A note that finds the ring full is dropped: its later fragments count with
// ports 0, by name.
//
// Packets whose flow another worker owns are handed over (handover.h).
#pragma once

#include <cstdint>

#include "dataplane/counters.h"
#include "dataplane/flow/flow_settings.h"
#include "dataplane/flow/flow_shard.h"
#include "dataplane/flow/key_mask.h"
#include "dataplane/handover.h"
#include "dataplane/input/packet_source.h"
#include "dataplane/packet/fragment_cache.h"
#include "dataplane/packet/parser.h"

namespace weir {

struct WorkerOptions : FlowSettings {
  unsigned number = 0;
  unsigned workers = 1;
  std::uint32_t capacity = 1U << 20;                ///< flows of this worker
  std::size_t ring_records = std::size_t{1} << 16;  ///< record ring, in records without sections: 8 MiB
  HandoverMesh* handover = nullptr;                 ///< nullptr: every packet received here belongs here
};

class Worker {
 public:
  static constexpr std::size_t kTimerBudget = 64;     ///< flows that may end in a poll that did not fill its burst
  static constexpr std::size_t kBusyTimerBudget = 4;  ///< in one that did, besides one for each that began

  Worker(const WorkerOptions& options, const KeyHash& hash);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  [[nodiscard]] bool ok() const { return shard_.ok() && fragments_.ok(); }
  /// Touches all memory; to be called on the worker's core.
  void touch() {
    shard_.touch();
    fragments_.touch();
  }

  /// One round at time `now_ns`, which every packet of it gets. Says how many packets it found.
  std::size_t poll(PacketSource& source, std::uint64_t now_ns);

  /// Whether the last poll left work that no packet announces: expiries beyond its budget. Then do not wait.
  [[nodiscard]] bool behind() const { return shard_.timers_behind(); }
  /// The worker gave its core away for `ns`.
  void waited(std::uint64_t ns) {
    ++counters_.waits;
    counters_.waited_ns += ns;
  }

  /// After the last poll(): no packet will be handed over any more.
  void stop_receiving();
  /// After stop_receiving(): takes over what others still had for this worker. False: go on calling, others have not
  /// stopped yet.
  bool settle(std::uint64_t now_ns);
  /// Ends all flows, waiting for room in the record ring.
  void drain(std::uint64_t now_ns);

  RecordRing& records() { return records_; }
  SnapshotBox<WorkerCounters>& snapshots() { return snapshots_; }
  /// The counters in place: only while the worker's thread rests.
  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }
  [[nodiscard]] const FlowShard& shard() const { return shard_; }
  [[nodiscard]] const WorkerOptions& options() const { return options_; }

 private:
  /// A burst that is being handled. `facts`: as many places as packets; nullptr where no metric is on.
  struct Burst {
    ParsedPacket* packets;
    PacketFacts* facts;
  };
  /// Receives and parses into `burst`; says how many of the packets are this worker's to go on with.
  template <bool kFacts>
  std::size_t receive(PacketSource& source, std::uint64_t now_ns, const Burst& burst, std::size_t& received);
  std::size_t receive_with_facts(PacketSource& source, std::uint64_t now_ns, const Burst& burst, std::size_t& received);
  /// Gives the packets of other workers' flows to them; those of this one move to the front. Says how many they are.
  std::size_t hand_over(const Burst& burst, std::size_t count);
  std::size_t take_over(std::uint64_t now_ns);
  /// Learns from a first fragment, fills in a later one. False: the packet is another worker's now.
  bool settle_fragment(ParsedPacket& packet, const PacketFacts* facts);
  void resolve(ParsedPacket& packet);
  void pass_on(const ParsedPacket& packet, const PacketFacts* facts, unsigned owner);

  WorkerOptions options_;
  Parser parser_;
  KeyMask mask_;
  FragmentCache fragments_;
  bool said_passed_on_ = false;
  alignas(64) WorkerCounters counters_;  ///< written by the worker only
  RecordRing records_;
  FlowShard shard_;
  SnapshotBox<WorkerCounters> snapshots_;
};

}  // namespace weir
