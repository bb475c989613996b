// --pair: what is seen at both ports of a pair counts once, whichever worker receives it, and every packet is accounted
// for.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "dataplane/sightings.h"
#include "tests/support/frame_list.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"
#include "tests/unit/dataplane/worker_fixtures.h"

namespace weir::test::pair_test {
namespace {

constexpr std::uint64_t kNow = 1'700'000'000'000'000'000;

PortPairs one_and_two() {
  PortPairs pairs;
  pairs.join(1, 2);
  return pairs;
}

/// The sighting of the IPv4 or IPv6 packet after an Ethernet header of 14 octets.
std::uint64_t sighted(const Bytes& frame) {
  const PacketView view = view_of(frame);
  return sighting_of(FlowHeader::at(view, {14, static_cast<std::uint32_t>(frame.size() - 14)}), kHash);
}

PacketBuilder ask() {
  return packet().eth().ipv4("10.0.0.1", "10.0.0.2");
}
Bytes numbered(unsigned number) {
  return ask()
      .udp(1000, 53)
      .payload({static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)})
      .bytes();
}

TEST(Sighting, IsOfThePacketWithoutWhatARouterChanges) {
  const std::uint64_t first = sighted(ask().ttl(64).udp(1, 2).payload(10).bytes());
  EXPECT_EQ(sighted(packet().eth(7, 8).ipv4("10.0.0.1", "10.0.0.2").ttl(63).udp(1, 2).payload(10).bytes()), first);
  EXPECT_NE(sighted(ask().ttl(64).tos(4).udp(1, 2).payload(10).bytes()), first);
  EXPECT_NE(sighted(ask().ttl(64).udp(1, 3).payload(10).bytes()), first);
  EXPECT_NE(sighted(ask().ttl(64).udp(1, 2).payload(11).bytes()), first);
  EXPECT_NE(sighted(ask().ttl(64).udp(1, 2).payload(Bytes(10, 0xa4)).bytes()), first);
  const auto six = [](unsigned hops) {
    return sighted(packet().eth().ipv6("2001:db8::1", "2001:db8::2").ttl(hops).udp(1, 2).bytes());
  };
  EXPECT_EQ(six(64), six(63));
}

/// Asks one cache about packets.
class SightingsOfAPair : public ::testing::Test {
 protected:
  bool duplicate(std::uint64_t sighting, std::uint32_t interface, std::uint64_t now_ns) {
    ParsedPacket packet{};
    packet.add_nothing();
    packet.sighting = sighting;
    packet.ingress_interface = interface;
    return sightings_.is_duplicate(packet, now_ns);
  }
  Sightings sightings_{one_and_two()};
};

TEST_F(SightingsOfAPair, TakeTheSecondOneAtTheOtherPortForADuplicate) {
  EXPECT_FALSE(duplicate(7, 1, kNow));
  EXPECT_FALSE(duplicate(8, 2, kNow)) << "another packet";
  EXPECT_TRUE(duplicate(7, 2, kNow + 1000));
  EXPECT_FALSE(duplicate(7, 2, kNow + 2000)) << "the first sighting is taken";
  EXPECT_TRUE(duplicate(7, 1, kNow + 3000));
}

TEST_F(SightingsOfAPair, CountWhatComesTwiceAtOnePortTwice) {
  EXPECT_FALSE(duplicate(7, 1, kNow));
  EXPECT_FALSE(duplicate(7, 1, kNow));
  EXPECT_TRUE(duplicate(7, 2, kNow));
  EXPECT_TRUE(duplicate(7, 2, kNow));
  EXPECT_FALSE(duplicate(7, 2, kNow));
}

TEST_F(SightingsOfAPair, ForgetAfterTheWindow) {
  EXPECT_FALSE(duplicate(7, 1, kNow));
  EXPECT_FALSE(duplicate(7, 2, kNow + Sightings::kWindowNs + 1));
  EXPECT_TRUE(duplicate(7, 1, kNow + 2 * Sightings::kWindowNs + 1)) << "the second one was remembered then";
}

TEST_F(SightingsOfAPair, KnowNothingOfPortsInNoPair) {
  EXPECT_FALSE(duplicate(7, 3, kNow));
  EXPECT_FALSE(duplicate(7, 3, kNow));
  EXPECT_FALSE(duplicate(7, 1, kNow));
}

TEST_F(SightingsOfAPair, ForgetTheOldestOfASetFirst) {
  for (std::uint64_t i = 1; i <= 5; ++i) EXPECT_FALSE(duplicate(i, 1, kNow + i));  // all of one set
  EXPECT_FALSE(duplicate(1, 2, kNow + 6)) << "the first one made room for the fifth, and this one for the second";
  EXPECT_TRUE(duplicate(5, 2, kNow + 7));
  EXPECT_TRUE(duplicate(3, 2, kNow + 8));
}

/// Two ports, each of which shows every packet of a conversation, as a switch that mirrors both sides of a router does.
struct Both {
  std::uint64_t packets = 0;
  PacketCount duplicate;
  PacketCount handed_over;
  std::vector<OwnedRecord> records;
};
Both count_both(unsigned workers, bool hands_over, const std::vector<Bytes>& frames, const KeyFields& key = {}) {
  HandoverMesh mesh(workers);
  std::vector<std::unique_ptr<Worker>> all;
  std::vector<FrameList> first(workers);
  std::vector<FrameList> second(workers);
  for (unsigned number = 0; number < workers; ++number) {
    WorkerOptions options;
    options.number = number;
    options.workers = workers;
    options.capacity = 4000;
    options.pairs = one_and_two();
    options.key = key;
    options.handover = hands_over ? &mesh : nullptr;
    all.push_back(std::make_unique<Worker>(options, kHash));
    first[number].ingress_interface = 1;
    second[number].ingress_interface = 2;
  }
  // With hand-over the two ports' devices choose the worker each in its way, of two frames in a row the same one;
  // without, alike.
  for (std::size_t i = 0; i < frames.size(); ++i) {
    first[hands_over ? i / 2 % workers : 0].frames.push_back(frames[i]);
    second[hands_over ? (i / 6 + 1) % workers : 0].frames.push_back(frames[i]);
  }
  std::uint64_t now_ns = kNow;
  for (unsigned round = 0; round < 100; ++round) {
    now_ns += 1000;
    for (unsigned number = 0; number < workers; ++number) all[number]->poll(first[number], now_ns);
    for (unsigned number = 0; number < workers; ++number) all[number]->poll(second[number], now_ns);
  }
  Both both;
  PacketCount taken_over;
  for (unsigned number = 0; number < workers; ++number) {
    EXPECT_TRUE(first[number].done() && second[number].done());
    all[number]->drain(now_ns);
    expect_balanced(*all[number]);
    const WorkerCounters counters = all[number]->counters();
    both.duplicate += counters.duplicate;
    both.handed_over += counters.handed_over;
    taken_over += counters.taken_over;
    both.packets += counters.counted.packets;
    for (const RecordView record : take_batch(all[number]->records())) both.records.emplace_back(record);
  }
  EXPECT_EQ(both.handed_over, taken_over);
  return both;
}

TEST(Pair, APacketThatBothPortsShowCountsOnceAndTheOtherIsADuplicate) {
  std::vector<Bytes> frames;
  std::uint64_t octets = 0;
  for (unsigned i = 0; i < 300; ++i) octets += frames.emplace_back(numbered(i)).size();
  for (const unsigned workers : {1U, 2U, 3U}) {
    const Both both = count_both(workers, workers > 1, frames);
    EXPECT_EQ(both.packets, 300U);
    EXPECT_EQ(both.duplicate, (PacketCount{300, octets}));
    ASSERT_EQ(both.records.size(), 1U);
    const RecordView record = both.records[0];
    EXPECT_EQ(record->packets[kForward], 300U);
    const auto* const egress = record.find<EgressSection>();
    ASSERT_NE(egress, nullptr);
    EXPECT_EQ(record->ingress_interface + egress->interface, 3U);
    EXPECT_EQ(egress->reverse_interface, record->ingress_interface);
    EXPECT_EQ(both.handed_over.packets > 0, workers > 1);
  }
}

TEST(Pair, BothSightingsHaveOneOwnerWhereInterfacesAreInTheKey) {
  std::vector<Bytes> frames;
  for (unsigned i = 0; i < 300; ++i) {
    frames.push_back(packet().eth().ipv4("10.0.0.1", "10.0.1." + std::to_string(i % 200)).udp(1, 2).payload(4).bytes());
    frames.back()[18] = static_cast<std::uint8_t>(i >> 8);  // the identification tells them apart
    frames.back()[19] = static_cast<std::uint8_t>(i);
  }
  for (const bool out_if : {false, true}) {
    KeyFields key;
    key.in_if = true;
    key.out_if = out_if;
    const Both both = count_both(3, true, frames, key);
    EXPECT_EQ(both.packets, 300U);
    EXPECT_EQ(both.duplicate.packets, 300U);
  }
}

TEST(Pair, FragmentsOfBothPortsMeetAtTheOwnerOfTheirFlow) {
  std::vector<Bytes> frames;
  for (unsigned i = 0; i < 60; ++i) {
    frames.push_back(ask().fragment(0, true, i).udp(1000, 53).payload(8).bytes());
    frames.push_back(ask().protocol(17).fragment(16, false, i).payload(24).bytes());
  }
  for (const unsigned workers : {1U, 3U}) {
    const Both both = count_both(workers, workers > 1, frames);
    EXPECT_EQ(both.packets, 120U);
    EXPECT_EQ(both.duplicate.packets, 120U);
  }
}

TEST(Pair, TheInterfacesOfARecordAreThoseOfItsInitiatorWhoeverWasSeenFirst) {
  WorkerOptions options;
  options.capacity = 100;
  options.pairs = one_and_two();
  Worker worker(options, kHash);
  // The answer to a SYN that was not seen: it came in at port 2, so the initiator's packets come in at port 1.
  FrameList source;
  source.ingress_interface = 2;
  source.frames.push_back(packet().eth().ipv4("10.0.0.2", "10.0.0.1").tcp(80, 1000).flags(kSyn | kAck).bytes());
  worker.poll(source, kNow);
  FrameList other;
  other.ingress_interface = 3;
  other.frames.push_back(numbered(1));
  worker.poll(other, kNow + 1);
  worker.drain(kNow + 2);
  const RecordBatch records = take_batch(worker.records());
  ASSERT_EQ(records.size(), 2U);
  for (const RecordView record : records) {
    const auto* const egress = record.find<EgressSection>();
    if (record->protocol == 17) {
      EXPECT_EQ(record->ingress_interface, 3U);
      EXPECT_EQ(egress, nullptr) << "its port is in no pair";
      continue;
    }
    EXPECT_EQ(record->ingress_interface, 1U);
    ASSERT_NE(egress, nullptr);
    EXPECT_EQ(egress->interface, 2U);
    EXPECT_EQ(egress->reverse_interface, 1U);
  }
}

}  // namespace
}  // namespace weir::test::pair_test
