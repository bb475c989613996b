// PrefixTrie against a plain linear scan, over random prefixes and addresses, and at its edges.
#include "control/enrich/prefix_trie.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace weir::prefix_trie_test {
namespace {

using Entry = PrefixTrie::Entry;
using Value = PrefixTrie::Value;

/// The value of the longest of `entries` that holds the address.
Value scanned(const std::vector<Entry>& entries, const AddressBits& address) {
  Value value = 0;
  int longest = -1;
  for (const Entry& entry : entries) {
    if (entry.length > longest && address.first(entry.length) == entry.address) {
      longest = entry.length;
      value = entry.value;
    }
  }
  return value;
}

std::vector<Entry> sorted(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.address, a.length) < std::tie(b.address, b.length);
  });
  return entries;
}

AddressBits ipv4(std::uint32_t address) {
  return {std::uint64_t{address} << 32, 0};
}

/// Random prefixes near to each other, so that many hold others.
std::vector<Entry> random_entries(std::mt19937_64& random, bool ipv6, std::size_t count) {
  std::map<std::pair<AddressBits, unsigned>, Value> prefixes;
  const unsigned most = ipv6 ? 128 : 32;
  std::vector<AddressBits> roots;
  for (int i = 0; i < 5; ++i)
    roots.push_back(ipv6 ? AddressBits{random(), random()} : AddressBits{random() & ~0xffffffffULL, 0});
  while (prefixes.size() < count) {
    AddressBits address = roots[random() % roots.size()];
    const auto flipped = static_cast<unsigned>(random() % most);
    (flipped < 64 ? address.high : address.low) ^= std::uint64_t{1} << (63 - flipped % 64);
    const auto length = static_cast<unsigned>(random() % (most + 1));
    prefixes.emplace(std::pair{address.first(length), length}, static_cast<Value>(1 + random() % 1000));
  }
  std::vector<Entry> entries;
  for (const auto& [prefix, value] : prefixes) {
    entries.push_back({prefix.first, value, static_cast<std::uint8_t>(prefix.second)});
  }
  return entries;
}

/// Addresses in and next to prefixes: their first and last ones, one before and one after, and others.
std::vector<AddressBits> addresses_near(const std::vector<Entry>& entries, std::mt19937_64& random, bool ipv6) {
  std::vector<AddressBits> addresses;
  for (const Entry& entry : entries) {
    AddressBits last = entry.address;
    for (unsigned bit = entry.length; bit < (ipv6 ? 128U : 32U); ++bit) {
      (bit < 64 ? last.high : last.low) |= std::uint64_t{1} << (63 - bit % 64);
    }
    AddressBits inside = entry.address;
    inside.high |= last.high & random();
    inside.low |= last.low & random();
    addresses.insert(addresses.end(), {entry.address, last, inside});
    const std::uint64_t one = ipv6 ? 1 : std::uint64_t{1} << 32;
    auto before = entry.address;
    auto after = last;
    (ipv6 ? before.low : before.high) -= one;
    (ipv6 ? after.low : after.high) += one;
    addresses.insert(addresses.end(), {before, after});
  }
  for (int i = 0; i < 200; ++i) {
    addresses.push_back(ipv6 ? AddressBits{random(), random()} : AddressBits{random() & ~0xffffffffULL, 0});
  }
  return addresses;
}

TEST(PrefixTrie, FindsWhatALinearScanFinds) {
  std::mt19937_64 random(20'261'130);
  for (const bool ipv6 : {false, true}) {
    for (const std::size_t count : {1U, 2U, 7U, 60U, 400U}) {
      for (int round = 0; round < 20; ++round) {
        const std::vector<Entry> entries = random_entries(random, ipv6, count);
        const PrefixTrie trie(entries, ipv6 ? 6 : 4);
        const std::vector<AddressBits> addresses = addresses_near(entries, random, ipv6);
        std::vector<Value> many(addresses.size());
        trie.find_many(addresses, many);
        for (std::size_t i = 0; i < addresses.size(); ++i) {
          const Value expected = scanned(entries, addresses[i]);
          ASSERT_EQ(trie.find(addresses[i]), expected) << std::hex << addresses[i].high << ' ' << addresses[i].low;
          ASSERT_EQ(many[i], expected) << "of many, place " << i;
        }
      }
    }
  }
}

TEST(PrefixTrie, HasADefaultAHostAndNothing) {
  EXPECT_EQ(PrefixTrie().find(ipv4(1)), 0U);
  std::vector<Value> none(3, 7);
  PrefixTrie().find_many(std::vector<AddressBits>(3), none);
  EXPECT_EQ(none, std::vector<Value>(3, 0));

  const std::vector<Entry> everything{{{}, 5, 0}};
  EXPECT_EQ(PrefixTrie(everything, 4).find(ipv4(0)), 5U);
  EXPECT_EQ(PrefixTrie(everything, 6).find({~0ULL, ~0ULL}), 5U);

  const std::vector<Entry> host4{{ipv4(0xc0000201), 6, 32}};
  EXPECT_EQ(PrefixTrie(host4, 4).find(ipv4(0xc0000201)), 6U);
  EXPECT_EQ(PrefixTrie(host4, 4).find(ipv4(0xc0000200)), 0U);
  EXPECT_EQ(PrefixTrie(host4, 4).find(ipv4(0xc0000202)), 0U);

  const std::vector<Entry> host6 = sorted({{{}, 1, 0}, {{~0ULL, ~0ULL}, 2, 128}, {{~0ULL, ~0ULL - 1}, 3, 127}});
  EXPECT_EQ(PrefixTrie(host6, 6).find({~0ULL, ~0ULL}), 2U);
  EXPECT_EQ(PrefixTrie(host6, 6).find({~0ULL, ~0ULL - 1}), 3U);
  EXPECT_EQ(PrefixTrie(host6, 6).find({~0ULL, ~0ULL - 2}), 1U);
}

TEST(PrefixTrie, AMillionPrefixesTakeAtMost64OctetsEach) {
  std::mt19937_64 random(1);
  std::map<std::uint32_t, Value> prefixes;
  while (prefixes.size() < 1'000'000)
    prefixes.emplace(static_cast<std::uint32_t>(random()) & 0xffffff00U, 1 + random() % 60'000);
  std::vector<Entry> entries;
  for (const auto& [address, value] : prefixes) entries.push_back({ipv4(address), value, 24});
  const PrefixTrie trie(entries, 4);
  EXPECT_LE(trie.octets(), 64U * 1'000'000);
  for (std::size_t i = 0; i < entries.size(); i += 997) EXPECT_EQ(trie.find(entries[i].address), entries[i].value);
}

}  // namespace
}  // namespace weir::prefix_trie_test
