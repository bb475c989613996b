// The table against std::map under random insertions and erasures; the index when its buckets overflow.
#include "dataplane/flow/flow_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/support/flow_packet.h"

namespace weir::test::flow_table_test {
namespace {

FlowKey key_number(std::uint32_t number) {
  const bool ipv6 = number % 3 == 0;
  const std::string low = ipv6 ? "2001:db8::1" : "10.0.0.1";
  const std::string high = ipv6 ? "2001:db8::ff" : "10.0.0.9";
  return flow_packet()
      .from(low, static_cast<std::uint16_t>(number))
      .to(high, static_cast<std::uint16_t>(number >> 16))
      .packet()
      .key;
}

TEST(FlowTable, RandomInsertionsAndErasuresAgreeWithAMap) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    std::mt19937_64 random(seed);
    const KeyHash hash({random(), random(), random(), random(), random(), random()});
    const std::uint32_t capacity = 100 + seed * 150;
    FlowTable table(capacity, hash);
    ASSERT_TRUE(table.ok());
    std::map<std::uint32_t, std::uint32_t> model;  // key number to entry number
    for (unsigned step = 0; step < 40000; ++step) {
      const auto number = static_cast<std::uint32_t>(random() % (2 * capacity));
      const FlowKey key = key_number(number);
      const std::uint32_t found = table.find(key, hash(key));
      const auto known = model.find(number);
      ASSERT_EQ(found, known == model.end() ? FlowTable::kNone : known->second);
      if (found != FlowTable::kNone) {
        ASSERT_EQ(table.key_of(found), key);
        if (random() % 2 == 0) {
          table.erase(found);
          model.erase(known);
        }
      } else {
        const std::uint32_t entry = table.insert(key, hash(key));
        if (entry == FlowTable::kNone) {
          ASSERT_EQ(model.size(), capacity) << "refused with room left";
        } else {
          ASSERT_LT(entry, capacity);
          model[number] = entry;
        }
      }
      ASSERT_EQ(table.size(), model.size());
    }
  }
}

TEST(FlowTable, KeysThatShareAHashAreToldApartAndOverflowIntoTheNextBuckets) {
  // One hash for all keys: the worst that flooding could do if the seed were known. 16 buckets of 10 lanes hold 160.
  FlowTable table(1000, KeyHash({1, 2, 3, 4, 5, 6}));
  constexpr std::uint64_t kOneHash = 0x1234'5678'9abc'def0;
  BucketIndex index(1000);
  for (std::uint32_t entry = 0; entry < 160; ++entry) ASSERT_TRUE(index.insert(kOneHash, entry));
  EXPECT_FALSE(index.insert(kOneHash, 160));
  for (std::uint32_t entry = 0; entry < 160; ++entry) {
    EXPECT_EQ(index.find(kOneHash, [&](std::uint32_t candidate) { return candidate == entry; }), entry);
  }
  // Erasing in the middle leaves what lies after it reachable.
  for (std::uint32_t entry = 0; entry < 150; ++entry) index.erase(kOneHash, entry);
  for (std::uint32_t entry = 150; entry < 160; ++entry) {
    EXPECT_EQ(index.find(kOneHash, [&](std::uint32_t candidate) { return candidate == entry; }), entry);
  }
  for (std::uint32_t entry = 150; entry < 160; ++entry) index.erase(kOneHash, entry);
  unsigned left = index.for_each_near(kOneHash, 1000, [](std::uint32_t) {});
  EXPECT_EQ(left, 0U);
  unsigned looked_at = 0;
  EXPECT_EQ(index.find(kOneHash,
                       [&](std::uint32_t) {
                         ++looked_at;
                         return true;
                       }),
            BucketIndex::kNone);
  EXPECT_EQ(looked_at, 0U);
}

TEST(FlowTable, EveryPlaceOfTheTableCanBeFilled) {
  const KeyHash hash({11, 12, 13, 14, 15, 16});
  FlowTable table(5000, hash);
  std::uint32_t refused = 0;
  for (std::uint32_t number = 0; number < 5000; ++number) {
    const FlowKey key = key_number(number);
    if (table.insert(key, hash(key)) == FlowTable::kNone) ++refused;
  }
  EXPECT_EQ(refused, 0U);
  const FlowKey one_more = key_number(6000);
  EXPECT_EQ(table.insert(one_more, hash(one_more)), FlowTable::kNone);
}

TEST(FlowTable, FreedEntriesAreUsedAgainLastInFirstOut) {
  const KeyHash hash({1, 2, 3, 4, 5, 6});
  FlowTable table(100, hash);
  std::uint32_t entries[10];
  for (std::uint32_t i = 0; i < 10; ++i) entries[i] = table.insert(key_number(i), hash(key_number(i)));
  table.erase(entries[3]);
  table.erase(entries[7]);
  EXPECT_EQ(table.insert(key_number(50), hash(key_number(50))), entries[7]);
  EXPECT_EQ(table.insert(key_number(51), hash(key_number(51))), entries[3]);
  EXPECT_EQ(table.insert(key_number(52), hash(key_number(52))), 10U);
}

TEST(KeyHash, AnotherSeedGivesAnotherHashAndEveryBitOfTheKeyCounts) {
  const KeyHash one({1, 2, 3, 4, 5, 6});
  const KeyHash two({6, 5, 4, 3, 2, 1});
  for (const std::uint32_t number : {3U, 4U}) {  // IPv6, IPv4
    const FlowKey key = key_number(number);
    EXPECT_NE(one(key), two(key));
    const unsigned words = key.ip_version == 4 ? 1 : 4;
    for (unsigned bit = 0; bit < words * 64; ++bit) {
      FlowKey other = key;
      other.address[bit / 64] ^= std::uint64_t{1} << (bit % 64);
      EXPECT_NE(one(key), one(other)) << "address bit " << bit;
    }
    for (unsigned bit = 0; bit < 16; ++bit) {
      FlowKey other = key;
      other.port_low = static_cast<std::uint16_t>(other.port_low ^ (1U << bit));
      EXPECT_NE(one(key), one(other)) << "port bit " << bit;
    }
  }
}

TEST(KeyHash, FlowsSpreadEvenlyOverWorkers) {
  const KeyHash hash(KeyHash::random_seed());
  for (const unsigned workers : {1U, 2U, 3U, 7U}) {
    std::vector<unsigned> count(workers);
    for (std::uint32_t number = 0; number < 70000; ++number)
      ++count[KeyHash::worker_of(hash(key_number(number)), workers)];
    for (const unsigned flows : count) {
      EXPECT_NEAR(flows, 70000.0 / workers, 1500.0);  // more than ten standard deviations
    }
  }
}

}  // namespace
}  // namespace weir::test::flow_table_test
