// Keys that were chosen to collide: what they do to somebody who knows the seed, and to everybody else.
//
// An attacker with the seed can search for keys whose hashes agree in the 32 bits that choose the home. The search here
// is for keys of the first thousandth of the table's homes: 2^-10 of all keys, found in a moment.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/support/meter.h"

namespace weir::test::hash_flood_test {
namespace {

constexpr KeyHash::Seed kLeaked{0x9216d5d98979fb1b, 0xd1310ba698dfb5ac, 0x2ffd72dbd01adfb7,
                                0xb8e1afed6a267e96, 0xba7c9045f12c7f99, 0x24a19947b3916cf7};
constexpr KeyHash::Seed kOther{0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0,
                               0x082efa98ec4e6c89, 0x452821e638d01377, 0xbe5466cf34e90c6c};
constexpr std::uint32_t kCapacity = 1U << 14;
constexpr unsigned kKeys = 2000;

/// UDP packets whose keys share the lowest 2^-10 of all homes under the leaked seed.
const std::vector<ParsedPacket>& colliding() {
  static const std::vector<ParsedPacket> packets = [] {
    const KeyHash hash(kLeaked);
    std::vector<ParsedPacket> out;
    ParsedPacket packet = flow_packet().from("10.0.0.1", 1).to("192.168.0.1", 53).udp().packet();
    auto* source = reinterpret_cast<std::uint8_t*>(packet.key.address);
    for (std::uint32_t i = 0; out.size() < kKeys; ++i) {
      source[1] = static_cast<std::uint8_t>(i >> 16);
      source[2] = static_cast<std::uint8_t>(i >> 8);
      source[3] = static_cast<std::uint8_t>(i);
      if ((hash(packet.key) & 0xffffffff) >> 22 == 0) out.push_back(packet);
    }
    return out;
  }();
  return packets;
}

void add_all(Meter& meter, std::uint64_t at_ns) {
  std::uint64_t now = kEpochNs + at_ns;
  for (ParsedPacket packet : colliding()) {
    packet.time_ns = packet.effective_ns = now;
    now += 1000;
    meter.add(packet);
    meter.pass(now - kEpochNs);
  }
}

TEST(HashFlood, KeysThatCollideUnderOneSeedDoNotUnderAnother) {
  // The index is told apart from chance: 2000 keys of 16384 make no probe of four lines where they are spread.
  Meter leaked(kCapacity, {}, 1U << 12, RingFull::lose, WhenFull::evict, kLeaked);
  Meter other(kCapacity, {}, 1U << 12, RingFull::lose, WhenFull::evict, kOther);
  add_all(leaked, 0);
  add_all(other, 0);
  EXPECT_GT(leaked.shard.table().index().far_inserts(), kKeys / 2);
  EXPECT_EQ(other.shard.table().index().far_inserts(), 0U);
  EXPECT_LT(other.shard.table().index().longest_probe(), BucketIndex::kFarProbe);
  EXPECT_EQ(other.shard.size(), kKeys);
  EXPECT_EQ(other.counters.evictions, 0U);

  // Whole hashes: whatever agrees under the leaked seed is as random as anything under another.
  const KeyHash hash(kOther);
  std::vector<unsigned> homes(16);
  for (const ParsedPacket& packet : colliding()) ++homes[(hash(packet.key) & 0xffffffff) >> 28];
  for (const unsigned count : homes) EXPECT_NEAR(count, kKeys / 16, 5 * 10.8);  // sqrt(2000 x 1/16 x 15/16)
}

TEST(HashFlood, WithTheSeedLeakedProbesStayBoundedAndEveryPacketIsCounted) {
  for (const WhenFull policy : {WhenFull::evict, WhenFull::overflow, WhenFull::sample}) {
    Meter meter(kCapacity, {}, 1U << 13, RingFull::lose, policy, kLeaked);
    add_all(meter, 0);
    add_all(meter, 1_s);
    EXPECT_EQ(meter.shard.table().index().longest_probe(), BucketIndex::kMaxProbe);
    EXPECT_LT(meter.shard.size(), kKeys);
    EXPECT_EQ(meter.counters.counted.packets, 2 * kKeys);
    EXPECT_EQ(meter.counters.lost[static_cast<std::size_t>(Loss::ring_full)], RecordTotals{});
    // Who is not in the way of the attack is as well off as before.
    meter.add(flow_packet().from("172.16.0.1", 5).to("172.16.0.2", 6).udp().at(2_s));
    meter.add(flow_packet().from("172.16.0.2", 6).to("172.16.0.1", 5).udp().at(2_s));
    meter.expect_balanced();
    meter.records();
    meter.drain(3_s);
    meter.expect_balanced();
    std::uint64_t both = 0;
    for (const FlowRecord& record : meter.records()) both += record.packets[kReverse];
    EXPECT_GE(both, 1U);
  }
}

}  // namespace
}  // namespace weir::test::hash_flood_test
