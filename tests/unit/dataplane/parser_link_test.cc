// Link types and layer 2, kind by kind: where the parser finds the IP header, or which reject it names.
#include <gtest/gtest.h>

#include "tests/support/parsed_text.h"

namespace weir::parser_link_test {
namespace {

using test::Bytes;
using test::expect_parsed;
using test::packet;
using test::PacketBuilder;
using test::parsed_text;

constexpr const char* kA4 = "10.0.0.1";
constexpr const char* kB4 = "10.0.0.2";
constexpr const char* kA6 = "2001:db8::1";
constexpr const char* kB6 = "2001:db8::2";
constexpr const char* kUdp4 = "10.0.0.1 1 > 10.0.0.2 2 p17 o28";
constexpr const char* kUdp6 = "2001:db8::1 1 > 2001:db8::2 2 p17 o48";

PacketBuilder udp4(PacketBuilder link) {
  return link.ipv4(kA4, kB4).udp(1, 2);
}
PacketBuilder udp6(PacketBuilder link) {
  return link.ipv6(kA6, kB6).udp(1, 2);
}
void expect_on(LinkType link_type, const std::vector<test::ParserCase>& cases) {
  expect_parsed(cases, ParserOptions::defaults(), link_type);
}

TEST(ParserLink, mpls_ends_at_the_bottom_of_the_stack_and_the_next_bits_say_what_follows) {
  const auto eth = packet().eth();
  expect_parsed({
      {"one label", udp4(packet().eth().mpls(16)), "10.0.0.1 1 > 10.0.0.2 2 p17 o28 label 16"},
      {"IPv6", udp6(packet().eth().mpls(16)), "2001:db8::1 1 > 2001:db8::2 2 p17 o48 label 16"},
      {"three labels: the top one", udp4(packet().eth().mpls(100).mpls(200).mpls(300)),
       "10.0.0.1 1 > 10.0.0.2 2 p17 o28 label 100"},
      {"behind two tags", udp4(packet().eth().qinq(5).vlan(6).mpls(1048575)),
       "10.0.0.1 1 > 10.0.0.2 2 p17 o28 label 1048575"},
      {"multicast", udp4(packet().eth().mpls(16).ether_type(0x8848)), "10.0.0.1 1 > 10.0.0.2 2 p17 o28 label 16"},
      {"a pseudo-wire", packet().eth().mpls(16).header({0, 0, 0, 0}).eth().ipv4(kA4, kB4), "mpls_payload"},
      {"an OAM channel", packet().eth().mpls(13).header({0x10, 0, 0, 7}), "mpls_payload"},
      {"cut in the second entry", packet().eth().mpls(1).mpls(2).cut(14 + 7), "mpls_truncated"},
      {"cut behind the stack", packet().eth().mpls(1).ipv4(kA4, kB4).cut(14 + 4), "mpls_truncated"},
      {"cut in the IP header", packet().eth().mpls(1).ipv4(kA4, kB4).cut(14 + 4 + 19), "ipv4_truncated"},
  });
}

TEST(ParserLink, a_label_stack_without_an_end_is_a_named_reject) {
  PacketBuilder builder = packet().eth();
  for (unsigned i = 0; i < 300; ++i) builder.mpls(7);
  EXPECT_EQ(parsed_text(builder.ipv4(kA4, kB4).udp(1, 2).bytes()), "too_many_headers");
}

TEST(ParserLink, pppoe_session_frames_hold_ppp_and_the_others_no_ip) {
  expect_parsed({
      {"IPv4", udp4(packet().eth().pppoe(9).ppp()), kUdp4},
      {"IPv6", udp6(packet().eth().pppoe(9).ppp()), kUdp6},
      {"in QinQ", udp4(packet().eth().qinq(1).vlan(2).pppoe().ppp()), kUdp4},
      {"padding is not looked at", udp4(packet().eth().pppoe().ppp()).pad_to(60), kUdp4},
      {"MPLS", udp4(packet().eth().pppoe().ppp().mpls(3)), "10.0.0.1 1 > 10.0.0.2 2 p17 o28 label 3"},
      {"protocol field of one octet", udp4(packet().eth().pppoe().header({0x21})), kUdp4},
      {"LCP", packet().eth().pppoe().header({0xc0, 0x21}).payload(8), "ppp_control"},
      {"IPCP", packet().eth().pppoe().header({0x80, 0x21}).payload(8), "ppp_control"},
      {"discovery", packet().eth().ether_type(0x8863).header({0x11, 9, 0, 0, 0, 4}).payload(4), "ppp_control"},
      {"a code other than session data", packet().eth().ether_type(0x8864).header({0x11, 0xa7, 0, 1, 0, 0}),
       "ppp_control"},
      {"cut in the PPPoE header", packet().eth().pppoe().ppp().cut(14 + 5), "ppp_truncated"},
      {"cut in the PPP protocol", packet().eth().pppoe().ppp().ipv4(kA4, kB4).cut(14 + 7), "ppp_truncated"},
      {"a length shorter than the header", packet().eth().ether_type(0x8864).header({0x11, 0, 0, 1, 0, 1, 0}),
       "ppp_truncated"},
  });
}

TEST(ParserLink, llc_leads_to_ip_by_snap_or_by_the_access_point_of_ip) {
  expect_parsed({
      {"SNAP", udp4(packet().eth().llc_snap()), kUdp4},
      {"SNAP, IPv6", udp6(packet().eth().llc_snap()), kUdp6},
      {"SNAP in a VLAN", udp4(packet().eth().vlan(7).llc_snap()), kUdp4},
      {"SNAP, 802.1H", udp4(packet().eth().ether_type(36).header({0xaa, 0xaa, 3, 0, 0, 0xf8, 8, 0})), kUdp4},
      {"access point 6", udp4(packet().eth().ether_type(31).header({6, 6, 3})), kUdp4},
      {"padding is not looked at", udp4(packet().eth().llc_snap()).pad_to(60), kUdp4},
      {"spanning tree", packet().eth().ether_type(38).header({0x42, 0x42, 3}).payload(35), "ether_type_length"},
      {"Cisco discovery", packet().eth().ether_type(38).header({0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0}).payload(30),
       "ether_type_length"},
      {"a length that ends before the IP header",
       udp4(packet().eth().ether_type(20).header({0xaa, 0xaa, 3, 0, 0, 0, 8, 0})), "ipv4_truncated"},
      {"cut", packet().eth().llc_snap().ipv4(kA4, kB4).cut(14 + 2), "ether_type_length"},
  });
}

TEST(ParserLink, raw_ip_is_told_by_its_version_field) {
  expect_on(LinkType::raw_ip, {{"IPv4", udp4(packet()), kUdp4},
                               {"IPv6", udp6(packet()), kUdp6},
                               {"version 5", udp4(packet()).ip_version(5), "link_protocol"},
                               {"nothing", packet(), "link_protocol"}});
  expect_on(LinkType::ipv4, {{"IPv4", udp4(packet()), kUdp4}, {"IPv6", udp6(packet()), "ip_version"}});
  expect_on(LinkType::ipv6, {{"IPv6", udp6(packet()), kUdp6}, {"IPv4", udp4(packet()).payload(40), "ip_version"}});
}

TEST(ParserLink, linux_cooked_captures_hold_an_ethertype_at_their_end_or_at_their_front) {
  expect_on(LinkType::linux_sll, {{"IPv4", udp4(packet().sll()), kUdp4},
                                  {"IPv6", udp6(packet().sll()), kUdp6},
                                  {"a tag", udp4(packet().sll().vlan(3)), kUdp4},
                                  {"ARP", packet().sll().header(Bytes(28)), "ether_type_other"},
                                  {"Frame Relay", udp4(packet().sll(770).header({0x18, 0x41, 3, 0xcc})), kUdp4},
                                  {"netlink", udp4(packet().sll(824)), "link_protocol"},
                                  {"cut", packet().sll().cut(15), "link_truncated"}});
  expect_on(LinkType::linux_sll2, {{"IPv4", udp4(packet().sll2()), kUdp4},
                                   {"IPv6", udp6(packet().sll2()), kUdp6},
                                   {"Frame Relay", udp4(packet().sll2(770).header({0x18, 0x41, 3, 0xcc})), kUdp4},
                                   {"netlink", udp4(packet().sll2(824)), "link_protocol"},
                                   {"cut", packet().sll2().cut(19), "link_truncated"}});
}

TEST(ParserLink, bsd_loopback_has_an_address_family_in_either_byte_order) {
  for (const bool little : {true, false}) {
    expect_on(LinkType::bsd_null, {{"IPv4", udp4(packet().bsd_null(2, little)), kUdp4},
                                   {"NetBSD", udp6(packet().bsd_null(24, little)), kUdp6},
                                   {"FreeBSD", udp6(packet().bsd_null(28, little)), kUdp6},
                                   {"Darwin", udp6(packet().bsd_null(30, little)), kUdp6},
                                   {"AppleTalk", udp4(packet().bsd_null(16, little)), "link_protocol"},
                                   {"cut", packet().bsd_null(2, little).cut(3), "link_truncated"}});
  }
}

TEST(ParserLink, ppp_comes_with_and_without_framing_and_may_be_cisco_hdlc) {
  expect_on(LinkType::ppp,
            {{"plain", udp4(packet().ppp()), kUdp4},
             {"framed", udp6(packet().ppp(true)), kUdp6},
             {"MPLS", udp4(packet().ppp(true).mpls(5)), "10.0.0.1 1 > 10.0.0.2 2 p17 o28 label 5"},
             {"multilink, all of a packet", udp4(packet().header({0, 0x3d, 0xc0, 0, 0, 1}).ppp()), kUdp4},
             {"multilink, its first part", udp4(packet().header({0x3d, 0x80, 0, 0, 1}).ppp(true)), kUdp4},
             {"multilink, a later part", udp4(packet().header({0, 0x3d, 0x40, 0, 0, 2}).ppp()), "ppp_control"},
             {"multilink, cut", packet().header({0, 0x3d, 0xc0, 0, 0}), "ppp_truncated"},
             {"LCP", packet().header({0xff, 3, 0xc0, 0x21}).payload(8), "ppp_control"},
             {"cut", packet().ppp(true).cut(3), "ppp_truncated"},
             {"nothing", packet(), "ppp_truncated"}});
  expect_on(LinkType::ppp_hdlc, {{"framed", udp4(packet().ppp(true)), kUdp4}, {"HDLC", udp4(packet().hdlc()), kUdp4}});
  expect_on(LinkType::ppp_pppd, {{"sent", udp4(packet().header({0, 3}).ppp()), kUdp4},
                                 {"received", udp6(packet().header({1, 3}).ppp()), kUdp6}});
  expect_on(LinkType::pppoe, {{"session", udp4(packet().pppoe().ppp()), kUdp4}});
  expect_on(LinkType::cisco_hdlc, {{"IPv4", udp4(packet().hdlc()), kUdp4},
                                   {"IPv6", udp6(packet().hdlc()), kUdp6},
                                   {"MPLS", udp4(packet().hdlc().mpls(5)), "10.0.0.1 1 > 10.0.0.2 2 p17 o28 label 5"},
                                   {"bridged", udp4(packet().header({0x0f, 0, 0x65, 0x58}).eth()), kUdp4},
                                   {"SLARP", packet().header({0x8f, 0, 0x80, 0x35}).payload(18), "ether_type_arp"},
                                   {"cut", packet().hdlc().cut(3), "link_truncated"}});
}

TEST(ParserLink, frame_relay_has_an_address_of_two_to_four_octets_and_a_protocol_identifier_or_an_ethertype) {
  const Bytes address = {0x18, 0x41};
  const Bytes address4 = {0x18, 0x40, 0x40, 0x41};
  const auto with = [](Bytes first, std::initializer_list<std::uint8_t> more) {
    first.insert(first.end(), more);
    return packet().header(first);
  };
  expect_on(LinkType::frame_relay,
            {{"IPv4", udp4(with(address, {3, 0xcc})), kUdp4},
             {"IPv6", udp6(with(address, {3, 0x8e})), kUdp6},
             {"padded", udp4(with(address, {3, 0, 0xcc})), kUdp4},
             {"address of four octets", udp4(with(address4, {3, 0xcc})), kUdp4},
             {"SNAP", udp4(with(address, {3, 0, 0x80, 0, 0, 0, 8, 0})), kUdp4},
             {"bridged Ethernet", udp4(with(address, {3, 0, 0x80, 0, 0x80, 0xc2, 0, 7}).eth()), kUdp4},
             {"PPP", udp4(with(address, {3, 0xcf}).ppp()), kUdp4},
             {"Cisco's form", udp4(with(address, {8, 0})), kUdp4},
             {"management", with(address, {3, 8}).payload(20), "link_protocol"},
             {"an address without an end", packet().header({2, 2, 2, 2, 2, 2}), "link_protocol"},
             {"cut in the address", packet().header({0x18}), "link_truncated"},
             {"cut behind it", packet().header({0x18, 0x41, 3}), "link_truncated"}});
}

/// A data frame's header: frame control, and so many octets in all.
Bytes wifi(std::uint8_t control, std::uint8_t flags, std::size_t octets = 24) {
  Bytes header(octets);
  header[0] = control;
  header[1] = flags;
  return header;
}
PacketBuilder snap4(Bytes first) {
  return udp4(packet().header(std::move(first)).llc_snap());
}

TEST(ParserLink, ieee80211_data_frames_hold_llc_and_the_others_nothing) {
  Bytes later = wifi(0x08, 1);
  later[22] = 3;
  Bytes aggregate = wifi(0x88, 1, 26);
  aggregate[24] = 0x80;
  aggregate.insert(aggregate.end(), {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0, 36});
  Bytes no_mesh = wifi(0x88, 3, 32);
  no_mesh[31] = 1;
  Bytes mesh = no_mesh;
  mesh.insert(mesh.end(), {0, 31, 1, 0, 0, 0});
  Bytes far_mesh = no_mesh;
  far_mesh.insert(far_mesh.end(), {2, 31, 1, 0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2});
  expect_on(LinkType::ieee80211,
            {{"data", snap4(wifi(0x08, 1)), kUdp4},
             {"IPv6", udp6(packet().header(wifi(0x08, 2)).llc_snap()), kUdp6},
             {"four addresses", snap4(wifi(0x08, 3, 30)), kUdp4},
             {"quality of service", snap4(wifi(0x88, 1, 26)), kUdp4},
             {"with HT control", snap4(wifi(0x88, 0x81, 30)), kUdp4},
             {"the first of an aggregate", snap4(aggregate), kUdp4},
             {"in a mesh", snap4(mesh), kUdp4},
             {"in a mesh with two more addresses", snap4(far_mesh), kUdp4},
             {"the bit of a mesh outside one", snap4(no_mesh), kUdp4},
             {"encrypted", snap4(wifi(0x08, 0x41)), "wifi_protected"},
             {"no data", snap4(wifi(0x48, 1)), "wifi_no_data"},
             {"a later fragment", snap4(later), "wifi_no_data"},
             {"beacon", packet().header(wifi(0x80, 0)).payload(30), "wifi_no_data"},
             {"acknowledgment", packet().header({0xd4, 0, 0, 0, 2, 0, 0, 0, 0, 1}), "wifi_no_data"},
             {"cut", packet().header(wifi(0x88, 1, 26)).cut(25), "link_truncated"}});
}

TEST(ParserLink, radiotap_prism_and_avs_stand_before_it) {
  const auto behind = [](Bytes first, const Bytes& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
  };
  // Time (8 octets, aligned) and flags; the flags say that the 802.11 header is padded to four octets.
  const Bytes padded = {0, 0, 17, 0, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x20};
  const Bytes plain = {0, 0, 8, 0, 0, 0, 0, 0};
  const Bytes two_bitmaps = {0, 0, 13, 0, 2, 0, 0, 0x80, 0, 0, 0, 0, 0x10};
  expect_on(
      LinkType::radiotap,
      {{"empty", snap4(behind(plain, wifi(0x08, 1))), kUdp4},
       {"two bitmaps", snap4(behind(two_bitmaps, wifi(0x08, 1))), kUdp4},
       {"padded", snap4(behind(padded, wifi(0x88, 1, 28))), kUdp4},
       {"a length beyond the frame", packet().header({0, 0, 0xff, 0xff, 0, 0, 0, 0}), "link_truncated"},
       {"a length below its own", packet().header({0, 0, 4, 0, 0, 0, 0, 0}), "link_truncated"},
       {"bitmaps without an end", packet().header({0, 0, 12, 0, 0, 0, 0, 0x80, 0, 0, 0, 0x80}), "link_truncated"}});
  Bytes prism_little(144);
  prism_little[0] = 0x44;
  prism_little[4] = 144;
  Bytes prism_big(144);
  prism_big[3] = 0x44;
  prism_big[7] = 144;
  Bytes avs(64);
  avs[0] = 0x80, avs[1] = 0x21, avs[2] = 0x10, avs[3] = 1, avs[7] = 64;
  expect_on(LinkType::prism, {{"little endian", snap4(behind(prism_little, wifi(0x08, 1))), kUdp4},
                              {"big endian", snap4(behind(prism_big, wifi(0x08, 1))), kUdp4},
                              {"AVS instead", snap4(behind(avs, wifi(0x08, 1))), kUdp4},
                              {"cut", packet().header(prism_little).cut(100), "link_truncated"}});
  expect_on(LinkType::avs, {{"AVS", snap4(behind(avs, wifi(0x08, 1))), kUdp4},
                            {"cut", packet().header(avs).cut(7), "link_truncated"}});
}

TEST(ParserLink, mpls_may_be_the_link_layer) {
  expect_on(LinkType::mpls, {{"two labels", udp4(packet().mpls(8).mpls(9)), "10.0.0.1 1 > 10.0.0.2 2 p17 o28 label 8"},
                             {"nothing", packet(), "mpls_truncated"}});
}

}  // namespace
}  // namespace weir::parser_link_test
