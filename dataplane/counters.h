// What a worker counts: plain words in cache lines of its own, published on request.
//
// Written by the worker alone. Another thread never reads them in place: it asks for a copy through SnapshotBox, and
// the worker answers between two bursts, so that a copy satisfies the ledger's equations exactly.
#pragma once

#include <atomic>
#include <cstdint>

#include "dataplane/loss.h"
#include "dataplane/packet/reject.h"
#include "proto/base/counts.h"

namespace weir {

/// `octets` are frame octets unless the name says IP.
struct WorkerCounters {
  PacketCount received;                 ///< what the input gave
  PacketCount rejects[kRejectCount];    ///< by Reject
  PacketCount filtered_out;             ///< the filter said no
  PacketCount handed_over;              ///< parsed here, given to another worker
  PacketCount handover_full;            ///< lost: the other worker's ring was full
  PacketCount taken_over;               ///< from another worker
  PacketCount sampled_out;              ///< of new flows that were not taken: the table is nearly full
  PacketCount counted;                  ///< counted in a flow of this worker
  PacketCount fragments_without_first;  ///< of those: later fragments that count with ports 0
  PacketCount length_from_frame;        ///< parsed here, and the frame's length counts: the IP header says 0
  std::uint64_t counted_ip_octets = 0;  ///< the same packets, IP octets
  RecordTotals emitted;                 ///< into the record ring, IP octets
  RecordTotals lost[kLossCount];        ///< by Loss, IP octets
  RecordTotals in_table;                ///< flows with packets to report, IP octets; see FlowShard::recount()
  std::uint64_t flows_created = 0;
  std::uint64_t evictions = 0;       ///< flows that ended for lack of resources
  std::uint64_t overflowed = 0;      ///< packets that left by themselves, for the overflow accounter
  std::uint64_t sampling_level = 0;  ///< one new flow in 2^level is taken now
  std::uint64_t far_inserts = 0;     ///< see BucketIndex::far_inserts()
  std::uint64_t longest_probe = 0;   ///< see BucketIndex::longest_probe()
  std::uint64_t late_expiries = 0;   ///< times an expiry was put off because the record ring was full
  std::uint64_t polls = 0;
  std::uint64_t busy_polls = 0;  ///< polls that found packets
  std::uint64_t waits = 0;       ///< times the worker gave its core away for want of packets
  std::uint64_t waited_ns = 0;   ///< how long in all
  std::uint64_t now_ns = 0;      ///< the worker's effective time
};

/// One value that one thread owns and another may ask for. Requests come from one thread at a time.
template <typename T>
class SnapshotBox {
 public:
  /// Asker: from now on answered() tells when a copy no older than this call is there.
  void request() { requested_.store(requested_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  [[nodiscard]] bool answered() const {
    return answered_.load(std::memory_order_acquire) == requested_.load(std::memory_order_relaxed);
  }
  /// Asker: the copy, once answered() holds and until the next request().
  [[nodiscard]] const T& value() const { return value_; }

  /// Owner, once a poll: copies `current` if somebody asked.
  void answer(const T& current) {
    const std::uint64_t requested = requested_.load(std::memory_order_acquire);
    if (requested == answered_.load(std::memory_order_relaxed)) [[likely]]
      return;
    value_ = current;
    answered_.store(requested, std::memory_order_release);
  }

 private:
  alignas(64) std::atomic<std::uint64_t> requested_{0};  ///< written by the asker, read by both
  alignas(64) std::atomic<std::uint64_t> answered_{0};   ///< written by the owner, read by both
  T value_{};                                            ///< written by the owner while requested_ != answered_
};

}  // namespace weir
