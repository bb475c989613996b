// Worker: one core's run-to-completion loop, one poll at a time.
//
// A poll takes a burst from the source, lets the front parse it (packet_front.h), offers it to each monitor, which
// counts what belongs to this worker, hands over what belongs to another one, takes over what others parsed for it,
// ends a bounded number of flows, and looks into its mailboxes (mailbox.h): new timeouts at its beginning, a snapshot
// request at its end. Nothing in it waits, locks, allocates or logs. Its longest, for each monitor: 32 packets from the
// source, 32 from each other worker, and kTimerBudget expiries; at 200 ns an expiry (two cache misses and a record of
// two cache lines) 64 of them are 13 us, and the entries that are reviewed after a change of timeouts are below 1 us.
// Where the burst was full, more packets wait, and only kBusyTimerBudget flows end, and as many as began: four are
// below 1 us, so that a burst of 32, which takes 2.15 us to arrive at 14.88 Mpps, is counted in that time even while a
// million flows end at once. With a poll of 2 us they still end at 2 million a second.
//
// Packets whose flow another worker owns, and fragments whose datagram it owns, are handed over (handover.h). Each
// monitor has a key of its own, so that a packet may have a different owner for each: it is handed over for each alone.
//
// The first monitor has the packets where they were parsed, so that one monitor costs no copy. A further one
// (worker_monitors.cc) that looks at the same packets by the same key counts them there, too; others have copies. All
// look their buckets up, then their entries, before any counts, so that their cache misses overlap.
//
// Who asks for live flows (query/query_slot.h) has them copied, a few per poll: after a burst that was not full
// kQueryBudget entries, below 1 us; after full ones an entry for each kQueryShareNs that pass. A copy takes 20 to 30
// ns, so that is about a fiftieth of the time.
//
// A monitor's flows may be replaced by others with another key, other metrics or more room (flow_replacement.h,
// worker_replacement.cc). Those before end at the pace of expiries, so that a poll is no longer for it.
//
// What an ICMP error quotes, where a metric wants to know, is told to the flow of the quoted packet at the error's
// place among the packets. Where flows have owners it goes to the owner. Where the device spreads them, only the device
// knows which worker has that flow: what this worker does not have goes round the others, each of which asks its table.
// The error itself stays where it is.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/counters.h"
#include "dataplane/flow/as_lookup.h"
#include "dataplane/flow/flow_settings.h"
#include "dataplane/flow/sample_facts.h"
#include "dataplane/flow_replacement.h"
#include "dataplane/handover.h"
#include "dataplane/input/packet_source.h"
#include "dataplane/mailbox.h"
#include "dataplane/monitor.h"
#include "dataplane/packet_front.h"
#include "dataplane/query/query_slot.h"
#include "dataplane/reject_ring.h"

namespace weir {

struct WorkerOptions : FlowSettings {
  unsigned number = 0;
  unsigned workers = 1;
  std::uint32_t capacity = 1U << 20;                ///< flows of this worker
  std::size_t ring_records = std::size_t{1} << 16;  ///< record ring, in records without sections: 8 MiB
  HandoverMesh* handover = nullptr;                 ///< nullptr: every packet received here belongs here
  HandoverMesh* icmp_mesh = nullptr;                ///< then: what ICMP errors quote goes round the workers in it
  const FlowFilter* filter = nullptr;               ///< nullptr: every packet counts; outlives the worker
  std::vector<FurtherMonitor> further{};            ///< monitors beside the one that the options above are of
  const SampleFacts* samples = nullptr;             ///< the source's, where it hands on samples of the kernel
  bool save_rejects = false;                        ///< rejected frames go to a ring
};

class Worker {
 public:
  static constexpr std::size_t kTimerBudget = 64;       ///< flows that may end in a poll that did not fill its burst
  static constexpr std::uint32_t kQueryBudget = 8;      ///< entries that a question may have looked at in such a poll
  static constexpr std::uint64_t kQueryShareNs = 1536;  ///< after full ones: one entry for each so many ns that pass
  static constexpr std::size_t kBusyTimerBudget = 4;    ///< in one that did, besides one for each that began

  Worker(const WorkerOptions& options, const KeyHash& hash);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  [[nodiscard]] bool ok() const;
  /// Touches all memory; to be called on the worker's core.
  void touch(Touching* touching = nullptr);
  /// What touch() touches.
  [[nodiscard]] std::size_t octets() const;
  [[nodiscard]] unsigned monitors() const { return 1 + static_cast<unsigned>(further_.size()); }

  /// One round at time `now_ns`, which every packet of it gets. Says how many packets it found.
  std::size_t poll(PacketSource& source, std::uint64_t now_ns);

  /// Whether the last poll left work that no packet announces: expiries or reviews beyond its budget, or flows that are
  /// asked for. Then do not wait.
  [[nodiscard]] bool behind() const;
  /// The worker gave its core away for `ns`.
  void waited(std::uint64_t ns) {
    ++front_.counters().waits;
    front_.counters().waited_ns += ns;
  }

  /// After the last poll(): no packet will be handed over any more.
  void stop_receiving();
  /// After stop_receiving(): takes over what others still had for this worker. False: go on calling, others have not
  /// stopped yet.
  bool settle(std::uint64_t now_ns);
  /// Ends all flows, waiting for room in the record ring.
  void drain(std::uint64_t now_ns);

  RecordRing& records(unsigned monitor = 0) { return part(monitor).monitor.records(); }
  /// Frames that were rejected; nullptr: they are not kept.
  RejectRing* rejects() { return rejects_.get(); }
  SnapshotBox<WorkerCounters>& snapshots() { return snapshots_; }
  /// Timeouts that a monitor is to go by from the next poll on.
  ConfigurationSlot<FlowTimeouts>& timeouts(unsigned monitor = 0) { return part(monitor).timeouts; }
  /// Which packets a monitor takes from a later poll on: the next one that begins after the last packet, once no flow
  /// is left that was sampled at another rate than the last choice had.
  ConfigurationSlot<PacketChoice>& choice(unsigned monitor = 0) { return part(monitor).choice; }
  /// Where the AS numbers of a monitor's keys are looked up from the next poll on.
  ConfigurationSlot<AsLookup>& as_lookup(unsigned monitor = 0) { return part(monitor).as_lookup; }
  /// How a monitor's flows are replaced by others.
  FlowReplacement& replacement(unsigned monitor = 0) { return part(monitor).replacement; }
  /// Control, while no replacement is under way: what one is to begin with: flows of a monitor with these settings, of
  /// which the filter does not matter. ok() of the shard is to be asked.
  [[nodiscard]] FlowReplacement::Parts make_parts(unsigned monitor, const FurtherMonitor& settings);
  /// By rate: the level that a monitor's packets are sampled at from the next poll on.
  ConfigurationSlot<unsigned>& sampling_level(unsigned monitor = 0) { return part(monitor).sampling_level; }
  /// Where live flows of a monitor are asked for.
  QuerySlot& queries(unsigned monitor = 0) { return part(monitor).queries; }
  /// A copy of the counters: only while the worker's thread rests.
  [[nodiscard]] WorkerCounters counters() const;
  [[nodiscard]] const FlowShard& shard(unsigned monitor = 0) const {
    return monitor == 0 ? first_.monitor.shard() : further_[monitor - 1]->monitor.shard();
  }
  [[nodiscard]] const WorkerOptions& options() const { return options_; }
  /// What a monitor's tables hold, counted by walking them.
  [[nodiscard]] RecordTotals recount(unsigned monitor = 0) const {
    return monitor == 0 ? first_.monitor.recount() : further_[monitor - 1]->monitor.recount();
  }

 private:
  /// A burst that is being handled. `facts`: as many places as packets; nullptr where no metric is on.
  struct Burst {
    ParsedPacket* packets;
    PacketFacts* facts;
  };
  /// An ICMP error of the burst whose quote this worker is to look for.
  struct ErrorPlace {
    std::uint8_t packets_before;  ///< of those that are counted here
    std::uint8_t error;           ///< in front_.icmp_errors()
  };
  /// A monitor, its mailboxes, and what it keeps of the burst at hand.
  struct Part {
    Part(const MonitorOptions& options, const KeyHash& hash);

    Monitor monitor;
    bool wants_payload;
    bool samples_parsed;
    PayloadBuffer payloads;  ///< no memory where no metric wants payload
    std::array<ErrorPlace, PacketFront::kMostIcmpErrors> errors_kept{};
    std::size_t errors_kept_count = 0;
    std::uint64_t created_before = 0;  ///< flows, until this poll
    // Of a further monitor, which has copies of the packets.
    std::vector<ParsedPacket> packets;
    std::vector<PacketFacts> facts;  ///< empty where no metric is on
    std::size_t own = 0;             ///< of packets: those to be counted here
    bool shares = false;             ///< it counts the first one's packets where they lie, instead
    FlowShard::LookedUp looked_up{};
    ConfigurationSlot<FlowTimeouts> timeouts;
    ConfigurationSlot<PacketChoice> choice;
    ConfigurationSlot<unsigned> sampling_level;
    ConfigurationSlot<AsLookup> as_lookup;
    FlowReplacement replacement;
    bool ending = false;  ///< flows that were replaced
    QuerySlot queries;

    [[nodiscard]] Burst burst() { return {packets.data(), monitor.wants_facts() ? facts.data() : nullptr}; }
  };

  [[nodiscard]] Part& part(unsigned monitor) { return monitor == 0 ? first_ : *further_[monitor - 1]; }
  void take_mail(Part& part, std::uint64_t now_ns);
  void take_choice(Part& part, std::uint64_t now_ns);
  /// worker_replacement.cc
  void take_step(Part& part);
  void go_on_replacing(Part& part, std::uint64_t now_ns, std::size_t budget);
  /// What follows from the keys and metrics of the monitors' flows.
  void follow_flows();
  /// What follows from how the monitors choose their packets.
  void follow_choices();
  /// Receives and parses into `burst`; says how many of the packets are the first monitor's to count. kFilter: with
  /// their headers: without those that its filter keeps out, and with sightings where there are pairs. The further
  /// monitors have theirs then, with their keys, and have handed over what is not this worker's.
  template <bool kFacts, bool kFilter>
  std::size_t receive(PacketSource& source, std::uint64_t now_ns, const Burst& burst, std::size_t& received);
  /// Says of each packet what tells it from others. `headers`: one for each.
  static void sight(std::span<ParsedPacket> packets, const FlowHeader* headers, const KeyHash& hash);
  /// Counts the frames of a burst that --sample leaves out; the others move to the front. Says how many they are.
  std::size_t sample(PacketView* views, std::size_t count, std::uint64_t now_ns);
  /// Counts what the source marked; the frames that are to be parsed move to the front. Says how many they are.
  std::size_t take_marked(PacketView* views, std::size_t count);
  void keep_payload(const PacketView& view, const ParsedPacket& packet, PacketFacts& facts);
  void choose_payload(Part& part, const Burst& burst, std::size_t count);
  void count_lost(std::uint32_t frame_octets);
  /// The frame that the front just rejected.
  void save_rejected(const PacketView& view);
  /// Gives the further monitors their copies of a burst. `headers`: nullptr where nobody wants them.
  void offer(const Burst& burst, std::size_t count, const FlowHeader* headers);
  /// The same for one of them.
  void offer(Part& part, const Burst& burst, std::size_t count, const FlowHeader* headers);
  /// Gives the packets of other workers' flows to them; those of this one move to the front. Says how many they are.
  template <bool kErrors>
  std::size_t hand_over(Part& part, const Burst& burst, std::size_t count);
  /// Counts the packets and tells, each at its place among them, what ICMP errors quote.
  void count_with_errors(Part& part, const Burst& burst, std::size_t count);
  void send_or_keep(Part& part, std::size_t error, std::size_t packets_before);
  /// `sent`: as in a message: for which of the monitor's generations it is.
  void tell(Monitor& monitor, std::uint8_t sent, const IcmpError& error);
  std::size_t take_over(std::uint64_t now_ns);
  /// What one of the others sent, a burst at most.
  template <bool kFacts>
  std::size_t take_over_from(unsigned from, std::uint64_t effective_ns);
  template <bool kFacts, typename Place, typename Keep>
  void take_fragment(const SentPacket& sent, const SentFacts* facts_sent, std::uint64_t effective_ns,
                     const Place& place, const Keep& keep);
  /// False: there was no room, and the loss is counted.
  bool pass_on(Monitor& monitor, const ParsedPacket& packet, const PacketFacts* facts, unsigned owner) {
    if (options_.handover->ring(options_.number, owner).push(packet, facts, monitor.sent_number())) [[likely]]
      return true;
    monitor.live_counters().handover_full.add(packet.frame_octets);
    return false;
  }
  void end_flows(Part& part, std::uint64_t now_ns, bool full_burst);
  void count_all(std::span<const ParsedPacket> first);
  /// Looks for questions about live flows, and copies some of them.
  void answer_queries(std::uint64_t now_ns, bool full_burst);

  WorkerOptions options_;
  HandoverMesh* mesh_;  ///< through which others are reached; nullptr: none are
  bool said_passed_on_ = false;
  bool settling_ = false;         ///< no worker receives any more
  std::uint64_t queried_ns_ = 0;  ///< until when a question has had its share of the time
  std::unique_ptr<RejectRing> rejects_;
  PacketFront front_;
  Part first_;
  std::vector<std::unique_ptr<Part>> further_;
  KeyHash hash_;
  // Of any monitor.
  bool wants_facts_;
  bool wants_payload_;
  bool wants_headers_;  ///< of a filter, or of a pair of ports
  bool samples_frames_;
  bool counts_together_ = false;  ///< there are several, and none wants facts
  bool reads_rings_ = false;      ///< flows that were replaced end: what is in rings may be for them
  std::vector<bool> rings_read_;  ///< by worker: nothing is left in its ring of before the last step `end`
  SnapshotBox<WorkerCounters> snapshots_;
};

}  // namespace weir
