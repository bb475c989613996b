#include "dataplane/flow/flow_table.h"

#include <algorithm>
#include <cstring>

namespace weir {

FlowTable::FlowTable(std::uint32_t capacity, const KeyHash& hash, const Metrics& metrics)
    : hash_(hash),
      capacity_(capacity),
      stride_(1 + metrics.lines()),
      slot_octets_(metrics.slot_octets()),
      index_(capacity),
      entries_(capacity * stride_),
      cold_(capacity),
      long_keys_(capacity),
      additions_(capacity, Pages::small),
      times_(capacity, Pages::small),
      tunnels_(capacity, Pages::small),
      slots_(capacity * slot_octets_) {}

bool FlowTable::ok() const {
  return index_.ok() && entries_.size() == capacity_ * stride_ && cold_.size() == capacity_ &&
         long_keys_.size() == capacity_ && additions_.size() == capacity_ && times_.size() == capacity_ &&
         tunnels_.size() == capacity_ && slots_.size() == capacity_ * slot_octets_;
}

void FlowTable::touch(Touching* touching) {
  index_.touch(touching);
  entries_.touch(touching);
  cold_.touch(touching);
  long_keys_.touch(touching);
  if (slot_octets_ != 0) slots_.touch(touching);
}

std::size_t FlowTable::octets() const {
  return index_.octets() + entries_.octets() + cold_.octets() + long_keys_.octets() + slots_.octets();
}

std::size_t FlowTable::octets_in_use() const {
  return index_.octets_in_use() + used_limit_ * (sizeof(FlowEntry) * stride_ + sizeof(FlowCold) + slot_octets_) +
         used_limit6_ * sizeof(FlowLongKey);
}

FlowKey FlowTable::key_of(std::uint32_t number, const FlowEntry& entry) const {
  FlowKey key{};
  std::memcpy(&key.port_low, &entry.tail, sizeof entry.tail);
  key.address[0] = entry.address;
  if (key.ip_version == 4) return key;
  const FlowLongKey& rest = long_keys_[number];
  std::memcpy(&key.address[1], rest.address, sizeof rest.address);
  if (key.wide()) key.added = rest.added;
  return key;
}

std::uint32_t FlowTable::insert(const FlowKey& key, std::uint64_t hash, const KeyAddition& addition) {
  std::uint32_t number = free_head_;
  if (number == kNone) {
    if (used_limit_ == capacity_) return kNone;
    number = used_limit_;
  }
  if (!index_.insert(hash, number)) return kNone;
  FlowEntry& entry = this->entry(number);
  if (number == free_head_) {
    free_head_ = static_cast<std::uint32_t>(entry.address);
    if (free_head_ != kNone) {
      __builtin_prefetch(&this->entry(free_head_), 1);
      prefetch_metrics(free_head_);
    }
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
    if (key.extended()) [[unlikely]]
      additions_[number].addition = addition;
    used_limit6_ = std::max(used_limit6_, number + 1);
  }
  maintain(kHomesAnOperation);
  return number;
}

void FlowTable::erase(std::uint32_t number) {
  FlowEntry& entry = this->entry(number);
  index_.erase(hash_at(number, entry), number);
  entry.tail = 0;
  entry.address = free_head_;
  free_head_ = number;
  --size_;
}

std::uint64_t FlowTable::first_ns(std::uint32_t number, unsigned side) const {
  const FlowEntry& flow = entry(number);
  if ((flow.times & FlowEntry::of_side(FlowEntry::kFirstBehind, side)) != 0) return times_[number].first_ns[side];
  const unsigned opener = (flow.times & FlowEntry::kOpenerHigh) != 0 ? 1 : 0;
  return side == opener ? flow.start_ns : flow.start_ns + cold_[number].first_offset_ns();
}

std::uint64_t FlowTable::last_ns(std::uint32_t number, unsigned side) const {
  const FlowEntry& flow = entry(number);
  if ((flow.times & FlowEntry::of_side(FlowEntry::kLastBehind, side)) != 0) return times_[number].last_ns[side];
  return flow.start_ns + flow.last_offset_ns(side);
}

}  // namespace weir
