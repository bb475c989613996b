#include "dataplane/flow/flow_table.h"

#include <algorithm>
#include <cstring>

namespace weir {

FlowTable::FlowTable(std::uint32_t capacity, const KeyHash& hash)
    : hash_(hash),
      capacity_(capacity),
      index_(capacity),
      entries_(capacity),
      cold_(capacity),
      long_keys_(capacity),
      times_(capacity, Pages::small),
      tunnels_(capacity, Pages::small) {}

bool FlowTable::ok() const {
  return index_.ok() && entries_.size() == capacity_ && cold_.size() == capacity_ && long_keys_.size() == capacity_ &&
         times_.size() == capacity_ && tunnels_.size() == capacity_;
}

void FlowTable::touch() {
  index_.touch();
  entries_.touch();
  cold_.touch();
  long_keys_.touch();
}

std::size_t FlowTable::octets() const {
  return index_.octets() + entries_.octets() + cold_.octets() + long_keys_.octets();
}

std::size_t FlowTable::octets_in_use() const {
  return index_.octets_in_use() + used_limit_ * (sizeof(FlowEntry) + sizeof(FlowCold)) +
         used_limit6_ * sizeof(FlowLongKey);
}

FlowKey FlowTable::key_of(std::uint32_t number) const {
  const FlowEntry& entry = entries_[number];
  FlowKey key{};
  std::memcpy(&key.port_low, &entry.tail, sizeof entry.tail);
  key.address[0] = entry.address;
  if (key.ip_version == 4) return key;
  const FlowLongKey& rest = long_keys_[number];
  std::memcpy(&key.address[1], rest.address, sizeof rest.address);
  if (key.wide()) key.added = rest.added;
  return key;
}

std::uint32_t FlowTable::insert(const FlowKey& key, std::uint64_t hash) {
  std::uint32_t number = free_head_;
  if (number == kNone) {
    if (used_limit_ == capacity_) return kNone;
    number = used_limit_;
  }
  if (!index_.insert(hash, number)) return kNone;
  FlowEntry& entry = entries_[number];
  if (number == free_head_) {
    free_head_ = static_cast<std::uint32_t>(entry.address);
    if (free_head_ != kNone) __builtin_prefetch(&entries_[free_head_], 1);
  } else {
    ++used_limit_;
  }
  ++size_;
  entry = FlowEntry{};
  entry.address = key.address[0];
  entry.tail = key.tail();
  cold_[number] = FlowCold{};
  if (key.ip_version != 4) {
    FlowLongKey& rest = long_keys_[number];
    std::memcpy(rest.address, &key.address[1], sizeof rest.address);
    rest.added = key.wide() ? key.added : 0;
    used_limit6_ = std::max(used_limit6_, number + 1);
  }
  maintain(kHomesAnOperation);
  return number;
}

void FlowTable::erase(std::uint32_t number) {
  FlowEntry& entry = entries_[number];
  index_.erase(hash_(key_of(number)), number);
  entry.tail = 0;
  entry.address = free_head_;
  free_head_ = number;
  --size_;
}

}  // namespace weir
