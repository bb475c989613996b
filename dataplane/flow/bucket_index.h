// BucketIndex: from the hash of a key to the number of its entry.
//
// Open addressing over buckets of exactly one cache line: ten 16-bit tags, compared in one instruction, and ten 32-bit
// entry numbers. A tag is 16 bits of the hash, so a bucket of ten gives a false match once in 6500 look-ups; the
// caller compares the whole key always.
//
// A key lives in its home bucket or in one of the fifteen that follow. Each bucket counts the keys that passed over it
// because it was full; a look-up goes on to the next bucket only where that count is not zero, so a miss reads one
// line almost always, and erasing needs no tombstones. With one bucket for each 6 of capacity, a full table has
// 8 % full buckets (Poisson(6) >= 10). That sixteen in a row are full means 160 keys where 96 are expected, 6.5
// standard deviations: it does not happen with a keyed hash. If it did, the table would be full for that key and the
// caller would evict.
//
// The entry array is not known here: compare and erase are told about entries by callables.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "dataplane/memory.h"

namespace weir {

class BucketIndex {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr unsigned kLanes = 10;
  static constexpr unsigned kMaxProbe = 16;  ///< buckets looked at for one key
  static constexpr unsigned kKeysPerBucket = 6;

  explicit BucketIndex(std::uint32_t capacity) : buckets_(capacity / kKeysPerBucket + kMaxProbe) {}
  [[nodiscard]] bool ok() const { return buckets_.size() != 0; }
  void touch() { buckets_.touch(); }
  [[nodiscard]] std::size_t octets() const { return buckets_.octets(); }

  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&buckets_[home(hash)]); }

  /// The entry whose tag matches in the home bucket, kNone if there is none: for prefetching, no proof of anything.
  [[nodiscard]] std::uint32_t candidate(std::uint64_t hash) const {
    const Bucket& bucket = buckets_[home(hash)];
    const unsigned lanes = match(bucket, tag_of(hash));
    return lanes == 0 ? kNone : bucket.entries[__builtin_ctz(lanes)];
  }

  /// The entry for which is_key(entry) holds, or kNone.
  template <typename IsKey>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, IsKey&& is_key) const {
    const std::uint16_t tag = tag_of(hash);
    std::size_t at = home(hash);
    for (unsigned probe = 0; probe < kMaxProbe; ++probe) {
      const Bucket& bucket = buckets_[at];
      for (unsigned lanes = match(bucket, tag); lanes != 0; lanes &= lanes - 1) {
        const std::uint32_t entry = bucket.entries[__builtin_ctz(lanes)];
        if (is_key(entry)) return entry;
      }
      if (bucket.passed_over == 0) return kNone;
      at = next(at);
    }
    return kNone;
  }

  /// Puts `entry` under `hash`. False: every bucket of the probe is full.
  [[nodiscard]] bool insert(std::uint64_t hash, std::uint32_t entry) {
    std::size_t at = home(hash);
    unsigned probe = 0;
    unsigned lanes = 0;
    while ((lanes = match(buckets_[at], 0)) == 0) {
      if (++probe == kMaxProbe) return false;
      at = next(at);
    }
    Bucket& bucket = buckets_[at];
    const unsigned lane = static_cast<unsigned>(__builtin_ctz(lanes));
    bucket.tags[lane] = tag_of(hash);
    bucket.entries[lane] = entry;
    for (std::size_t passed = home(hash); passed != at; passed = next(passed)) {
      // A count that reached its end stays there: look-ups then always go on, which is slow but right.
      if (buckets_[passed].passed_over != kSaturated) ++buckets_[passed].passed_over;
    }
    return true;
  }

  /// Takes out `entry`, which is under `hash`.
  void erase(std::uint64_t hash, std::uint32_t entry) {
    const std::uint16_t tag = tag_of(hash);
    std::size_t at = home(hash);
    for (unsigned probe = 0; probe < kMaxProbe; ++probe, at = next(at)) {
      Bucket& bucket = buckets_[at];
      for (unsigned lanes = match(bucket, tag); lanes != 0; lanes &= lanes - 1) {
        const unsigned lane = static_cast<unsigned>(__builtin_ctz(lanes));
        if (bucket.entries[lane] != entry) continue;
        bucket.tags[lane] = 0;
        for (std::size_t passed = home(hash); passed != at; passed = next(passed)) {
          if (buckets_[passed].passed_over != kSaturated) --buckets_[passed].passed_over;
        }
        return;
      }
    }
  }

  /// Calls visit(entry) for the first entries in the probe of `hash`, at most `limit` of them; says how many.
  template <typename Visit>
  unsigned for_each_near(std::uint64_t hash, unsigned limit, Visit&& visit) const {
    unsigned seen = 0;
    std::size_t at = home(hash);
    for (unsigned probe = 0; probe < kMaxProbe; ++probe, at = next(at)) {
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

  struct alignas(64) Bucket {
    std::uint16_t tags[kLanes];  ///< 0: empty lane
    std::uint16_t passed_over;   ///< keys that would live here, had there been room
    std::uint16_t reserved;
    std::uint32_t entries[kLanes];
  };
  static_assert(sizeof(Bucket) == 64, "one cache line: one miss a look-up");

  /// Bits 48-63 of the hash; 0 means empty, so the hashes that would give 0 share tag 1.
  static std::uint16_t tag_of(std::uint64_t hash) {
    const auto tag = static_cast<std::uint16_t>(hash >> 48);
    return tag == 0 ? std::uint16_t{1} : tag;
  }
  /// Bits 0-31 scaled to the number of buckets: no power of two needed, no division.
  [[nodiscard]] std::size_t home(std::uint64_t hash) const { return ((hash & 0xffffffff) * buckets_.size()) >> 32; }
  [[nodiscard]] std::size_t next(std::size_t at) const { return at + 1 == buckets_.size() ? 0 : at + 1; }

  /// Bit i: lane i holds `tag`.
  static unsigned match(const Bucket& bucket, std::uint16_t tag) {
#if defined(__AVX2__)
    const __m256i tags = _mm256_load_si256(reinterpret_cast<const __m256i*>(bucket.tags));
    const __m256i equal = _mm256_cmpeq_epi16(tags, _mm256_set1_epi16(static_cast<short>(tag)));
    const __m128i packed = _mm_packs_epi16(_mm256_castsi256_si128(equal), _mm256_extracti128_si256(equal, 1));
    return static_cast<unsigned>(_mm_movemask_epi8(packed)) & ((1U << kLanes) - 1);
#else
    unsigned lanes = 0;
    for (unsigned lane = 0; lane < kLanes; ++lane) lanes |= (bucket.tags[lane] == tag ? 1U : 0U) << lane;
    return lanes;
#endif
  }

  MappedArray<Bucket> buckets_;
};

}  // namespace weir
