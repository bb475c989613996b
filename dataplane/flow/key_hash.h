// KeyHash: the keyed hash of a flow key.
//
// Who can choose addresses and ports must not be able to choose buckets. CRC32 and Toeplitz are linear: two keys that
// collide under one seed collide under all. A 64x64->128 bit multiply whose halves are folded is not linear, and costs
// about 4 cycles; every word of the key is masked with a secret word before it is multiplied. The seed is drawn once
// a process. The hash never identifies a flow: the table always compares the whole key.
//
// Three independent pieces are cut from it: bits 0-31 choose the bucket, 32-47 the worker, 48-63 the tag.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/packet/flow_key.h"

namespace weir {

class KeyHash {
 public:
  using Seed = std::array<std::uint64_t, 6>;

  explicit KeyHash(const Seed& seed) : seed_(seed) {}
  /// A seed from the kernel's random source.
  static Seed random_seed();

  std::uint64_t operator()(const FlowKey& key) const {
    std::uint64_t mixed;
    if (key.ip_version == 4) {
      mixed = fold(key.address[0] ^ seed_[0], key.tail() ^ seed_[1]);
    } else {
      // Of a wide IPv4 key, whose words 1-3 are 0, too.
      mixed = fold(key.address[0] ^ seed_[0], key.address[1] ^ seed_[2]) ^
              fold(key.address[2] ^ seed_[3], key.address[3] ^ seed_[4]);
      mixed = fold(mixed ^ seed_[5], key.tail() ^ seed_[1]);
      if (key.wide()) [[unlikely]]
        mixed = fold(mixed ^ seed_[0], key.added ^ seed_[4]);
    }
    return fold(mixed ^ seed_[2], seed_[3] | 1);
  }

  /// The same of a key that may be an extended one.
  std::uint64_t operator()(const FlowKey& key, const KeyAddition& addition) const {
    std::uint64_t mixed = (*this)(key);
    if (!key.extended()) return mixed;
    for (std::size_t i = 0; i < KeyAddition::kWords; ++i) mixed = fold(mixed ^ seed_[5], addition.word(i) ^ seed_[i]);
    return fold(mixed ^ seed_[2], seed_[3] | 1);
  }

  /// The hash of any words.
  template <std::size_t kCount>
  [[nodiscard]] std::uint64_t of_words(const std::array<std::uint64_t, kCount>& words) const {
    std::uint64_t mixed = kCount;
    for (std::size_t i = 0; i < kCount; ++i) {
      mixed = fold(mixed ^ seed_[i % seed_.size()], words[i] ^ seed_[(i + 1) % seed_.size()]);
    }
    return fold(mixed ^ seed_[2], seed_[3] | 1);
  }

  /// The worker of `workers` that owns the flow: the same on every port, whatever its device does.
  static unsigned worker_of(std::uint64_t hash, unsigned workers) {
    return static_cast<unsigned>(((hash >> 32) & 0xffff) * workers >> 16);
  }

 private:
  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  Seed seed_;
};

}  // namespace weir
