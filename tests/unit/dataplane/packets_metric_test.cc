// What the metric `packets` keeps of flows made by hand, and that the pool gets back all that it gave.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "dataplane/metric/packets.h"
#include "tests/support/meter.h"

namespace weir::test::packets_metric_test {
namespace {

std::uint64_t missing_lists(const LinePool& pool) {
  return pool.missing()[static_cast<std::size_t>(MissingFact::packets_cut)];
}
std::uint32_t take(LinePool& pool) {
  return pool.take(MissingFact::packets_cut);
}

Metrics only_packets(std::uint16_t most) {
  MetricParameters parameters;
  parameters.first_packets = most;
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    if (Metrics::kInfos[i].name == "packets") return Metrics(1U << i, parameters);
  }
  ADD_FAILURE() << "there is no metric of this name";
  return {};
}

class PacketsMeter : public Meter {
 public:
  explicit PacketsMeter(std::uint16_t most = 30, const FlowTimeouts& timeouts = {}, std::uint32_t capacity = 1024,
                        std::size_t ring_records = 1U << 12)
      : Meter(capacity, timeouts, ring_records, RingFull::lose, WhenFull::evict, {1, 2, 3, 4, 5, 6},
              only_packets(most)) {}

  void see(const FlowPacket& packet) { add(packet.packet(), PacketFacts{}); }
  /// Of each record its packets as "length/time/direction/flags".
  std::vector<std::string> lists() {
    std::vector<std::string> texts;
    for (const RecordView record : batch()) {
      std::string text;
      if (const auto* const section = record.find<PacketsSection>()) {
        for (std::uint32_t i = 0; i < section->size(); ++i) {
          const FirstPacket& packet = section->packets[i];
          text += (i == 0 ? "" : " ") + std::to_string(packet.ip_octets) + "/" + std::to_string(packet.offset_ns()) +
                  "/" + std::to_string(packet.direction) + "/" + std::to_string(packet.tcp_flags);
        }
      }
      texts.push_back(text);
    }
    return texts;
  }
};

using Lists = std::vector<std::string>;

FlowPacket ask(std::uint16_t port = 1000) {
  return flow_packet().from("10.0.0.2", port).to("10.0.0.1", 80);
}
FlowPacket answer(std::uint16_t port = 1000) {
  return flow_packet().from("10.0.0.1", 80).to("10.0.0.2", port);
}

TEST(PacketsMetric, ListsLengthTimeDirectionAndFlagsInTheOrderOfArrival) {
  PacketsMeter meter;
  meter.see(ask().tcp(0x02).octets(60).at(1_s));
  meter.see(answer().tcp(0x12).octets(52).at(1_s + 7));
  meter.see(ask().tcp(0x10).octets(40).at(1_s + 15_ms));
  meter.drain(2_s);
  EXPECT_EQ(meter.lists(), Lists{"60/0/0/2 52/7/1/18 40/15000000/0/16"});
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  meter.expect_balanced();
}

TEST(PacketsMetric, CallsTheInitiatorsDirection0WhoeverHasTheLesserAddress) {
  PacketsMeter meter;
  meter.see(answer().tcp(0x02).octets(60).at(0));
  meter.see(ask().tcp(0x12).octets(52).at(1_ms));
  meter.drain(2_s);
  EXPECT_EQ(meter.lists(), Lists{"60/0/0/2 52/1000000/1/18"});
}

TEST(PacketsMetric, TellsTheInitiatorByTheHandshakeEvenWhereItsSynWasNotSeen) {
  PacketsMeter meter;
  meter.see(answer().tcp(0x12).octets(52).at(0));
  meter.see(ask().tcp(0x10).octets(40).at(1_ms));
  meter.drain(2_s);
  EXPECT_EQ(meter.lists(), Lists{"52/0/1/18 40/1000000/0/16"}) << "who sends SYN/ACK is the responder";
}

TEST(PacketsMetric, KeepsTheFirstNOfEveryNumber) {
  for (const unsigned most : {1U, 4U, 5U, 6U, 10U, 29U, 30U}) {
    PacketsMeter meter(static_cast<std::uint16_t>(most));
    std::string expected;
    for (unsigned i = 0; i < 40; ++i) {
      meter.see(ask().udp().octets(100 + i).at(i * 1_ms));
      if (i >= most) continue;
      expected += (i == 0 ? "" : " ") + std::to_string(100 + i) + "/" + std::to_string(i * 1_ms) + "/0/0";
    }
    EXPECT_EQ(meter.shard.pool().in_use(), (most - 1) / 5) << "five packets in a line, and the last ones in none";
    meter.drain(2_s);
    EXPECT_EQ(meter.lists(), Lists{expected});
    EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  }
}

TEST(PacketsMetric, BeginsAnewWithEachRecordAndGivesItsLinesBack) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 1_s;
  PacketsMeter meter(30, timeouts);
  for (unsigned i = 0; i < 7; ++i) meter.see(ask().udp().octets(100 + i).at(i * 1_ms));
  EXPECT_EQ(meter.shard.pool().in_use(), 1U);
  meter.pass(1100_ms);
  EXPECT_EQ(meter.shard.pool().in_use(), 0U) << "reported by its timer";
  for (unsigned i = 0; i < 6; ++i) meter.see(ask().udp().octets(50 + i).at(1200_ms + i * 100_ms));
  EXPECT_EQ(meter.shard.pool().in_use(), 1U);
  meter.see(ask().udp().octets(52).at(2300_ms));  // reported by the packet, before its timer
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  meter.drain(3_s);
  const Lists lists = meter.lists();
  ASSERT_EQ(lists.size(), 3U);
  EXPECT_EQ(lists[1], "50/0/0/0 51/100000000/0/0 52/200000000/0/0 53/300000000/0/0 54/400000000/0/0 55/500000000/0/0");
  EXPECT_EQ(lists[2], "52/0/0/0");
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
}

TEST(PacketsMetric, APacketOlderThanTheFirstHasNoTimeAfterIt) {
  PacketsMeter meter;
  meter.see(ask().udp().octets(50).at(20_ms));
  meter.see(ask().udp().octets(51).at(20_ms).stamped(5_ms));
  meter.see(ask().udp().octets(52).at(30_ms));
  meter.drain(1_s);
  EXPECT_EQ(meter.lists(), Lists{"50/0/0/0 51/0/0/0 52/10000000/0/0"});
}

TEST(PacketsMetric, CutsListsWhereThePoolIsEmptyAndCountsThem) {
  constexpr std::uint32_t kFlows = 8192;
  PacketsMeter meter(30, {}, kFlows, 1U << 16);
  const std::uint32_t lines = meter.shard.pool().capacity();
  ASSERT_EQ(lines, 4096U * 5) << "five lines for each of half of the flows";
  for (unsigned i = 0; i < 30; ++i) {
    for (std::uint32_t flow = 0; flow < 6000; ++flow) {
      meter.see(flow_packet()
                    .from("10.0.0.2", static_cast<std::uint16_t>(flow))
                    .to("10.0.0.1", 80)
                    .udp()
                    .octets(50)
                    .at(i * 1_ms));
    }
  }
  EXPECT_EQ(meter.shard.pool().in_use(), lines);
  EXPECT_EQ(missing_lists(meter.shard.pool()), 6000U) << "20480 lines are three for each of 6000 flows, and 2480 more";
  meter.drain(1_s);
  const RecordBatch batch = meter.batch();
  ASSERT_EQ(batch.size(), 6000U);
  std::uint64_t twenty = 0, more = 0;
  for (const RecordView record : batch) {
    const std::uint32_t count = record.find<PacketsSection>()->count;
    EXPECT_TRUE(count == 20 || count == 25) << count;
    ++(count == 20 ? twenty : more);
  }
  EXPECT_EQ(more, 2480U);
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
  meter.expect_balanced();
}

TEST(PacketsMetric, OfARecordThatFoundNoRoomGivesItsLinesBackToo) {
  PacketsMeter meter(30, {}, 1024, 8);  // a ring for eight records without sections, or for two of these
  const auto open = [&](std::uint16_t port, std::uint64_t at) {  // six packets, five of which go to the pool
    meter.see(ask(port).tcp(0x02).octets(60).at(at));
    for (unsigned i = 0; i < 5; ++i) meter.see(ask(port).tcp(0x10).octets(40).at(at));
  };
  for (std::uint16_t port = 0; port < 20; ++port) open(port, port * 1_ms);
  // Each conversation is followed by the next one on its ports, so that the entry must be vacated at once.
  for (std::uint16_t port = 0; port < 20; ++port) {
    meter.see(ask(port).tcp(0x04).octets(40).at(100_ms + port * 2_ms));
    open(port, 101_ms + port * 2_ms);
  }
  EXPECT_GT(meter.counters.lost[static_cast<std::size_t>(Loss::ring_full)].records, 0U);
  EXPECT_EQ(meter.shard.pool().in_use(), 20U) << "one for each flow in the table";
  meter.expect_balanced();
}

TEST(PacketsMetric, CountsRecordsThatHaveWhatItMeasured) {
  PacketsMeter meter;
  for (std::uint16_t port = 0; port < 3; ++port) meter.see(ask(port).udp().octets(60).at(0));
  meter.drain(1_s);
  std::uint64_t counted = 0;
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    const std::uint64_t records = meter.counters.records_with_metric[i];
    EXPECT_EQ(records, Metrics::kInfos[i].name == "packets" ? 3U : 0U);
    counted += records;
  }
  EXPECT_EQ(counted, 3U);
}

TEST(LinePool, GivesWhatItGotBackBeforeLinesThatWereNeverUsed) {
  LinePool pool(4);
  ASSERT_TRUE(pool.ok());
  const std::uint32_t a = take(pool), b = take(pool);
  pool.at<std::uint64_t>(a) = 7;
  pool.next(a) = b;
  pool.give(a);
  EXPECT_EQ(pool.in_use(), 0U);
  EXPECT_EQ(pool.octets_in_use(), 128U);
  const std::uint32_t again = take(pool);
  EXPECT_TRUE(again == a || again == b);
  EXPECT_EQ(pool.at<std::uint64_t>(again), 0U) << "it is all 0";
  EXPECT_EQ(pool.next(again), LinePool::kNone);
  for (unsigned i = 0; i < 3; ++i) EXPECT_NE(take(pool), LinePool::kNone);
  EXPECT_EQ(take(pool), LinePool::kNone);
  EXPECT_EQ(missing_lists(pool), 1U);
  pool.clear();
  EXPECT_EQ(pool.in_use(), 0U);
  EXPECT_NE(take(pool), LinePool::kNone);
}

TEST(LinePool, CountsWhatItHadNoLineForByName) {
  LinePool pool(1);
  EXPECT_NE(pool.take(MissingFact::dns_question_cut), LinePool::kNone);
  EXPECT_EQ(pool.missing(), (std::array<std::uint64_t, kMissingFactCount>{}));
  EXPECT_EQ(pool.take(MissingFact::packets_cut), LinePool::kNone);
  EXPECT_EQ(pool.take(MissingFact::dns_question_cut), LinePool::kNone);
  EXPECT_EQ(pool.take(MissingFact::dns_question_cut), LinePool::kNone);
  EXPECT_EQ(pool.missing(), (std::array<std::uint64_t, kMissingFactCount>{1, 2}));
}

}  // namespace
}  // namespace weir::test::packets_metric_test
