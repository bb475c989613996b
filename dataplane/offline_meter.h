// OfflineMeter: flows from packets that come in order from one place (capture files), on any number of workers.
//
// The caller's thread fixes the effective time (TimeEpochs: the running maximum of packet time, frames without an IP
// header included, until a clock steps back), takes each frame through the one packet front, and gives each packet to
// the worker that owns its flow. Where an epoch ends, every worker is told so between the packets before and after.
// Since every decision about a flow uses effective times only, and a flow's packets reach its worker in order, the
// records are the same for any number of workers, as long as none is evicted. Nothing is lost: the reader waits for the
// workers, and they for the consumer of the record rings, which must run in another thread.
//
// Several monitors share the parse and the clock: a packet that every monitor's filter keeps out does not advance it.
// Each packet then goes to the owner of its flow for each monitor (offline_monitors.cc).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/counters.h"
#include "dataplane/flow/adaptive_rate.h"
#include "dataplane/flow/as_lookup.h"
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
  const FlowFilter* filter = nullptr;     ///< nullptr: every packet counts; must outlive the meter
  std::vector<FurtherMonitor> further{};  ///< monitors beside the one that the options above are of
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

  /// Where the AS numbers of a monitor's keys are looked up. To be called before the first frame.
  void set_as_lookup(unsigned monitor, const AsLookup& lookup);
  /// The frames that follow are of another capture file.
  void begin_capture() { epochs_.begin_capture(); }
  /// Counts a frame that a capture interface of its file saw, unless its marks say that --frame-filter keeps it out.
  /// The view need not live on. Says why the frame is rejected; Reject::none: it is not.
  Reject add(const PacketView& view, unsigned interface = 0);
  /// Ends all flows at the last effective time. The rings hold the last records then.
  void finish();

  /// The first kMostNotices of what clocks did; the ledger counts all.
  [[nodiscard]] const std::vector<ClockNotice>& notices() const { return notices_; }

  [[nodiscard]] unsigned monitors() const { return static_cast<unsigned>(lanes_[0]->parts.size()); }
  RecordRing& records(unsigned worker, unsigned monitor = 0) { return part(worker, monitor).monitor.records(); }
  /// After finish(): what the worker counted, and what its table still holds (nothing).
  [[nodiscard]] WorkerCounters counters(unsigned worker) const;
  [[nodiscard]] RecordTotals recount(unsigned worker, unsigned monitor = 0) const {
    return lanes_[worker]->parts[monitor]->monitor.shard().recount();
  }

  static constexpr std::size_t kMostNotices = 20;

 private:
  static constexpr std::size_t kRingRecords = 8192;
  static constexpr std::size_t kNoBudget = ~std::size_t{0};

  /// A monitor's share of a lane.
  struct Part {
    Part(const MonitorOptions& options, const KeyHash& hash);

    PacketCount offered;              ///< reader's: packets for this worker
    std::vector<ParsedPacket> burst;  ///< reader's: kBurst places; the first `held` have packets not yet counted
    std::vector<PacketFacts> facts;   ///< reader's: of the packets of burst; empty where none are wanted
    std::size_t held = 0;             ///< reader's; stays 0 where workers are threads
    PayloadBuffer payloads;           ///< reader's: of the packets of burst that were not yet counted
    Monitor monitor;                  ///< worker's, but for its filter, which the reader asks
  };
  struct Lane {
    explicit Lane(unsigned workers);

    std::size_t pushed = 0;                    ///< reader's: since packets was last published
    HandoverRing packets;                      ///< reader to worker
    std::vector<std::unique_ptr<Part>> parts;  ///< by monitor
    std::thread thread;
  };
  /// What the reader knows of a monitor.
  struct Reading {
    bool adapts = false;                  ///< --sample rate
    AdaptiveRate rate;                    ///< as packets are sampled before they are spread
    std::uint64_t sampled_from = 0;       ///< packets among which rate chooses
    std::uint64_t unreadable_quotes = 0;  ///< of ICMP errors
    AsLookup as_lookup;                   ///< the reader sets all keys
    explicit Reading(const Sampling& sampling) : adapts(sampling.by == Sampling::By::rate), rate(sampling.most_pps) {}
  };

  [[nodiscard]] Part& part(unsigned worker, unsigned monitor) { return *lanes_[worker]->parts[monitor]; }
  void keep_payload(const PacketView& view, const ParsedPacket& packet, PacketFacts& facts);
  bool filter_out(const PacketView& view, ParsedPacket& packet);
  void adapt(unsigned monitor, std::uint64_t effective_ns);
  void clock_event(const TimeEpochs::Step& step, const PacketView& view, unsigned interface);
  void end_epoch(std::uint64_t effective_ns);
  void tell(unsigned monitor, const TimeEpochs::Step& step);
  void count(Part& part);
  void work(Lane& lane);
  void push(Lane& lane, const ParsedPacket& packet, const PacketFacts* facts, std::uint8_t monitor);
  Reject add_to_all(const PacketView& view, unsigned interface);
  void add_to(unsigned monitor, const ParsedPacket& packet, const TimeEpochs::Step& step);

  PacketFront front_;  ///< one for all workers, as there is one order of packets
  // Of any monitor.
  bool filters_ = false;
  bool wants_facts_ = false;
  bool wants_payload_ = false;
  // Of the one monitor, where there are no others.
  bool samples_frames_ = false;
  bool samples_parsed_ = false;
  std::vector<Reading> readings_;  ///< by monitor
  std::vector<std::unique_ptr<Lane>> lanes_;
  TimeEpochs epochs_;
  TimeEpochs epochs_before_;  ///< with a filter: as they were before the packet at hand
  PacketFacts facts_{};       ///< with several monitors: of the packet at hand
  std::vector<ClockNotice> notices_;
  std::atomic<bool> finished_{false};  ///< written by the reader, read by the workers
};

}  // namespace weir
