#include "dataplane/flow/flow_shard.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <thread>

#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"

namespace weir {
namespace {

constexpr std::uint8_t bit(std::uint8_t flag, unsigned side) {
  return static_cast<std::uint8_t>(flag << side);
}

std::uint8_t protocol_of(const FlowEntry& entry) {
  return static_cast<std::uint8_t>(entry.tail >> 32);  // FlowKey::protocol follows two 16-bit ports
}
static_assert(offsetof(FlowKey, protocol) == offsetof(FlowKey, port_low) + 4);

}  // namespace

FlowShard::FlowShard(std::uint32_t capacity, const KeyHash& hash, const FlowTimeouts& timeouts,
                     WorkerCounters& counters, RecordRing& ring, RingFull ring_full, FullTable full_table)
    : table_(capacity, hash),
      wheel_(capacity),
      timeouts_(timeouts),
      counters_(counters),
      ring_(ring),
      ring_full_(ring_full),
      full_table_(full_table),
      sampler_(capacity),
      levels_(full_table == FullTable::sample ? capacity : 0) {}

void FlowShard::touch() {
  table_.touch();
  wheel_.touch();
  levels_.touch();
}

bool FlowShard::closed(const FlowEntry& entry) const {
  constexpr unsigned kClosing = FlowEntry::kRst | (FlowEntry::kFin << 0) | (FlowEntry::kFin << 1);
  if ((entry.state & kClosing) == 0) [[likely]]
    return false;
  if ((entry.state & FlowEntry::kRst) != 0) return true;
  const bool fin_low = (entry.state & bit(FlowEntry::kFin, 0)) != 0;
  const bool fin_high = (entry.state & bit(FlowEntry::kFin, 1)) != 0;
  if (fin_low && fin_high) return true;
  return (entry.state & bit(FlowEntry::kSeen, fin_low ? 1 : 0)) == 0;
}

std::uint64_t FlowShard::gap_allowed(const FlowEntry& entry) const {
  return closed(entry) ? std::min(timeouts_.linger_ns, timeouts_.idle_ns) : timeouts_.idle_ns;
}

/// The first moment at which the gap since the last packet is greater than the timeout.
std::uint64_t FlowShard::idle_deadline(const FlowEntry& entry) const {
  return entry.last_ns() + gap_allowed(entry) + 1;
}

/// The first moment at which the flow's age reaches the timeout; never, where there is nothing to report.
std::uint64_t FlowShard::active_deadline(const FlowEntry& entry) const {
  return entry.total_packets() == 0 ? kNever : entry.start_ns + timeouts_.active_ns;
}

std::uint64_t FlowShard::deadline(const FlowEntry& entry) const {
  return std::min(idle_deadline(entry), active_deadline(entry));
}

/// Why the flow ended, given that deadline(entry) has passed: what came first counts.
EndReason FlowShard::timeout_reason(const FlowEntry& entry) const {
  if (active_deadline(entry) <= idle_deadline(entry)) return EndReason::active_timeout;
  return closed(entry) ? EndReason::end_of_flow : EndReason::idle_timeout;
}

void FlowShard::schedule(std::uint32_t number, std::uint64_t deadline_ns) {
  wheel_.schedule(number, TimerWheel::tick_after(deadline_ns));
}

void FlowShard::process(std::span<const ParsedPacket> burst) {
  std::uint32_t candidates[kBurst];
  const std::size_t count = std::min(burst.size(), kBurst);
  std::uint64_t frame_octets = 0;
  std::uint64_t ip_octets = 0;
  for (std::size_t i = 0; i < count; ++i) {
    candidates[i] = table_.candidate(burst[i].hash, burst[i].key.ip_version != 4);
    // Here and not below, where registers are scarce.
    frame_octets += burst[i].frame_octets;
    ip_octets += burst[i].ip_octets;
  }
  // A flow whose sampling rate may have to fall is no plain case: the rules decide about every packet then.
  if (sampled_flows_ != 0) [[unlikely]]
    std::fill_n(candidates, count, FlowTable::kNone);
  std::uint64_t now_ns = now_ns_;
  for (std::size_t i = 0; i < count; ++i) {
    const ParsedPacket& packet = burst[i];
    now_ns = std::max(now_ns, packet.effective_ns);
    const std::uint32_t number = candidates[i];
    if (number != FlowTable::kNone && table_.is_key(number, packet.key) &&
        count_plain(table_.entry(number), packet, now_ns)) [[likely]] {
      continue;
    }
    now_ns_ = now_ns;
    count_by_rules(packet);
  }
  now_ns_ = now_ns;
  counters_.counted += {count, frame_octets};
  counters_.counted_ip_octets += ip_octets;
  counters_.in_table.packets += count;
  counters_.in_table.octets += ip_octets;
}

/// Looks the flow up again, since a packet before this one may have changed the table, and applies the rules.
[[gnu::noinline]] void FlowShard::count_by_rules(const ParsedPacket& packet) {
  const std::uint32_t number = table_.find(packet.key, packet.hash);
  if (number == FlowTable::kNone) {
    create(packet);
  } else {
    update(number, packet);
  }
}

/// What nearly every packet is: one more of a flow that goes on, of a side that has sent before. Counts it and says
/// true; where anything is to be decided it does nothing and says false, and update() has the rules.
inline bool FlowShard::count_plain(FlowEntry& entry, const ParsedPacket& packet, std::uint64_t now_ns) const {
  const auto side = static_cast<unsigned>(packet.from);
  const std::uint64_t age = now_ns - entry.start_ns;
  const std::uint32_t packets = entry.packets[side];
  constexpr unsigned kClosing = FlowEntry::kRst | (FlowEntry::kFin << 0) | (FlowEntry::kFin << 1);
  constexpr unsigned kBehind = (FlowEntry::kLastBehind << 0) | (FlowEntry::kLastBehind << 1);
  // A branch for each, never taken, is cheaper than their sum: a compare and its branch are one operation. A side that
  // was silent for longer than the idle timeout may belong to a flow that goes on, since the other one sent: the rules
  // find out.
  const bool decide = age - entry.last_offset_ns(side) > timeouts_.idle_ns || age >= timeouts_.active_ns ||
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

void FlowShard::update(std::uint32_t number, const ParsedPacket& packet) {
  FlowEntry& entry = table_.entry(number);
  const std::uint64_t last = entry.last_ns();
  const bool was_closed = closed(entry);
  const std::uint64_t gap = was_closed ? std::min(timeouts_.linger_ns, timeouts_.idle_ns) : timeouts_.idle_ns;
  const bool silent = now_ns_ - last > gap;
  const bool reported = entry.total_packets() == 0;
  const bool old = now_ns_ - entry.start_ns >= timeouts_.active_ns;
  const bool reopens = was_closed && (packet.tcp_flags & (kTcpSyn | kTcpAck)) == kTcpSyn;
  const bool full = entry.packets[static_cast<unsigned>(packet.from)] == 0xffffffff;
  const bool rate_falls = sampled_flows_ != 0 && levels_[number] > sampler_.level();
  if (silent || reported || old || reopens || full || rate_falls) [[unlikely]] {
    if (!reported) {
      EndReason reason = EndReason::active_timeout;  // also where a counter is full, or the sampling rate falls
      if (silent || old) {
        reason = timeout_reason(entry);
      } else if (reopens) {
        reason = EndReason::end_of_flow;
      }
      // The next conversation on the same key needs the entry now: no room means loss.
      (void)emit(number, reason, true);
    }
    const bool begins = silent || reopens;
    if (full_table_ == FullTable::sample) {
      if (begins && !admit(packet)) {
        wheel_.cancel(number);
        erase(number);
        return;
      }
      if (begins || rate_falls) set_level(number, sampler_.level());
    }
    restart(number, packet, !begins);
  }
  count(number, packet);
  if (!was_closed && closed(entry)) [[unlikely]] {
    // The linger is shorter than what the wheel was told.
    wheel_.cancel(number);
    schedule(number, deadline(entry));
  }
}

/// Makes the entry ready for the next record, whose first packet is `packet`.
void FlowShard::restart(std::uint32_t number, const ParsedPacket& packet, bool keep_direction) {
  FlowEntry& entry = table_.entry(number);
  clear_counts(number);
  entry.start_ns = now_ns_;
  entry.set_last_offset_ns(0, 0);
  entry.set_last_offset_ns(1, 0);
  entry.times = packet.from == Side::high ? FlowEntry::kOpenerHigh : 0;
  if ((packet.facts & (kHasTunnel | kHasLabel)) != 0) [[unlikely]]
    keep_tunnel(number, packet);
  if (!keep_direction) {
    entry.state = packet.from == Side::high ? FlowEntry::kInitiatorHigh : 0;
    ++counters_.flows_created;
  }
  FlowCold& cold = table_.cold(number);
  cold.ingress_interface = static_cast<std::uint16_t>(packet.ingress_interface);
  cold.vlan_id = packet.vlan_id;
  ++counters_.in_table.records;
}

[[gnu::noinline]] void FlowShard::keep_tunnel(std::uint32_t number, const ParsedPacket& packet) {
  table_.entry(number).times |= FlowEntry::kHasTunnel;
  table_.tunnel(number) = tunnel_of(packet);
}

FlowTunnel FlowShard::tunnel_of(const ParsedPacket& packet) {
  FlowTunnel tunnel;
  std::memcpy(tunnel.source, packet.tunnel_source, sizeof tunnel.source);
  std::memcpy(tunnel.destination, packet.tunnel_destination, sizeof tunnel.destination);
  tunnel.id = packet.tunnel_id;
  tunnel.mpls_label = packet.mpls_label;
  tunnel.type = packet.tunnel_type;
  tunnel.ip_version = packet.tunnel_ip_version;
  tunnel.depth = packet.tunnel_depth;
  tunnel.sections = 0;
  if ((packet.facts & kHasTunnel) != 0) tunnel.sections |= kTunnelSection;
  if ((packet.facts & kHasLabel) != 0) tunnel.sections |= kLabelSection;
  return tunnel;
}

/// The tunnel in the third line of a record, which few have.
[[gnu::noinline]] void FlowShard::fill_tunnel(const FlowTunnel& tunnel, FlowRecord& record) {
  if (record.sections == 0) std::memset(record.tunnel_source, 0, sizeof record - kFlowRecordBaseOctets);
  std::memcpy(record.tunnel_source, tunnel.source, sizeof tunnel.source);
  std::memcpy(record.tunnel_destination, tunnel.destination, sizeof tunnel.destination);
  record.tunnel_id = tunnel.id;
  record.mpls_label = tunnel.mpls_label;
  record.tunnel_type = static_cast<TunnelType>(tunnel.type);
  record.tunnel_ip_version = tunnel.ip_version;
  record.tunnel_depth = tunnel.depth;
  record.sections |= tunnel.sections;
}

void FlowShard::create(const ParsedPacket& packet) {
  if (full_table_ == FullTable::sample && !admit(packet)) return;
  std::uint32_t number = table_.insert(packet.key, packet.hash);
  if (number == FlowTable::kNone) [[unlikely]] {
    if (full_table_ == FullTable::overflow) {
      overflow(packet);
      return;
    }
    evict_for(packet.hash);
    number = table_.insert(packet.key, packet.hash);
    if (number == FlowTable::kNone) {  // there was nothing to evict: the packet leaves as a record of its own
      overflow(packet);
      return;
    }
  }
  if (!started_) {
    started_ = true;
    wheel_.start(now_ns_ >> TimerWheel::kTickShift);
  }
  restart(number, packet, false);
  count(number, packet);
  schedule(number, deadline(table_.entry(number)));
  if (full_table_ == FullTable::sample) set_level(number, sampler_.level());
}

/// Takes the flow, which is in the wheel no more, out of the table.
void FlowShard::erase(std::uint32_t number) {
  if (full_table_ == FullTable::sample) set_level(number, 0);
  table_.erase(number);
  table_.maintain(FlowTable::kHomesAnOperation);
}

/// Least raw time of the side's packets, which has some.
std::uint64_t FlowShard::first_ns(std::uint32_t number, unsigned side) const {
  const FlowEntry& entry = table_.entry(number);
  if ((entry.times & bit(FlowEntry::kFirstBehind, side)) != 0) return table_.times(number).first_ns[side];
  const unsigned opener = (entry.times & FlowEntry::kOpenerHigh) != 0 ? 1 : 0;
  return side == opener ? entry.start_ns : entry.start_ns + table_.cold(number).first_offset_ns();
}

/// Greatest raw time of the side's packets, which has some.
std::uint64_t FlowShard::last_ns(std::uint32_t number, unsigned side) const {
  const FlowEntry& entry = table_.entry(number);
  if ((entry.times & bit(FlowEntry::kLastBehind, side)) != 0) return table_.times(number).last_ns[side];
  return entry.start_ns + entry.last_offset_ns(side);
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
      entry.times |= bit(FlowEntry::kFirstBehind | FlowEntry::kLastBehind, side);
    }
  } else if (behind) [[unlikely]] {
    FlowTimes& times = table_.times(number);
    times.first_ns[side] = std::min(first_ns(number, side), packet.time_ns);
    times.last_ns[side] = std::max(last_ns(number, side), packet.time_ns);
    entry.times |= bit(FlowEntry::kFirstBehind | FlowEntry::kLastBehind, side);
  } else if ((entry.times & bit(FlowEntry::kLastBehind, side)) != 0) [[unlikely]] {
    // A packet stamped with the running maximum is later than all before it.
    entry.times = static_cast<std::uint8_t>(entry.times & ~bit(FlowEntry::kLastBehind, side));
  }
  ++entry.packets[side];
  entry.octets[side] += packet.ip_octets;
  entry.set_last_offset_ns(side, now_ns_ - entry.start_ns);
  entry.tcp_flags[side] |= packet.tcp_flags;
  entry.state |= bit(FlowEntry::kSeen, side);
  if (protocol_of(entry) == kProtocolTcp && timeouts_.tcp_close && (packet.tcp_flags & (kTcpFin | kTcpRst)) != 0) {
    if ((packet.tcp_flags & kTcpRst) != 0) entry.state |= FlowEntry::kRst;
    if ((packet.tcp_flags & kTcpFin) != 0) entry.state |= bit(FlowEntry::kFin, side);
  }
}

void FlowShard::advance(std::uint64_t now_ns, std::size_t budget) {
  now_ns_ = std::max(now_ns_, now_ns);
  if (table_.stuck()) [[unlikely]] {
    evict_for(table_.stuck_hash());
    table_.retry();
  }
  table_.maintain(kIndexBudget);
  if (full_table_ == FullTable::sample) {
    sampler_.adjust(table_.size());
    counters_.sampling_level = sampler_.level();
  }
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
}

void FlowShard::timers_due(std::span<const std::uint32_t> numbers) {
  // The entries are on their way; those that end need their bucket as well.
  for (const std::uint32_t number : numbers) {
    if (deadline(table_.entry(number)) <= now_ns_) table_.prefetch_bucket_of(number);
  }
  for (const std::uint32_t number : numbers) timer_due(number);
}

void FlowShard::timer_due(std::uint32_t number) {
  FlowEntry& entry = table_.entry(number);
  if (const std::uint64_t due = deadline(entry); due > now_ns_) {
    schedule(number, due);
    return;
  }
  if (entry.total_packets() != 0) {
    const EndReason reason = timeout_reason(entry);
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
      if (const std::uint64_t due = deadline(entry); due > now_ns_) {
        schedule(number, due);
        return;
      }
    }
  }
  erase(number);
}

void FlowShard::clear_counts(std::uint32_t number) {
  FlowEntry& entry = table_.entry(number);
  for (unsigned side = 0; side < 2; ++side) {
    entry.packets[side] = 0;
    entry.octets[side] = 0;
    entry.tcp_flags[side] = 0;
  }
}

/// Room for a record; nullptr: none, and none is waited for.
FlowRecord* FlowShard::claim() {
  FlowRecord* slot = ring_.claim();
  while (slot == nullptr && ring_full_ == RingFull::wait) {
    std::this_thread::yield();
    slot = ring_.claim();
  }
  return slot;
}

/// Reports the flow. False: the ring is full and, since the entry need not be vacated, nothing was done.
bool FlowShard::emit(std::uint32_t number, EndReason reason, bool must_vacate) {
  FlowRecord* slot = claim();
  if (slot == nullptr && !must_vacate) return false;
  const FlowEntry& entry = table_.entry(number);
  const RecordTotals reported{1, entry.total_packets(), entry.total_octets()};
  if (slot == nullptr) {
    counters_.lost[static_cast<std::size_t>(Loss::ring_full)] += reported;
  } else {
    fill_record(number, reason, *slot);
    ring_.commit();
    counters_.emitted += reported;
  }
  counters_.in_table.records -= reported.records;
  counters_.in_table.packets -= reported.packets;
  counters_.in_table.octets -= reported.octets;
  return true;
}

/// The record's addresses, ports and protocol, with side `initiator` of the key as the source.
void FlowShard::set_key(FlowRecord& record, const FlowKey& key, unsigned initiator) {
  if (key.version() == 4) {
    const auto* addresses = reinterpret_cast<const std::uint8_t*>(key.address);
    std::memcpy(record.source_address, addresses + 4 * initiator, 4);
    std::memcpy(record.destination_address, addresses + 4 * (1 - initiator), 4);
    record.ether_type = kEtherTypeIpv4;
  } else {
    std::memcpy(record.source_address, &key.address[2 * initiator], 16);
    std::memcpy(record.destination_address, &key.address[2 * (1 - initiator)], 16);
    record.ether_type = kEtherTypeIpv6;
  }
  record.source_port = initiator == 0 ? key.port_low : key.port_high;
  record.destination_port = initiator == 0 ? key.port_high : key.port_low;
  record.protocol = key.protocol;
  record.ip_version = static_cast<std::uint8_t>(key.version());
  if (key.protocol == kProtocolEsp && (key.port_low | key.port_high) != 0) [[unlikely]] {
    // ESP has no ports: the SPI stands in their place in the key, so that every security association is a flow. 0,
    // which no packet may carry (RFC 4303 §2.1), is one that was not captured or is no part of the key.
    std::memset(record.tunnel_source, 0, sizeof record - kFlowRecordBaseOctets);
    record.esp_spi = std::uint32_t{record.source_port} << 16 | record.destination_port;
    record.source_port = record.destination_port = 0;
    record.sections = kSpiSection;
  }
}

void FlowShard::fill_record(std::uint32_t number, EndReason reason, FlowRecord& record) const {
  const FlowEntry& entry = table_.entry(number);
  const FlowCold& cold = table_.cold(number);
  const FlowKey key = table_.key_of(number);
  const unsigned initiator = (entry.state & FlowEntry::kInitiatorHigh) != 0 ? 1 : 0;
  // NOLINTNEXTLINE(bugprone-undefined-memory-manipulation): the third line only where it is used
  std::memset(static_cast<void*>(&record), 0, kFlowRecordBaseOctets);
  set_key(record, key, initiator);
  record.vlan_id = cold.vlan_id;
  record.ingress_interface = cold.ingress_interface;
  record.sampling_rate = full_table_ == FullTable::sample ? std::uint32_t{1} << levels_[number] : 1;
  record.end_reason = reason;
  for (unsigned direction = 0; direction < 2; ++direction) {
    const unsigned side = initiator ^ direction;
    if (entry.packets[side] == 0) continue;
    record.packets[direction] = entry.packets[side];
    record.octets[direction] = entry.octets[side];
    record.first_ns[direction] = first_ns(number, side);
    record.last_ns[direction] = last_ns(number, side);
    record.tcp_flags[direction] = entry.tcp_flags[side];
    record.ip_tos[direction] = cold.ip_tos[side];
    record.icmp_type[direction] = cold.icmp_type[side];
    record.icmp_code[direction] = cold.icmp_code[side];
  }
  if ((entry.times & FlowEntry::kHasTunnel) != 0) [[unlikely]]
    fill_tunnel(table_.tunnel(number), record);
}

void FlowShard::drain(std::uint64_t now_ns) {
  now_ns_ = std::max(now_ns_, now_ns);
  ring_full_ = RingFull::wait;
  // In the order of the memory, and out of the index and the wheel all at once: one by one each flow would cost two
  // cache misses there, and the index would shrink step by step for nobody.
  for (std::uint32_t number = 0; number < table_.used_limit(); ++number) {
    const FlowEntry& entry = table_.entry(number);
    if (entry.free() || entry.total_packets() == 0) continue;
    const bool over = deadline(entry) <= now_ns_;
    (void)emit(number, over ? timeout_reason(entry) : EndReason::forced_end, true);
  }
  for (std::uint32_t number = 0; sampled_flows_ != 0 && number < table_.used_limit(); ++number) set_level(number, 0);
  table_.clear();
  wheel_.clear();
}

RecordTotals FlowShard::recount() const {
  RecordTotals total;
  for (std::uint32_t number = 0; number < table_.used_limit(); ++number) {
    const FlowEntry& entry = table_.entry(number);
    if (entry.free() || entry.total_packets() == 0) continue;
    total += {1, entry.total_packets(), entry.total_octets()};
  }
  return total;
}

}  // namespace weir
