// Tags and fabric headers that hide IP from a parser of plain Ethernet: where the IP header is after each, alone, with
// a VLAN tag on either side, and cut.
#include <gtest/gtest.h>

#include "tests/support/parsed_text.h"

namespace weir::parser_tag_test {
namespace {

using test::Bytes;
using test::expect_parsed;
using test::joined;
using test::packet;
using test::PacketBuilder;
using test::parsed_text;

constexpr const char* kUdp4 = "10.0.0.1 1 > 10.0.0.2 2 p17 o28";
constexpr const char* kUdp6 = "2001:db8::1 1 > 2001:db8::2 2 p17 o48";
constexpr unsigned kIpv4 = 0x0800, kIpv6 = 0x86dd, kArp = 0x0806, kVlan = 0x8100;

PacketBuilder udp4(PacketBuilder link) {
  return link.ipv4("10.0.0.1", "10.0.0.2").udp(1, 2);
}
PacketBuilder udp6(PacketBuilder link) {
  return link.ipv6("2001:db8::1", "2001:db8::2").udp(1, 2);
}
Bytes typed(const Bytes& tag, unsigned type) {
  return joined(tag, {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type)});
}

std::uint16_t vlan_of(PacketBuilder link) {
  const Bytes frame = udp4(std::move(link)).bytes();
  Parser parser;
  ParsedPacket packet{};
  EXPECT_EQ(parser.parse(test::view_of(frame), packet), Reject::none);
  return packet.vlan_id;
}

/// A tag by what stands between its own EtherType and the next one.
void expect_tag(unsigned ether_type, const Bytes& tag) {
  SCOPED_TRACE(testing::Message() << "EtherType 0x" << std::hex << ether_type);
  const auto eth = [&] { return packet().eth().ether_type(ether_type); };
  expect_parsed({
      {"IPv4", udp4(eth().header(typed(tag, kIpv4))), kUdp4},
      {"IPv6", udp6(eth().header(typed(tag, kIpv6))), kUdp6},
      {"before a VLAN tag", udp4(eth().header(typed(tag, kVlan)).vlan(7)), kUdp4},
      {"behind a VLAN tag", udp4(packet().eth().vlan(7).ether_type(ether_type).header(typed(tag, kIpv4))), kUdp4},
      {"before MPLS", udp4(eth().header(typed(tag, 0x8847)).mpls(9)), "10.0.0.1 1 > 10.0.0.2 2 p17 o28 label 9"},
      {"twice", udp4(eth().header(typed(tag, ether_type)).header(typed(tag, kIpv4))), kUdp4},
      {"before ARP", eth().header(typed(tag, kArp)).payload(28), "ether_type_arp"},
      {"cut", eth().header(typed(tag, kIpv4)).cut(14 + tag.size() + 1), "link_truncated"},
      {"nothing behind the EtherType", eth(), "link_truncated"},
      {"cut in the IP header", udp4(eth().header(typed(tag, kIpv4))).cut(14 + tag.size() + 2 + 19), "ipv4_truncated"},
  });
}

/// A header after which a whole Ethernet frame stands.
void expect_fabric(unsigned ether_type, const Bytes& header) {
  SCOPED_TRACE(testing::Message() << "EtherType 0x" << std::hex << ether_type);
  const auto eth = [&] { return packet().eth().ether_type(ether_type).header(header).eth(); };
  expect_parsed({
      {"IPv4", udp4(eth()), kUdp4},
      {"IPv6, tagged", udp6(eth().vlan(8)), kUdp6},
      {"behind a tag: the outermost", udp4(packet().eth().qinq(7).ether_type(ether_type).header(header).eth().vlan(8)),
       kUdp4},
      {"LLC", udp4(eth().llc_snap()), kUdp4},
      {"ARP", eth().ether_type(kArp).payload(28), "ether_type_arp"},
      {"cut", packet().eth().ether_type(ether_type).header(header).cut(14 + header.size() - 1), "link_truncated"},
      {"cut in the inner addresses", eth().cut(14 + header.size() + 13), "link_truncated"},
  });
}

TEST(ParserTag, virtual_interfaces_have_a_vn_tag_or_an_e_tag) {
  expect_tag(0x8926, {0x00, 0x00, 0x00, 0x14});
  expect_tag(0x8926, {0xc0, 0x12, 0x80, 0x14});
  expect_tag(0x893f, {0x20, 0x01, 0x10, 0x02, 0x00, 0x00});
}

TEST(ParserTag, hsr_frames_have_a_redundancy_tag_and_supervision_holds_no_ip) {
  expect_tag(0x892f, {0x00, 0x2e, 0x00, 0x01});
  expect_tag(0x892f, {0x10, 0x2e, 0xff, 0xff});
  expect_parsed({{"supervision", packet().eth().ether_type(0x892f).header({0, 0x2e, 0, 1, 0x88, 0xfb}).payload(40),
                  "ether_type_other"}});
}

TEST(ParserTag, prp_has_its_check_behind_the_ip_packet_where_nothing_is_read) {
  PacketBuilder frame = packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(100);
  Bytes octets = joined(frame.bytes(), {0x00, 0x01, 0xa0, 0x86, 0x88, 0xfb});
  EXPECT_EQ(parsed_text(octets), "10.0.0.1 1 > 10.0.0.2 2 p17 o128");
}

TEST(ParserTag, cisco_metadata_is_as_long_as_it_says) {
  expect_tag(0x8909, {1, 1, 0x00, 0x01, 0x00, 0x05});
  expect_tag(0x8909, {1, 2, 0x00, 0x01, 0x00, 0x05, 0x00, 0x02, 0x00, 0x06});
}

TEST(ParserTag, arista_timestamps_have_64_or_48_bits_by_their_version) {
  const Bytes tai64 = {0, 1, 0x00, 0x10, 1, 2, 3, 4, 5, 6, 7, 8};
  const Bytes utc64 = {0, 1, 0x01, 0x10, 1, 2, 3, 4, 5, 6, 7, 8};
  const Bytes tai48 = {0, 1, 0x00, 0x20, 1, 2, 3, 4, 5, 6};
  const Bytes utc48 = {0, 1, 0x01, 0x20, 1, 2, 3, 4, 5, 6};
  for (const Bytes& tag : {tai64, utc64, tai48, utc48}) expect_tag(0xd28b, tag);
  const auto other = [](const Bytes& tag) { return udp4(packet().eth().ether_type(0xd28b).header(typed(tag, kIpv4))); };
  expect_parsed({{"another subtype", other({0, 2, 0, 0x10, 1, 2, 3, 4, 5, 6, 7, 8}), "ether_type_other"},
                 {"another version", other({0, 1, 0, 0x30, 1, 2, 3, 4, 5, 6, 7, 8}), "ether_type_other"}});
}

TEST(ParserTag, macsec_without_encryption_is_read_and_with_it_is_a_reject) {
  expect_tag(0x88e5, {0x00, 0, 0, 0, 0, 1});
  expect_tag(0x88e5, {0x20, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0, 1});
  const auto with_bits = [](std::uint8_t bits) {
    return udp4(packet().eth().ether_type(0x88e5).header({bits, 0, 0, 0, 0, 1, 0x08, 0x00}));
  };
  expect_parsed({{"encrypted", with_bits(0x0c), "ether_type_other"},
                 {"changed", with_bits(0x04), "ether_type_other"},
                 {"version 1", with_bits(0x80), "ether_type_other"}});
}

TEST(ParserTag, provider_backbones_and_fabrics_carry_whole_frames) {
  expect_fabric(0x88e7, {0x00, 0x00, 0x00, 0x0a});
  expect_fabric(0x88e7, {0xe8, 0xff, 0xff, 0xff});
  expect_fabric(0x8903, {0x04, 0x20});
  expect_fabric(0x22f3, {0x00, 0x3f, 0x00, 0x01, 0x00, 0x02});
  // Two words of options; multicast.
  expect_fabric(0x22f3, {0x08, 0xbf, 0x00, 0x01, 0x00, 0x02, 1, 2, 3, 4, 5, 6, 7, 8});
  expect_parsed({{"another version of TRILL",
                  udp4(packet().eth().ether_type(0x22f3).header({0x40, 0x3f, 0, 1, 0, 2}).eth()), "ether_type_other"}});
}

TEST(ParserTag, the_outermost_vlan_tag_of_the_frame_is_its_vlan_whatever_stands_around_it) {
  const Bytes vn_tag = {0, 0, 0, 0x14};
  EXPECT_EQ(vlan_of(packet().eth().ether_type(0x8926).header(typed(vn_tag, kVlan)).vlan(7)), 7);
  EXPECT_EQ(vlan_of(packet().eth().vlan(7).ether_type(0x8926).header(typed(vn_tag, kVlan)).vlan(8)), 7);
  EXPECT_EQ(vlan_of(packet().eth().qinq(7).ether_type(0x88e7).header({0, 0, 0, 9}).eth().vlan(8)), 7);
  EXPECT_EQ(vlan_of(packet().eth().ether_type(0x88e7).header({0, 0, 0, 9}).eth().vlan(8)), 8);
}

TEST(ParserTag, the_old_service_tags_are_vlan_tags) {
  for (const unsigned tpid : {0x9100U, 0x9200U, 0x9300U}) {
    EXPECT_EQ(parsed_text(udp4(packet().eth().tag(tpid, 5).vlan(6)).bytes()), kUdp4) << tpid;
    EXPECT_EQ(vlan_of(packet().eth().tag(tpid, 5).vlan(6)), 5) << tpid;
  }
}

TEST(ParserTag, tags_without_an_end_are_a_named_reject) {
  Bytes frame = packet().eth().ether_type(0x8926).bytes();
  for (unsigned i = 0; i < 300; ++i) frame = joined(frame, {0, 0, 0, 1, 0x89, 0x26});
  EXPECT_EQ(parsed_text(frame), "too_many_headers");
}

TEST(ParserTag, tags_are_read_in_tunnels_too) {
  EXPECT_EQ(parsed_text(udp4(packet()
                                 .eth()
                                 .ipv4("192.0.2.1", "192.0.2.2")
                                 .udp(50000, 4789)
                                 .vxlan(5)
                                 .eth()
                                 .ether_type(0x8909)
                                 .header({1, 1, 0, 1, 0, 5, 0x08, 0x00}))
                            .bytes()),
            "10.0.0.1 1 > 10.0.0.2 2 p17 o28 in vxlan 5 192.0.2.1 > 192.0.2.2 depth 1");
}

}  // namespace
}  // namespace weir::parser_tag_test
