// Keys and payloads of Initial packets by the vectors of RFC 9001 and RFC 9369; CRYPTO frames in any order.
#include "control/quic_initial.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "tests/support/hex.h"
#include "tests/support/quic_vectors.h"

namespace weir::test::quic_initial_test {
namespace {

template <typename Octets>
Bytes bytes(const Octets& octets) {
  return {octets.begin(), octets.end()};
}

QuicInitialKeys keys_of(QuicInitialOpener& opener, std::uint32_t version, QuicEnd end) {
  const auto keys = opener.keys(version, hex(kRfcConnectionId), end);
  EXPECT_TRUE(keys);
  return keys.value_or(QuicInitialKeys{});
}

std::optional<std::span<const std::uint8_t>> open(QuicInitialOpener& opener, const Bytes& packet, QuicEnd end) {
  const auto header = read_quic_packet(packet, static_cast<std::uint32_t>(packet.size()));
  if (!header) {
    ADD_FAILURE() << "no header";
    return {};
  }
  return opener.open(packet, *header, keys_of(opener, header->version, end));
}

TEST(QuicInitial, HasTheKeysOfTheRfcs) {
  QuicInitialOpener opener;
  struct Case {
    std::uint32_t version;
    QuicEnd end;
    const char *key, *iv, *header_protection;
  };
  for (const Case& one : {Case{kQuicVersion1, QuicEnd::client, "1f369613dd76d5467730efcbe3b1a22d",
                               "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2"},
                          Case{kQuicVersion1, QuicEnd::server, "cf3a5331653c364c88f0f379b6067e37",
                               "0ac1493ca1905853b0bba03e", "c206b8d9b9f0f37644430b490eeaa314"},
                          Case{kQuicVersion2, QuicEnd::client, "8b1a0bc121284290a29e0971b5cd045d",
                               "91f73e2351d8fa91660e909f", "45b95e15235d6f45a6b19cbcb0294ba9"},
                          Case{kQuicVersion2, QuicEnd::server, "82db637861d55e1d011f19ea71d5d2a7",
                               "dd13c276499c0249d3310652", "edf6d05c83121201b436e16877593c3a"}}) {
    const QuicInitialKeys keys = keys_of(opener, one.version, one.end);
    EXPECT_EQ(bytes(keys.key), hex(one.key));
    EXPECT_EQ(bytes(keys.iv), hex(one.iv));
    EXPECT_EQ(bytes(keys.header_protection), hex(one.header_protection));
  }
}

TEST(QuicInitial, OpensTheClientInitialsOfTheRfcs) {
  QuicInitialOpener opener;
  Bytes expected = hex(kRfcClientFrame);
  expected.resize(1162);  // PADDING
  for (const auto& packet : {kRfc9001ClientInitial, kRfc9369ClientInitial}) {
    const auto frames = open(opener, hex(packet), QuicEnd::client);
    ASSERT_TRUE(frames);
    EXPECT_EQ(bytes(*frames), expected);
    QuicCryptoStream stream;
    stream.add_frames(*frames);
    EXPECT_EQ(stream.octets().size(), 241U);
    EXPECT_EQ(stream.octets()[0], 1U) << "a ClientHello";
  }
}

TEST(QuicInitial, OpensTheServerInitialsOfTheRfcsWhosePacketNumbersAreShort) {
  QuicInitialOpener opener;
  for (const auto& packet : {kRfc9001ServerInitial, kRfc9369ServerInitial}) {
    const auto frames = open(opener, hex(packet), QuicEnd::server);
    ASSERT_TRUE(frames);
    EXPECT_EQ(bytes(*frames), hex(kRfcServerFrames));
    QuicCryptoStream stream;
    stream.add_frames(*frames);
    EXPECT_EQ(stream.octets().size(), 90U) << "after the ACK frame";
  }
}

TEST(QuicInitial, StaysClosedWithOtherKeysOrAnyOctetChanged) {
  QuicInitialOpener opener;
  const Bytes packet = hex(kRfc9001ClientInitial);
  EXPECT_FALSE(open(opener, packet, QuicEnd::server));
  for (const std::size_t at : {0U, 17U, 18U, 21U, 30U, 600U, 1199U}) {
    Bytes changed = packet;
    changed[at] ^= 1;
    const auto header = read_quic_packet(changed, static_cast<std::uint32_t>(changed.size()));
    EXPECT_TRUE(!header || !opener.open(changed, *header, keys_of(opener, kQuicVersion1, QuicEnd::client))) << at;
  }
  EXPECT_TRUE(open(opener, packet, QuicEnd::client)) << "the opener is as it was";
}

TEST(QuicInitial, StaysClosedWhereThePacketIsTooShortOrNotWhole) {
  QuicInitialOpener opener;
  const QuicInitialKeys keys = keys_of(opener, kQuicVersion1, QuicEnd::client);
  for (unsigned octets = 0; octets < 40; ++octets) {
    Bytes packet = hex("c000000001 08 8394c8f03e515708 00 00");
    packet.push_back(static_cast<std::uint8_t>(octets));
    packet.resize(packet.size() + octets, 7);
    const auto header = read_quic_packet(packet, static_cast<std::uint32_t>(packet.size()));
    ASSERT_TRUE(header);
    EXPECT_FALSE(opener.open(packet, *header, keys)) << octets;
    EXPECT_FALSE(opener.open(std::span(packet).first(packet.size() - 1), *header, keys));
  }
}

TEST(QuicInitial, HasKeysOfAllDraftsButOfNoVersionWhoseSaltNobodyKnows) {
  QuicInitialOpener opener;
  const Bytes id = hex(kRfcConnectionId);
  for (std::uint32_t draft = kQuicFirstDraft; draft <= kQuicLastDraft; ++draft) {
    EXPECT_TRUE(opener.keys(0xff000000 | draft, id, QuicEnd::client)) << draft;
  }
  EXPECT_EQ(opener.keys(0xff000021, id, QuicEnd::client)->key, opener.keys(1, id, QuicEnd::client)->key);
  for (const std::uint32_t version : {0U, 2U, 0x1a2a3a4aU, 0xff000015U}) {
    EXPECT_FALSE(opener.keys(version, id, QuicEnd::client)) << version;
  }
}

/// A CRYPTO frame with lengths of two octets.
Bytes crypto_frame(std::uint64_t offset, std::span<const std::uint8_t> octets) {
  Bytes frame{6};
  put(frame, 0x4000 | offset, 2);
  put(frame, 0x4000 | octets.size(), 2);
  frame.insert(frame.end(), octets.begin(), octets.end());
  return frame;
}

TEST(QuicCrypto, IsPutTogetherFromFramesInAnyOrder) {
  std::mt19937 random(1);
  Bytes message(1800);
  for (std::uint8_t& octet : message) octet = static_cast<std::uint8_t>(random());
  for (unsigned round = 0; round < 50; ++round) {
    std::vector<std::pair<std::size_t, std::size_t>> parts;
    for (std::size_t at = 0; at < message.size();) {
      const std::size_t count = std::min<std::size_t>(1 + random() % 200, message.size() - at);
      parts.emplace_back(at, count);
      if (random() % 4 == 0) parts.emplace_back(at, count);  // comes twice
      at += count;
    }
    std::shuffle(parts.begin(), parts.end(), random);
    QuicCryptoStream stream;
    for (const auto& [at, count] : parts) {
      Bytes frames = hex("00 01 00 02 07 00 00 05");  // PADDING, PING, PADDING, ACK
      const Bytes frame = crypto_frame(at, std::span(message).subspan(at, count));
      frames.insert(frames.end(), frame.begin(), frame.end());
      stream.add_frames(frames);
    }
    ASSERT_EQ(bytes(stream.octets()), message);
  }
}

TEST(QuicCrypto, EndsAtTheFirstGap) {
  QuicCryptoStream stream;
  const Bytes octets = hex("0102030405");
  stream.add(10, octets);
  EXPECT_TRUE(stream.octets().empty());
  stream.add(0, octets);
  EXPECT_EQ(bytes(stream.octets()), octets);
  stream.add(5, octets);
  EXPECT_EQ(stream.octets().size(), 15U);
}

TEST(QuicCrypto, LeavesOutWhatLiesBeyondItsBound) {
  QuicCryptoStream stream;
  const Bytes octets(3000, 7);
  stream.add(0, octets);
  stream.add(3000, octets);
  EXPECT_EQ(stream.octets().size(), QuicCryptoStream::kMostOctets);
  stream.add(std::uint64_t{1} << 61, octets);
  stream.add(~std::uint64_t{0}, octets);
  EXPECT_EQ(stream.octets().size(), QuicCryptoStream::kMostOctets);
}

TEST(QuicCrypto, StopsAtFramesThatAnInitialPacketDoesNotHave) {
  for (const auto& [before, expected] :
       {std::pair("", 2U), std::pair("08", 0U), std::pair("1c", 0U), std::pair("3f", 0U), std::pair("06 00 05 01", 5U),
        std::pair("06 00 7f ff", 0U), std::pair("02 ffffffffffffffff", 0U), std::pair("02 00 00 ffffffffffffffff", 0U),
        std::pair("02 00 00 02 00 01", 0U)}) {
    QuicCryptoStream stream;
    Bytes frames = hex(before);
    const Bytes frame = crypto_frame(0, hex("0102"));
    frames.insert(frames.end(), frame.begin(), frame.end());
    stream.add_frames(frames);
    EXPECT_EQ(stream.octets().size(), expected) << before;
  }
  QuicCryptoStream ecn;
  Bytes frames = hex("03 05 00 01 00 00 00 07 08 09");  // one range, three counts
  const Bytes frame = crypto_frame(0, hex("0102"));
  frames.insert(frames.end(), frame.begin(), frame.end());
  ecn.add_frames(frames);
  EXPECT_EQ(ecn.octets().size(), 2U);
}

}  // namespace
}  // namespace weir::test::quic_initial_test
