#include "dataplane/flow/flow_shard.h"

#include <algorithm>
#include <cstddef>

#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"

namespace weir {
namespace {

std::uint8_t protocol_of(const FlowEntry& entry) {
  return static_cast<std::uint8_t>(entry.tail >> 32);  // FlowKey::protocol follows two 16-bit ports
}
/// A pool that is larger than any would not be mapped; ok() then says so.
std::uint32_t pool_lines(const Metrics& metrics, std::uint32_t flows) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(metrics.pool_lines(flows), UINT32_MAX - 1));
}

static_assert(offsetof(FlowKey, protocol) == offsetof(FlowKey, port_low) + 4);

}  // namespace

FlowShard::FlowShard(std::uint32_t capacity, const KeyHash& hash, const FlowTimeouts& timeouts, FlowCounters& counters,
                     RecordRing& ring, RingFull ring_full, WhenFull when_full, const Metrics& metrics,
                     const Sampling& sampling)
    : table_(capacity, hash, metrics),
      wheel_(capacity),
      rules_(timeouts),
      counters_(counters),
      metrics_(metrics),
      pool_(pool_lines(metrics, capacity)),
      writer_(ring, ring_full, table_, metrics_, pool_),
      when_full_(when_full),
      sampler_(capacity),
      levels_(when_full == WhenFull::sample ? capacity : 0),
      rate_{sampling.one_in, sampling.algorithm()},
      old_rate_(rate_),
      packet_levels_(sampling.by == Sampling::By::rate ? capacity : 0) {}

void FlowShard::touch(Touching* touching) {
  table_.touch(touching);
  wheel_.touch(touching);
  levels_.touch(touching);
  packet_levels_.touch(touching);
  if (samples_.on()) samples_.touch(touching);
  pool_.touch(touching);
}

void FlowShard::schedule(std::uint32_t number, std::uint64_t deadline_ns) {
  wheel_.schedule(number, TimerWheel::tick_after(deadline_ns));
}

void FlowShard::process(std::span<const ParsedPacket> burst, const PacketFacts* facts) {
  std::uint32_t candidates[kBurst];
  if (facts == nullptr) [[likely]] {
    process_burst<false, false>(burst, nullptr, candidates);
  } else {
    process_burst<true, false>(burst, facts, candidates);
  }
  writer_.publish();
}

void FlowShard::look_up(std::span<const ParsedPacket> burst, LookedUp& found) const {
  for (std::size_t i = 0; i < std::min(burst.size(), kBurst); ++i) {
    found.entries[i] = table_.candidate<false>(burst[i].hash, burst[i].key.ip_version);
  }
}

void FlowShard::process(std::span<const ParsedPacket> burst, LookedUp& found) {
  process_burst<false, true>(burst, nullptr, found.entries);
  writer_.publish();
}

/// kLookedUp: `candidates` are there already; else it is room for them.
template <bool kMetrics, bool kLookedUp>
void FlowShard::process_burst(std::span<const ParsedPacket> burst, const PacketFacts* facts,
                              std::uint32_t* candidates) {
  const std::size_t count = std::min(burst.size(), kBurst);
  std::uint64_t frame_octets = 0;
  std::uint64_t ip_octets = 0;
  // Of two lines prefetches come, and cost less than loads; of more they do not (read_ahead.h).
  const bool many_lines = kMetrics && metrics_.lines() > 2;
  const auto prefetch_lines = [this](std::uint32_t number, Side from) __attribute__((always_inline)) {
    if (number == FlowTable::kNone) return;
    const std::uint8_t* const lines = table_.metric_line(number);
    metrics_.for_each_line(
        static_cast<unsigned>(from), [&](std::size_t line) __attribute__((always_inline)) {
          __builtin_prefetch(lines + line * Metrics::kLineOctets, 1);
        });
  };
  for (std::size_t i = 0; i < count; ++i) {
    if constexpr (!kLookedUp) candidates[i] = table_.candidate<kMetrics>(burst[i].hash, burst[i].key.ip_version);
    if constexpr (kMetrics) {
      if (!many_lines) prefetch_lines(candidates[i], burst[i].from);
    }
    // Added up here, because registers are scarce in the loop below.
    frame_octets += burst[i].frame_octets;
    ip_octets += burst[i].ip_octets;
  }
  if constexpr (kMetrics) {
    if (many_lines) {  // a loop that waits for nothing, so that its misses overlap
      for (std::size_t i = 0; i < count; ++i) read_ahead(candidates[i], burst[i], facts[i]);
      for (std::size_t i = 0; i < std::min(count, kAhead); ++i) look_ahead(candidates[i], burst[i], facts[i]);
    }
  }
  if (sampled_flows_ != 0 || packet_levels_.on() || samples_.on() || old_rate_flows_ != 0) [[unlikely]] {
    if (needs_rules(burst)) std::fill_n(candidates, count, FlowTable::kNone);
  }
  std::uint64_t now_ns = now_ns_;
  for (std::size_t i = 0; i < count; ++i) {
    const ParsedPacket& packet = burst[i];
    now_ns = std::max(now_ns, packet.effective_ns);
    const std::uint32_t number = candidates[i];
    if constexpr (kMetrics) {
      if (many_lines && i + kAhead < count) look_ahead(candidates[i + kAhead], burst[i + kAhead], facts[i + kAhead]);
    }
    if (number != FlowTable::kNone &&
        table_.is_key(number, table_.entry_at<kMetrics>(number), packet.key, packet.addition) &&
        count_plain(table_.entry_at<kMetrics>(number), packet, now_ns)) [[likely]] {
      if constexpr (kMetrics) show_metrics(number, packet, facts[i], now_ns, false);
      continue;
    }
    now_ns_ = now_ns;
    const std::uint32_t counted = count_by_rules(packet);
    if constexpr (kMetrics) {
      if (counted != FlowTable::kNone) show_metrics_by_rules(counted, packet, facts[i], now_ns);
    }
  }
  now_ns_ = now_ns;
  counters_.counted += {count, frame_octets};
  counters_.counted_ip_octets += ip_octets;
  counters_.in_table.packets += count;
  counters_.in_table.octets += ip_octets;
}

/// Looks the flow up again, since a packet before this one may have changed the table, and applies the rules. Says in
/// which entry the packet was counted; kNone: in none.
[[gnu::noinline]] std::uint32_t FlowShard::count_by_rules(const ParsedPacket& packet) {
  const std::uint32_t number = table_.find(packet.key, packet.hash, packet.addition);
  if (number == FlowTable::kNone) return create(packet);
  return update(number, packet) ? number : FlowTable::kNone;
}

/// Shows a packet that was counted to the metrics; one of them may end the flow. `first`: it is its side's first.
[[gnu::always_inline]] inline void FlowShard::show_metrics(std::uint32_t number, const ParsedPacket& packet,
                                                           const PacketFacts& facts, std::uint64_t now_ns, bool first) {
  const auto side = static_cast<unsigned>(packet.from);
  const Verdict verdict = metrics_.update(table_.metric_line(number), table_.metric_slot(number),
                                          {packet, facts, side, first, now_ns, pool_, metrics_.parameters()});
  if (verdict != Verdict::goes_on) [[unlikely]]
    end_by_metric(number);
}

/// The same for a packet that count_plain() did not take: only among these is a side's first one.
[[gnu::noinline]] void FlowShard::show_metrics_by_rules(std::uint32_t number, const ParsedPacket& packet,
                                                        const PacketFacts& facts, std::uint64_t now_ns) {
  const bool first = table_.entry_at<true>(number).packets[static_cast<unsigned>(packet.from)] == 1;
  show_metrics(number, packet, facts, now_ns, first);
}

/// What nearly every packet is: one more of a flow that goes on, of a side that has sent before. Counts it and says
/// true; where anything is to be decided it does nothing and says false, and update() has the rules.
inline bool FlowShard::count_plain(FlowEntry& entry, const ParsedPacket& packet, std::uint64_t now_ns) const {
  const auto side = static_cast<unsigned>(packet.from);
  const std::uint64_t age = now_ns - entry.start_ns;
  const std::uint32_t packets = entry.packets[side];
  constexpr unsigned kClosing = FlowRules::kClosing;
  constexpr unsigned kBehind = (FlowEntry::kLastBehind << 0) | (FlowEntry::kLastBehind << 1);
  // A branch for each, never taken, is cheaper than their sum: a compare and its branch are one operation. A side that
  // was silent for longer than the idle timeout may belong to a flow that goes on, since the other one sent: the rules
  // find out.
  const bool decide = age - entry.last_offset_ns(side) > rules_.timeouts().idle_ns ||
                      age >= rules_.timeouts().active_ns ||
                      packets - 1U >= 0xfffffffeU ||  // the side's first packet, or the counter is full
                      packet.time_ns != now_ns || (entry.marks() & (kClosing | kBehind << 8)) != 0 ||
                      (packet.tcp_flags & (kTcpFin | kTcpRst)) != 0;
  if (decide) [[unlikely]]
    return false;
  entry.packets[side] = packets + 1;
  entry.octets[side] += packet.ip_octets;
  entry.set_last_offset_ns(side, age);
  entry.tcp_flags[side] |= packet.tcp_flags;
  return true;
}

/// False: the flow is not taken (policy `sample`), and the packet is not counted.
bool FlowShard::update(std::uint32_t number, const ParsedPacket& packet) {
  FlowEntry& entry = table_.entry(number);
  const bool was_closed = FlowRules::closed(entry);
  const std::uint64_t gap = now_ns_ - entry.last_ns();
  const bool silent = gap > rules_.gap_allowed(entry);
  const bool reported = entry.total_packets() == 0;
  const bool old = now_ns_ - entry.start_ns >= rules_.timeouts().active_ns || rules_.cut(entry);
  const bool reopens = was_closed && (packet.tcp_flags & (kTcpSyn | kTcpAck)) == kTcpSyn;
  const bool full = entry.packets[static_cast<unsigned>(packet.from)] == 0xffffffff;
  const bool rate_falls = sampled_flows_ != 0 && levels_[number] > sampler_.level();
  const bool other_level = packet_levels_.on() && packet_levels_.level_of(number) != packet.level();
  const bool other_rate = samples_.on() && samples_.rate_of(number) != samples_.rate_of(packet);
  if (silent || reported || old || reopens || full || rate_falls || other_level || other_rate) [[unlikely]] {
    if (!reported) {
      EndReason reason = EndReason::active_timeout;  // also where a counter is full, or the sampling rate changes
      if (silent || old) {
        reason = rules_.timeout_reason(entry);
      } else if (reopens) {
        reason = EndReason::end_of_flow;
      }
      // The next conversation on this key needs the entry at once: if the ring is full, the record is lost.
      (void)emit(number, reason, true);
    }
    const bool begins = silent || reopens;
    if (when_full_ == WhenFull::sample) {
      if (begins && !admit(packet)) {
        wheel_.cancel(number);
        erase(number);
        return false;
      }
      if (begins || rate_falls) set_level(number, sampler_.level());
    }
    restart(number, packet, !begins);
  }
  if (was_closed && !silent && !reopens) [[unlikely]]
    entry.set_linger_level(rules_.linger_level_after(entry.linger_level(), gap));
  count(number, packet);
  const bool closes = !was_closed && FlowRules::closed(entry);
  if (closes || (reported && rules_.timeouts().active_ns < rules_.timeouts().idle_ns)) [[unlikely]] {
    // The wheel holds a later time: a close has just made the wait as short as the linger, or the flow had no packet
    // since its last report, so that only the idle timeout was scheduled.
    wheel_.cancel(number);
    schedule(number, rules_.deadline(entry));
  }
  return true;
}

/// Makes the entry ready for the next record, whose first packet is `packet`.
void FlowShard::restart(std::uint32_t number, const ParsedPacket& packet, bool keep_direction) {
  FlowEntry& entry = table_.entry(number);
  clear_counts(number);
  entry.start_ns = now_ns_;
  entry.set_last_offset_ns(0, 0);
  entry.set_last_offset_ns(1, 0);
  const unsigned opener = packet.from == Side::high ? FlowEntry::kOpenerHigh : 0;
  if (keep_direction) {
    entry.times = static_cast<std::uint8_t>((entry.times & FlowEntry::kLingerMask) | opener);
    entry.state = static_cast<std::uint8_t>(entry.state & ~FlowEntry::kHasTunnel);
  } else {
    entry.times = static_cast<std::uint8_t>(opener);
    entry.state = rules_.initiator(packet) == Side::high ? FlowEntry::kInitiatorHigh : 0;
    ++counters_.flows_created;
  }
  if ((packet.facts & (kHasTunnel | kHasLabel)) != 0) [[unlikely]]
    keep_tunnel(number, packet);
  FlowCold& cold = table_.cold(number);
  cold.ingress_interface = table_.interfaces().keep(packet.ingress_interface);
  cold.vlan_id = packet.vlan_id;
  if (packet_levels_.on()) [[unlikely]]
    packet_levels_.set(number, packet.level());
  if (samples_.on()) [[unlikely]]
    samples_.begin(number, packet);
  if (metrics_.any()) [[unlikely]]
    keep_direction ? metrics_.restart(table_.metric_line(number), table_.metric_slot(number))
                   : metrics_.begin(table_.metric_line(number), table_.metric_slot(number));
  ++counters_.in_table.records;
}

[[gnu::noinline]] void FlowShard::keep_tunnel(std::uint32_t number, const ParsedPacket& packet) {
  table_.entry(number).state |= FlowEntry::kHasTunnel;
  table_.tunnel(number) = RecordWriter::tunnel_of(packet);
}

/// Says which entry the new flow has; kNone: none.
std::uint32_t FlowShard::create(const ParsedPacket& packet) {
  if (when_full_ == WhenFull::sample && !admit(packet)) return FlowTable::kNone;
  std::uint32_t number = table_.insert(packet.key, packet.hash, packet.addition);
  if (number == FlowTable::kNone) [[unlikely]] {
    if (when_full_ == WhenFull::overflow) {
      overflow(packet);
      return FlowTable::kNone;
    }
    evict_for(packet.hash);
    number = table_.insert(packet.key, packet.hash, packet.addition);
    if (number == FlowTable::kNone) {  // there was nothing to evict: the packet leaves as a record of its own
      overflow(packet);
      return FlowTable::kNone;
    }
  }
  if (!started_) {
    started_ = true;
    wheel_.start(now_ns_ >> TimerWheel::kTickShift);
  }
  restart(number, packet, false);
  count(number, packet);
  schedule(number, rules_.deadline(table_.entry(number)));
  if (when_full_ == WhenFull::sample) set_level(number, sampler_.level());
  return number;
}

/// Takes the flow, which is in the wheel no more, out of the table.
void FlowShard::erase(std::uint32_t number) {
  if (when_full_ == WhenFull::sample) set_level(number, 0);
  if (packet_levels_.on()) packet_levels_.forget(number);
  table_.erase(number);
  table_.maintain(FlowTable::kHomesAnOperation);
}

/// Counts the packet in the entry.
void FlowShard::count(std::uint32_t number, const ParsedPacket& packet) {
  FlowEntry& entry = table_.entry(number);
  const auto side = static_cast<unsigned>(packet.from);
  const bool behind = packet.time_ns < now_ns_;
  if (entry.packets[side] == 0) {
    FlowCold& cold = table_.cold(number);
    if (entry.packets[side ^ 1U] != 0) cold.set_first_offset_ns(now_ns_ - entry.start_ns);
    cold.ip_tos[side] = packet.ip_tos;
    cold.icmp_type[side] = packet.icmp_type;
    cold.icmp_code[side] = packet.icmp_code;
    if (behind) [[unlikely]] {
      FlowTimes& times = table_.times(number);
      times.first_ns[side] = times.last_ns[side] = packet.time_ns;
      entry.times |= FlowEntry::of_side(FlowEntry::kFirstBehind | FlowEntry::kLastBehind, side);
    }
  } else if (behind) [[unlikely]] {
    FlowTimes& times = table_.times(number);
    times.first_ns[side] = std::min(table_.first_ns(number, side), packet.time_ns);
    times.last_ns[side] = std::max(table_.last_ns(number, side), packet.time_ns);
    entry.times |= FlowEntry::of_side(FlowEntry::kFirstBehind | FlowEntry::kLastBehind, side);
  } else if ((entry.times & FlowEntry::of_side(FlowEntry::kLastBehind, side)) != 0) [[unlikely]] {
    // A packet stamped with the running maximum is later than all before it.
    entry.times = static_cast<std::uint8_t>(entry.times & ~FlowEntry::of_side(FlowEntry::kLastBehind, side));
  }
  if (samples_.on()) [[unlikely]]
    samples_.add(number, packet);
  ++entry.packets[side];
  entry.octets[side] += packet.ip_octets;
  entry.set_last_offset_ns(side, now_ns_ - entry.start_ns);
  entry.tcp_flags[side] |= packet.tcp_flags;
  entry.state |= FlowEntry::of_side(FlowEntry::kSeen, side);
  if (protocol_of(entry) == kProtocolTcp && rules_.timeouts().tcp_close &&
      (packet.tcp_flags & (kTcpFin | kTcpRst)) != 0) {
    if ((packet.tcp_flags & kTcpRst) != 0) entry.state |= FlowEntry::kRst;
    if ((packet.tcp_flags & kTcpFin) != 0) entry.state |= FlowEntry::of_side(FlowEntry::kFin, side);
  }
}

void FlowShard::advance(std::uint64_t now_ns, std::size_t budget) {
  now_ns_ = std::max(now_ns_, now_ns);
  if (table_.stuck()) [[unlikely]] {
    evict_for(table_.stuck_hash());
    table_.retry();
  }
  table_.maintain(kIndexBudget);
  if (when_full_ == WhenFull::sample) {
    sampler_.adjust(table_.size());
    counters_.sampling_level = sampler_.level();
  }
  if (review_at_ != kReviewed) [[unlikely]]
    review();
  const std::uint64_t now_tick = now_ns_ >> TimerWheel::kTickShift;
  if (!started_ || !wheel_.behind(now_tick)) [[likely]]
    return;
  wheel_.advance(
      now_tick, budget,
      [this](std::uint32_t number) {
        table_.prefetch_entry(number);
        table_.prefetch_cold(number);
      },
      [this](std::span<const std::uint32_t> numbers) { timers_due(numbers); });
  writer_.publish();
}

void FlowShard::timers_due(std::span<const std::uint32_t> numbers) {
  // The entries are prefetched already; flows that end also need their bucket and the metrics' memory.
  for (const std::uint32_t number : numbers) {
    if (rules_.deadline(table_.entry(number)) > now_ns_) continue;
    table_.prefetch_bucket_of(number);
    table_.prefetch_metrics(number);
  }
  for (const std::uint32_t number : numbers) timer_due(number);
}

void FlowShard::timer_due(std::uint32_t number) {
  FlowEntry& entry = table_.entry(number);
  if (const std::uint64_t due = rules_.deadline(entry); due > now_ns_) {
    schedule(number, due);
    return;
  }
  if (entry.total_packets() != 0) {
    const EndReason reason = rules_.timeout_reason(entry);
    if (!emit(number, reason, false)) {
      ++counters_.late_expiries;
      schedule(number, now_ns_ + TimerWheel::kTickNs);
      return;
    }
    if (reason == EndReason::active_timeout) {
      // The flow goes on without packets until the next one or until it is idle.
      const std::uint64_t last = entry.last_ns();
      clear_counts(number);
      entry.start_ns = last;
      entry.set_last_offset_ns(0, 0);
      entry.set_last_offset_ns(1, 0);
      if (const std::uint64_t due = rules_.deadline(entry); due > now_ns_) {
        schedule(number, due);
        return;
      }
    }
  }
  erase(number);
}

/// Reports the flow. False: the ring is full and, since the entry need not be vacated, nothing was done.
bool FlowShard::emit(std::uint32_t number, EndReason reason, bool must_vacate) {
  const FlowEntry& entry = table_.entry(number);
  const bool written =
      writer_.write(number, {reason, rate_of(number), rules_.due_ns(entry, reason), rate_at(number).algorithm});
  if (!written && !must_vacate) return false;
  const RecordTotals reported{1, entry.total_packets(), entry.total_octets()};
  (written ? counters_.emitted : counters_.lost[static_cast<std::size_t>(Loss::ring_full)]) += reported;
  counters_.in_table -= reported;
  if (old_rate_flows_ != 0 && rules_.cut(entry)) [[unlikely]]
    --old_rate_flows_;
  if (metrics_.any()) [[unlikely]]
    end_metrics(number, written);
  return true;
}

/// What each packet of the flow stands for.
std::uint32_t FlowShard::rate_of(std::uint32_t number) const {
  std::uint32_t rate = rate_at(number).one_in;
  if (when_full_ == WhenFull::sample) rate <<= levels_[number];
  if (packet_levels_.on()) [[unlikely]]
    rate <<= packet_levels_.level_of(number);
  if (samples_.on()) [[unlikely]]
    return times_rate(rate, samples_.rate_of(number));
  return rate;
}

void FlowShard::clear_counts(std::uint32_t number) {
  FlowEntry& entry = table_.entry(number);
  for (unsigned side = 0; side < 2; ++side) {
    entry.packets[side] = 0;
    entry.octets[side] = 0;
    entry.tcp_flags[side] = 0;
  }
}

}  // namespace weir
