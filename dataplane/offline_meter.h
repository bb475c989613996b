// OfflineMeter: flows from packets that come in order from one place (capture files), on any number of workers.
//
// The caller's thread parses, fixes the effective time (the running maximum of packet time, frames without an IP
// header included), fills in the ports of later fragments, and gives each packet to the worker that owns its flow.
// Since every decision about a flow uses effective times only, and a flow's packets reach its worker in order, the
// records are the same for any number of workers, as long as none is evicted. Nothing is lost: the reader waits for the
// workers, and they for the consumer of the record rings, which must run in another thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/counters.h"
#include "dataplane/flow/flow_settings.h"
#include "dataplane/flow/flow_shard.h"
#include "dataplane/flow/key_mask.h"
#include "dataplane/handover.h"
#include "dataplane/packet/fragment_cache.h"
#include "dataplane/packet/packet_view.h"
#include "dataplane/packet/parser.h"

namespace weir {

struct OfflineOptions : FlowSettings {
  unsigned workers = 1;
  std::uint64_t max_flows = 1U << 20;  ///< all workers together
};

class OfflineMeter {
 public:
  OfflineMeter(const OfflineOptions& options, const KeyHash& hash);
  OfflineMeter(const OfflineMeter&) = delete;
  OfflineMeter& operator=(const OfflineMeter&) = delete;
  ~OfflineMeter();

  /// False if the memory for the tables could not be had.
  [[nodiscard]] bool ok() const;
  [[nodiscard]] unsigned workers() const { return static_cast<unsigned>(lanes_.size()); }

  /// Counts a frame. The view need not live on.
  void add(const PacketView& view);
  /// Counts a frame that the filter keeps out of all flows.
  void add_filtered(const PacketView& view);
  /// Ends all flows at the last effective time. The rings hold the last records then.
  void finish();

  RecordRing& records(unsigned worker) { return lanes_[worker]->records; }
  /// After finish(): what the worker counted, and what its table still holds (nothing).
  [[nodiscard]] WorkerCounters counters(unsigned worker) const;
  [[nodiscard]] RecordTotals recount(unsigned worker) const { return lanes_[worker]->shard.recount(); }

 private:
  static constexpr std::size_t kRingRecords = 8192;
  static constexpr std::size_t kNoBudget = ~std::size_t{0};

  struct Lane {
    Lane(std::uint32_t capacity, const KeyHash& hash, const OfflineOptions& options);

    PacketCount received;                 ///< reader's
    PacketCount rejects[kRejectCount];    ///< reader's
    PacketCount filtered_out;             ///< reader's
    PacketCount fragments_without_first;  ///< reader's
    PacketCount length_from_frame;        ///< reader's
    std::vector<ParsedPacket> burst;      ///< reader's: kBurst places; the first `held` have packets not yet counted
    std::vector<PacketFacts> facts;       ///< reader's: of the packets of burst; empty where no metric is on
    std::size_t held = 0;                 ///< reader's; stays 0 where workers are threads
    std::size_t pushed = 0;               ///< reader's: since packets was last published
    HandoverRing packets;                 ///< reader to worker
    alignas(64) WorkerCounters counters;  ///< worker's
    RecordRing records;                   ///< worker to consumer
    FlowShard shard;                      ///< worker's
    std::thread thread;
  };

  void count(Lane& lane);
  void work(Lane& lane);

  KeyHash hash_;
  Parser parser_;
  KeyMask mask_;
  FragmentCache fragments_;  ///< one for all workers, as there is one order of packets
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::uint64_t effective_ns_ = 0;
  std::atomic<bool> finished_{false};  ///< written by the reader, read by the workers
};

}  // namespace weir
