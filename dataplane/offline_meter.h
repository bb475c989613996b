// OfflineMeter: flows from packets that come in order from one place (capture files), on any number of workers.
//
// The caller's thread fixes the effective time (TimeEpochs: the running maximum of packet time, frames without an IP
// header included, until a clock steps back), takes each frame through the one packet front, and gives each packet to
// the worker that owns its flow. Where an epoch ends, every worker is told so between the packets before and after.
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
#include "dataplane/flow/adaptive_rate.h"
#include "dataplane/flow/flow_settings.h"
#include "dataplane/flow/time_epochs.h"
#include "dataplane/handover.h"
#include "dataplane/monitor.h"
#include "dataplane/packet/packet_view.h"
#include "dataplane/packet_front.h"

namespace weir {

struct OfflineOptions : FlowSettings {
  unsigned workers = 1;
  std::uint64_t max_flows = 1U << 20;  ///< all workers together
  std::uint64_t max_reordering_ns = TimeEpochs::kMaxReorderingNs;
  const FlowFilter* filter = nullptr;  ///< nullptr: every packet counts; must outlive the meter
};

/// What a capture's clock did that its reader should know.
struct ClockNotice {
  std::uint64_t packet;  ///< counted from 1, all files together, with what filters keep out
  unsigned interface;    ///< of the capture file
  TimeEpochs::Event event;
  std::uint64_t behind_ns;
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

  /// The frames that follow are of another capture file.
  void begin_capture() { epochs_.begin_capture(); }
  /// Counts a frame that a capture interface of its file saw, unless its marks say that --frame-filter keeps it out.
  /// The view need not live on. Says why the frame is rejected; Reject::none: it is not.
  Reject add(const PacketView& view, unsigned interface = 0);
  /// Ends all flows at the last effective time. The rings hold the last records then.
  void finish();

  /// The first kMostNotices of what clocks did; the ledger counts all.
  [[nodiscard]] const std::vector<ClockNotice>& notices() const { return notices_; }

  RecordRing& records(unsigned worker) { return lanes_[worker]->monitor.records(); }
  /// After finish(): what the worker counted, and what its table still holds (nothing).
  [[nodiscard]] WorkerCounters counters(unsigned worker) const;
  [[nodiscard]] RecordTotals recount(unsigned worker) const { return lanes_[worker]->monitor.shard().recount(); }

  static constexpr std::size_t kMostNotices = 20;

 private:
  static constexpr std::size_t kRingRecords = 8192;
  static constexpr std::size_t kNoBudget = ~std::size_t{0};

  struct Lane {
    Lane(std::uint32_t capacity, const KeyHash& hash, const OfflineOptions& options);

    PacketCount offered;              ///< reader's: packets for this worker, and of the first one those filtered out
    std::vector<ParsedPacket> burst;  ///< reader's: kBurst places; the first `held` have packets not yet counted
    std::vector<PacketFacts> facts;   ///< reader's: of the packets of burst; empty where none are wanted
    std::size_t held = 0;             ///< reader's; stays 0 where workers are threads
    std::size_t pushed = 0;           ///< reader's: since packets was last published
    HandoverRing packets;             ///< reader to worker
    PayloadBuffer payloads;           ///< reader's: of the packets of burst that were not yet counted
    Monitor monitor;                  ///< worker's, but for its filter, which the reader asks
    std::thread thread;
  };

  void keep_payload(const PacketView& view, const ParsedPacket& packet, PacketFacts& facts);
  bool filter_out(const PacketView& view, ParsedPacket& packet);
  void adapt(std::uint64_t effective_ns);
  void clock_event(const TimeEpochs::Step& step, const PacketView& view, unsigned interface);
  void end_epoch(std::uint64_t effective_ns);
  void tell(const TimeEpochs::Step& step);
  void count(Lane& lane);
  void work(Lane& lane);

  PacketFront front_;  ///< one for all workers, as there is one order of packets
  bool wants_payload_ = false;
  bool samples_frames_ = false;
  bool samples_parsed_ = false;
  bool adapts_ = false;             ///< --sample rate
  AdaptiveRate rate_;               ///< reader's, as packets are sampled before they are spread
  std::uint64_t sampled_from_ = 0;  ///< packets among which rate_ chooses
  std::vector<std::unique_ptr<Lane>> lanes_;
  TimeEpochs epochs_;
  TimeEpochs epochs_before_;  ///< with a filter: as they were before the packet at hand
  std::vector<ClockNotice> notices_;
  std::uint64_t unreadable_quotes_ = 0;  ///< reader's: of ICMP errors
  std::atomic<bool> finished_{false};    ///< written by the reader, read by the workers
};

}  // namespace weir
