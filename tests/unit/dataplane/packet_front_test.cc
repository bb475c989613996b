// The way in: a frame becomes a packet whose ports are known, a reject by name, or another worker's message.
#include "dataplane/packet_front.h"

#include <gtest/gtest.h>

#include "tests/support/flow_packet.h"
#include "tests/support/packet_builder.h"

namespace weir::test::packet_front_test {
namespace {

const KeyHash kHash({1, 2, 3, 4, 5, 6});

PacketBuilder from_a_to_b() {
  return packet().eth().ipv4("10.0.0.1", "10.0.0.2");
}

/// What a front makes of a frame without metrics.
struct Parsed {
  Parsed(PacketFront& front, const Bytes& frame, std::uint64_t effective_ns = kEpochNs)
      : arrival(front.parse_at<false>(view_of(frame, kEpochNs), effective_ns, packet, nullptr)) {}
  ParsedPacket packet{};
  Arrival arrival;
};

TEST(PacketFront, APacketHasTheEffectiveTimeWhicheverParserTookIt) {
  PacketFront front(ParserOptions::defaults(), kHash);
  for (const Bytes& frame : {from_a_to_b().udp(1, 2).payload(20).bytes(),
                             packet().eth().vlan(3).ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(20).bytes(),
                             packet().eth().ipv4("10.0.0.1", "10.0.0.2").options(8).udp(1, 2).bytes()}) {
    const Parsed parsed(front, frame, kEpochNs + 5_s);
    EXPECT_EQ(parsed.arrival, Arrival::packet);
    EXPECT_EQ(parsed.packet.key.port_low, 1);
    EXPECT_EQ(parsed.packet.key.port_high, 2);
    EXPECT_EQ(parsed.packet.time_ns, kEpochNs);
    EXPECT_EQ(parsed.packet.effective_ns, kEpochNs + 5_s);
  }
}

TEST(PacketFront, FactsAreReadWhereTheyAreWanted) {
  PacketFront front(ParserOptions::defaults(), kHash);
  for (const bool plain : {true, false}) {
    auto builder = packet().eth();
    if (!plain) builder.vlan(1).vlan(2);
    const Bytes frame = builder.ipv4("10.0.0.1", "10.0.0.2").ttl(37).tcp(1, 2).window(4000).bytes();
    ParsedPacket packet;
    PacketFacts facts{};
    EXPECT_EQ(front.parse<true>(view_of(frame, kEpochNs), packet, &facts), Arrival::packet);
    EXPECT_EQ(facts.ttl, 37);
    EXPECT_EQ(facts.window(), 4000);
  }
}

TEST(PacketFront, ARejectAndALengthThatIsTheFramesAreCountedByName) {
  PacketFront front(ParserOptions::defaults(), kHash);
  EXPECT_EQ(Parsed(front, packet().eth().ether_type(0x0806).payload(46).bytes()).arrival, Arrival::rejected);
  EXPECT_EQ(Parsed(front, from_a_to_b().ip_total_length(0).udp(1, 2).payload(2000).bytes()).arrival, Arrival::packet);
  EXPECT_EQ(front.counters().rejects[static_cast<std::size_t>(Reject::ether_type_arp)], (PacketCount{1, 60}));
  EXPECT_EQ(front.counters().length_from_frame, (PacketCount{1, 14 + 28 + 2000}));
}

TEST(PacketFront, ALaterFragmentHasThePortsOfItsFirstIfThatCameBefore) {
  PacketFront front(ParserOptions::defaults(), kHash);
  const Bytes first = from_a_to_b().fragment(0, true, 7).udp(1000, 53).payload(24).bytes();
  const Bytes later = from_a_to_b().protocol(17).fragment(32, false, 7).payload(24).bytes();
  const Parsed early(front, later);
  EXPECT_EQ(early.arrival, Arrival::packet);
  EXPECT_EQ(early.packet.key.port_low, 0);
  EXPECT_EQ(front.counters().fragments_without_first, (PacketCount{1, 14 + 20 + 24}));
  EXPECT_EQ(Parsed(front, first).arrival, Arrival::packet);
  const Parsed after(front, later);
  EXPECT_EQ(after.arrival, Arrival::packet);
  EXPECT_EQ(after.packet.key.port_low, 1000);
  EXPECT_EQ(after.packet.key.port_high, 53);
  EXPECT_EQ(front.counters().fragments_without_first.packets, 1U);
  EXPECT_EQ(front.counters().fragments_handed_over, PacketCount{});
}

TEST(PacketFront, FragmentsOfAnotherWorkersDatagramGoThereForEveryMonitor) {
  HandoverMesh mesh(2);
  PacketFront here(ParserOptions::defaults(), kHash, &mesh, 0);
  PacketFront there(ParserOptions::defaults(), kHash, &mesh, 1);
  constexpr unsigned kDatagrams = 64;
  unsigned away = 0;
  for (unsigned id = 0; id < kDatagrams; ++id) {
    const Bytes first = from_a_to_b().fragment(0, true, id).udp(1000 + id, 53).payload(24).bytes();
    const Bytes later = from_a_to_b().protocol(17).fragment(32, false, id).payload(24).bytes();
    EXPECT_EQ(Parsed(here, first).arrival, Arrival::packet) << "it has its ports, wherever its datagram belongs";
    away += Parsed(here, later).arrival == Arrival::elsewhere ? 1 : 0;
  }
  mesh.publish(0);
  unsigned notes = 0;
  unsigned packets = 0;
  mesh.ring(0, 1).consume(
      SIZE_MAX,
      [&](std::uint8_t monitor, const SentPacket& sent, const SentFacts* facts) {
        EXPECT_EQ(monitor, HandoverMessage::kEveryMonitor);
        EXPECT_EQ(facts, nullptr);
        ParsedPacket packet{};
        sent.copy_to(packet);
        there.take_over(packet);
        EXPECT_EQ(packet.key.port_low, 1000 + packet.fragment_id);
        ++packets;
      },
      [&](const FragmentNote& note) {
        EXPECT_EQ(notes, packets) << "the note comes before the fragment";
        there.learn(note, kEpochNs);
        ++notes;
      },
      [](std::uint8_t, const IcmpError&) { FAIL() << "no metric wants to know"; },
      [](std::uint64_t) { FAIL() << "no epoch ended"; });
  EXPECT_GT(away, 0U);
  EXPECT_LT(away, kDatagrams);
  EXPECT_EQ(notes, away);
  EXPECT_EQ(packets, away);
  EXPECT_EQ(here.counters().fragments_handed_over, (PacketCount{away, away * std::uint64_t{58}}));
  EXPECT_EQ(there.counters().fragments_taken_over, here.counters().fragments_handed_over);
  EXPECT_EQ(there.counters().fragments_without_first, PacketCount{});
}

TEST(PacketFront, AFullRingSaysThatTheFragmentIsLost) {
  HandoverMesh mesh(2);
  PacketFront front(ParserOptions::defaults(), kHash, &mesh, 0);
  const auto later = [](unsigned id) { return from_a_to_b().protocol(17).fragment(32, false, id).payload(24).bytes(); };
  unsigned id = 0;
  while (Parsed(front, later(id)).arrival != Arrival::elsewhere) ++id;
  for (std::size_t i = 1; i < HandoverMesh::kRingPacketsWhole; ++i) {
    ASSERT_EQ(Parsed(front, later(id)).arrival, Arrival::elsewhere);
  }
  EXPECT_EQ(Parsed(front, later(id)).arrival, Arrival::lost);
  EXPECT_EQ(front.counters().fragments_handed_over.packets, HandoverMesh::kRingPacketsWhole);
}

}  // namespace
}  // namespace weir::test::packet_front_test
