// Monitor: one way of looking at a worker's packets: which of them it takes (its filter, then its sampling), which
// fields make a flow (its key), what is measured of a flow (its metrics), its flows, and the ring that its records
// leave by.
//
// Key, metrics, capacity, and whether packets are sampled by rate, change as a whole (flow_generation.h): the flows of
// the next generation are there beside those that packets count for, then the old ones, until each has ended. All write
// to the same counters and the same ring.
//
// The packet front parses and settles a packet once and offers it to the monitors; all that differs between two of them
// is here. Each worker has its own part of a monitor, with flows of its own. Where there are several, packets are
// sampled after the parse, which they share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/counters.h"
#include "dataplane/flow/as_lookup.h"
#include "dataplane/flow/flow_settings.h"
#include "dataplane/flow/flow_shard.h"
#include "dataplane/flow/key_mask.h"
#include "dataplane/flow/packet_sampler.h"
#include "dataplane/flow_generation.h"
#include "dataplane/monitor_options.h"
#include "dataplane/packet/flow_filter.h"
#include "dataplane/packet/stream_watch.h"
#include "dataplane/record_ring.h"
#include "dataplane/sightings.h"

namespace weir {

/// Which packets a monitor takes, where that changes while it runs.
struct PacketChoice {
  std::shared_ptr<const FlowFilter> filter;  ///< nullptr: every packet counts
  Sampling sampling;                         ///< by rate only where its generation is
};

class Monitor {
 public:
  /// Monitors that ParsedPacket::filtered_by has bits for.
  static constexpr unsigned kMost = kMostMonitors;
  /// Of the number in a hand-over message: the generation is an odd one.
  static constexpr std::uint8_t kOdd = 8;
  static_assert(kMost <= kOdd);

  Monitor(const MonitorOptions& options, const KeyHash& hash);
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  [[nodiscard]] bool ok() const { return flows_->shard.ok() && sightings_.ok(); }
  /// Touches all memory; to be called on the worker's core.
  void touch(Touching* touching = nullptr) {
    flows_->shard.touch(touching);
    sightings_.touch(touching);
  }
  /// What touch() touches.
  [[nodiscard]] std::size_t octets() const { return flows_->shard.octets() + sightings_.octets(); }

  [[nodiscard]] std::uint8_t number() const { return number_; }
  /// The same in what is handed over, with the generation that it is for.
  [[nodiscard]] std::uint8_t sent_number() const { return sent_number_; }
  [[nodiscard]] static unsigned number_in(std::uint8_t sent) { return sent & (kOdd - 1U); }
  /// Whether a packet is to come with its facts.
  [[nodiscard]] bool wants_facts() const { return flows_->wants_facts(); }
  /// The same for a packet that may have been handed over, of any generation.
  [[nodiscard]] bool any_wants_facts() const {
    return wants_facts() || (next_ != nullptr && next_->wants_facts()) ||
           (leaving_ != nullptr && leaving_->wants_facts());
  }
  /// Whether some packets are to come with payload, and whether this one may have to.
  [[nodiscard]] bool wants_payload() const { return flows_->shard.metrics().wants_payload(); }
  [[nodiscard]] bool may_want_payload(const ParsedPacket& packet) const {
    return flows_->shard.metrics().wanted_payload(packet) != 0;
  }
  /// Cuts facts.payload of a packet, which was found, to what is wanted of it. A receiver asks its own monitor, once
  /// per packet.
  void choose_payload(const ParsedPacket& packet, PacketFacts& facts) {
    flows_->shard.metrics().choose_payload(packet, facts, flows_->watches);
  }
  /// Whether it leaves packets and their keys as they were parsed, and leaves none out.
  [[nodiscard]] bool takes_all_as_parsed() const {
    return !changes_key_ && filter_ == nullptr && !sightings_.on() && !samples_parsed() && !samples_frames();
  }
  /// Whether packets are to be offered with what a filter judges them by.
  [[nodiscard]] bool filters() const { return filter_ != nullptr; }
  /// Counts the packets of a burst that the filter keeps out; the others move to the front, `facts` (may be nullptr)
  /// with them. Says how many they are. `headers`: one for each.
  std::size_t drop_filtered(std::span<ParsedPacket> burst, PacketFacts* facts, const FlowHeader* headers);
  /// Whether the filter keeps a later fragment out, by packet.filtered_by. Then it is counted here.
  bool filter_out(const ParsedPacket& packet) {
    if (filter_ == nullptr || (packet.filtered_by >> number_ & 1) == 0) return false;
    counters_.filtered_out.add(packet.frame_octets);
    return true;
  }

  /// Whether frames are chosen before they are parsed.
  [[nodiscard]] bool samples_frames() const { return alone_ && packet_sampler_.on() && filter_ == nullptr; }
  /// Whether sample() is to be asked about packets that were parsed and filtered.
  [[nodiscard]] bool samples_parsed() const {
    return flow_sampler_.on() || (packet_sampler_.on() && !samples_frames());
  }
  /// By packets: which of the next `count` are taken (PacketSampler::take()).
  [[nodiscard]] std::uint64_t take(unsigned count) { return packet_sampler_.take(count); }
  /// Counts what take() left out.
  void count_sampled_out(const PacketCount& packets) { counters_.sampled_out += packets; }
  /// Counts the packets of a burst that --sample leaves out; the others move to the front, `facts` (may be nullptr)
  /// with them. Says how many they are.
  std::size_t sample(std::span<ParsedPacket> burst, PacketFacts* facts);
  /// Whether --sample leaves out a later fragment that another worker received. Then it is counted here. `facts`: the
  /// packet's; nullptr: there are none.
  bool sample_out(ParsedPacket& packet, const PacketFacts* facts);
  /// By rate: each packet that is taken from now on stands for 2^level.
  void set_sampling_level(unsigned level) {
    level_ = level;
    packet_sampler_.set_level(level);
  }
  [[nodiscard]] unsigned sampling_level() const { return level_; }

  /// Whether packets are to be offered with a sighting, and asked about here.
  [[nodiscard]] bool has_pairs() const { return sightings_.on(); }
  /// Whether the packet was seen at the other port of its pair. Then it is counted here.
  [[nodiscard]] bool is_duplicate(const ParsedPacket& packet);
  /// Counts the duplicates of a burst; the others move to the front, `facts` (may be nullptr) with them. Says how many
  /// they are.
  std::size_t drop_duplicates(std::span<ParsedPacket> burst, PacketFacts* facts);

  /// Makes the packet's key the monitor's, and hashes it. `facts`: the packet's; nullptr: there are none.
  void set_key(ParsedPacket& packet, const PacketFacts* facts) const {
    if (changes_key_) [[unlikely]]
      return set_changed_key(packet, facts);
    packet.hash = hash_(packet.key);
  }
  /// The same for a packet that an ICMP error quotes: it came in where the error leaves, if that is known.
  void set_quoted_key(ParsedPacket& quoted) const {
    const std::uint32_t other = pairs_.egress_of(quoted.ingress_interface);
    if (other != 0) quoted.ingress_interface = other;
    set_key(quoted, nullptr);
  }
  /// The same for a burst, and asks for the flows' buckets: the first stage. `facts`: as many, or nullptr.
  void prepare(std::span<ParsedPacket> burst, const PacketFacts* facts) const;
  /// The first stage for a burst that another monitor prepared, whose keys are this one's, too. Inlined, since GCC
  /// drops the call of a function that does nothing but prefetch.
  [[gnu::always_inline]] void prefetch(std::span<const ParsedPacket> burst) const {
    const FlowShard& shard = flows_->shard;
    for (const ParsedPacket& packet : burst) shard.prefetch(packet.hash);
  }
  /// Counts a burst whose keys are set. `facts`: as many; nullptr where none are wanted.
  void process(std::span<const ParsedPacket> burst, const PacketFacts* facts) {
    flows_->shard.process(burst, flows_->shard.metrics().any() ? facts : nullptr);
  }

  /// Whether it is to be told what ICMP errors quote.
  [[nodiscard]] bool wants_icmp_errors() const { return flows_->shard.metrics().wants_icmp_errors(); }
  /// Tells the flow whose packet an ICMP error quotes; that packet's key is set. Counts what became of it. False: there
  /// is no such flow, and, unless this is the `last` worker that may have it, nothing was counted.
  bool tell(const IcmpError& error, bool last = true) { return tell(flows_.get(), error, last); }
  /// The same with the flows that it is meant for; nullptr: they are gone.
  bool tell(FlowGeneration* flows, const IcmpError& error, bool last) {
    const bool told = flows != nullptr && flows->shard.tell(error);
    if (told || last) count(told ? IcmpQuote::told : IcmpQuote::no_flow);
    return told;
  }
  void count(IcmpQuote what) { ++counters_.icmp_quotes[static_cast<std::size_t>(what)]; }

  /// From now on the AS numbers of keys are looked up there; it must outlive the monitor, or the next one that is set.
  /// Before that they are 0.
  void set_as_lookup(const AsLookup* lookup) { as_lookup_ = lookup; }

  /// From `now_ns` on flows end by these timeouts.
  void set_timeouts(const FlowTimeouts& timeouts, std::uint64_t now_ns) {
    flows_->shard.set_timeouts(for_key(timeouts, mask_.fields()), now_ns);
  }

  /// From `now_ns` on packets are chosen so; `choice` lives until the next one is set. `now_ns` is later than every
  /// packet before, and shard().changing_rate() is false.
  void set_choice(const PacketChoice& choice, std::uint64_t now_ns);
  [[nodiscard]] const FlowFilter* filter() const { return filter_; }

  /// The parser puts ICMP types and codes into the key from the next packet on, for whichever monitor; or does not.
  void set_icmp_in_key(bool in_key) {
    hides_icmp_ = in_key && !mask_.fields().icmp;
    changes_key_ = mask_.changes() || hides_icmp_;
  }
  [[nodiscard]] const KeyFields& key() const { return mask_.fields(); }

  /// The steps of a replacement (flow_replacement.h): what others hand over for `next` counts there; packets count
  /// there; the flows before end, `budget` a call, until none is left. `now_ns` as for advance().
  void accept(std::unique_ptr<FlowGeneration> next) { next_ = std::move(next); }
  void use_next();
  [[nodiscard]] bool end_leaving(std::uint64_t now_ns, std::size_t budget) {
    return leaving_->shard.end_some(now_ns, budget);
  }
  /// Those that accept() took and no packet counted for.
  [[nodiscard]] std::unique_ptr<FlowGeneration> give_back_next() { return std::move(next_); }
  /// Those that have all ended.
  [[nodiscard]] std::unique_ptr<FlowGeneration> give_back_leaving();
  /// Whether there is another generation than the one that packets count for.
  [[nodiscard]] bool replacing() const { return next_ != nullptr || leaving_ != nullptr; }
  [[nodiscard]] FlowGeneration* next() { return next_.get(); }

  /// The flows that packets count for.
  FlowGeneration& flows() { return *flows_; }
  [[nodiscard]] const FlowGeneration& flows() const { return *flows_; }
  /// Those that a message is for, by the number in it; nullptr: they are gone.
  [[nodiscard]] FlowGeneration* flows_of(std::uint8_t sent) {
    if (sent == sent_number_) [[likely]]
      return flows_.get();
    return next_ != nullptr ? next_.get() : leaving_.get();
  }
  FlowShard& shard() { return flows_->shard; }
  [[nodiscard]] const FlowShard& shard() const { return flows_->shard; }
  /// Ends all flows, of whichever generation: FlowShard::drain().
  void drain(std::uint64_t now_ns);
  /// FlowShard::recount(), of all of them.
  [[nodiscard]] RecordTotals recount() const;
  RecordRing& records() { return records_; }
  /// The counters, to be written by the worker.
  FlowCounters& live_counters() { return counters_; }
  [[nodiscard]] const FlowCounters& live_counters() const { return counters_; }
  /// A copy with all members: only from the worker's thread, or while it rests.
  [[nodiscard]] FlowCounters counters() const;

 private:
  [[nodiscard]] bool takes_flow(const ParsedPacket& packet, const PacketFacts* facts) const;
  [[nodiscard]] bool looks_up_as() const { return as_lookup_ != nullptr && mask_.fields().as_ends().any(); }
  [[nodiscard]] AsPair as_pair_of(const ParsedPacket& packet) const;
  void change_key(ParsedPacket& packet, const PacketFacts* facts, const AsPair& as_pair) const;
  void set_changed_key(ParsedPacket& packet, const PacketFacts* facts) const;
  void set_changed_key(ParsedPacket& packet, const PacketFacts* facts, const AsPair& as_pair) const;
  void prepare_changed(std::span<ParsedPacket> burst, const PacketFacts* facts) const;

  std::uint8_t number_;
  unsigned worker_;
  bool alone_;
  bool hides_icmp_;  ///< the parser shows ICMP types and codes for another monitor's key
  const FlowFilter* filter_;
  KeyHash hash_;
  PortPairs pairs_;
  KeyMask mask_;
  bool changes_key_;
  const AsLookup* as_lookup_ = nullptr;
  alignas(64) FlowCounters counters_;  ///< written by the worker only
  RecordRing records_;
  std::unique_ptr<FlowGeneration> flows_;    ///< those that packets count for
  std::unique_ptr<FlowGeneration> next_;     ///< to take their place
  std::unique_ptr<FlowGeneration> leaving_;  ///< whose place they took
  std::uint8_t sent_number_;
  FlowCounters gone_;  ///< what counters() says of the tables of generations that are gone
  Sightings sightings_;
  Sampling sampling_;
  PacketSampler packet_sampler_;
  FlowSampler flow_sampler_;
  unsigned level_ = 0;  ///< by rate: packets stand for 2^level_
};

}  // namespace weir
