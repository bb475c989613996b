#include "control/overflow_accounter.h"

#include <algorithm>
#include <cstring>

namespace weir {

OverflowAccounter::OverflowAccounter(const OverflowLimits& limits, const KeyHash& hash, const KeyFields& key)
    : limits_(limits), key_(key), entries_(HashCompare{hash}) {}

OverflowAccounter::OverflowAccounter(const OverflowLimits& limits, const KeyHash& hash, WallReading (*read_clocks)())
    : limits_(limits), entries_(HashCompare{hash}), read_clocks_(read_clocks) {}

void OverflowAccounter::Sum::begin(RecordView first, std::uint32_t kept) {
  base() = *first;
  base().sections = first->sections & kept;
  const auto keep = [&]<typename Kept>(const Kept* section) {
    if (section == nullptr) return;
    std::memcpy(octets_.data() + section_offset(base().sections, kSectionOf<Kept>), section, sizeof(Kept));
  };
  keep(first.find<TunnelSection>());
  keep(first.find<LabelSection>());
  keep(first.find<EspSection>());
  if (kept != kOfRaw) return;
  keep(first.find<Layer2Section>());
  keep(first.find<DirectionSection>());
  keep(first.find<LinkSection>());
}

void OverflowAccounter::Sum::add(const FlowRecord& record) {
  FlowRecord& sum = base();
  sum.packets[kForward] += record.packets[kForward];
  sum.octets[kForward] += record.octets[kForward];
  sum.first_ns[kForward] = std::min(sum.first_ns[kForward], record.first_ns[kForward]);
  sum.last_ns[kForward] = std::max(sum.last_ns[kForward], record.last_ns[kForward]);
  sum.tcp_flags[kForward] |= record.tcp_flags[kForward];
}

void OverflowAccounter::Sum::add_raw(RecordView record) {
  add(*record);
  const auto* const more = record.find<LinkSection>();
  if (more == nullptr) return;
  auto& link = section_of<LinkSection>(base());
  link.octets[kForward] += more->octets[kForward];
  // 0 is unset.
  if (link.start_mono_ns == 0 || (more->start_mono_ns != 0 && more->start_mono_ns < link.start_mono_ns)) {
    link.start_mono_ns = more->start_mono_ns;
  }
  link.end_mono_ns = std::max(link.end_mono_ns, more->end_mono_ns);
  section_of<Layer2Section>(base()).outer_octets[kForward] = base().octets[kForward];
}

OverflowAccounter::WholeKey OverflowAccounter::direction_of(RecordView record) const {
  WholeKey whole{};
  FlowKey& key = whole.key;
  auto* addresses = reinterpret_cast<std::uint8_t*>(key.address);
  const std::size_t size = record->ip_version == 4 ? 4 : 16;
  std::memcpy(addresses, record->source_address, size);
  std::memcpy(addresses + size, record->destination_address, size);
  key.port_low = record->source_port();
  key.port_high = record->destination_port();
  key.protocol = record->protocol;
  key.ip_version = record->ip_version;
  if (const auto* const esp = record.find<EspSection>()) {
    key.port_low = static_cast<std::uint16_t>(esp->spi >> 16);
    key.port_high = static_cast<std::uint16_t>(esp->spi);
  }
  if (key_.icmp && record->is_icmp()) {
    const std::uint16_t icmp = record->icmp(kForward);
    key.port_low = key.port_high =
        FlowKey::icmp_port(record->ip_version, static_cast<std::uint8_t>(icmp >> 8), static_cast<std::uint8_t>(icmp));
  }
  if (key_.vlan_id) key.vlan_id = record->vlan_id;
  const TunnelSection* const tunnel = key_.tunnel_id ? record.find<TunnelSection>() : nullptr;
  const LabelSection* const label = key_.mpls_label ? record.find<LabelSection>() : nullptr;
  if (tunnel != nullptr || label != nullptr) {
    key.ip_version |= FlowKey::kWide;
    key.added =
        FlowKey::added_of(tunnel != nullptr ? static_cast<std::uint8_t>(tunnel->type) : 0,
                          tunnel != nullptr ? tunnel->id : 0, label != nullptr, label != nullptr ? label->label : 0);
  }
  if (key_.in_if || key_.out_if || key_.ip_tos) {
    key.ip_version |= FlowKey::kExtended;
    // The egress follows from the ingress: one of them tells both.
    if (key_.in_if || key_.out_if) whole.addition.interface[0] = record->ingress_interface;
    if (key_.ip_tos) whole.addition.ip_tos = record->ip_tos[kForward];
  }
  return whole;
}

/// What the agent tells flows apart by: the first 56 octets of a raw record. The EtherType, which says more than the IP
/// version where the record is not of IP, stands in the place of an inner VLAN, which an agent does not tell.
OverflowAccounter::WholeKey OverflowAccounter::raw_key_of(RecordView record) const {
  WholeKey whole{};
  whole.generation = generation_;
  FlowKey& key = whole.key;
  auto* addresses = reinterpret_cast<std::uint8_t*>(key.address);
  const std::size_t size = record->ip_version == 4 ? 4 : 16;
  std::memcpy(addresses, record->source_address, size);
  std::memcpy(addresses + size, record->destination_address, size);
  key.port_low = record->ports[kForward];
  key.port_high = record->ports[kReverse];
  key.protocol = record->protocol;
  key.ip_version = static_cast<std::uint8_t>(record->ip_version | FlowKey::kExtended);
  whole.addition.interface[0] = record->ingress_interface;
  whole.addition.inner_vlan_id = record->ether_type;
  if (const auto* const way = record.find<DirectionSection>()) whole.addition.interface[1] = way->direction;
  if (const auto* const frame = record.find<Layer2Section>()) {
    std::memcpy(whole.addition.mac[0], frame->source_mac, sizeof frame->source_mac);
    std::memcpy(whole.addition.mac[1], frame->destination_mac, sizeof frame->destination_mac);
  }
  return whole;
}

bool OverflowAccounter::add(RecordView record, std::uint64_t now_ns) {
  if (read_clocks_ != nullptr) return add_raw(record, now_ns);
  const WholeKey key = direction_of(record);
  Map::accessor entry;
  if (entries_.insert(entry, key)) {
    if (size_.fetch_add(1, std::memory_order_relaxed) >= limits_.max_entries) {
      size_.fetch_sub(1, std::memory_order_relaxed);
      entries_.erase(entry);
      return false;
    }
    entry->second.begin(record, Sum::kOfOverflow);
    // Do this while the entry is locked: it must not be taken out before it is in the order.
    order_.push({now_ns + limits_.timeout_ns, key});
    return true;
  }
  entry->second.add(*record);
  return true;
}

bool OverflowAccounter::add_raw(RecordView record, std::uint64_t now_ns) {
  tick(now_ns);
  WholeKey key = raw_key_of(record);
  Map::accessor entry;
  if (!entries_.insert(entry, key)) {
    entry->second.add_raw(record);
    return true;
  }
  if (young_ >= limits_.max_entries) {
    entries_.erase(entry);
    end_generation(EndReason::lack_of_resources);
    key.generation = generation_;
    entries_.insert(entry, key);
  }
  entry->second.begin(record, Sum::kOfRaw);
  order_.push({0, key});
  size_.fetch_add(1, std::memory_order_relaxed);
  ++young_;
  return true;
}

/// The timeout is one for all entries, and goes on whatever has left meanwhile.
void OverflowAccounter::tick(std::uint64_t now_ns) {
  const auto later = [this](std::uint64_t from_ns, std::uint64_t timeouts) {
    return timeouts > (UINT64_MAX - from_ns) / limits_.timeout_ns ? UINT64_MAX
                                                                  : from_ns + timeouts * limits_.timeout_ns;
  };
  if (next_tick_ns_ == 0) next_tick_ns_ = later(now_ns, 1);
  if (now_ns < next_tick_ns_) return;
  next_tick_ns_ = later(next_tick_ns_, (now_ns - next_tick_ns_) / limits_.timeout_ns + 1);
  end_generation(EndReason::active_timeout);
}

/// All that is there is to leave. Nothing happens where nothing is.
void OverflowAccounter::end_generation(EndReason reason) {
  if (young_ == 0) return;
  ends_.push_back(reason);
  ++generation_;
  young_ = 0;
}

void OverflowAccounter::collect(std::uint64_t now_ns, RecordBatch& out, std::size_t limit) {
  if (read_clocks_ != nullptr && next_tick_ns_ != 0) tick(now_ns);
  give(now_ns, out, limit);
}

void OverflowAccounter::collect_all(RecordBatch& out, std::size_t limit) {
  if (read_clocks_ != nullptr) end_generation(EndReason::forced_end);
  give(UINT64_MAX, out, limit);
}

void OverflowAccounter::give(std::uint64_t now_ns, RecordBatch& out, std::size_t limit) {
  while (limit != 0) {
    if (!next_) {
      Leaving leaving{};
      if (!order_.try_pop(leaving)) return;
      next_ = leaving;
    }
    if (!is_due(*next_, now_ns)) return;
    Map::accessor entry;
    if (entries_.find(entry, next_->key)) {
      if (read_clocks_ != nullptr) settle(entry->second, next_->key.generation);
      out.append(entry->second.view());
      entries_.erase(entry);
      size_.fetch_sub(1, std::memory_order_relaxed);
      --limit;
    }
    next_.reset();
  }
}

/// Of a raw record that leaves: why, and when on the wall its packets were. Of two times one may be unset: it is taken
/// for the other; where both are, for the moment of leaving.
void OverflowAccounter::settle(Sum& sum, std::uint64_t generation) {
  for (; oldest_ != generation; ++oldest_) {
    ends_.pop_front();
    reading_.reset();
  }
  if (!reading_) reading_ = read_clocks_();
  FlowRecord& record = sum.base();
  record.end_reason = ends_.front();
  const auto& link = section_of<LinkSection>(record);
  times_clamped_ += (reading_->is_before(link.start_mono_ns) ? 1 : 0) + (reading_->is_before(link.end_mono_ns) ? 1 : 0);
  const std::uint64_t start_ns = link.start_mono_ns != 0 ? link.start_mono_ns : link.end_mono_ns;
  const std::uint64_t end_ns = std::max(start_ns, link.end_mono_ns);
  record.first_ns[kForward] = start_ns == 0 ? reading_->wall_ns : reading_->wall_time_ns(start_ns);
  record.last_ns[kForward] = end_ns == 0 ? reading_->wall_ns : reading_->wall_time_ns(end_ns);
}

}  // namespace weir
