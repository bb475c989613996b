#include "dataplane/monitor.h"

#include <algorithm>
#include <utility>

#include "proto/base/ip_numbers.h"

namespace weir {
namespace {

/// The hash with the worker that `other` chooses: KeyHash::worker_of().
std::uint64_t with_worker_of(std::uint64_t hash, std::uint64_t other) {
  constexpr std::uint64_t kWorkerBits = std::uint64_t{0xffff} << 32;
  return (hash & ~kWorkerBits) | (other & kWorkerBits);
}

/// What a monitor's account has of the tables themselves.
void add_tables(FlowCounters& sum, const FlowShard& shard) {
  sum.far_inserts += shard.table().index().far_inserts();
  sum.longest_probe = std::max<std::uint64_t>(sum.longest_probe, shard.table().index().longest_probe());
  sum.pool_lines_in_use += shard.pool().in_use();
  for (std::size_t i = 0; i < kMissingFactCount; ++i) sum.missing_facts[i] += shard.pool().missing()[i];
}

}  // namespace

static_assert(FlowShard::kBurst <= FlowFilter::kMost, "a filter is asked about a whole burst at once");
static_assert(FlowShard::kBurst <= kMostAsPairs, "AS numbers are looked up for a whole burst at once");

MonitorOptions further_monitor(const MonitorOptions& plain, const FurtherMonitor& further, std::uint8_t number) {
  MonitorOptions monitor = plain;
  monitor.number = number;
  monitor.capacity = further.capacity;
  monitor.timeouts = further.flow.timeouts;
  monitor.when_full = further.flow.when_full;
  monitor.key = further.flow.key;
  monitor.metrics = further.flow.metrics;
  monitor.sampling = further.flow.sampling;
  monitor.filter = further.filter;
  return monitor;
}

Monitor::Monitor(const MonitorOptions& options, const KeyHash& hash)
    : number_(options.number),
      worker_(options.worker),
      alone_(options.alone),
      hides_icmp_(options.icmp_in_key && !options.key.icmp),
      filter_(options.filter),
      hash_(hash),
      pairs_(options.pairs),
      mask_(options.key, options.pairs, options.samples),
      changes_key_(mask_.changes() || hides_icmp_),
      records_(options.ring_lines),
      flows_(std::make_unique<FlowGeneration>(options, hash, counters_, records_, false)),
      sent_number_(options.number),
      sightings_(options.pairs),
      sampling_(options.sampling),
      packet_sampler_(options.sampling, options.worker),
      flow_sampler_(options.sampling) {}

void Monitor::use_next() {
  leaving_ = std::exchange(flows_, std::move(next_));
  sent_number_ = static_cast<std::uint8_t>(number_ | (flows_->odd ? kOdd : 0));
  mask_ = flows_->mask;
  flows_->shard.begin_at(leaving_->shard.now_ns());
  if (flows_->sampling == sampling_) return;
  sampling_ = flows_->sampling;
  packet_sampler_ = PacketSampler(sampling_, worker_);
  flow_sampler_ = FlowSampler(sampling_);
  level_ = 0;
}

std::unique_ptr<FlowGeneration> Monitor::give_back_leaving() {
  add_tables(gone_, leaving_->shard);
  return std::move(leaving_);
}

void Monitor::drain(std::uint64_t now_ns) {
  if (leaving_ != nullptr) leaving_->shard.drain(now_ns);
  if (next_ != nullptr) next_->shard.drain(now_ns);
  flows_->shard.drain(now_ns);
}

RecordTotals Monitor::recount() const {
  RecordTotals total = flows_->shard.recount();
  if (leaving_ != nullptr) total += leaving_->shard.recount();
  if (next_ != nullptr) total += next_->shard.recount();
  return total;
}

/// Makes the key, which the parser made for all monitors, this one's.
void Monitor::change_key(ParsedPacket& packet, const PacketFacts* facts, const AsPair& as_pair) const {
  if (hides_icmp_ && is_icmp(packet.key.protocol)) {
    packet.key.set_tail(0, 0, packet.key.protocol, packet.key.ip_version);
  }
  if (mask_.changes()) mask_.apply(packet, facts, as_pair);
}

// A function of its own, with a copy of the hash: its secret words then stay in registers.
void Monitor::prepare(std::span<ParsedPacket> burst, const PacketFacts* facts) const {
  if (changes_key_) [[unlikely]]
    return prepare_changed(burst, facts);
  const KeyHash hash = hash_;
  const FlowShard& shard = flows_->shard;
  for (ParsedPacket& packet : burst) {
    packet.hash = hash(packet.key);
    shard.prefetch(packet.hash);
  }
}

void Monitor::prepare_changed(std::span<ParsedPacket> burst, const PacketFacts* facts) const {
  AsPair as_pairs[FlowShard::kBurst];
  if (looks_up_as()) find_as_pairs(*as_lookup_, mask_.fields().as_ends(), burst, as_pairs);
  for (std::size_t i = 0; i < burst.size(); ++i) {
    set_changed_key(burst[i], facts == nullptr ? nullptr : facts + i, as_pairs[i]);
    flows_->shard.prefetch(burst[i].hash);
  }
}

/// Of one packet alone.
AsPair Monitor::as_pair_of(const ParsedPacket& packet) const {
  AsPair as_pair;
  if (looks_up_as()) find_as_pairs(*as_lookup_, mask_.fields().as_ends(), {&packet, 1}, {&as_pair, 1});
  return as_pair;
}

[[gnu::noinline]] void Monitor::set_changed_key(ParsedPacket& packet, const PacketFacts* facts) const {
  set_changed_key(packet, facts, as_pair_of(packet));
}

void Monitor::set_changed_key(ParsedPacket& packet, const PacketFacts* facts, const AsPair& as_pair) const {
  change_key(packet, facts, as_pair);
  packet.hash = hash_(packet.key, packet.addition);
  if (!pairs_.any() || !(mask_.fields().in_if || mask_.fields().out_if)) return;
  // What both ports of a pair show has one owner, whichever interface it has in its key.
  KeyAddition anywhere = packet.addition;
  anywhere.interface[0] = anywhere.interface[1] = 0;
  packet.hash = with_worker_of(packet.hash, hash_(packet.key, anywhere));
}

std::size_t Monitor::drop_filtered(std::span<ParsedPacket> burst, PacketFacts* facts, const FlowHeader* headers) {
  const std::uint64_t keeps = filter_->keeps({headers, burst.size()});
  std::size_t kept = 0;
  for (std::size_t i = 0; i < burst.size(); ++i) {
    const bool judged = headers[i].data == nullptr;
    if (judged ? filter_out(burst[i]) : (keeps >> i & 1) == 0) {
      if (!judged) counters_.filtered_out.add(burst[i].frame_octets);
      continue;
    }
    if (kept != i) {
      burst[kept] = burst[i];
      if (facts != nullptr) facts[kept] = facts[i];
    }
    ++kept;
  }
  return kept;
}

// Not inlined: the loops that hand packets over have few registers, and most probes no pairs.
[[gnu::noinline]] bool Monitor::is_duplicate(const ParsedPacket& packet) {
  if (!sightings_.is_duplicate(packet, packet.effective_ns)) return false;
  counters_.duplicate.add(packet.frame_octets);
  return true;
}

std::size_t Monitor::drop_duplicates(std::span<ParsedPacket> burst, PacketFacts* facts) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < burst.size(); ++i) {
    if (is_duplicate(burst[i])) continue;
    if (kept != i) {
      burst[kept] = burst[i];
      if (facts != nullptr) facts[kept] = facts[i];
    }
    ++kept;
  }
  return kept;
}

std::size_t Monitor::sample(std::span<ParsedPacket> burst, PacketFacts* facts) {
  static_assert(FlowShard::kBurst <= PacketSampler::kMost);
  const bool by_flow = flow_sampler_.on();
  const std::uint64_t taken = by_flow ? 0 : packet_sampler_.take(static_cast<unsigned>(burst.size()));
  std::size_t kept = 0;
  for (std::size_t i = 0; i < burst.size(); ++i) {
    ParsedPacket& packet = burst[i];
    if (by_flow ? !takes_flow(packet, facts == nullptr ? nullptr : facts + i) : (taken >> i & 1) == 0) {
      counters_.sampled_out.add(packet.frame_octets);
      continue;
    }
    packet.set_level(level_);
    if (kept != i) {
      burst[kept] = packet;
      if (facts != nullptr) facts[kept] = facts[i];
    }
    ++kept;
  }
  return kept;
}

bool Monitor::sample_out(ParsedPacket& packet, const PacketFacts* facts) {
  if (!samples_parsed()) return false;
  if (flow_sampler_.on() ? takes_flow(packet, facts) : packet_sampler_.take(1) != 0) {
    packet.set_level(level_);
    return false;
  }
  counters_.sampled_out.add(packet.frame_octets);
  return true;
}

/// By flows: the key that is judged is the monitor's; the packet keeps its own, to which the mask is put on later.
bool Monitor::takes_flow(const ParsedPacket& packet, const PacketFacts* facts) const {
  if (!changes_key_) return flow_sampler_.takes(packet);
  ParsedPacket changed = packet;
  change_key(changed, facts, as_pair_of(packet));
  return flow_sampler_.takes(changed);
}

void Monitor::set_choice(const PacketChoice& choice, std::uint64_t now_ns) {
  filter_ = choice.filter.get();
  if (choice.sampling == sampling_) return;
  sampling_ = choice.sampling;
  packet_sampler_ = PacketSampler(sampling_, worker_);
  flow_sampler_ = FlowSampler(sampling_);
  flows_->shard.set_sampling(sampling_, now_ns);
}

FlowCounters Monitor::counters() const {
  FlowCounters counters = counters_;
  counters.packet_sampling_level = level_;
  counters.far_inserts = gone_.far_inserts;
  counters.longest_probe = gone_.longest_probe;
  counters.missing_facts = gone_.missing_facts;
  add_tables(counters, flows_->shard);
  if (next_ != nullptr) add_tables(counters, next_->shard);
  if (leaving_ != nullptr) add_tables(counters, leaving_->shard);
  return counters;
}

}  // namespace weir
