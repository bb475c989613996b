// Messages between two workers: what goes in comes out, in order, each of its own length and for its own monitor.
#include "dataplane/handover.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace weir::test::handover_test {
namespace {

ParsedPacket packet_of(std::uint32_t number) {
  ParsedPacket packet{};
  packet.key.address[0] = std::uint64_t{number} << 32 | 1;
  packet.key.set_tail(1, 2, 17, 4);
  packet.frame_octets = number;
  return packet;
}

/// A packet with something that the common stack lacks: the identification, which every fragment has.
ParsedPacket fragment_of(std::uint32_t number) {
  ParsedPacket packet = packet_of(number);
  packet.facts = kLaterFragment;
  packet.fragment_id = number;
  return packet;
}

PacketFacts facts_of(std::uint32_t number) {
  PacketFacts facts{};
  facts.payload_octets = number;
  return facts;
}

FragmentNote note_of(std::uint32_t number) {
  return {.key = packet_of(number).key, .from = Side::high, .fragment_protocol = 17, .fragment_id = number};
}

IcmpError error_of(std::uint32_t number) {
  IcmpError error{};
  error.quoted = packet_of(number);
  error.mtu = number;
  return error;
}

/// A message as text.
std::string text(const char* kind, std::uint32_t number, unsigned monitor) {
  return std::string(kind) + ' ' + std::to_string(number) + " for " + std::to_string(monitor);
}

std::size_t take(HandoverRing& ring, std::size_t most, std::vector<std::string>& out) {
  return ring.consume(
      most,
      [&](std::uint8_t monitor, const SentPacket& sent, const SentFacts* facts_sent) {
        ParsedPacket packet{};
        sent.copy_to(packet);
        if (facts_sent != nullptr) {
          PacketFacts facts;
          facts_sent->copy_to(facts);
          EXPECT_EQ(facts.payload_octets, packet.frame_octets);
        }
        const bool later = packet.facts != 0;
        const ParsedPacket as_sent = later ? fragment_of(packet.frame_octets) : packet_of(packet.frame_octets);
        EXPECT_EQ(std::memcmp(&packet, &as_sent, sizeof packet), 0) << "every member that has a meaning";
        const std::string kind = later ? "fragment" : "packet";
        out.push_back(
            text((kind + (facts_sent == nullptr ? "" : " with facts")).c_str(), packet.frame_octets, monitor));
      },
      [&](const FragmentNote& note) { out.push_back(text("note", note.fragment_id, 255)); },
      [&](std::uint8_t monitor, const IcmpError& error) { out.push_back(text("error", error.mtu, monitor)); },
      [&](std::uint64_t effective_ns) {
        out.push_back(text("epoch end", static_cast<std::uint32_t>(effective_ns), 255));
      });
}

TEST(HandoverRing, MessagesOfAnyLengthComeOutInOrderForTheirMonitors) {
  HandoverRing ring(64);
  std::mt19937 random(5);
  std::vector<std::string> sent;
  std::vector<std::string> taken;
  for (std::uint32_t number = 0; number < 20'000; ++number) {
    const auto monitor = static_cast<std::uint8_t>(random() % 8);
    const ParsedPacket packet = packet_of(number);
    const PacketFacts facts = facts_of(number);
    bool pushed = false;
    switch (random() % 6) {
      case 0:
        pushed = ring.push(packet, nullptr, monitor);
        if (pushed) sent.push_back(text("packet", number, monitor));
        break;
      case 4:
        pushed = ring.push(fragment_of(number), nullptr, monitor);
        if (pushed) sent.push_back(text("fragment", number, monitor));
        break;
      case 1:
        pushed = ring.push(packet, &facts, monitor);
        if (pushed) sent.push_back(text("packet with facts", number, monitor));
        break;
      case 5:
        pushed = ring.push(error_of(number), monitor);
        if (pushed) sent.push_back(text("error", number, monitor));
        break;
      case 2:
        pushed = ring.push(note_of(number));
        if (pushed) sent.push_back(text("note", number, 255));
        break;
      default:
        pushed = ring.push_epoch_end(number);
        if (pushed) sent.push_back(text("epoch end", number, 255));
    }
    ring.publish();
    if (!pushed || random() % 4 == 0) take(ring, 1 + random() % 30, taken);
  }
  while (take(ring, 32, taken) != 0) continue;
  EXPECT_GT(sent.size(), 15'000U);
  EXPECT_TRUE(taken == sent);
}

TEST(HandoverRing, PayloadGoesAlongWithAPacketWhateverItsLength) {
  HandoverRing ring(512);
  std::mt19937 random(3);
  for (unsigned round = 0; round < 2000; ++round) {
    std::vector<std::uint8_t> octets(1 + random() % PacketPayload::kMost);
    for (std::uint8_t& octet : octets) octet = static_cast<std::uint8_t>(random());
    const auto captured = static_cast<std::uint32_t>(octets.size());
    PacketFacts facts = facts_of(round);
    facts.payload = {octets.data(), captured, captured + 5, round + 1};
    ASSERT_TRUE(ring.push(packet_of(round), &facts, 3));
    ASSERT_TRUE(ring.push(note_of(round)));
    ring.publish();
    unsigned packets = 0, notes = 0;
    const auto on_packet = [&](std::uint8_t monitor, const SentPacket& /*sent*/, const SentFacts* sent) {
      ASSERT_NE(sent, nullptr);
      PacketFacts got;
      sent->copy_to(got);
      EXPECT_EQ(monitor, 3U);
      EXPECT_EQ(got.payload_octets, round);
      EXPECT_EQ(got.payload.whole, captured + 5);
      EXPECT_EQ(got.payload.wanted_by, round + 1);
      ASSERT_EQ(got.payload.captured, captured);
      EXPECT_EQ(std::memcmp(got.payload.octets, octets.data(), captured), 0);
      ++packets;
    };
    (void)ring.consume(
        2, on_packet, [&](const FragmentNote& /*note*/) { ++notes; }, [](std::uint8_t, const IcmpError& /*error*/) {},
        [](std::uint64_t /*at*/) {});
    EXPECT_EQ(packets, 1U);
    EXPECT_EQ(notes, 1U);
  }
}

TEST(HandoverRing, ANoteTakesALineAPacketTwoAFragmentThreeAndAnErrorOrFactsFour) {
  const auto fit = [](auto&& push) {
    HandoverRing ring(1024);
    unsigned count = 0;
    while (push(ring)) ++count;
    return count;
  };
  const ParsedPacket packet = packet_of(1);
  const PacketFacts facts = facts_of(1);
  EXPECT_EQ(fit([&](HandoverRing& ring) { return ring.push(note_of(1)); }), 1024U);
  EXPECT_EQ(fit([&](HandoverRing& ring) { return ring.push_epoch_end(1); }), 1024U);
  EXPECT_EQ(fit([&](HandoverRing& ring) { return ring.push(packet, nullptr, 0); }), 1024U / 2);
  EXPECT_EQ(fit([&](HandoverRing& ring) { return ring.push(fragment_of(1), nullptr, 0); }), 1024U / 3);
  EXPECT_EQ(fit([&](HandoverRing& ring) { return ring.push(error_of(1), 0); }), 1024U / 4);
  EXPECT_EQ(fit([&](HandoverRing& ring) { return ring.push(packet, &facts, 0); }), 1024U / 4);
}

}  // namespace
}  // namespace weir::test::handover_test
