// The index while it grows and shrinks: every key stays where a look-up finds it, the lines in use follow the number of
// keys, and what one step costs is bounded.
#include "dataplane/flow/bucket_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <unordered_map>
#include <vector>

namespace weir::bucket_index_test {
namespace {

/// An index over entries whose hashes stand in an array, as the table's stand in its keys.
class Indexed {
 public:
  explicit Indexed(std::uint32_t capacity) : index(capacity), hashes(capacity) {}

  void maintain(unsigned homes) {
    index.maintain(
        homes,
        [this](std::uint32_t entry) {
          ++hashes_read;
          return hashes[entry];
        },
        [](std::uint32_t) {});
  }
  [[nodiscard]] bool insert(std::uint32_t entry, std::uint64_t hash) {
    hashes[entry] = hash;
    if (!index.insert(hash, entry)) return false;
    maintain(2);
    return true;
  }
  void erase(std::uint32_t entry) {
    index.erase(hashes[entry], entry);
    maintain(2);
  }
  [[nodiscard]] bool finds(std::uint32_t entry) const {
    return index.find(hashes[entry], [&](std::uint32_t found) { return found == entry; }) == entry;
  }

  BucketIndex index;
  std::vector<std::uint64_t> hashes;
  std::uint64_t hashes_read = 0;
};

TEST(BucketIndex, FillsToCapacityAndDrainsWithItsLinesInUseRisingAndFalling) {
  constexpr std::uint32_t kCapacity = 200'000;
  Indexed indexed(kCapacity);
  std::mt19937_64 random(1);
  const std::size_t least = indexed.index.octets_in_use();
  for (std::uint32_t entry = 0; entry < kCapacity; ++entry) {
    ASSERT_TRUE(indexed.insert(entry, random()));
    if (entry % 997 == 0) {
      for (std::uint32_t known = 0; known <= entry; known += 101) ASSERT_TRUE(indexed.finds(known)) << known;
    }
  }
  const std::size_t most = indexed.index.octets_in_use();
  EXPECT_EQ(indexed.index.homes(), indexed.index.most_homes());
  EXPECT_GT(most, 30 * least);  // 33334 homes for 1024
  for (std::uint32_t entry = kCapacity; entry-- != 0;) {
    indexed.erase(entry);
    if (entry % 997 == 0) {
      for (std::uint32_t known = 0; known < entry; known += 101) ASSERT_TRUE(indexed.finds(known)) << known;
    }
  }
  indexed.maintain(1'000'000);
  indexed.maintain(1'000'000);
  EXPECT_EQ(indexed.index.size(), 0U);
  EXPECT_EQ(indexed.index.octets_in_use(), least);
}

TEST(BucketIndex, RandomOperationsDuringMovesLoseNoKeyAndFindNoErasedOne) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    std::mt19937_64 random(seed);
    constexpr std::uint32_t kCapacity = 30'000;
    Indexed indexed(kCapacity);
    std::vector<std::uint32_t> in;
    std::vector<std::uint32_t> out(kCapacity);
    for (std::uint32_t entry = 0; entry < kCapacity; ++entry) out[entry] = entry;
    unsigned moving = 0;
    for (unsigned step = 0; step < 400'000; ++step) {
      // Waves: the number of keys rises and falls several times through all sizes of the index.
      const bool rise = step / 50'000 % 2 == 0 ? random() % 10 < 8 : random() % 10 < 2;
      std::vector<std::uint32_t>& source = rise ? out : in;
      if (!source.empty()) {
        const std::size_t at = random() % source.size();
        const std::uint32_t entry = source[at];
        source[at] = source.back();
        source.pop_back();
        if (rise) {
          ASSERT_TRUE(indexed.insert(entry, random()));
          in.push_back(entry);
        } else {
          ASSERT_TRUE(indexed.finds(entry));
          indexed.erase(entry);
          ASSERT_FALSE(indexed.finds(entry));
          out.push_back(entry);
        }
      }
      if (random() % 8 == 0) indexed.maintain(static_cast<unsigned>(random() % 5));
      moving += indexed.index.settled() ? 0 : 1;
      ASSERT_EQ(indexed.index.size(), in.size());
      if (step % 5000 == 0) {
        for (const std::uint32_t entry : in) ASSERT_TRUE(indexed.finds(entry)) << "seed " << seed << " step " << step;
      }
    }
    EXPECT_GT(moving, 1000U) << "the test must meet moves under way";
  }
}

TEST(BucketIndex, AStepReadsTheKeysOfTheHomesItMovesAndNoMore) {
  constexpr std::uint32_t kCapacity = 1'000'000;
  Indexed indexed(kCapacity);
  std::mt19937_64 random(3);
  std::uint64_t most = 0;
  for (std::uint32_t entry = 0; entry < kCapacity; ++entry) {
    const std::uint64_t before = indexed.hashes_read;
    ASSERT_TRUE(indexed.insert(entry, random()));
    most = std::max(most, indexed.hashes_read - before);
  }
  // Two homes: a bucket of ten each, and those behind it that its keys, or keys on their way to others, passed over.
  EXPECT_GT(most, 12U);
  EXPECT_LE(most, 200U);
  EXPECT_LT(indexed.index.longest_probe(), BucketIndex::kMaxProbe - 4);
}

TEST(BucketIndex, AHomeThatCannotBeMovedSaysSoAndTheMoveGoesOnWhereRoomIsMade) {
  // 160 keys of one hash fill their whole probe before the index grows; the probe of their next home holds others.
  Indexed indexed(100'000);
  std::mt19937_64 random(5);
  constexpr std::uint64_t kOneHash = 0x1234'5678'4000'0000;
  std::uint32_t entry = 0;
  for (; entry < 160; ++entry) ASSERT_TRUE(indexed.insert(entry, kOneHash));
  EXPECT_FALSE(indexed.index.insert(kOneHash, 160));
  EXPECT_GT(indexed.index.far_inserts(), 100U);
  EXPECT_EQ(indexed.index.longest_probe(), BucketIndex::kMaxProbe);

  std::vector<bool> there(100'000);
  std::fill_n(there.begin(), 160, true);
  unsigned made_room = 0;
  unsigned refused = 0;
  for (; entry < 90'000; ++entry) {
    there[entry] = indexed.insert(entry, random());
    if (!there[entry]) ++refused;
    if (!indexed.index.stuck()) continue;
    std::uint32_t victim = BucketIndex::kNone;
    (void)indexed.index.for_each_near(indexed.index.stuck_hash(), 1, [&](std::uint32_t near) { victim = near; });
    ASSERT_NE(victim, BucketIndex::kNone);
    there[victim] = false;
    indexed.index.erase(indexed.hashes[victim], victim);
    indexed.index.retry();
    ++made_room;
  }
  EXPECT_GT(made_room, 0U) << "the test must meet a home that cannot be moved";
  EXPECT_LT(made_room, 1000U);
  EXPECT_LT(refused, 100U);
  EXPECT_GT(indexed.index.homes(), 8192U) << "it grew all the same";
  for (std::uint32_t known = 0; known < 90'000; ++known) {
    if (there[known]) {
      ASSERT_TRUE(indexed.finds(known)) << known;
    }
  }
}

}  // namespace
}  // namespace weir::bucket_index_test
