// The hash against the verification suite of Microsoft's RSS specification ("Verifying the RSS Hash Calculation"), and
// what the self-check says of devices that are right and of devices that are wrong in known ways.
#include "dataplane/dpdk/rss_check.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <numeric>

#include "dataplane/dpdk/port.h"

namespace weir::dpdk::rss_check_test {
namespace {

using Key = std::vector<std::uint8_t>;
using Table = std::vector<std::uint16_t>;

const Key kMicrosoftKey{0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
                        0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
                        0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

std::vector<std::uint32_t> words_of(const char* address) {
  const bool ipv6 = std::string(address).find(':') != std::string::npos;
  std::vector<std::uint32_t> words(ipv6 ? 4 : 1);
  EXPECT_EQ(inet_pton(ipv6 ? AF_INET6 : AF_INET, address, words.data()), 1);
  for (std::uint32_t& word : words) word = ntohl(word);
  return words;
}

struct Vector {
  const char* source;
  std::uint32_t source_port;
  const char* destination;
  std::uint32_t destination_port;
  std::uint32_t addresses;  ///< hash of the addresses
  std::uint32_t ports;      ///< hash of addresses and ports
};

std::uint32_t hash(const Vector& v, bool reversed, bool ports, const Key& key) {
  auto words = words_of(reversed ? v.destination : v.source);
  const auto other = words_of(reversed ? v.source : v.destination);
  words.insert(words.end(), other.begin(), other.end());
  if (ports) {
    words.push_back(reversed ? v.destination_port << 16 | v.source_port : v.source_port << 16 | v.destination_port);
  }
  return toeplitz(words, key);
}

constexpr Vector kVectors[] = {
    {"66.9.149.187", 2794, "161.142.100.80", 1766, 0x323e8fc2, 0x51ccc178},
    {"199.92.111.2", 14230, "65.69.140.83", 4739, 0xd718262a, 0xc626b0ea},
    {"24.19.198.95", 12898, "12.22.207.184", 38024, 0xd2d0a5de, 0x5c2b394a},
    {"38.27.205.30", 48228, "209.142.163.6", 2217, 0x82989176, 0xafc7327f},
    {"153.39.163.191", 44251, "202.188.127.2", 1303, 0x5d1809c5, 0x10e828a2},
    {"3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766, 0x2cc18cd5, 0x40207d3d},
    {"3ffe:501:8::260:97ff:fe40:efab", 14230, "ff02::1", 4739, 0x0f0c461c, 0xdde51bbf},
    {"3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, "fe80::200:f8ff:fe21:67cf", 38024, 0x4b61e985, 0x02d1feef},
};

TEST(Toeplitz, IsMicrosofts) {
  for (const Vector& v : kVectors) {
    EXPECT_EQ(hash(v, false, false, kMicrosoftKey), v.addresses) << v.source;
    EXPECT_EQ(hash(v, false, true, kMicrosoftKey), v.ports) << v.source;
  }
}

TEST(Toeplitz, IsSymmetricWithTheRepeatingKeyAndNotWithMicrosofts) {
  for (const Vector& v : kVectors) {
    for (const bool ports : {false, true}) {
      EXPECT_EQ(hash(v, false, ports, symmetric_key(40)), hash(v, true, ports, symmetric_key(40))) << v.source;
      EXPECT_NE(hash(v, false, ports, kMicrosoftKey), hash(v, true, ports, kMicrosoftKey)) << v.source;
    }
  }
}

Table round_robin(std::size_t size, unsigned queues) {
  Table table;
  for (std::size_t i = 0; i < size; ++i) table.push_back(static_cast<std::uint16_t>(i % queues));
  return table;
}

RssState device(RssHash what, const Key& key, std::size_t table, unsigned queues) {
  return {what, key, round_robin(table, queues), queues};
}

TEST(RssCheck, FindsNothingSplitOnADeviceThatHashesAddressesSymmetrically) {
  const RssCheck check = check_rss(device(RssHash::addresses, symmetric_key(40), 128, 4));
  EXPECT_EQ(check.conversations, 2 * kConversations);
  EXPECT_EQ(check.split, 0U);
  EXPECT_EQ(check.fragments_split, 0U);
  EXPECT_EQ(check.example, "");
  // 2048 conversations on 4 queues: 512 each, standard deviation sqrt(2048 x 1/4 x 3/4) = 19.6.
  ASSERT_EQ(check.by_queue.size(), 4U);
  EXPECT_EQ(std::accumulate(check.by_queue.begin(), check.by_queue.end(), 0U), 2 * kConversations);
  for (const unsigned queue : check.by_queue) EXPECT_NEAR(queue, 512, 5 * 19.6);
}

TEST(RssCheck, FindsConversationsSplitByAKeyThatIsNotSymmetric) {
  const RssCheck check = check_rss(device(RssHash::addresses, kMicrosoftKey, 128, 4));
  // Two independent queues of four: three quarters of 2048 differ, standard deviation 19.6.
  EXPECT_NEAR(check.split, 1536, 5 * 19.6);
  EXPECT_NE(check.example, "");
}

TEST(RssCheck, FindsFragmentsApartWhereADeviceHashesPorts) {
  const RssCheck check = check_rss(device(RssHash::ports, symmetric_key(52), 512, 4));
  EXPECT_EQ(check.split, 0U);
  EXPECT_NEAR(check.fragments_split, 1536, 5 * 19.6);
}

TEST(RssCheck, ComparesHashesWhereADeviceShowsNoTable) {
  EXPECT_EQ(check_rss(device(RssHash::addresses, symmetric_key(40), 0, 4)).split, 0U);
  EXPECT_TRUE(check_rss(device(RssHash::addresses, symmetric_key(40), 0, 4)).by_queue.empty());
  EXPECT_GT(check_rss(device(RssHash::addresses, kMicrosoftKey, 0, 4)).split, 2000U);
}

TEST(RssCheck, TriesNothingWithoutAHashThatIsKnown) {
  EXPECT_EQ(check_rss(device(RssHash::none, symmetric_key(40), 128, 4)).conversations, 0U);
  EXPECT_EQ(check_rss(device(RssHash::addresses, symmetric_key(16), 128, 4)).conversations, 0U);
  EXPECT_EQ(check_rss({RssHash::addresses, {}, {}, 4}).conversations, 0U);
}

TEST(RssCheck, SeesWhetherADirectionOnEachOfTwoPortsMeets) {
  const Key key = symmetric_key(40);
  const RssState small = device(RssHash::addresses, key, 128, 4);
  EXPECT_EQ(split_between(small, device(RssHash::addresses, key, 512, 4)), 0U);
  EXPECT_EQ(split_between(device(RssHash::addresses, key, 128, 3), device(RssHash::addresses, key, 128, 3)), 0U);
  // 128 is no multiple of 3: hash 128 is entry 0 of the one and entry 128 of the other, queue 0 against queue 2.
  EXPECT_GT(split_between(device(RssHash::addresses, key, 128, 3), device(RssHash::addresses, key, 512, 3)), 0U);
  RssState changed = small;
  std::swap(changed.redirection[0], changed.redirection[1]);
  EXPECT_GT(split_between(small, changed), 0U);
  EXPECT_EQ(split_between(small, device(RssHash::addresses, key, 0, 4)), 2 * kConversations) << "an unknown table";
}

}  // namespace
}  // namespace weir::dpdk::rss_check_test
