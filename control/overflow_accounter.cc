#include "control/overflow_accounter.h"

#include <algorithm>
#include <cstring>

namespace weir {

OverflowAccounter::OverflowAccounter(const OverflowLimits& limits, const KeyHash& hash, const KeyFields& key)
    : limits_(limits), key_(key), entries_(HashCompare{hash}) {}

void OverflowAccounter::Sum::begin(RecordView first) {
  base() = *first;
  base().sections = first->sections & kKept;
  const auto keep = [&]<typename Kept>(const Kept* section) {
    if (section == nullptr) return;
    std::memcpy(octets_.data() + section_offset(base().sections, kSectionOf<Kept>), section, sizeof(Kept));
  };
  keep(first.find<TunnelSection>());
  keep(first.find<LabelSection>());
  keep(first.find<EspSection>());
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

bool OverflowAccounter::add(RecordView record, std::uint64_t now_ns) {
  const WholeKey key = direction_of(record);
  Map::accessor entry;
  if (entries_.insert(entry, key)) {
    if (size_.fetch_add(1, std::memory_order_relaxed) >= limits_.max_entries) {
      size_.fetch_sub(1, std::memory_order_relaxed);
      entries_.erase(entry);
      return false;
    }
    entry->second.begin(record);
    // Do this while the entry is locked: it must not be taken out before it is in the order.
    order_.push({now_ns + limits_.timeout_ns, key});
    return true;
  }
  FlowRecord& sum = entry->second.base();
  sum.packets[kForward] += record->packets[kForward];
  sum.octets[kForward] += record->octets[kForward];
  sum.first_ns[kForward] = std::min(sum.first_ns[kForward], record->first_ns[kForward]);
  sum.last_ns[kForward] = std::max(sum.last_ns[kForward], record->last_ns[kForward]);
  sum.tcp_flags[kForward] |= record->tcp_flags[kForward];
  return true;
}

void OverflowAccounter::collect(std::uint64_t now_ns, RecordBatch& out, std::size_t limit) {
  while (limit != 0) {
    if (!next_) {
      Leaving leaving{};
      if (!order_.try_pop(leaving)) return;
      next_ = leaving;
    }
    if (next_->at_ns > now_ns) return;
    Map::accessor entry;
    if (entries_.find(entry, next_->key)) {
      out.append(entry->second.view());
      entries_.erase(entry);
      size_.fetch_sub(1, std::memory_order_relaxed);
      --limit;
    }
    next_.reset();
  }
}

}  // namespace weir
