#include "control/overflow_accounter.h"

#include <algorithm>
#include <cstring>

namespace weir {

OverflowAccounter::OverflowAccounter(const OverflowLimits& limits, const KeyHash& hash, const KeyFields& key)
    : limits_(limits), key_(key), entries_(HashCompare{hash}) {}

FlowKey OverflowAccounter::direction_of(const FlowRecord& record) const {
  FlowKey key{};
  auto* addresses = reinterpret_cast<std::uint8_t*>(key.address);
  const std::size_t size = record.ip_version == 4 ? 4 : 16;
  std::memcpy(addresses, record.source_address, size);
  std::memcpy(addresses + size, record.destination_address, size);
  key.port_low = record.source_port;
  key.port_high = record.destination_port;
  key.protocol = record.protocol;
  key.ip_version = record.ip_version;
  if ((record.sections & kSpiSection) != 0) {
    key.port_low = static_cast<std::uint16_t>(record.esp_spi >> 16);
    key.port_high = static_cast<std::uint16_t>(record.esp_spi);
  }
  if (key_.vlan_id) key.vlan_id = record.vlan_id;
  const bool tunnel = key_.tunnel_id && (record.sections & kTunnelSection) != 0;
  const bool label = key_.mpls_label && (record.sections & kLabelSection) != 0;
  if (tunnel || label) {
    key.ip_version |= FlowKey::kWide;
    key.added = FlowKey::added_of(tunnel ? static_cast<std::uint8_t>(record.tunnel_type) : 0,
                                  tunnel ? record.tunnel_id : 0, label, label ? record.mpls_label : 0);
  }
  return key;
}

bool OverflowAccounter::add(const FlowRecord& record, std::uint64_t now_ns) {
  const FlowKey key = direction_of(record);
  Map::accessor entry;
  if (entries_.insert(entry, key)) {
    if (size_.fetch_add(1, std::memory_order_relaxed) >= limits_.max_entries) {
      size_.fetch_sub(1, std::memory_order_relaxed);
      entries_.erase(entry);
      return false;
    }
    entry->second = record;
    entry->second.overflow = 0;
    // While the entry is held: it cannot leave before it is in the order.
    order_.push({now_ns + limits_.timeout_ns, key});
    return true;
  }
  FlowRecord& sum = entry->second;
  sum.packets[kForward] += record.packets[kForward];
  sum.octets[kForward] += record.octets[kForward];
  sum.first_ns[kForward] = std::min(sum.first_ns[kForward], record.first_ns[kForward]);
  sum.last_ns[kForward] = std::max(sum.last_ns[kForward], record.last_ns[kForward]);
  sum.tcp_flags[kForward] |= record.tcp_flags[kForward];
  return true;
}

void OverflowAccounter::collect(std::uint64_t now_ns, std::vector<FlowRecord>& out, std::size_t limit) {
  while (limit != 0) {
    if (!next_) {
      Leaving leaving{};
      if (!order_.try_pop(leaving)) return;
      next_ = leaving;
    }
    if (next_->at_ns > now_ns) return;
    Map::accessor entry;
    if (entries_.find(entry, next_->key)) {
      out.push_back(entry->second);
      entries_.erase(entry);
      size_.fetch_sub(1, std::memory_order_relaxed);
      --limit;
    }
    next_.reset();
  }
}

}  // namespace weir
