// BucketIndex: from the hash of a key to the number of its entry; it grows and shrinks without a pause.
//
// Open addressing over buckets of exactly one cache line: ten 16-bit tags, compared in one instruction, and ten 32-bit
// entry numbers. A tag is 16 bits of the hash, so a bucket of ten gives a false match once in 6500 look-ups; the
// caller compares the whole key always.
//
// A key lives in its home bucket or in one of the fifteen that follow. Each bucket counts the keys that passed over it
// because it was full; a look-up goes on to the next bucket only where that count is not zero, so a miss reads one
// line almost always, and erasing needs no tombstones.
//
// How long probes get. A full table has 6 keys a bucket. Filled afresh, a key would lie k buckets behind its home only
// where 10k keys more than there were lanes had gathered in front of it: a random walk with drift -4 and variance 6 a
// bucket, which reaches that with a probability of about e^-13k. Keys that stay where they were put while others come
// and go make it somewhat worse: with 3 million random insertions and erasures in a full table one in 10^4 was put four
// or more buckets away, and none more than seven. (With 8 keys a bucket it was one in 100, and some found no place:
// that is why it is 6.) What goes farther is an attack by somebody who knows the seed; the probe stays bounded, the
// table is full for that key, and the caller evicts. far_inserts() shows it.
//
// Growing and shrinking. Memory is mapped for the whole capacity, but only so many homes are used as the keys need, so
// that a quiet table stays in cache: doubled where there are more than 6 keys a home, halved below 2. The homes are
// moved over one by one, each with every key that has it as its home (about 6; at most 160), under one border in the
// space of hashes: below it the keys live under one number of homes, from it on under another. Since homes lie in the
// order of the hashes, doubling goes from the top down and halving from the bottom up, in place. The table
// moves two homes with every insertion and erasure while a move is under way, so doubling n homes is over after n/2
// insertions, when the mean is 3.25 keys a home; a poll moves some more. A key's mapping depends on its hash and the
// border only, so look-ups are right at every moment.
//
// The entry array is not known here: compare, hash and prefetch are told about entries by callables.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "dataplane/memory.h"

namespace weir {

class BucketIndex {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr unsigned kLanes = 10;
  static constexpr unsigned kMaxProbe = 16;      ///< buckets looked at for one key
  static constexpr unsigned kKeysPerBucket = 6;  ///< in a full table
  static constexpr unsigned kFarProbe = 4;       ///< buckets behind the home from which on an insertion is abnormal

  explicit BucketIndex(std::uint32_t capacity)
      : buckets_(capacity / kKeysPerBucket + 1 + kMaxProbe),
        most_(buckets_.size() == 0 ? 1 : static_cast<std::uint32_t>(buckets_.size()) - kMaxProbe),
        below_(std::min(most_, kLeastHomes)),
        above_(below_) {}
  [[nodiscard]] bool ok() const { return buckets_.size() != 0; }
  void touch(Touching* touching = nullptr) { buckets_.touch(touching); }
  [[nodiscard]] std::size_t octets() const { return buckets_.octets(); }
  /// Octets of the lines that keys can lie in now.
  [[nodiscard]] std::size_t octets_in_use() const {
    return (std::size_t{std::max(below_, above_)} + kMaxProbe) * sizeof(Bucket);
  }

  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&buckets_[home(hash)], 1); }

  /// The entry whose tag matches in the home bucket, kNone if there is none: for prefetching, no proof of anything.
  [[nodiscard]] std::uint32_t candidate(std::uint64_t hash) const {
    const Bucket& bucket = buckets_[home(hash)];
    const Lanes lanes = match(bucket, tag_of(hash));
    if (lanes == 0) return kNone;
    const std::uint32_t entry = bucket.entries[first_of(lanes)];
    if (entry == kNone) __builtin_unreachable();  // insert() is never given it: spares the caller a compare
    return entry;
  }

  /// The entry for which is_key(entry) holds, or kNone.
  template <typename IsKey>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, IsKey&& is_key) const {
    const std::uint16_t tag = tag_of(hash);
    std::size_t at = home(hash);
    for (unsigned probe = 0; probe < kMaxProbe; ++probe, ++at) {
      const Bucket& bucket = buckets_[at];
      for (Lanes lanes = match(bucket, tag); lanes != 0; lanes &= lanes - 1) {
        const std::uint32_t entry = bucket.entries[first_of(lanes)];
        if (is_key(entry)) return entry;
      }
      if (bucket.passed_over == 0) return kNone;
    }
    return kNone;
  }

  /// Puts `entry` under `hash`. False: every bucket of the probe is full.
  [[nodiscard]] bool insert(std::uint64_t hash, std::uint32_t entry) {
    if (!put(hash, entry)) return false;
    ++size_;
    return true;
  }

  /// Takes out `entry`, which is under `hash`.
  void erase(std::uint64_t hash, std::uint32_t entry) {
    take(hash, entry);
    --size_;
  }

  /// Takes out every key, and starts small again: writes 64 octets for each home in use.
  void clear() {
    std::memset(static_cast<void*>(buckets_.data()), 0, octets_in_use());
    below_ = above_ = std::min(most_, kLeastHomes);
    border_ = 0;
    stuck_ = false;
    size_ = 0;
    wait_ = 0;
    set_limits();
  }

  /// Begins a move if the number of keys asks for one, and moves at most `homes` homes of it. hash_of(entry) gives
  /// the hash under which an entry was inserted; prefetch(entry) asks for what hash_of will read.
  template <typename HashOf, typename Prefetch>
  void maintain(unsigned homes, HashOf&& hash_of, Prefetch&& prefetch) {
    if (settled()) [[likely]] {
      if (size_ <= grow_above_ && size_ >= shrink_below_) [[likely]]
        return;
      if (!begin_move()) return;
    }
    for (unsigned i = 0; i < homes && !settled(); ++i) {
      if (!move_next_home(hash_of, prefetch)) return;
    }
    if (settled()) set_limits();
  }
  /// A move does not go on: for one key of the next home there is no room where it belongs from then on (an attack by
  /// somebody who knows the seed, see above). Take out an entry near stuck_hash(), then call retry().
  [[nodiscard]] bool stuck() const { return stuck_; }
  [[nodiscard]] std::uint64_t stuck_hash() const { return stuck_hash_; }
  void retry() { wait_ = 0; }
  /// No move is under way.
  [[nodiscard]] bool settled() const { return below_ == above_; }
  /// Buckets that are homes of keys.
  [[nodiscard]] std::uint32_t homes() const { return std::max(below_, above_); }
  [[nodiscard]] std::uint32_t most_homes() const { return most_; }
  [[nodiscard]] std::uint32_t size() const { return size_; }

  /// Insertions that found the first kFarProbe buckets full: about one in 10^4 in a full table. And the farthest of
  /// all.
  [[nodiscard]] std::uint64_t far_inserts() const { return far_inserts_; }
  [[nodiscard]] unsigned longest_probe() const { return longest_probe_; }

  /// Calls visit(entry) for the first entries in the probe of `hash`, at most `limit` of them; says how many.
  template <typename Visit>
  unsigned for_each_near(std::uint64_t hash, unsigned limit, Visit&& visit) const {
    unsigned seen = 0;
    std::size_t at = home(hash);
    for (unsigned probe = 0; probe < kMaxProbe; ++probe, ++at) {
      const Bucket& bucket = buckets_[at];
      for (unsigned lane = 0; lane < kLanes; ++lane) {
        if (bucket.tags[lane] == 0) continue;
        if (seen == limit) return seen;
        visit(bucket.entries[lane]);
        ++seen;
      }
    }
    return seen;
  }

 private:
  static constexpr std::uint16_t kSaturated = 0xffff;
  static constexpr std::uint32_t kLeastHomes = 1024;  ///< 64 KiB: smaller gains nothing
  static constexpr unsigned kGrowAbove = 6;           ///< keys a home
  static constexpr unsigned kShrinkBelow = 2;
  static constexpr unsigned kRetryAfter = 1024;  ///< calls, where a home could not be moved

  struct alignas(64) Bucket {
    std::uint16_t tags[kLanes];  ///< 0: empty lane
    std::uint16_t passed_over;   ///< keys that would live here, had there been room
    std::uint16_t reserved;
    std::uint32_t entries[kLanes];
  };
  static_assert(sizeof(Bucket) == 64, "one cache line: one miss a look-up");
  static_assert(kLanes <= 16, "lanes are compared as one register of sixteen");

  /// Two bits a lane, as the compare of octets makes them; only the lower one is kept.
  using Lanes = std::uint32_t;
  static constexpr Lanes kAllLanes = 0x55555555U & ((1U << (2 * kLanes)) - 1);
  static unsigned first_of(Lanes lanes) { return static_cast<unsigned>(__builtin_ctz(lanes)) / 2; }

  /// Bits 48-63 of the hash; 0 means empty, so the hashes that would give 0 share tag 1.
  static std::uint16_t tag_of(std::uint64_t hash) {
    const auto tag = static_cast<std::uint16_t>(hash >> 48);
    return tag == 0 ? std::uint16_t{1} : tag;
  }
  /// Bits 0-31 scaled to the number of homes: no power of two needed, no division.
  [[nodiscard]] std::size_t home(std::uint64_t hash) const {
    const std::uint64_t place = hash & 0xffffffff;
    return (place * (place < border_ ? below_ : above_)) >> 32;
  }

  bool put(std::uint64_t hash, std::uint32_t entry) {
    const std::size_t first = home(hash);
    std::size_t at = first;
    Lanes lanes = 0;
    while ((lanes = match(buckets_[at], 0)) == 0) {
      if (++at == first + kMaxProbe) {
        longest_probe_ = kMaxProbe;
        ++far_inserts_;
        return false;
      }
    }
    Bucket& bucket = buckets_[at];
    const unsigned lane = first_of(lanes);
    bucket.tags[lane] = tag_of(hash);
    bucket.entries[lane] = entry;
    if (at != first) [[unlikely]] {
      for (std::size_t passed = first; passed != at; ++passed) {
        // A count that reached its end stays there: look-ups then always go on, which is slow but right.
        if (buckets_[passed].passed_over != kSaturated) ++buckets_[passed].passed_over;
      }
      const auto probe = static_cast<unsigned>(at - first);
      longest_probe_ = std::max(longest_probe_, probe);
      if (probe >= kFarProbe) ++far_inserts_;
    }
    return true;
  }

  void take(std::uint64_t hash, std::uint32_t entry) {
    const std::uint16_t tag = tag_of(hash);
    const std::size_t first = home(hash);
    for (std::size_t at = first; at != first + kMaxProbe; ++at) {
      Bucket& bucket = buckets_[at];
      for (Lanes lanes = match(bucket, tag); lanes != 0; lanes &= lanes - 1) {
        const unsigned lane = first_of(lanes);
        if (bucket.entries[lane] != entry) continue;
        bucket.tags[lane] = 0;
        for (std::size_t passed = first; passed != at; ++passed) {
          if (buckets_[passed].passed_over != kSaturated) --buckets_[passed].passed_over;
        }
        return;
      }
    }
  }

  void set_limits() {
    const std::uint64_t homes = below_;
    grow_above_ = homes == most_ ? ~std::uint32_t{0} : static_cast<std::uint32_t>(homes * kGrowAbove);
    shrink_below_ = homes <= kLeastHomes ? 0 : static_cast<std::uint32_t>(homes * kShrinkBelow);
  }

  /// Growing: `above_` is the new number and the border comes down from the end. Shrinking: `below_` is the new number
  /// and the border comes up from 0.
  bool begin_move() {
    if (wait_ != 0) {
      --wait_;
      return false;
    }
    growing_ = size_ > grow_above_;
    if (growing_) {
      border_ = std::uint64_t{1} << 32;
      above_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(most_, std::uint64_t{below_} * 2));
    } else {
      border_ = 0;
      below_ = std::max(kLeastHomes, above_ / 2);
    }
    return true;
  }

  /// The least hash place whose home is `home` of `homes`.
  static std::uint64_t first_place(std::uint64_t home, std::uint64_t homes) {
    return ((home << 32) + homes - 1) / homes;
  }

  /// Moves every key of one home to the other side of the border. False: there was no room for one of them; then
  /// nothing has changed, and it is tried again later.
  template <typename HashOf, typename Prefetch>
  bool move_next_home(HashOf& hash_of, Prefetch& prefetch) {
    if (wait_ != 0) [[unlikely]] {
      --wait_;
      return false;
    }
    const bool growing = growing_;
    const std::uint32_t old_homes = growing ? below_ : above_;
    const std::size_t from = growing ? ((border_ - 1) * old_homes) >> 32 : (border_ * old_homes) >> 32;
    const std::uint64_t next_border = growing ? first_place(from, old_homes) : first_place(from + 1, old_homes);
    prefetch_home(growing, from, prefetch);

    struct {
      std::uint64_t hash;
      std::uint32_t entry;
    } keys[kMaxProbe * kLanes];
    unsigned count = 0;
    for (std::size_t at = from; at != from + kMaxProbe; ++at) {
      const Bucket& bucket = buckets_[at];
      for (Lanes lanes = ~match(bucket, 0) & kAllLanes; lanes != 0; lanes &= lanes - 1) {
        const std::uint32_t entry = bucket.entries[first_of(lanes)];
        const std::uint64_t hash = hash_of(entry);
        const std::uint64_t place = hash & 0xffffffff;
        const bool moved_already = growing ? place >= border_ : place < border_;
        if (!moved_already && ((place * old_homes) >> 32) == from) keys[count++] = {hash, entry};
      }
      if (bucket.passed_over == 0) break;
    }
    for (unsigned i = 0; i < count; ++i) take(keys[i].hash, keys[i].entry);
    const std::uint64_t old_border = std::exchange(border_, next_border);
    for (unsigned i = 0; i < count; ++i) {
      if (put(keys[i].hash, keys[i].entry)) [[likely]]
        continue;
      stuck_ = true;
      stuck_hash_ = keys[i].hash;
      while (i != 0) {
        --i;
        take(keys[i].hash, keys[i].entry);
      }
      border_ = old_border;
      // Into the lanes that they came from: there is room.
      for (unsigned k = 0; k < count; ++k) (void)put(keys[k].hash, keys[k].entry);
      wait_ = kRetryAfter;
      return false;
    }
    stuck_ = false;
    if (growing ? border_ == 0 : border_ >> 32 != 0) {
      (growing ? below_ : above_) = growing ? above_ : below_;
      border_ = 0;
    }
    return true;
  }

  /// The bucket that is moved in four steps, and the entries of the one that is moved in two.
  template <typename Prefetch>
  void prefetch_home(bool growing, std::size_t from, Prefetch& prefetch) const {
    const std::size_t limit = buckets_.size();
    const std::size_t far = growing ? from - 4 : from + 4;
    if (far < limit) __builtin_prefetch(&buckets_[far], 1);
    const std::size_t near = growing ? from - 2 : from + 2;
    if (near >= limit) return;
    for (Lanes lanes = ~match(buckets_[near], 0) & kAllLanes; lanes != 0; lanes &= lanes - 1) {
      prefetch(buckets_[near].entries[first_of(lanes)]);
    }
  }

  /// The lanes that hold `tag`.
  static Lanes match(const Bucket& bucket, std::uint16_t tag) {
#if defined(__AVX2__)
    const __m256i tags = _mm256_load_si256(reinterpret_cast<const __m256i*>(bucket.tags));
    const __m256i equal = _mm256_cmpeq_epi16(tags, _mm256_set1_epi16(static_cast<short>(tag)));
    return static_cast<Lanes>(_mm256_movemask_epi8(equal)) & kAllLanes;
#else
    Lanes lanes = 0;
    for (unsigned lane = 0; lane < kLanes; ++lane) lanes |= (bucket.tags[lane] == tag ? 1U : 0U) << (2 * lane);
    return lanes;
#endif
  }

  MappedArray<Bucket> buckets_;  ///< the homes and kMaxProbe - 1 buckets behind the last
  std::uint32_t most_;           ///< homes in a full table
  std::uint32_t below_;          ///< homes for hashes below the border
  std::uint32_t above_;          ///< homes for all others; the same number unless a move is under way
  std::uint64_t border_ = 0;     ///< in hash places, 0 to 2^32
  bool growing_ = false;         ///< the direction of the move under way
  bool stuck_ = false;
  std::uint64_t stuck_hash_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t grow_above_ = below_ == most_ ? ~std::uint32_t{0} : below_ * kGrowAbove;
  std::uint32_t shrink_below_ = 0;
  unsigned wait_ = 0;
  unsigned longest_probe_ = 0;
  std::uint64_t far_inserts_ = 0;
};

}  // namespace weir
