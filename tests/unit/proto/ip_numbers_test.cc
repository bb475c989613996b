// Numbers as the registries of IANA give them, and what follows from them.
#include "proto/base/ip_numbers.h"

#include <gtest/gtest.h>

#include <vector>

#include "proto/base/tcp_flags.h"

namespace weir::ip_numbers_test {
namespace {

TEST(IpNumbers, FiveProtocolsHavePortsInFront) {
  std::vector<unsigned> with_ports;
  for (unsigned protocol = 0; protocol < 256; ++protocol) {
    if (has_ports(static_cast<std::uint8_t>(protocol))) with_ports.push_back(protocol);
  }
  EXPECT_EQ(with_ports, (std::vector<unsigned>{6, 17, 33, 132, 136}));
}

TEST(IpNumbers, IcmpIsOneAndFiftyEight) {
  std::vector<unsigned> icmp;
  for (unsigned protocol = 0; protocol < 256; ++protocol) {
    if (is_icmp(static_cast<std::uint8_t>(protocol))) icmp.push_back(protocol);
  }
  EXPECT_EQ(icmp, (std::vector<unsigned>{1, 58}));
}

TEST(IpNumbers, ErrorsOfIcmpAreThoseThatQuoteAPacket) {
  std::vector<unsigned> errors;
  for (unsigned type = 0; type < 256; ++type) {
    if (is_icmp_error(4, static_cast<std::uint8_t>(type))) errors.push_back(type);
  }
  EXPECT_EQ(errors, (std::vector<unsigned>{3, 4, 5, 11, 12}));
  EXPECT_FALSE(is_icmp_error(6, 0));
  EXPECT_TRUE(is_icmp_error(6, 1));
  EXPECT_TRUE(is_icmp_error(6, 127));
  EXPECT_FALSE(is_icmp_error(6, 128));  // echo request
  EXPECT_FALSE(is_icmp_error(6, 255));
}

TEST(IpNumbers, EtherTypesOfIpAndOfTags) {
  EXPECT_EQ(ip_ether_type(4), 0x0800);
  EXPECT_EQ(ip_ether_type(6), 0x86dd);
  std::vector<unsigned> tags;
  for (unsigned type = 0; type < 65'536; ++type) {
    if (is_vlan_tag(static_cast<std::uint16_t>(type))) tags.push_back(type);
  }
  EXPECT_EQ(tags, (std::vector<unsigned>{0x8100, 0x88a8, 0x9100}));
}

TEST(IpNumbers, ProtocolsHaveNamesOrTheirNumber) {
  EXPECT_EQ(protocol_text(1), "ICMP");
  EXPECT_EQ(protocol_text(6), "TCP");
  EXPECT_EQ(protocol_text(17), "UDP");
  EXPECT_EQ(protocol_text(33), "DCCP");
  EXPECT_EQ(protocol_text(58), "ICMP6");
  EXPECT_EQ(protocol_text(132), "SCTP");
  EXPECT_EQ(protocol_text(136), "UDPL");
  EXPECT_EQ(protocol_text(0), "0");
  EXPECT_EQ(protocol_text(89), "89");
  EXPECT_EQ(protocol_text(255), "255");
}

TEST(TcpFlags, AreLettersFromTheHighestBitDown) {
  EXPECT_EQ(tcp_flags_text(0x12), "AS");  // ACK 0x10, SYN 0x02
  EXPECT_EQ(tcp_flags_text(0xff), "CEUAPRSF");
  EXPECT_EQ(tcp_flags_text(0), "-");
  EXPECT_EQ(tcp_flags_text(kTcpFin), "F");
  EXPECT_EQ(tcp_flags_text(kTcpRst), "R");
  EXPECT_EQ(tcp_flags_text(kTcpPsh), "P");
  EXPECT_EQ(tcp_flags_text(kTcpUrg), "U");
  EXPECT_EQ(tcp_flags_text(kTcpEce), "E");
  EXPECT_EQ(tcp_flags_text(kTcpCwr), "C");
}

}  // namespace
}  // namespace weir::ip_numbers_test
