// What goes into the accounter comes out of it, whole and in time, and no more is held than is allowed.
#include "control/overflow_accounter.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>
#include <vector>

#include "dataplane/input/raw_record.h"
#include "tests/support/raw_records.h"

namespace weir::overflow_accounter_test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
const KeyHash kHash({1, 2, 3, 4, 5, 6});

FlowRecord packet(std::uint8_t source, std::uint8_t destination, std::uint64_t time_ns, std::uint64_t octets = 60,
                  std::uint8_t flags = 0) {
  FlowRecord record{};
  record.ip_version = 4;
  record.ether_type = 0x0800;
  record.protocol = 6;
  record.source_address[3] = source;
  record.destination_address[3] = destination;
  record.ports[kForward] = 1000;
  record.ports[kReverse] = 80;
  record.sampling_rate = 1;
  record.end_reason = EndReason::lack_of_resources;
  record.sections = FlowRecord::kOverflowMark;
  record.packets[kForward] = 1;
  record.octets[kForward] = octets;
  record.first_ns[kForward] = record.last_ns[kForward] = time_ns;
  record.tcp_flags[kForward] = flags;
  return record;
}

TEST(OverflowAccounter, SumsThePacketsOfADirection) {
  OverflowAccounter accounter({.max_entries = 10, .timeout_ns = 10 * kSecond}, kHash);
  EXPECT_TRUE(accounter.add(packet(1, 2, 5 * kSecond, 100, 0x02), 5 * kSecond));
  EXPECT_TRUE(accounter.add(packet(1, 2, 7 * kSecond, 40, 0x10), 7 * kSecond));
  EXPECT_TRUE(accounter.add(packet(1, 2, 4 * kSecond, 41, 0x01), 7 * kSecond)) << "stamped earlier";
  EXPECT_TRUE(accounter.add(packet(2, 1, 6 * kSecond, 1500), 7 * kSecond))
      << "the other direction, a record of its own";
  EXPECT_EQ(accounter.size(), 2U);
  RecordBatch out;
  accounter.collect_all(out);
  EXPECT_EQ(accounter.size(), 0U);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0]->packets[kForward], 3U);
  EXPECT_EQ(out[0]->octets[kForward], 181U);
  EXPECT_EQ(out[0]->first_ns[kForward], 4 * kSecond);
  EXPECT_EQ(out[0]->last_ns[kForward], 7 * kSecond);
  EXPECT_EQ(out[0]->tcp_flags[kForward], 0x13);
  EXPECT_EQ(out[0]->packets[kReverse], 0U);
  EXPECT_EQ(out[0]->sections, 0U) << "an ordinary record from here on";
  EXPECT_EQ(out[0]->end_reason, EndReason::lack_of_resources);
  EXPECT_EQ(out[1]->octets[kForward], 1500U);
  EXPECT_EQ(out[1]->source_address[3], 2);
}

TEST(OverflowAccounter, KeepsInterfacesAndServicesApartWhereTheKeyDoes) {
  std::vector<FlowRecord> all(3, packet(1, 2, 0));
  all[1].ingress_interface = 2;
  all[2].ip_tos[kForward] = 8;
  KeyFields key;
  for (const std::size_t flows : {1U, 2U, 3U}) {
    key.in_if = flows > 1;
    key.ip_tos = flows > 2;
    OverflowAccounter accounter({.max_entries = 100, .timeout_ns = kSecond}, kHash, key);
    for (const FlowRecord& one : all) EXPECT_TRUE(accounter.add(one, 0));
    EXPECT_EQ(accounter.size(), flows);
  }
}

TEST(OverflowAccounter, KeepsApartWhatDiffersInOneFieldOfTheKey) {
  OverflowAccounter accounter({.max_entries = 100, .timeout_ns = kSecond}, kHash);
  FlowRecord base = packet(1, 2, 0);
  std::vector<FlowRecord> all(6, base);
  all[1].ports[kForward] = 1001;
  all[2].ports[kReverse] = 81;
  all[3].protocol = 17;
  all[4].destination_address[0] = 9;
  all[5].ip_version = 6;
  for (const FlowRecord& one : all) EXPECT_TRUE(accounter.add(one, 0));
  EXPECT_EQ(accounter.size(), all.size());
}

TEST(OverflowAccounter, KeepsIcmpTypesAndCodesApartWhereTheKeyDoes) {
  std::vector<FlowRecord> all(4, packet(1, 2, 0));
  unsigned type = 8;
  for (FlowRecord& one : all) {
    one.protocol = 1;
    one.ports[kReverse] = 0;
    one.set_icmp(kForward, type++ / 2 * 2, 0);  // 8, 8, 10, 10
  }
  all[3].set_icmp(kForward, 10, 1);
  KeyFields key;
  for (const bool icmp : {false, true}) {
    key.icmp = icmp;
    OverflowAccounter accounter({.max_entries = 100, .timeout_ns = kSecond}, kHash, key);
    for (const FlowRecord& one : all) EXPECT_TRUE(accounter.add(one, 0));
    EXPECT_EQ(accounter.size(), icmp ? 3U : 1U);
  }
}

TEST(OverflowAccounter, KeepsApartWhatTheKeyAddsAndSecurityAssociations) {
  OwnedRecord base(packet(1, 2, 0));
  base.add<TunnelSection>().type = TunnelType::vxlan;
  base.add<LabelSection>();
  base->vlan_id = 5;
  std::vector<OwnedRecord> all(5, base);
  all[1]->vlan_id = 6;
  all[2].add<TunnelSection>().id = 6;
  all[3].add<TunnelSection>().type = TunnelType::gre;
  all[4].add<LabelSection>().label = 7;
  OverflowAccounter plain({.max_entries = 100, .timeout_ns = kSecond}, kHash);
  KeyFields key;
  key.vlan_id = key.mpls_label = key.tunnel_id = true;
  OverflowAccounter parted({.max_entries = 100, .timeout_ns = kSecond}, kHash, key);
  for (const OwnedRecord& one : all) {
    EXPECT_TRUE(plain.add(one, 0));
    EXPECT_TRUE(parted.add(one, 0));
  }
  EXPECT_EQ(plain.size(), 1U);
  EXPECT_EQ(parted.size(), all.size());
  RecordBatch out;
  plain.collect_all(out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0]->sections, kSectionBit<TunnelSection> | kSectionBit<LabelSection>);
  EXPECT_EQ(out[0].find<TunnelSection>()->type, TunnelType::vxlan) << "of the first packet";

  OwnedRecord esp(packet(1, 2, 0));
  esp->protocol = 50;
  esp->ports[kForward] = esp->ports[kReverse] = 0;
  for (const std::uint32_t spi : {1U, 2U, 0x10000U}) {
    esp.add<EspSection>().spi = spi;
    EXPECT_TRUE(plain.add(esp, 0));
  }
  EXPECT_EQ(plain.size(), 3U);
}

TEST(OverflowAccounter, KeepsOfTheSectionsWhatIsTrueOfAllItsPackets) {
  OverflowAccounter accounter({.max_entries = 100, .timeout_ns = kSecond}, kHash);
  OwnedRecord first(packet(1, 2, 0));
  first.add<TunnelSection>().id = 1;
  first.add<LabelSection>().label = 3;
  first.add<EspSection>().spi = 4;
  first.add<Layer2Section>().ttl[kForward] = 64;
  first.add<TcpSection>().syn_count[kForward] = 1;
  EXPECT_TRUE(accounter.add(first, 0));
  EXPECT_TRUE(accounter.add(first, 0));
  RecordBatch out;
  accounter.collect_all(out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0]->sections, kSectionBit<TunnelSection> | kSectionBit<EspSection> | kSectionBit<LabelSection>)
      << "and no counters of the first packet alone";
  EXPECT_EQ(out[0].find<TunnelSection>()->id, 1U);
  EXPECT_EQ(out[0].find<LabelSection>()->label, 3U);
  EXPECT_EQ(out[0].find<EspSection>()->spi, 4U);
  EXPECT_EQ(out[0]->packets[kForward], 2U);
}

TEST(OverflowAccounter, LetsAnEntryGoWhenItsTimeIsOverAndNotBefore) {
  OverflowAccounter accounter({.max_entries = 10, .timeout_ns = 10 * kSecond}, kHash);
  accounter.add(packet(1, 2, 0), 0);
  accounter.add(packet(3, 4, 0), 4 * kSecond);
  accounter.add(packet(1, 2, 9 * kSecond), 9 * kSecond);  // does not keep it longer
  RecordBatch out;
  accounter.collect(10 * kSecond - 1, out);
  EXPECT_TRUE(out.empty());
  accounter.collect(10 * kSecond, out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0]->packets[kForward], 2U);
  accounter.collect(14 * kSecond - 1, out);
  EXPECT_EQ(out.size(), 1U);
  EXPECT_TRUE(accounter.add(packet(1, 2, 11 * kSecond), 11 * kSecond)) << "begins anew";
  accounter.collect(14 * kSecond, out);
  EXPECT_EQ(out.size(), 2U);
  EXPECT_EQ(accounter.size(), 1U);
}

TEST(OverflowAccounter, TakesNoMoreKeysThanItMayHoldAndGoesOnWithThoseItHas) {
  OverflowAccounter accounter({.max_entries = 3, .timeout_ns = kSecond}, kHash);
  for (std::uint8_t host = 1; host <= 3; ++host) EXPECT_TRUE(accounter.add(packet(host, 9, 0), 0));
  EXPECT_FALSE(accounter.add(packet(4, 9, 0), 0));
  EXPECT_TRUE(accounter.add(packet(2, 9, 0), 0));
  EXPECT_EQ(accounter.size(), 3U);
  RecordBatch out;
  accounter.collect_all(out);
  EXPECT_EQ(out.size(), 3U);
  EXPECT_TRUE(accounter.add(packet(4, 9, 0), 0)) << "there is room again";
}

TEST(OverflowAccounter, LosesNothingWhenThreadsAddWhileOneCollects) {
  constexpr unsigned kThreads = 3;
  constexpr unsigned kPackets = 20'000;
  OverflowAccounter accounter({.max_entries = 50, .timeout_ns = 1}, kHash);
  std::atomic<unsigned> running{kThreads};
  std::atomic<std::uint64_t> taken{0};
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      std::uint64_t mine = 0;
      for (unsigned i = 0; i < kPackets; ++i)
        mine += accounter.add(packet(static_cast<std::uint8_t>(i % 100), 1, i), i) ? 1 : 0;
      taken += mine;
      --running;
    });
  }
  RecordBatch out;
  while (running != 0) accounter.collect_all(out);
  for (std::thread& thread : threads) thread.join();
  accounter.collect_all(out);
  std::uint64_t counted = 0;
  for (const RecordView record : out) counted += record->packets[kForward];
  EXPECT_EQ(counted, taken.load());
  EXPECT_GT(counted, kPackets);
  EXPECT_EQ(accounter.size(), 0U);
}

// --- raw records: the agent's own accounter ---

using test::RawOctets;

/// Monotonic 1000 ns is one second past 2023-11-14 22:13:20 UTC on the wall.
constexpr std::uint64_t kWall = 1'700'000'001 * kSecond;
unsigned readings = 0;
WallReading clocks_of_test() {
  ++readings;
  return {1000, kWall};
}

/// A record of `host`, as the intake puts it into the ring.
RawFlowRecord raw(std::uint8_t host, std::uint64_t octets, std::uint64_t time_ns) {
  RawOctets made;
  made.source[15] = host;
  made.octets = octets;
  made.start_ns = made.end_ns = time_ns;
  const auto bytes = made.bytes();
  return RawFlowRecord(read_raw_record(bytes));
}

OverflowAccounter raw_accounter(std::uint64_t entries, std::uint64_t timeout_ns = 5 * kSecond) {
  return {{.max_entries = entries, .timeout_ns = timeout_ns}, kHash, &clocks_of_test};
}

TEST(RawAccounter, LetsAllGoWhenANewKeyFindsNoRoomAndKeepsTheNewOne) {
  // The published example: at most 2; monotonic now 1000 ns.
  OverflowAccounter accounter = raw_accounter(2);
  accounter.add(raw(1, 123, 123).view(), 123);
  accounter.add(raw(2, 456, 456).view(), 456);
  accounter.add(raw(1, 321, 789).view(), 789);
  RecordBatch out;
  accounter.collect(789, out);
  EXPECT_TRUE(out.empty()) << "a known key makes no room";
  accounter.add(raw(3, 111, 900).view(), 900);
  EXPECT_EQ(accounter.leaving(), 2U);
  accounter.collect(900, out);
  ASSERT_EQ(out.size(), 2U);
  const auto expect = [&](std::size_t i, std::uint8_t host, std::uint64_t packets, std::uint64_t octets,
                          std::uint64_t start, std::uint64_t end) {
    const RecordView record = out[i];
    EXPECT_EQ(record->source_address[3], host);
    EXPECT_EQ(record->packets[kForward], packets);
    EXPECT_EQ(record.find<LinkSection>()->octets[kForward], octets);
    EXPECT_EQ(record->octets[kForward], octets - 14 * packets);
    EXPECT_EQ(record.find<LinkSection>()->start_mono_ns, start);
    EXPECT_EQ(record.find<LinkSection>()->end_mono_ns, end);
    EXPECT_EQ(record->first_ns[kForward], kWall - (1000 - start));
    EXPECT_EQ(record->last_ns[kForward], kWall - (1000 - end));
    EXPECT_EQ(record->end_reason, EndReason::lack_of_resources);
  };
  expect(0, 1, 2, 444, 123, 789);
  expect(1, 2, 1, 456, 456, 456);
  EXPECT_EQ(accounter.size(), 1U);
  accounter.collect_all(out);
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(out[2]->source_address[3], 3);
  EXPECT_EQ(out[2]->end_reason, EndReason::forced_end);
  EXPECT_EQ(accounter.size(), 0U);
}

TEST(RawAccounter, LetsAllGoEveryTimeoutWhateverLeftBetween) {
  OverflowAccounter accounter = raw_accounter(1, 100);
  accounter.add(raw(1, 100, 10).view(), 10);  // the timeout is over at 110, 210 ...
  accounter.add(raw(2, 100, 90).view(), 90);  // no room: the first leaves
  RecordBatch out;
  accounter.collect(109, out);
  EXPECT_EQ(out.size(), 1U);
  accounter.collect(110, out);
  ASSERT_EQ(out.size(), 2U) << "20 ns old, and due";
  EXPECT_EQ(out[1]->end_reason, EndReason::active_timeout);
  accounter.collect(210, out);
  EXPECT_EQ(out.size(), 2U) << "nothing is there";
  accounter.add(raw(2, 100, 250).view(), 250);
  accounter.add(raw(2, 100, 320).view(), 320);  // the timeout was over at 310
  EXPECT_EQ(accounter.leaving(), 1U);
  accounter.collect(320, out);
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(out[2]->packets[kForward], 1U);
}

TEST(RawAccounter, TellsFlowsApartByAllThatTheAgentDoes) {
  std::vector<RawOctets> all(11);
  all[1].ether_type = 0x86dd;
  all[2].direction = 1;
  all[3].source_mac[5] = 1;
  all[4].destination_mac[0] = 1;
  all[5].source[15] = 9;
  all[6].destination[15] = 9;
  all[7].source_port = 1;
  all[8].destination_port = 1;
  all[9].protocol = 17;
  all[10].interface = 0x01000002;
  OverflowAccounter accounter = raw_accounter(100);
  for (const unsigned round : {0U, 1U}) {
    for (const RawOctets& one : all) {
      const auto bytes = one.bytes();
      accounter.add(RawFlowRecord(read_raw_record(bytes)).view(), round);
    }
  }
  EXPECT_EQ(accounter.size(), all.size());
}

TEST(RawAccounter, TakesUnsetTimesForUnsetAndLaterOnesForNow) {
  OverflowAccounter accounter = raw_accounter(10);
  const auto add = [&](std::uint8_t host, std::uint64_t start, std::uint64_t end) {
    RawOctets made;
    made.source[15] = host;
    made.start_ns = start;
    made.end_ns = end;
    const auto bytes = made.bytes();
    accounter.add(RawFlowRecord(read_raw_record(bytes)).view(), 1);
  };
  add(1, 0, 500);
  add(1, 300, 0);
  add(1, 400, 450);
  add(2, 0, 700);
  add(3, 0, 0);
  add(4, 900, 1001);
  add(5, 2000, 1500);
  RecordBatch out;
  accounter.collect_all(out);
  ASSERT_EQ(out.size(), 5U);
  const auto times = [&](std::size_t i) { return std::pair(out[i]->first_ns[kForward], out[i]->last_ns[kForward]); };
  EXPECT_EQ(times(0), std::pair(kWall - 700, kWall - 500));
  EXPECT_EQ(out[0].find<LinkSection>()->start_mono_ns, 300U);
  EXPECT_EQ(out[0].find<LinkSection>()->end_mono_ns, 500U);
  EXPECT_EQ(times(1), std::pair(kWall - 300, kWall - 300)) << "the start is unset";
  EXPECT_EQ(times(2), std::pair(kWall, kWall)) << "both are";
  EXPECT_EQ(times(3), std::pair(kWall - 100, kWall)) << "the end is in the future";
  EXPECT_EQ(times(4), std::pair(kWall, kWall)) << "both are";
  EXPECT_EQ(accounter.times_clamped(), 3U);
}

TEST(RawAccounter, ReadsTheClocksOnceForAllThatLeaveTogether) {
  readings = 0;
  OverflowAccounter accounter = raw_accounter(50);
  for (std::uint8_t host = 0; host < 100; ++host) accounter.add(raw(host, 60, 5).view(), 5);
  RecordBatch out;
  for (unsigned i = 0; i < 20; ++i) accounter.collect(5, out, 5);
  EXPECT_EQ(out.size(), 50U);
  EXPECT_EQ(readings, 1U);
  accounter.collect_all(out);
  EXPECT_EQ(out.size(), 100U);
  EXPECT_EQ(readings, 2U);
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i]->source_address[3], i) << "in the order they came";
}

TEST(RawAccounter, StandsTimesThatNoClockShows) {
  OverflowAccounter accounter = raw_accounter(10, UINT64_MAX / 2);
  accounter.add(raw(1, 60, UINT64_MAX).view(), UINT64_MAX);
  accounter.add(raw(2, 60, UINT64_MAX).view(), UINT64_MAX - 1);
  RecordBatch out;
  accounter.collect(UINT64_MAX, out);
  accounter.collect_all(out);
  EXPECT_EQ(out.size(), 2U);
  EXPECT_EQ((WallReading{5 * kSecond, kSecond}.wall_time_ns(1)), 0U) << "a wall clock that stands before the age";
}

}  // namespace
}  // namespace weir::overflow_accounter_test
