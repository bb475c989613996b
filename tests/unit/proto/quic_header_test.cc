// Headers of QUIC packets: those of the RFCs' appendices, several in a datagram, cut and hostile ones.
#include "proto/base/quic_header.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "tests/support/hex.h"
#include "tests/support/quic_vectors.h"

namespace weir::test::quic_header_test {
namespace {

std::optional<QuicPacket> read(const Bytes& datagram) {
  return read_quic_packet(datagram, static_cast<std::uint32_t>(datagram.size()));
}
Bytes octets_of(std::span<const std::uint8_t> octets) {
  return {octets.begin(), octets.end()};
}

TEST(QuicHeader, OfTheClientInitialsOfBothVersionsIsRead) {
  for (const auto& [packet, version] : {std::pair(kRfc9001ClientInitial, kQuicVersion1),  //
                                        std::pair(kRfc9369ClientInitial, kQuicVersion2)}) {
    const Bytes datagram = hex(packet);
    const auto read_packet = read(datagram);
    ASSERT_TRUE(read_packet);
    EXPECT_EQ(read_packet->type, QuicPacketType::initial);
    EXPECT_EQ(read_packet->version, version);
    EXPECT_EQ(octets_of(read_packet->destination), hex(kRfcConnectionId));
    EXPECT_TRUE(read_packet->source.empty());
    EXPECT_EQ(read_packet->octets, 1200U);
    EXPECT_EQ(read_packet->number_at, 18U);
  }
}

TEST(QuicHeader, OfServerInitialsAndRetriesIsRead) {
  for (const auto& packet : {kRfc9001ServerInitial, kRfc9369ServerInitial}) {
    const Bytes datagram = hex(packet);
    const auto initial = read(datagram);
    ASSERT_TRUE(initial);
    EXPECT_EQ(initial->type, QuicPacketType::initial);
    EXPECT_TRUE(initial->destination.empty());
    EXPECT_EQ(octets_of(initial->source), hex("f067a5502a4262b5"));
    EXPECT_EQ(initial->octets, 135U);
  }
  for (const auto& packet : {kRfc9001Retry, kRfc9369Retry}) {
    const Bytes datagram = hex(packet);
    const auto retry = read(datagram);
    ASSERT_TRUE(retry);
    EXPECT_EQ(retry->type, QuicPacketType::retry);
    EXPECT_EQ(octets_of(retry->source), hex("f067a5502a4262b5"));
    EXPECT_EQ(retry->octets, 36U);
  }
}

TEST(QuicHeader, SaysTheTypesOfVersion2OtherwiseThanThoseOfVersion1) {
  const QuicPacketType kTypes[] = {QuicPacketType::initial, QuicPacketType::zero_rtt, QuicPacketType::handshake,
                                   QuicPacketType::retry};
  for (unsigned type = 0; type < 4; ++type) {
    EXPECT_EQ(quic_long_type(static_cast<std::uint8_t>(0xc0 | type << 4), kQuicVersion1), kTypes[type]);
    // RFC 9369 section 3.2: Retry 0, Initial 1, 0-RTT 2, Handshake 3.
    EXPECT_EQ(quic_long_type(static_cast<std::uint8_t>(0xc0 | ((type + 1) & 3) << 4), kQuicVersion2), kTypes[type]);
  }
}

TEST(QuicHeader, IsShortWithRoomForASample) {
  const Bytes datagram = hex(kRfc9001Short);
  ASSERT_EQ(datagram.size(), 21U);
  auto packet = read(datagram);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->type, QuicPacketType::short_header);
  EXPECT_FALSE(packet->spin);
  EXPECT_EQ(packet->octets, 21U);
  packet = read_quic_packet(std::span(datagram).first(1), 21);
  EXPECT_TRUE(packet) << "no more than the first octet is needed";
  EXPECT_FALSE(read_quic_packet(datagram, 20)) << "too short to be one";
  Bytes other = datagram;
  other[0] |= 0x20;
  EXPECT_TRUE(read(other)->spin);
  EXPECT_TRUE(read(other)->fixed_bit);
  other[0] &= 0x3f;
  EXPECT_FALSE(read(other)->fixed_bit) << "ends may clear it (RFC 9287)";
}

TEST(QuicHeader, LeadsToTheNextPacketOfADatagram) {
  // A Handshake packet of 5 octets after its length, then a short one.
  const Bytes datagram = hex("e000000001 01aa 00 05 0102030405" + std::string(kRfc9001Short));
  const auto first = read(datagram);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->type, QuicPacketType::handshake);
  EXPECT_EQ(first->octets, 14U);
  const std::span rest = std::span(datagram).subspan(first->octets);
  const auto second = read_quic_packet(rest, static_cast<std::uint32_t>(rest.size()));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->type, QuicPacketType::short_header);
}

TEST(QuicHeader, OfVersionNegotiationListsVersionsOneOfWhichIsKnown) {
  const Bytes datagram = hex("80 00000000 01aa 02bbcc 00000001 ff00001d 12345678");
  const auto packet = read(datagram);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->type, QuicPacketType::version_negotiation);
  EXPECT_EQ(octets_of(packet->versions), hex("00000001 ff00001d 12345678"));
  EXPECT_EQ(octets_of(packet->source), hex("bbcc"));
  EXPECT_FALSE(read(hex("80 00000000 01aa 02bbcc 12345678"))) << "none is known";
  EXPECT_FALSE(read(hex("80 00000000 01aa 02bbcc 00000001 12"))) << "no whole number of versions";
  EXPECT_FALSE(read(hex("80 00000000 01aa 02bbcc"))) << "no version";
}

TEST(QuicHeader, IsNoneOfAnUnknownVersionOrWithLengthsThatDoNotFit) {
  EXPECT_FALSE(read({}));
  EXPECT_FALSE(read(hex("c0 12345678 00 00 00 05 0102030405"))) << "an unknown version";
  EXPECT_TRUE(read(hex("80 00000001 00 00 00 05 0102030405"))) << "the fixed bit may be cleared (RFC 9287)";
  EXPECT_FALSE(read(hex("80 1a2a3a4a 00 00 00 05 0102030405"))) << "but not in a reserved version";
  EXPECT_FALSE(read(hex("c0 00000001 15 000102030405060708090a0b0c0d0e0f1011121314 00 00 05 0102030405")))
      << "a connection ID of 21 octets";
  EXPECT_FALSE(read(hex("c0 00000001 00 00 00 06 0102030405"))) << "longer than the datagram";
  EXPECT_FALSE(read(hex("c0 00000001 00 00 08 05 0102030405"))) << "a token longer than what is there";
  EXPECT_FALSE(read(hex("c0 00000001 00 00 00 ffffffffffffffff"))) << "a length of 2^62 - 1";
  EXPECT_FALSE(read(hex("c0 00000001 00 00 ffffffffffffffff"))) << "a token of as many octets";
  EXPECT_TRUE(read(hex("c0 00000001 00 00 00 05 0102030405")));
  EXPECT_TRUE(read(hex("c0 1a2a3a4a 00 00 00 05 0102030405"))) << "a reserved version, meant to be answered";
}

TEST(QuicHeader, ReadsNothingPastTheOctetsThatAreThere) {
  const Bytes whole = hex(kRfc9001ClientInitial);
  for (std::size_t there = 0; there < 24; ++there) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(there));
    const auto packet = read_quic_packet(cut, 1200);
    EXPECT_EQ(packet.has_value(), there >= 18) << there;
    if (packet) {
      EXPECT_EQ(packet->octets, 1200U);
    }
  }
}

TEST(QuicHeader, KnowsTheVersionsWhoseLongHeadersLookAlike) {
  for (const std::uint32_t version : {0x1U, 0x6b3343cfU, 0x709a50c4U, 0xff000016U, 0xff000022U, 0xfaceb001U,
                                      0xfaceb002U, 0x51303530U, 0x54303531U, 0xbabababaU}) {
    EXPECT_TRUE(is_known_quic_version(version)) << version;
  }
  for (const std::uint32_t version : {0x0U, 0x2U, 0xff000015U, 0xff000023U, 0xff000007U, 0x51303433U, 0xabcd0000U}) {
    EXPECT_FALSE(is_known_quic_version(version)) << version;
  }
}

TEST(QuicHeader, HasIntegersOfVariableLength) {
  // RFC 9000 appendix A.1.
  for (const auto& [text, expected] :
       {std::pair("c2197c5eff14e88c", 151'288'809'941'952'652U), std::pair("9d7f3e7d", 494'878'333UL),
        std::pair("7bbd", 15'293UL), std::pair("25", 37UL), std::pair("4025", 37UL)}) {
    const Bytes octets = hex(text);
    std::span<const std::uint8_t> left = octets;
    EXPECT_EQ(take_quic_integer(left), expected) << text;
    EXPECT_TRUE(left.empty());
    left = std::span(octets).first(octets.size() - 1);
    EXPECT_EQ(take_quic_integer(left), std::nullopt) << text << " cut";
  }
}

TEST(QuicHeader, TellsAFullPacketNumberByTheNearestOne) {
  EXPECT_EQ(full_packet_number(0xa82f30ea, 0x9b32, 16), 0xa82f9b32U) << "RFC 9000 appendix A.3";
  EXPECT_EQ(full_packet_number(255, 0, 8), 256U) << "the next epoch";
  EXPECT_EQ(full_packet_number(256, 255, 8), 255U) << "a packet that came late";
  EXPECT_EQ(full_packet_number(10, 200, 8), 200U) << "there is none before 0";
  EXPECT_EQ(full_packet_number(0xffffffff, 2, 32), 0x100000002U);
}

}  // namespace
}  // namespace weir::test::quic_header_test
