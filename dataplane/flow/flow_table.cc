#include "dataplane/flow/flow_table.h"

namespace weir {

FlowTable::FlowTable(std::uint32_t capacity, const KeyHash& hash)
    : hash_(hash),
      capacity_(capacity),
      index_(capacity),
      entries_(capacity),
      cold_(capacity),
      addresses6_(capacity),
      next_free_(capacity) {}

bool FlowTable::ok() const {
  return index_.ok() && entries_.size() == capacity_ && cold_.size() == capacity_ && addresses6_.size() == capacity_ &&
         next_free_.size() == capacity_;
}

void FlowTable::touch() {
  index_.touch();
  entries_.touch();
  cold_.touch();
  addresses6_.touch();
  next_free_.touch();
}

std::size_t FlowTable::octets() const {
  return index_.octets() + entries_.octets() + cold_.octets() + addresses6_.octets() + next_free_.octets();
}

FlowKey FlowTable::key_of(std::uint32_t number) const {
  const FlowEntry& entry = entries_[number];
  FlowKey key{};
  std::memcpy(&key.port_low, &entry.tail, sizeof entry.tail);
  if (key.ip_version == 4) {
    key.address[0] = entry.address;
  } else {
    std::memcpy(key.address, addresses6_[number].address, sizeof key.address);
  }
  return key;
}

std::uint32_t FlowTable::insert(const FlowKey& key, std::uint64_t hash) {
  std::uint32_t number = free_head_;
  if (number == kNone) {
    if (used_limit_ == capacity_) return kNone;
    number = used_limit_;
  }
  if (!index_.insert(hash, number)) return kNone;
  if (number == free_head_) {
    free_head_ = next_free_[number];
  } else {
    ++used_limit_;
  }
  ++size_;
  entries_[number] = FlowEntry{};
  entries_[number].address = key.address[0];
  entries_[number].tail = key.tail();
  if (key.ip_version != 4) std::memcpy(addresses6_[number].address, key.address, sizeof key.address);
  cold_[number] = FlowCold{};
  return number;
}

void FlowTable::erase(std::uint32_t number) {
  index_.erase(hash_(key_of(number)), number);
  entries_[number].tail = 0;
  next_free_[number] = free_head_;
  free_head_ = number;
  --size_;
}

}  // namespace weir
