// FlowTable: one worker's flows by key. Fixed capacity, no allocation after construction, entries never move.
//
// The parts are arrays of their own by the same 32-bit entry number: the hot line, the cold part, the long keys, the
// raw times, the tunnels, the timer links (in the wheel). Memory for each flow of capacity: index 64/6 = 10.7, entry
// 64, cold 16, timer 8: 98.7 octets, and 32 more for IPv6 and wide keys, of which an IPv4 packet touches two cache
// lines and an IPv6 packet three. At 75 % of capacity the index has 10.7/0.75 = 14.2 octets a flow, so 102.2 are in use
// for IPv4, 134.2 for IPv6. Raw times, 32 octets a flow, are mapped on small pages and exist only where time ran
// backwards; tunnels, 48 octets, likewise, and exist only where a flow has one. With metrics on, every entry has lines
// of 64 octets after it, as many as its metrics need, and a slot (metric_layout.h). What an extended key has besides
// lies in an array of its own, 32 octets a flow, which only exists where --key asks for it.
//
// Free entries are taken last in, first out, so that the touched ones stay dense; entries never used stay untouched.
// The list of the free ones runs through the entries themselves.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/flow/bucket_index.h"
#include "dataplane/flow/flow_entry.h"
#include "dataplane/flow/interface_numbers.h"
#include "dataplane/flow/key_hash.h"
#include "dataplane/metric/metrics.h"

namespace weir {

class FlowTable {
 public:
  static constexpr std::uint32_t kNone = BucketIndex::kNone;

  /// A table of `capacity` flows. ok() is false if the memory could not be had. `metrics`: those that are on; with any,
  /// every entry has lines of its own after it, and a slot.
  FlowTable(std::uint32_t capacity, const KeyHash& hash, const Metrics& metrics = {});
  [[nodiscard]] bool ok() const;
  void touch(Touching* touching = nullptr);
  /// Mapped memory, without the raw times and the tunnels.
  [[nodiscard]] std::size_t octets() const;
  /// Memory that flows lie in or have lain in: index lines in use, entries and cold parts, and long keys.
  [[nodiscard]] std::size_t octets_in_use() const;

  [[nodiscard]] std::uint32_t capacity() const { return capacity_; }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  /// Entry numbers that were ever used are below this.
  [[nodiscard]] std::uint32_t used_limit() const { return used_limit_; }

  [[nodiscard]] std::uint64_t hash_of(const FlowKey& key) const { return hash_(key); }
  [[nodiscard]] std::uint64_t hash_of(const FlowKey& key, const KeyAddition& addition) const {
    return hash_(key, addition);
  }
  void prefetch_bucket(std::uint64_t hash) const { index_.prefetch(hash); }
  /// The entry that the key probably has; its line is prefetched.
  /// kMetrics: entries have metric lines; known to the loops that touch every packet, so that they need not ask.
  template <bool kMetrics>
  [[nodiscard]] std::uint32_t candidate(std::uint64_t hash, std::uint8_t ip_version) const {
    const std::uint32_t number = index_.candidate(hash);
    if (number != kNone) {
      __builtin_prefetch(&entry_at<kMetrics>(number), 1);
      if (ip_version != 4) {
        __builtin_prefetch(&long_keys_[number]);
        if ((ip_version & FlowKey::kExtended) != 0) [[unlikely]]
          __builtin_prefetch(&additions_[number]);
      }
    }
    return number;
  }
  void prefetch_entry(std::uint32_t number) const { __builtin_prefetch(&entry(number), 1); }

  /// Whether entry `number` is in use for `key`. `addition`: that of an extended key.
  [[nodiscard]] bool is_key(std::uint32_t number, const FlowKey& key, const KeyAddition& addition = {}) const {
    return is_key(number, entry(number), key, addition);
  }
  /// The same, where the caller has the entry.
  [[nodiscard]] bool is_key(std::uint32_t number, const FlowEntry& entry, const FlowKey& key,
                            const KeyAddition& addition = {}) const {
    if (((entry.tail ^ key.tail()) | (entry.address ^ key.address[0])) != 0) return false;
    if (key.ip_version == 4) return true;
    const FlowLongKey& rest = long_keys_[number];
    return rest.address[0] == key.address[1] && rest.address[1] == key.address[2] &&
           rest.address[2] == key.address[3] &&
           ((key.ip_version & (FlowKey::kWide | FlowKey::kExtended)) == 0 || is_rest(number, key, addition));
  }
  [[nodiscard]] std::uint32_t find(const FlowKey& key, std::uint64_t hash, const KeyAddition& addition = {}) const {
    return index_.find(hash, [&](std::uint32_t number) { return is_key(number, key, addition); });
  }

  /// A new entry for `key`, which must not be in the table: key set, everything else 0. kNone: no room (no free entry,
  /// or the key's probe is full); erase one near it, then try again.
  [[nodiscard]] std::uint32_t insert(const FlowKey& key, std::uint64_t hash, const KeyAddition& addition = {});
  /// Frees the entry. The index is left as it is, so that an insertion that was refused finds the room that this made;
  /// call maintain() some time after.
  void erase(std::uint32_t number);
  /// Takes out all entries.
  void clear() {
    index_.clear();
    size_ = 0;
    used_limit_ = 0;
    used_limit6_ = 0;
    hand_ = 0;
    free_head_ = kNone;
  }
  /// The index could not go on growing or shrinking; an entry near this hash must be erased.
  [[nodiscard]] bool stuck() const { return index_.stuck(); }
  [[nodiscard]] std::uint64_t stuck_hash() const { return index_.stuck_hash(); }
  void retry() { index_.retry(); }
  /// A bounded step of growing or shrinking the index: at most `homes` buckets.
  void maintain(unsigned homes) { stride_ == 1 ? maintain_as<false>(homes) : maintain_as<true>(homes); }
  /// Asks for the cold part, which the end of a flow reads besides its entry.
  void prefetch_cold(std::uint32_t number) const { __builtin_prefetch(&cold_[number]); }
  /// Asks for what metrics keep of the flow, where any is on.
  void prefetch_metrics(std::uint32_t number) const {
    if (stride_ == 1) return;
    prefetch_lines(number);
    for (std::size_t at = 0; at < slot_octets_; at += 64) __builtin_prefetch(metric_slot(number) + at, 1);
  }
  /// Asks for the bucket of an entry whose line is there.
  void prefetch_bucket_of(std::uint32_t number) const { index_.prefetch(hash_at(number, entry(number))); }
  [[nodiscard]] const BucketIndex& index() const { return index_; }
  /// Calls visit(number) for the entries one of which must go so that `hash` can be inserted: the first kVictims of
  /// the key's probe. Where the probe holds none (tiny tables), one of the whole table in turn.
  template <typename Visit>
  void for_each_victim(std::uint64_t hash, Visit&& visit) {
    if (index_.for_each_near(hash, kVictims, visit) != 0) return;
    for (std::uint32_t i = 0; i < used_limit_; ++i) {
      hand_ = hand_ + 1 < used_limit_ ? hand_ + 1 : 0;
      if (entry(hand_).free()) continue;
      visit(hand_);
      return;
    }
  }

  FlowEntry& entry(std::uint32_t number) { return stride_ == 1 ? entry_at<false>(number) : entry_at<true>(number); }
  [[nodiscard]] const FlowEntry& entry(std::uint32_t number) const {
    return stride_ == 1 ? entry_at<false>(number) : entry_at<true>(number);
  }
  /// The entry, where the caller knows whether there are metric lines.
  template <bool kMetrics>
  FlowEntry& entry_at(std::uint32_t number) {
    return entries_[number * (kMetrics ? stride_ : 1)];
  }
  template <bool kMetrics>
  [[nodiscard]] const FlowEntry& entry_at(std::uint32_t number) const {
    return entries_[number * (kMetrics ? stride_ : 1)];
  }
  /// Where the metrics keep what every packet touches: the lines after the entry. Only with metrics on.
  std::uint8_t* metric_line(std::uint32_t number) {
    return reinterpret_cast<std::uint8_t*>(&entries_[number * stride_ + 1]);
  }
  [[nodiscard]] const std::uint8_t* metric_line(std::uint32_t number) const {
    return reinterpret_cast<const std::uint8_t*>(&entries_[number * stride_ + 1]);
  }
  /// Where they keep the rest.
  std::uint8_t* metric_slot(std::uint32_t number) { return slots_.data() + number * slot_octets_; }
  [[nodiscard]] const std::uint8_t* metric_slot(std::uint32_t number) const {
    return slots_.data() + number * slot_octets_;
  }
  FlowTimes& times(std::uint32_t number) { return times_[number]; }
  [[nodiscard]] const FlowTimes& times(std::uint32_t number) const { return times_[number]; }
  FlowTunnel& tunnel(std::uint32_t number) { return tunnels_[number]; }
  [[nodiscard]] const FlowTunnel& tunnel(std::uint32_t number) const { return tunnels_[number]; }
  FlowCold& cold(std::uint32_t number) { return cold_[number]; }
  [[nodiscard]] const FlowCold& cold(std::uint32_t number) const { return cold_[number]; }
  [[nodiscard]] FlowKey key_of(std::uint32_t number) const { return key_of(number, entry(number)); }
  /// The same, where the caller has the entry.
  [[nodiscard]] FlowKey key_of(std::uint32_t number, const FlowEntry& entry) const;
  /// Of an entry with an extended key.
  [[nodiscard]] const KeyAddition& addition_of(std::uint32_t number) const { return additions_[number].addition; }

  /// What FlowCold::ingress_interface stands for.
  InterfaceNumbers& interfaces() { return interfaces_; }
  [[nodiscard]] std::uint32_t ingress_interface(std::uint32_t number) const {
    return interfaces_.number_of(cold_[number].ingress_interface);
  }

  /// Least raw time of the side's packets, which has some.
  [[nodiscard]] std::uint64_t first_ns(std::uint32_t number, unsigned side) const;
  /// Greatest raw time of the side's packets, which has some.
  [[nodiscard]] std::uint64_t last_ns(std::uint32_t number, unsigned side) const;

  /// Entries that are compared when one must be evicted: ten cache misses side by side, about 200 ns.
  static constexpr unsigned kVictims = BucketIndex::kLanes;

  /// Homes of the index that are moved with each insertion and, by the caller, each erasure while it grows or shrinks:
  /// about 12 keys, which were prefetched.
  static constexpr unsigned kHomesAnOperation = 2;

 private:
  template <bool kMetrics>
  void maintain_as(unsigned homes) {
    index_.maintain(
        homes, [this](std::uint32_t number) { return hash_at(number, entry_at<kMetrics>(number)); },
        [this](std::uint32_t number) { prefetch_key<kMetrics>(number); });
  }
  /// Of a wide or extended key: whether what it has beside the addresses is the entry's, too.
  [[nodiscard]] bool is_rest(std::uint32_t number, const FlowKey& key, const KeyAddition& addition) const {
    return (!key.wide() || long_keys_[number].added == key.added) &&
           (!key.extended() || additions_[number].addition == addition);
  }
  [[nodiscard]] std::uint64_t hash_at(std::uint32_t number, const FlowEntry& entry) const {
    const FlowKey key = key_of(number, entry);
    if (key.extended()) [[unlikely]]
      return hash_(key, additions_[number].addition);
    return hash_(key);
  }
  void prefetch_lines(std::uint32_t number) const {
    for (std::size_t i = 1; i < stride_; ++i) __builtin_prefetch(&entries_[number * stride_ + i], 1);
  }
  template <bool kMetrics>
  void prefetch_key(std::uint32_t number) const {
    __builtin_prefetch(&entry_at<kMetrics>(number));
    if (used_limit6_ != 0) __builtin_prefetch(&long_keys_[number]);
  }

  KeyHash hash_;
  std::uint32_t capacity_;
  std::uint32_t size_ = 0;
  std::uint32_t used_limit_ = 0;
  std::uint32_t used_limit6_ = 0;  ///< entries that flows with a long key ever used are below this
  std::uint32_t hand_ = 0;
  std::uint32_t free_head_ = kNone;
  std::size_t stride_;       ///< lines of entries_ for each flow: the entry's, and those of metrics
  std::size_t slot_octets_;  ///< of the metrics that are on, as whole lines
  BucketIndex index_;
  MappedArray<FlowEntry> entries_;
  MappedArray<FlowCold> cold_;
  MappedArray<FlowLongKey> long_keys_;
  MappedArray<FlowKeyAddition> additions_;
  MappedArray<FlowTimes> times_;
  MappedArray<FlowTunnel> tunnels_;
  InterfaceNumbers interfaces_;
  MappedArray<std::uint8_t> slots_;  ///< of metrics; empty where none is on
};

}  // namespace weir
