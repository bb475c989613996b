// Headers over known octets: examples written by hand from the figures of the RFCs.
#include "dataplane/packet/headers.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::headers_test {
namespace {

TEST(Headers, ipv4_fields_are_where_rfc_791_puts_them) {
  const std::array<std::uint8_t, 20> octets = {0x46, 0xb8, 0x01, 0x02, 0x03, 0x04, 0x20, 0xb9, 0x3f, 0x11,
                                               0xaa, 0xbb, 192,  0,    2,    1,    198,  51,   100,  7};
  const auto& header = header_at<Ipv4Header>(octets.data());
  EXPECT_EQ(header.version(), 4u);
  EXPECT_EQ(header.header_octets(), 24u);
  EXPECT_EQ(header.type_of_service, 0xb8);
  EXPECT_EQ(header.total_length.host(), 0x0102);
  EXPECT_EQ(header.identification.host(), 0x0304);
  EXPECT_TRUE(header.more_fragments());
  EXPECT_EQ(header.fragment_offset(), 185u);  // 0xb9: octet 1480
  EXPECT_EQ(header.time_to_live, 0x3f);
  EXPECT_EQ(header.protocol, kProtocolUdp);
  EXPECT_EQ(header.checksum.host(), 0xaabb);
  EXPECT_EQ(header.source[3], 1);
  EXPECT_EQ(header.destination[3], 7);
}

TEST(Headers, do_not_fragment_is_neither_offset_nor_more_fragments) {
  std::array<std::uint8_t, 20> octets{};
  octets[6] = 0x40;
  EXPECT_FALSE(header_at<Ipv4Header>(octets.data()).more_fragments());
  EXPECT_EQ(header_at<Ipv4Header>(octets.data()).fragment_offset(), 0u);
}

TEST(Headers, ipv6_traffic_class_lies_across_two_octets) {
  std::array<std::uint8_t, 40> octets = {0x6b, 0x8f, 0xff, 0xff, 0x12, 0x34, 0x3a, 0x40};
  octets[8] = 0x20;
  octets[39] = 0x09;
  const auto& header = header_at<Ipv6Header>(octets.data());
  EXPECT_EQ(header.version(), 6u);
  EXPECT_EQ(header.traffic_class(), 0xb8);
  EXPECT_EQ(header.payload_length.host(), 0x1234);
  EXPECT_EQ(header.next_header, kProtocolIcmpv6);
  EXPECT_EQ(header.hop_limit, 0x40);
  EXPECT_EQ(header.source[0], 0x20);
  EXPECT_EQ(header.destination[15], 0x09);
}

TEST(Headers, ipv6_fragment_offset_is_in_the_upper_thirteen_bits) {
  const std::array<std::uint8_t, 8> octets = {0x11, 0x00, 0x05, 0xc9, 0xde, 0xad, 0xbe, 0xef};
  const auto& header = header_at<Ipv6FragmentHeader>(octets.data());
  EXPECT_EQ(header.fragment_offset(), 185u);  // 0x05c8 / 8
  EXPECT_TRUE(header.more_fragments());
  EXPECT_EQ(header.identification.host(), 0xdeadbeefu);
}

TEST(Headers, vlan_id_is_the_lower_twelve_bits_of_the_tag) {
  const std::array<std::uint8_t, 4> octets = {0xef, 0xfe, 0x86, 0xdd};
  const auto& tag = header_at<VlanTag>(octets.data());
  EXPECT_EQ(tag.vlan_id(), 0xffe);
  EXPECT_EQ(tag.ether_type.host(), kEtherTypeIpv6);
}

TEST(Headers, lie_at_odd_addresses) {
  const std::array<std::uint8_t, 5> octets = {0xff, 0x01, 0xbb, 0xc0, 0x00};
  const auto& ports = header_at<TransportPorts>(octets.data() + 1);
  EXPECT_EQ(ports.source.host(), 443);
  EXPECT_EQ(ports.destination.host(), 49152);
}

}  // namespace
}  // namespace weir::headers_test
