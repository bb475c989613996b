// OverflowAccounter: packets that found a full flow table (--when-full overflow), summed by direction of a
// conversation.
//
// A worker whose table is full sends each packet of a flow it cannot take as a record of its own. Exporting those one
// by one would cost the collectors a record a packet; so they are gathered here, outside the workers, by source,
// destination, ports and protocol, or what --key has in their place. The first packet opens an entry; what has gathered
// when the eviction timeout is over leaves as one uniflow record, end reason lack of resources. Since every entry lives
// equally long, they leave in the order they came: no timer, no search.
//
// Bounded: at most max_entries, each about 360 octets (65536 make 23 MiB); a packet for which there is none is lost by
// name (overflow_full). Whoever can send packets can choose the keys, so the map's hash is weir's keyed one. The map is
// TBB's concurrent one, so that several drains may add at once; collect() is one thread's.
#pragma once

#include <tbb/concurrent_hash_map.h>
#include <tbb/concurrent_queue.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "control/config/overflow_limits.h"
#include "dataplane/flow/key_hash.h"
#include "dataplane/flow/key_mask.h"
#include "dataplane/packet/flow_key.h"
#include "proto/record/record_batch.h"

namespace weir {

class OverflowAccounter {
 public:
  OverflowAccounter(const OverflowLimits& limits, const KeyHash& hash, const KeyFields& key = {});

  /// Takes what `record`, a worker's overflow record, counts; `now_ns` dates a new entry. False: there is no entry for
  /// it and no room for one.
  bool add(RecordView record, std::uint64_t now_ns);
  /// Appends the entries whose time is over at `now_ns`, at most `limit`, and forgets them.
  void collect(std::uint64_t now_ns, RecordBatch& out, std::size_t limit = SIZE_MAX);
  /// The same for all, at most `limit`.
  void collect_all(RecordBatch& out, std::size_t limit = SIZE_MAX) { collect(UINT64_MAX, out, limit); }
  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  /// Of the addition what a record has: interface and TOS.
  struct WholeKey {
    FlowKey key;
    KeyAddition addition;
  };
  /// In TBB's words.
  struct HashCompare {
    KeyHash keyed;
    [[nodiscard]] std::size_t hash(const WholeKey& key) const { return keyed(key.key, key.addition); }
    [[nodiscard]] bool equal(const WholeKey& a, const WholeKey& b) const {
      return a.key == b.key && a.addition == b.addition;
    }
  };
  /// A record with room for the sections that an overflow record may have: facts of its packet's headers. Others, which
  /// a metric would make, are left out: there is none of the later packets in them.
  class Sum {
   public:
    void begin(RecordView first);
    [[nodiscard]] FlowRecord& base() { return *reinterpret_cast<FlowRecord*>(octets_.data()); }
    [[nodiscard]] RecordView view() const { return *reinterpret_cast<const FlowRecord*>(octets_.data()); }

   private:
    static constexpr std::uint32_t kKept =
        kSectionBit<TunnelSection> | kSectionBit<LabelSection> | kSectionBit<EspSection>;

    alignas(8) std::array<std::uint8_t, sizeof(FlowRecord) + sections_octets(kKept)> octets_;
  };
  using Map = tbb::concurrent_hash_map<WholeKey, Sum, HashCompare>;
  struct Leaving {
    std::uint64_t at_ns;
    WholeKey key;
  };

  /// The direction's key: the source where a flow's key has the lower side.
  [[nodiscard]] WholeKey direction_of(RecordView record) const;

  OverflowLimits limits_;
  KeyFields key_;
  Map entries_;
  tbb::concurrent_queue<Leaving> order_;
  std::optional<Leaving> next_;  ///< the collector's: taken from order_, not yet due
  std::atomic<std::size_t> size_{0};
};

}  // namespace weir
