// FlowShard: one worker's flows: when a packet counts for a flow, when a flow ends, and what is reported of it.
//
// When a flow ends is said by FlowRules (flow_rules.h), in effective time, never less than the time of a packet before.
// The rules are applied when a packet comes and when a timer fires, by the same functions, so records depend neither on
// the wheel's ticks nor on bursts nor on the number of workers. A flow that is reported by the active timeout goes on:
// its next packet within the idle timeout opens the next record in the same direction. A SYN without ACK ends a closed
// flow at once and opens the next one; what TCP sends again after the close stays in the closed one.
//
// The timeouts may change while flows are counted. Packets and timers go by the new ones at once; the wheel, which was
// told of the old deadlines, is told of earlier ones by a walk over the entries, a few per poll (review()). A flow that
// no timer has ended when its timeout becomes longer, at most a tick late, goes on by the new one.
//
// Where the sampling rate changes, flows that began before are reported at the old rate: by the same walk, or earlier,
// by their next packet (FlowRules: cut). While such a flow is left, the rules look at every packet.
//
// A burst is handled in stages so that its cache misses overlap: the caller hashed the keys and prefetched the buckets;
// process() matches tags and prefetches the entries, then updates them in packet order, each after comparing the whole
// key. A miss is looked up again right before it inserts, since a packet before it may have inserted. Where metrics are
// on, the burst comes with the packets' facts, their lines are read ahead (read_ahead.h), and each packet is shown to
// them after it was counted; the loop for that is an instance of its own, so that nothing of it is there when none is
// on.
//
// A new flow that finds the table full: WhenFull says what then. Eviction takes the stalest of the ten entries nearest
// to the new key's place.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "dataplane/counters.h"
#include "dataplane/flow/flow_rules.h"
#include "dataplane/flow/flow_settings.h"
#include "dataplane/flow/flow_table.h"
#include "dataplane/flow/new_flow_sampler.h"
#include "dataplane/flow/packet_levels.h"
#include "dataplane/flow/record_writer.h"
#include "dataplane/flow/sample_states.h"
#include "dataplane/flow/timer_wheel.h"
#include "dataplane/line_ring.h"
#include "dataplane/metric/line_pool.h"
#include "dataplane/metric/metrics.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/read_ahead.h"
#include "dataplane/record_ring.h"

namespace weir {

class FlowShard {
 public:
  /// Most flows of one shard: entry numbers have 31 bits in the wheel.
  static constexpr std::uint32_t kMaxCapacity = 0x7ffffffe;
  /// Packets handled together: enough to overlap their misses, few enough to stay in L1.
  static constexpr std::size_t kBurst = 32;
  /// Packets before its turn that a packet's metrics are asked what else they will touch.
  static constexpr std::size_t kAhead = 8;
  /// Homes of the index that advance() moves while it grows or shrinks: two, about 14 entries.
  static constexpr unsigned kIndexBudget = 2;
  /// Entries that advance() reviews after a timeout became shorter: a million flows in 125 000 polls, which take 0.3 s
  /// at 14.88 Mpps and 32 packets each.
  static constexpr std::uint32_t kReviewBudget = 8;

  /// `counters` and `ring` are the owning monitor's. ok() is false if the memory could not be had.
  FlowShard(std::uint32_t capacity, const KeyHash& hash, const FlowTimeouts& timeouts, FlowCounters& counters,
            RecordRing& ring, RingFull ring_full, WhenFull when_full = WhenFull::evict, const Metrics& metrics = {},
            const Sampling& sampling = {});
  [[nodiscard]] bool ok() const {
    return table_.ok() && wheel_.ok() && pool_.ok() && packet_levels_.ok() && samples_.ok() &&
           (when_full_ != WhenFull::sample || levels_.size() != 0);
  }
  /// Records say that this monitor made them.
  void set_monitor(std::uint8_t number) { writer_.set_monitor(number); }
  /// Records of flows that came in at a port of a pair say where they left.
  void set_pairs(const PortPairs& pairs) { writer_.set_pairs(pairs); }
  /// Records of flows whose keys have AS numbers say them.
  void set_as_in_key(bool has) { writer_.set_as_in_key(has); }
  /// Packets are samples of the kernel, and `facts` the source's: to be called before the first packet, and ok() to be
  /// asked after it.
  void set_samples(const SampleFacts* facts) {
    samples_ = SampleStates(capacity(), facts);
    writer_.set_samples(samples_);
    rate_.algorithm = kRandomSampling;
    old_rate_ = rate_;
  }
  /// Touches all memory; to be called by the thread that will use it.
  void touch(Touching* touching = nullptr);
  [[nodiscard]] std::size_t octets() const {
    return table_.octets() + wheel_.octets() + levels_.octets() + packet_levels_.octets() + pool_.octets() +
           samples_.octets();
  }
  /// Memory that flows lie in or have lain in: table and timers.
  [[nodiscard]] std::size_t octets_in_use() const {
    return table_.octets_in_use() + std::size_t{table_.used_limit()} * TimerWheel::kLinkOctets + pool_.octets_in_use();
  }
  [[nodiscard]] const FlowTable& table() const { return table_; }

  [[nodiscard]] std::uint64_t hash_of(const FlowKey& key) const { return table_.hash_of(key); }
  void prefetch(std::uint64_t hash) const { table_.prefetch_bucket(hash); }

  /// The first stage: hashes the keys and asks for their buckets.
  void prepare(std::span<ParsedPacket> burst) const {
    for (ParsedPacket& packet : burst) {
      packet.hash = table_.hash_of(packet.key);
      table_.prefetch_bucket(packet.hash);
    }
  }
  /// Counts a burst of at most kBurst packets; hash and effective_ns are set. `facts`: as many; nullptr where no metric
  /// is on.
  void process(std::span<const ParsedPacket> burst, const PacketFacts* facts = nullptr);

  /// process() in two steps, for packets without facts. Where several shards count the same burst, each looks it up
  /// before any counts, so that their waits for memory overlap.
  struct LookedUp {
    std::uint32_t entries[kBurst];  ///< those that the packets probably have
  };
  void look_up(std::span<const ParsedPacket> burst, LookedUp& found) const;
  /// Nothing was counted here since look_up().
  void process(std::span<const ParsedPacket> burst, LookedUp& found);

  /// Tells the metrics of the flow whose packet an ICMP error quotes; the error was counted, by whichever worker. The
  /// quoted packet's key, hash and effective_ns are set. False: no flow has such packets to report.
  [[nodiscard]] bool tell(const IcmpError& error);

  /// Moves effective time to `now_ns` (never back) and ends what is over, at most `budget` entries.
  void advance(std::uint64_t now_ns, std::size_t budget);

  /// From effective time `now_ns` on flows end by these timeouts, those that began before included.
  void set_timeouts(const FlowTimeouts& timeouts, std::uint64_t now_ns);

  /// From effective time `now_ns` on packets come by this choice; not from or to one by rate. `now_ns` is later than
  /// every packet before, changing_rate() is false, and no other shard counts for the monitor.
  void set_sampling(const Sampling& sampling, std::uint64_t now_ns);
  /// Whether flows are left that were sampled at the rate before.
  [[nodiscard]] bool changing_rate() const { return old_rate_flows_ != 0; }

  /// Effective time is `now_ns` or later: to be called before the first packet.
  void begin_at(std::uint64_t now_ns) { now_ns_ = std::max(now_ns_, now_ns); }

  /// Ends at most `budget` flows like drain(), in the order of their entries, without waiting for room in the ring: the
  /// next call goes on there. Whether none is left. Packets may still be counted in between.
  [[nodiscard]] bool end_some(std::uint64_t now_ns, std::size_t budget);

  /// Ends every flow at effective time `now_ns`: by the timeout that was over by then, else as forced end. Waits for
  /// room in the ring.
  void drain(std::uint64_t now_ns);

  /// Ends every flow like drain(); effective time may then begin anew with any time.
  void end_epoch(std::uint64_t now_ns);

  /// Whether entry `number`, below table().used_limit(), is a flow that has something to report.
  [[nodiscard]] bool holds_flow(std::uint32_t number) const {
    const FlowEntry& entry = table_.entry(number);
    return !entry.free() && entry.total_packets() != 0;
  }
  /// Copies the flow in entry `number` as the record that it would leave now, with end reason 0 and no deadline.
  /// Without `with_metrics` it has no section of a metric. Says how many lines it has; 0: `room` has fewer.
  [[nodiscard]] unsigned copy_flow(std::uint32_t number, bool with_metrics, std::span<RingLine> room) const {
    return writer_.copy(number, {EndReason{}, rate_of(number), 0, rate_at(number).algorithm}, with_metrics, room);
  }

  /// What the table holds, counted by walking it.
  [[nodiscard]] RecordTotals recount() const;

  [[nodiscard]] const Metrics& metrics() const { return metrics_; }
  /// What metrics keep besides their states.
  [[nodiscard]] const LinePool& pool() const { return pool_; }
  [[nodiscard]] std::uint32_t size() const { return table_.size(); }
  [[nodiscard]] std::uint32_t capacity() const { return table_.capacity(); }
  [[nodiscard]] std::uint64_t now_ns() const { return now_ns_; }
  /// Whether advance() left entries that are due, or yet to be reviewed.
  [[nodiscard]] bool timers_behind() const {
    return started_ && (wheel_.behind(now_ns_ >> TimerWheel::kTickShift) || review_at_ != kReviewed);
  }

 private:
  template <bool kMetrics, bool kLookedUp>
  void process_burst(std::span<const ParsedPacket> burst, const PacketFacts* facts, std::uint32_t* candidates);
  [[nodiscard]] bool needs_rules(std::span<const ParsedPacket> burst) const;
  [[nodiscard]] bool count_plain(FlowEntry& entry, const ParsedPacket& packet, std::uint64_t now_ns) const;
  std::uint32_t count_by_rules(const ParsedPacket& packet);
  [[nodiscard]] bool update(std::uint32_t number, const ParsedPacket& packet);
  void restart(std::uint32_t number, const ParsedPacket& packet, bool keep_direction);
  void count(std::uint32_t number, const ParsedPacket& packet);
  [[nodiscard]] std::uint32_t create(const ParsedPacket& packet);
  void erase(std::uint32_t number);
  /// Reads the lines that the packet surely touches.
  [[gnu::always_inline]] void read_ahead(std::uint32_t candidate, const ParsedPacket& packet,
                                         const PacketFacts& facts) const {
    if (candidate == FlowTable::kNone) return;
    const std::uint8_t* const lines = table_.metric_line(candidate);
    metrics_.for_each_line(static_cast<unsigned>(packet.from),
                           [&](std::size_t line) { weir::read_ahead(lines + line * Metrics::kLineOctets); });
    metrics_.read_slot_ahead(table_.metric_slot(candidate), packet, facts);
  }
  /// Reads what else the packet's metrics will touch, as those lines say, which have come meanwhile.
  [[gnu::always_inline]] void look_ahead(std::uint32_t candidate, const ParsedPacket& packet,
                                         const PacketFacts& facts) {
    if (candidate == FlowTable::kNone) return;
    metrics_.read_ahead(table_.metric_line(candidate), table_.metric_slot(candidate),
                        {packet, facts, static_cast<unsigned>(packet.from), false, 0, pool_, metrics_.parameters()});
  }
  void show_metrics(std::uint32_t number, const ParsedPacket& packet, const PacketFacts& facts, std::uint64_t now_ns,
                    bool first);
  void show_metrics_by_rules(std::uint32_t number, const ParsedPacket& packet, const PacketFacts& facts,
                             std::uint64_t now_ns);
  void end_by_metric(std::uint32_t number);
  void end_metrics(std::uint32_t number, bool written);
  void keep_tunnel(std::uint32_t number, const ParsedPacket& packet);
  void evict_for(std::uint64_t hash);
  void overflow(const ParsedPacket& packet);
  [[nodiscard]] bool admit(const ParsedPacket& packet);
  void set_level(std::uint32_t number, unsigned level);
  static constexpr std::uint8_t kRandomSampling = 2;  ///< element 35: by act_sample, and by switches
  /// What --sample makes of packets.
  struct SamplingRate {
    std::uint32_t one_in;    ///< what each packet or flow stands for, besides its levels
    std::uint8_t algorithm;  ///< of records (Sampling::algorithm())
    friend bool operator==(const SamplingRate&, const SamplingRate&) = default;
  };
  /// Of the packets of the entry.
  [[nodiscard]] const SamplingRate& rate_at(std::uint32_t number) const {
    return old_rate_flows_ != 0 && rules_.cut(table_.entry(number)) ? old_rate_ : rate_;
  }
  [[nodiscard]] std::uint32_t rate_of(std::uint32_t number) const;
  void review();
  void timers_due(std::span<const std::uint32_t> numbers);
  void timer_due(std::uint32_t number);
  [[nodiscard]] bool emit(std::uint32_t number, EndReason reason, bool must_vacate);
  void clear_counts(std::uint32_t number);
  void schedule(std::uint32_t number, std::uint64_t deadline_ns);

  FlowTable table_;
  TimerWheel wheel_;
  FlowRules rules_;
  FlowCounters& counters_;
  Metrics metrics_;
  LinePool pool_;
  RecordWriter writer_;  ///< of the table, the metrics and the pool above
  WhenFull when_full_;
  NewFlowSampler sampler_;
  MappedArray<std::uint8_t> levels_;  ///< by entry: its record stands for 2^level flows; policy `sample` only
  std::uint32_t sampled_flows_ = 0;   ///< entries whose level is not 0
  SamplingRate rate_;
  SamplingRate old_rate_;             ///< of flows that began before the cut
  std::uint32_t old_rate_flows_ = 0;  ///< those that have a record to leave
  PacketLevels packet_levels_;
  SampleStates samples_;
  std::uint64_t now_ns_ = 0;
  static constexpr std::uint32_t kReviewed = ~std::uint32_t{0};
  std::uint32_t review_at_ = kReviewed;  ///< the next entry to be reviewed
  std::uint32_t end_at_ = 0;             ///< the next entry that end_some() looks at
  bool started_ = false;
};

}  // namespace weir
