// Headers of QUIC as it was in 2017: types, connection IDs, packet numbers, key phases, errors.
#include "proto/base/quic2017_header.h"

#include <gtest/gtest.h>

#include "tests/support/hex.h"

namespace weir::test::quic2017_header_test {
namespace {

Quic2017Error error_of(const Bytes& datagram) {
  const auto packet = read_quic2017_packet(datagram);
  EXPECT_FALSE(packet.has_value());
  return packet.has_value() ? Quic2017Error{0xff} : packet.error();
}

TEST(Quic2017Header, IsLongWithTheTypesFrom0x81To0x86) {
  for (unsigned type = 0x81; type <= 0x86; ++type) {
    Bytes datagram = hex("00 0102030405060708 00001f40 ff000007 aabbccdd");
    datagram[0] = static_cast<std::uint8_t>(type);
    const auto packet = read_quic2017_packet(datagram);
    ASSERT_TRUE(packet.has_value());
    EXPECT_EQ(static_cast<unsigned>(packet->type), type);
    EXPECT_TRUE(packet->is_long());
    EXPECT_EQ(packet->number, 8000U);
    EXPECT_EQ(packet->number_bits, 32U);
    EXPECT_EQ(packet->version, 0xff000007U);
    EXPECT_EQ(packet->payload_at, 17U);
    EXPECT_EQ(packet->versions.size(), type == 0x81 ? 4U : 0U);
    datagram.resize(16);
    EXPECT_EQ(error_of(datagram), Quic2017Error::truncated);
  }
}

TEST(Quic2017Header, IsShortWithAPacketNumberOf1Or2Or4Octets) {
  struct Case {
    const char* octets;
    bool has_connection_id;
    unsigned key_phase, number, bits, payload_at;
  };
  for (const Case& one : {Case{"01 0a ff", false, 0, 0x0a, 8, 2}, Case{"02 0a0b ff", false, 0, 0x0a0b, 16, 3},
                          Case{"03 0a0b0c0d ff", false, 0, 0x0a0b0c0d, 32, 5}, Case{"21 0a ff", false, 1, 0x0a, 8, 2},
                          Case{"41 0102030405060708 0a ff", true, 0, 0x0a, 8, 10},
                          Case{"62 0102030405060708 0a0b ff", true, 1, 0x0a0b, 16, 11},
                          Case{"43 0102030405060708 0a0b0c0d ff", true, 0, 0x0a0b0c0d, 32, 13}}) {
    SCOPED_TRACE(one.octets);
    Bytes datagram = hex(one.octets);
    const auto packet = read_quic2017_packet(datagram);
    ASSERT_TRUE(packet.has_value());
    EXPECT_FALSE(packet->is_long());
    EXPECT_EQ(packet->has_connection_id, one.has_connection_id);
    EXPECT_EQ(packet->key_phase, one.key_phase);
    EXPECT_EQ(packet->number, one.number);
    EXPECT_EQ(packet->number_bits, one.bits);
    EXPECT_EQ(packet->payload_at, one.payload_at);
    datagram.resize(one.payload_at - 1);
    EXPECT_EQ(error_of(datagram), Quic2017Error::truncated);
  }
}

TEST(Quic2017Header, IsTruncatedOrOfAnUnknownTypeOtherwise) {
  EXPECT_EQ(error_of({}), Quic2017Error::truncated);
  EXPECT_EQ(error_of(hex("82")), Quic2017Error::truncated) << "below two octets";
  for (const unsigned type : {0x80U, 0x87U, 0xffU, 0x00U, 0x04U, 0x40U, 0x60U, 0x45U, 0x51U, 0x09U}) {
    Bytes datagram(20, 0);
    datagram[0] = static_cast<std::uint8_t>(type);
    EXPECT_EQ(error_of(datagram), Quic2017Error::unknown_type) << type;
  }
}

TEST(Quic2017Header, TellsItsVersionsFromOthers) {
  EXPECT_TRUE(is_quic2017_version(0xff000005));
  EXPECT_TRUE(is_quic2017_version(0xff000007));
  EXPECT_TRUE(is_quic2017_version(0x1a2a3a4a)) << "reserved to force version negotiation";
  EXPECT_FALSE(is_quic2017_version(0xff000016));
  EXPECT_FALSE(is_quic2017_version(1));
  EXPECT_FALSE(is_quic2017_version(0));
}

}  // namespace
}  // namespace weir::test::quic2017_header_test
