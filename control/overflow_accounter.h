// OverflowAccounter: packets that found a full flow table (--when-full overflow), summed by direction of a
// conversation; and the raw records of an eBPF agent (--input records), summed by the agent's own key.
//
// A worker whose table is full sends each packet of a flow it cannot take as a record of its own. Exporting those one
// by one would cost the collectors a record a packet; so they are gathered here, outside the workers, by source,
// destination, ports and protocol, or what --key has in their place. The first packet opens an entry; what has gathered
// when the eviction timeout is over leaves as one uniflow record, end reason lack of resources. Since every entry lives
// equally long, they leave in the order they came: no timer, no search.
//
// Bounded: at most max_entries, each about 460 octets (65536 make 29 MiB); a packet for which there is none is lost by
// name (overflow_full). Whoever can send packets can choose the keys, so the map's hash is weir's keyed one. The map is
// TBB's concurrent one, so that several drains may add at once; collect() is one thread's.
//
// Raw records leave all together, as those of the agent's own accounter do: every timeout, counted from the first
// record, and when a key comes for which there is no room. A known key never makes room. What is there then is a
// generation that has ended: a new one begins at once, so that nothing waits until the old one has left, and the old
// one leaves in the order in which its entries came, as fast as it is collected. Its times become wall times on the
// way, by one reading of both clocks. add() and collect() are then one thread's.
#pragma once

#include <tbb/concurrent_hash_map.h>
#include <tbb/concurrent_queue.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "control/config/overflow_limits.h"
#include "control/wall_reading.h"
#include "dataplane/flow/key_hash.h"
#include "dataplane/flow/key_mask.h"
#include "dataplane/packet/flow_key.h"
#include "proto/record/record_batch.h"

namespace weir {

class OverflowAccounter {
 public:
  OverflowAccounter(const OverflowLimits& limits, const KeyHash& hash, const KeyFields& key = {});
  /// For raw records. `read_clocks`: what their times become wall times by, once for each generation.
  OverflowAccounter(const OverflowLimits& limits, const KeyHash& hash, WallReading (*read_clocks)());

  /// Takes what `record`, a worker's overflow record or a raw record, counts; `now_ns` dates a new entry. False: there
  /// is no entry for it and no room for one.
  bool add(RecordView record, std::uint64_t now_ns);
  /// Appends the entries whose time is over at `now_ns`, at most `limit`, and forgets them.
  void collect(std::uint64_t now_ns, RecordBatch& out, std::size_t limit = SIZE_MAX);
  /// The same for all, at most `limit`.
  void collect_all(RecordBatch& out, std::size_t limit = SIZE_MAX);
  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }
  /// Of raw records: entries of generations that have ended. Collect them before more is added: they are beyond the
  /// limit.
  [[nodiscard]] std::size_t leaving() const { return read_clocks_ == nullptr ? 0 : size() - young_; }
  /// Of raw records: times that lay in the future, and count as the moment of leaving.
  [[nodiscard]] std::uint64_t times_clamped() const { return times_clamped_; }

 private:
  /// Of the addition what a record has: interface and TOS. Of a raw record: interface, direction (in place of the
  /// second interface) and MAC addresses.
  struct WholeKey {
    FlowKey key;
    KeyAddition addition;
    std::uint64_t generation;  ///< of raw records, else 0
  };
  /// In TBB's words.
  struct HashCompare {
    KeyHash keyed;
    [[nodiscard]] std::size_t hash(const WholeKey& key) const { return keyed(key.key, key.addition); }
    [[nodiscard]] bool equal(const WholeKey& a, const WholeKey& b) const {
      return a.generation == b.generation && a.key == b.key && a.addition == b.addition;
    }
  };
  /// A record with room for the sections that an overflow record may have: facts of its packet's headers. Others, which
  /// a metric would make, are left out: there is none of the later packets in them.
  class Sum {
   public:
    void begin(RecordView first, std::uint32_t kept);
    void add(const FlowRecord& record);
    void add_raw(RecordView record);
    [[nodiscard]] FlowRecord& base() { return *reinterpret_cast<FlowRecord*>(octets_.data()); }
    [[nodiscard]] RecordView view() const { return *reinterpret_cast<const FlowRecord*>(octets_.data()); }

    static constexpr std::uint32_t kOfOverflow =
        kSectionBit<TunnelSection> | kSectionBit<LabelSection> | kSectionBit<EspSection>;
    static constexpr std::uint32_t kOfRaw =
        kSectionBit<Layer2Section> | kSectionBit<DirectionSection> | kSectionBit<LinkSection>;

   private:
    alignas(8) std::array<std::uint8_t, sizeof(FlowRecord) + sections_octets(kOfOverflow | kOfRaw)> octets_;
  };
  using Map = tbb::concurrent_hash_map<WholeKey, Sum, HashCompare>;
  struct Leaving {
    std::uint64_t at_ns;
    WholeKey key;
  };

  /// The direction's key: the source where a flow's key has the lower side.
  [[nodiscard]] WholeKey direction_of(RecordView record) const;
  [[nodiscard]] WholeKey raw_key_of(RecordView record) const;
  bool add_raw(RecordView record, std::uint64_t now_ns);
  void tick(std::uint64_t now_ns);
  void end_generation(EndReason reason);
  [[nodiscard]] bool is_due(const Leaving& leaving, std::uint64_t now_ns) const {
    return read_clocks_ == nullptr ? leaving.at_ns <= now_ns : leaving.key.generation != generation_;
  }
  void give(std::uint64_t now_ns, RecordBatch& out, std::size_t limit);
  void settle(Sum& sum, std::uint64_t generation);

  OverflowLimits limits_;
  KeyFields key_;
  Map entries_;
  tbb::concurrent_queue<Leaving> order_;
  std::optional<Leaving> next_;  ///< the collector's: taken from order_, not yet due
  std::atomic<std::size_t> size_{0};

  // Of raw records.
  WallReading (*read_clocks_)() = nullptr;  ///< nullptr: there are none
  std::uint64_t generation_ = 0;            ///< that records come into
  std::size_t young_ = 0;                   ///< its entries
  std::deque<EndReason> ends_;              ///< why the generations before it ended, of those that are still leaving
  std::uint64_t oldest_ = 0;                ///< the generation of ends_.front()
  std::optional<WallReading> reading_;      ///< by which the oldest leaves
  std::uint64_t next_tick_ns_ = 0;          ///< 0: no record has come
  std::uint64_t times_clamped_ = 0;
};

}  // namespace weir
