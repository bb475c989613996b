// Tunnels, kind by kind: the inner header that makes the flow, the outer one with --layer outer, and what is left
// alone.
#include <gtest/gtest.h>

#include "tests/support/parsed_text.h"

namespace weir::parser_tunnel_test {
namespace {

using test::Bytes;
using test::expect_parsed;
using test::packet;
using test::PacketBuilder;
using test::parsed_text;

// The tunnel's ends, and what is inside.
constexpr const char* kS4 = "192.0.2.1";
constexpr const char* kT4 = "192.0.2.2";
constexpr const char* kS6 = "2001:db8:f::1";
constexpr const char* kT6 = "2001:db8:f::2";
constexpr const char* kA4 = "10.0.0.1";
constexpr const char* kB4 = "10.0.0.2";
constexpr const char* kA6 = "2001:db8::1";
constexpr const char* kB6 = "2001:db8::2";

PacketBuilder out4() {
  return packet().eth().ipv4(kS4, kT4);
}
PacketBuilder out6() {
  return packet().eth().ipv6(kS6, kT6);
}
PacketBuilder in4(PacketBuilder tunnel) {
  return tunnel.ipv4(kA4, kB4).tcp(1, 2);
}
PacketBuilder in6(PacketBuilder tunnel) {
  return tunnel.ipv6(kA6, kB6).tcp(1, 2);
}
ParserOptions outer() {
  ParserOptions options = ParserOptions::defaults();
  options.layer = Layer::outer;
  return options;
}
ParserOptions with(TunnelType type, std::uint16_t port = 0) {
  ParserOptions options = ParserOptions::defaults();
  options.walk(type);
  if (port != 0) options.udp_ports.push_back({port, type});
  return options;
}

TEST(ParserTunnel, ip_in_ip_in_all_four_combinations) {
  expect_parsed({
      {"4 in 4", in4(out4()), "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in ipip 0 192.0.2.1 > 192.0.2.2 depth 1"},
      {"6 in 4", in6(out4()), "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in ipip 0 192.0.2.1 > 192.0.2.2 depth 1"},
      {"4 in 6", in4(out6()), "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in ipip 0 2001:db8:f::1 > 2001:db8:f::2 depth 1"},
      {"6 in 6", in6(out6()), "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in ipip 0 2001:db8:f::1 > 2001:db8:f::2 depth 1"},
      {"behind a routing header", in6(out6().routing()),
       "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in ipip 0 2001:db8:f::1 > 2001:db8:f::2 depth 1"},
      {"cut in the inner header", in4(out4()).cut(14 + 20 + 19), "192.0.2.1 0 > 192.0.2.2 0 p4 o60"},
      {"an inner version that does not fit", in4(out4()).ip_version(5), "192.0.2.1 0 > 192.0.2.2 0 p4 o60"},
      {"an inner total length below its header", in4(out4()).ip_total_length(19), "192.0.2.1 0 > 192.0.2.2 0 p4 o60"},
  });
  expect_parsed({{"4 in 4", in4(out4()), "192.0.2.1 0 > 192.0.2.2 0 p4 o60 in ipip 0 192.0.2.1 > 192.0.2.2 depth 1"}},
                outer());
}

TEST(ParserTunnel, gre_with_every_optional_field_and_every_payload) {
  constexpr const char* kPlain = "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in gre 0 192.0.2.1 > 192.0.2.2 depth 1";
  constexpr const char* kKeyed = "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in gre 305419896 192.0.2.1 > 192.0.2.2 depth 1";
  expect_parsed({
      {"plain", in4(out4().gre()), kPlain},
      {"IPv6 inside", in6(out4().gre()), "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in gre 0 192.0.2.1 > 192.0.2.2 depth 1"},
      {"over IPv6", in4(out6().gre()), "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in gre 0 2001:db8:f::1 > 2001:db8:f::2 depth 1"},
      {"key", in4(out4().gre(0x12345678)), kKeyed},
      {"sequence", in4(out4().gre({}, true)), kPlain},
      {"checksum", in4(out4().gre({}, false, true)), kPlain},
      {"all three", in4(out4().gre(0x12345678, true, true)), kKeyed},
      {"Ethernet (NVGRE)", in4(out4().gre(0x12345678).eth().vlan(9)), kKeyed},
      {"PPP", in4(out4().gre().ppp()), kPlain},
      {"MPLS", in4(out4().gre().mpls(77)),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in gre 0 192.0.2.1 > 192.0.2.2 depth 1 "
       "label 77"},
      {"source route", in4(out4().protocol(47).header({0x40, 0, 8, 0, 0, 0, 0, 0, 0, 1, 0, 4, 9, 9, 9, 9, 0, 0, 0, 0})),
       kPlain},
      {"a source route without an end", out4().protocol(47).header({0x40, 0, 8, 0, 0, 0, 0, 0, 0, 1, 0, 4, 9, 9}),
       "192.0.2.1 0 > 192.0.2.2 0 p47 o34"},
      {"version 2", in4(out4().protocol(47).header({0, 2, 8, 0})), "192.0.2.1 0 > 192.0.2.2 0 p47 o64"},
      {"WCCP", in4(out4().protocol(47).header({0, 0, 0x88, 0x3e})), "192.0.2.1 0 > 192.0.2.2 0 p47 o64"},
      {"cut in the key", in4(out4().gre(1)).cut(14 + 20 + 7), "192.0.2.1 0 > 192.0.2.2 0 p47 o68"},
  });
}

TEST(ParserTunnel, gre_in_udp_at_port_4754_and_what_else_comes_to_that_port) {
  constexpr const char* kKeyed = "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in gre-udp 9 192.0.2.1 > 192.0.2.2 depth 1";
  const auto to_port = [](unsigned port) { return out4().udp(50000, port); };
  expect_parsed({
      {"IPv4", in4(to_port(4754).gre(9)), kKeyed},
      {"all fields", in4(to_port(4754).gre(9, true, true)), kKeyed},
      {"Ethernet", in4(to_port(4754).gre(9).eth().vlan(3)), kKeyed},
      {"IPv6 over IPv6", in6(out6().udp(50000, 4754).gre()),
       "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in gre-udp 0 2001:db8:f::1 > 2001:db8:f::2 depth 1"},
      {"ERSPAN in it", in4(to_port(4754).gre({}, true).erspan2(5).eth()),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in erspan 5 192.0.2.1 > 192.0.2.2 depth 1"},
      {"its port as source", in4(out4().udp(4754, 50000).gre(9)), "192.0.2.1 4754 > 192.0.2.2 50000 p17 o76"},
      {"the port of GRE in DTLS", in4(to_port(4755).gre(9)), "192.0.2.1 50000 > 192.0.2.2 4755 p17 o76"},
      {"version 1", in4(to_port(4754).header({0x20, 1, 0x08, 0, 0, 40, 0, 9})),
       "192.0.2.1 50000 > 192.0.2.2 4754 p17 o76"},
      {"a reserved bit", in4(to_port(4754).header({0x28, 0, 0x08, 0, 0, 0, 0, 9})),
       "192.0.2.1 50000 > 192.0.2.2 4754 p17 o76"},
      {"another protocol", in4(to_port(4754).header({0, 0, 0x08, 6})), "192.0.2.1 50000 > 192.0.2.2 4754 p17 o72"},
      {"cut in the key", in4(to_port(4754).gre(9)).cut(14 + 28 + 7), "192.0.2.1 50000 > 192.0.2.2 4754 p17 o76"},
      {"fewer octets than a header", to_port(4754).payload(3), "192.0.2.1 50000 > 192.0.2.2 4754 p17 o31"},
  });
}

TEST(ParserTunnel, pptp_is_gre_version_1_and_may_be_an_acknowledgment_alone) {
  // Key and sequence bits, version 1, acknowledgment bit; payload length, call 7, sequence, acknowledgment.
  const Bytes data = {0x30, 0x81, 0x88, 0x0b, 0, 44, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1};
  const Bytes acknowledgment = {0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 7, 0, 0, 0, 1};
  expect_parsed({
      {"data", in4(out4().protocol(47).header(data).ppp(true)),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in gre 7 192.0.2.1 > 192.0.2.2 depth 1"},
      {"data without a sequence number", in4(out4().protocol(47).header({0x20, 1, 0x88, 0x0b, 0, 44, 0, 7}).ppp()),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in gre 7 192.0.2.1 > 192.0.2.2 depth 1"},
      {"IP in version 1", in4(out4().protocol(47).header({0x20, 1, 0x08, 0, 0, 40, 0, 7})),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in gre 7 192.0.2.1 > 192.0.2.2 depth 1"},
      {"acknowledgment alone", out4().protocol(47).header(acknowledgment), "192.0.2.1 0 > 192.0.2.2 0 p47 o32"},
  });
}

TEST(ParserTunnel, erspan_of_all_three_types) {
  constexpr const char* kSession = "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in erspan 5 192.0.2.1 > 192.0.2.2 depth 1";
  expect_parsed({
      {"type I: no header of its own", in4(out4().protocol(47).header({0, 0, 0x88, 0xbe}).eth()),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in erspan 0 192.0.2.1 > 192.0.2.2 depth 1"},
      {"type II", in4(out4().gre({}, true).erspan2(5).eth()), kSession},
      {"type III", in4(out4().gre({}, true).erspan3(5).eth()), kSession},
      {"type III with a subheader", in4(out4().gre({}, true).erspan3(5, 0, true).eth()), kSession},
      {"type III with IP", in4(out4().gre({}, true).erspan3(5, 2)), kSession},
      {"type III with something else", in4(out4().gre({}, true).erspan3(5, 1)), "192.0.2.1 0 > 192.0.2.2 0 p47 o80"},
      {"cut", out4().gre({}, true).erspan3(5, 0, true).cut(14 + 20 + 8 + 19), "192.0.2.1 0 > 192.0.2.2 0 p47 o48"},
  });
}

TEST(ParserTunnel, udp_tunnels_are_told_by_the_destination_port) {
  expect_parsed({
      {"VXLAN", in4(out4().udp(50000, 4789).vxlan(5).eth()),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in vxlan 5 192.0.2.1 > 192.0.2.2 depth 1"},
      {"VXLAN, tagged IPv6 inside, over IPv6", in6(out6().udp(50000, 4789).vxlan(16777215).eth().vlan(3)),
       "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in vxlan 16777215 2001:db8:f::1 > 2001:db8:f::2 depth 1"},
      {"VXLAN with ARP inside", out4().udp(50000, 4789).vxlan(5).eth().ether_type(0x0806).payload(28),
       "192.0.2.1 50000 > 192.0.2.2 4789 p17 o78"},
      {"VXLAN's port as source", in4(out4().udp(4789, 50000).vxlan(5).eth()),
       "192.0.2.1 4789 > 192.0.2.2 50000 p17 o90"},
      {"GENEVE", in4(out4().udp(1000, 6081).geneve(6).eth()),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in geneve 6 192.0.2.1 > 192.0.2.2 depth 1"},
      {"GENEVE with options and IPv6", in6(out4().udp(1000, 6081).geneve(6, 252)),
       "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in geneve 6 192.0.2.1 > 192.0.2.2 depth 1"},
      {"GENEVE cut in its options", in4(out4().udp(1000, 6081).geneve(6, 252)).cut(14 + 28 + 200),
       "192.0.2.1 1000 > 192.0.2.2 6081 p17 o328"},
      {"GTP-U", in4(out4().udp(2152, 2152).gtp_u(0xabcd)),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in gtp-u 43981 192.0.2.1 > 192.0.2.2 depth 1"},
      {"GTP-U with an extension header", in6(out4().udp(2152, 2152).gtp_u(7, 8)),
       "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in gtp-u 7 192.0.2.1 > 192.0.2.2 depth 1"},
      {"GTP-U echo", out4().udp(2152, 2152).header({0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0}),
       "192.0.2.1 2152 > 192.0.2.2 2152 p17 o40"},
      {"GTP-U with an extension header of no length",
       in4(out4().udp(2152, 2152).header({0x34, 255, 0, 60, 0, 0, 0, 7, 0, 0, 0, 0x85, 0, 0, 0, 0})),
       "192.0.2.1 2152 > 192.0.2.2 2152 p17 o84"},
      {"MPLS", in4(out4().udp(1000, 6635).mpls(30).mpls(31)),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in mpls-udp 30 192.0.2.1 > 192.0.2.2 depth 1 label 30"},
      {"a UDP length that ends before the inner header",
       in4(out4().protocol(17).header({0xc3, 0x50, 0x12, 0xb5, 0, 20, 0, 0}).vxlan(5).eth()),
       "192.0.2.1 50000 > 192.0.2.2 4789 p17 o90"},
  });
}

TEST(ParserTunnel, a_udp_length_bounds_the_tunnel_and_is_no_less_than_the_header) {
  const auto with_length = [](PacketBuilder builder, std::size_t udp_at, std::uint8_t low) {
    Bytes frame = in4(builder.udp(50000, 4789).vxlan(5).eth()).bytes();
    frame[udp_at + 4] = 0;
    frame[udp_at + 5] = low;
    return parsed_text(frame);
  };
  constexpr const char* kOuter = "192.0.2.1 50000 > 192.0.2.2 4789 p17 o90";
  for (const std::uint8_t octets : {std::uint8_t{0}, std::uint8_t{7}, std::uint8_t{8}, std::uint8_t{49}}) {
    EXPECT_EQ(with_length(out4(), 34, octets), kOuter) << unsigned{octets};
  }
  constexpr const char* kInner = "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in vxlan 5 192.0.2.1 > 192.0.2.2 depth 1";
  EXPECT_EQ(with_length(out4(), 34, 50), "10.0.0.1 0 > 10.0.0.2 0 p6 o40 in vxlan 5 192.0.2.1 > 192.0.2.2 depth 1")
      << "the inner IP header and nothing behind it";
  EXPECT_EQ(with_length(out4(), 34, 200), kInner) << "more than there is";
  // RFC 2675 §4: in IPv6, 0 may be a jumbogram's.
  EXPECT_EQ(with_length(out6(), 54, 0),
            "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in vxlan 5 2001:db8:f::1 > 2001:db8:f::2 depth 1");
  EXPECT_EQ(with_length(out6(), 54, 7), "2001:db8:f::1 50000 > 2001:db8:f::2 4789 p17 o110");
}

TEST(ParserTunnel, a_gtp_pdu_may_be_an_ethernet_frame_and_geneve_may_begin_with_a_tag) {
  expect_parsed({
      {"5G Ethernet", in4(out4().udp(2152, 2152).gtp_u(9).eth().vlan(4)),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in gtp-u 9 192.0.2.1 > 192.0.2.2 depth 1"},
      {"ARP in it", out4().udp(2152, 2152).gtp_u(9).eth().ether_type(0x0806).payload(28),
       "192.0.2.1 2152 > 192.0.2.2 2152 p17 o78"},
      {"GENEVE with a tag", in4(out4().udp(50000, 6081).geneve(3).vlan(4)),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in geneve 3 192.0.2.1 > 192.0.2.2 depth 1"},
  });
}

/// What costs most: headers as small as they come, as many as are looked at. LayerWalk states the bound.
TEST(ParserTunnel, no_frame_takes_more_steps_than_the_bound) {
  std::vector<std::pair<const char*, PacketBuilder>> frames;
  PacketBuilder labels = packet().eth();
  PacketBuilder tags = packet().eth();
  PacketBuilder extensions = out6();
  PacketBuilder in_turn = packet().eth();
  PacketBuilder bridges = packet().eth();
  for (unsigned i = 0; i < 600; ++i) {
    labels.mpls(7);
    tags.vlan(7);
    extensions.destination_options(8);
    in_turn.ipv6("2001:db8:f::1", "2001:db8:f::2").destination_options(8).hop_by_hop(8);
    bridges.ether_type(0x6558).eth();
  }
  Bytes route(4 + 4, 0);
  route[0] = 0x40, route[2] = 8;
  for (unsigned i = 0; i < 1000; ++i) route.insert(route.end(), {0, 1, 0, 0});
  Bytes extension_headers = {0x34, 255, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 0x85};
  for (unsigned i = 0; i < 1000; ++i) extension_headers.insert(extension_headers.end(), {1, 0, 0, 0x85});
  Bytes bitmaps = {0, 0, 0, 0x10, 0, 0, 0, 0x80};
  for (unsigned i = 0; i < 1100; ++i) bitmaps.insert(bitmaps.end(), {0, 0, 0, 0x80});
  frames.emplace_back("labels", labels);
  frames.emplace_back("extension headers", extensions);
  frames.emplace_back("a source route", out4().protocol(47).header(route));
  frames.emplace_back("GTP extension headers", out4().udp(2152, 2152).header(extension_headers));
  frames.emplace_back("Ethernet in Ethernet", bridges);
  ParserOptions everything;
  for (std::size_t i = 1; i < kTunnelTypes.size(); ++i) everything.walk(static_cast<TunnelType>(i));
  everything.udp_ports = ParserOptions::defaults().udp_ports;
  everything.tunnel_depth = ParserOptions::kMaxTunnelDepth;
  const auto steps_of = [&](const Bytes& frame, LinkType link) {
    Parser parser(everything);
    ParsedPacket parsed{};
    PacketTrace trace;
    (void)parser.walk(test::view_of(frame, 0, 0, link), parsed, &trace);
    return trace.steps;
  };
  for (const auto& [name, frame] : frames) EXPECT_EQ(steps_of(frame.bytes(), LinkType::ethernet), 192U) << name;
  EXPECT_EQ(steps_of(bitmaps, LinkType::radiotap), 192U);
  // These end earlier, at bounds of their own: eight tags; IPv6 in IPv6 to the greatest depth, 32, with the steps of
  // the link (2), of each IPv6 header, its two extension headers and its payload (4).
  EXPECT_EQ(steps_of(tags.bytes(), LinkType::ethernet), 1U + 1 + 9 + 8);
  EXPECT_EQ(steps_of(in_turn.bytes(), LinkType::ethernet), 2U + 33 * 4);
}

TEST(ParserTunnel, l2tp_data_messages_go_both_ways_and_control_messages_hold_no_ip) {
  constexpr const char* kInside = "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in l2tp 1310739 192.0.2.1 > 192.0.2.2 depth 1";
  expect_parsed({
      {"length", in4(out4().udp(1701, 1701).l2tp(20, 19).ppp(true)), kInside},
      {"no length", in4(out4().udp(1701, 1701).l2tp(20, 19, false).ppp()), kInside},
      {"sequence", in4(out4().udp(1701, 1701).l2tp(20, 19, true, true).ppp()), kInside},
      {"offset", in4(out4().udp(1701, 1701).l2tp(20, 19, true, true, 6).ppp()), kInside},
      {"an answer to another port", in4(out4().udp(1701, 40000).l2tp(20, 19).ppp()), kInside},
      {"control", out4().udp(1701, 1701).header({0xc8, 2, 0, 12, 0, 1, 0, 0, 0, 0, 0, 0}),
       "192.0.2.1 1701 > 192.0.2.2 1701 p17 o40"},
      {"LCP inside", out4().udp(1701, 1701).l2tp(20, 19).header({0xff, 3, 0xc0, 0x21}).payload(8),
       "192.0.2.1 1701 > 192.0.2.2 1701 p17 o48"},
  });
}

TEST(ParserTunnel, mpls_in_ip_and_the_tunnel_mode_of_ah) {
  const Bytes ah = {4, 4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  Bytes transport = ah;
  transport[0] = 6;
  expect_parsed({
      {"MPLS", in4(out4().mpls(40)),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in mpls-ip 40 192.0.2.1 > 192.0.2.2 depth 1 "
       "label 40"},
      {"AH over IPv4", in4(out4().protocol(51).header(ah)),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in ah 9 192.0.2.1 > 192.0.2.2 depth 1"},
      {"AH over IPv6", in4(out6().ah()),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in ah 0 2001:db8:f::1 > 2001:db8:f::2 depth 1"},
      {"AH over IPv4 in transport mode", out4().protocol(51).header(transport).header({0, 1, 0, 2, 0, 0, 0, 0}),
       "192.0.2.1 0 > 192.0.2.2 0 p51 o52"},
  });
}

TEST(ParserTunnel, esp_is_a_flow_for_each_security_parameters_index) {
  expect_parsed({{"IPv4", out4().protocol(50).header({0x12, 0x34, 0xab, 0xcd, 0, 0, 0, 1}).payload(24),
                  "192.0.2.1 4660 > 192.0.2.2 43981 p50 o52"},
                 {"IPv6", out6().hop_by_hop().protocol(50).header({0, 0, 0, 5, 0, 0, 0, 1}),
                  "2001:db8:f::1 0 > 2001:db8:f::2 5 p50 o56"},
                 {"cut", out4().protocol(50).header({1, 2, 3, 4, 0, 0, 0, 1}).cut(14 + 20 + 7),
                  "192.0.2.1 0 > 192.0.2.2 0 p50 o28"}});
}

TEST(ParserTunnel, what_is_off_by_default_is_walked_when_asked_for) {
  const auto gpe = [](std::uint8_t next) { return out4().udp(1000, 4790).header({0x0c, 0, 0, next, 0, 0, 5, 0}); };
  const Bytes nsh = {0x0f, 0xc2, 2, 1, 0, 0, 0x20, 0xff};  // MD type 2, two words, IPv4; path 32, index 255
  const Bytes teredo_origin = {0, 0, 1, 2, 3, 4, 5, 6};
  const Bytes teredo_authentication = {0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0};
  expect_parsed({
      {"VXLAN-GPE", in4(gpe(1)), "192.0.2.1 1000 > 192.0.2.2 4790 p17 o76"},
      {"Teredo", in6(out4().udp(1000, 3544)), "192.0.2.1 1000 > 192.0.2.2 3544 p17 o88"},
      {"EtherIP", in4(out4().protocol(97).header({0x30, 0}).eth()), "192.0.2.1 0 > 192.0.2.2 0 p97 o76"},
      {"NSH", in4(packet().eth().ether_type(0x894f).header(nsh)), "ether_type_other"},
  });
  expect_parsed(
      {{"IPv4", in4(gpe(1)), "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in vxlan-gpe 5 192.0.2.1 > 192.0.2.2 depth 1"},
       {"IPv6", in6(gpe(2)), "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in vxlan-gpe 5 192.0.2.1 > 192.0.2.2 depth 1"},
       {"Ethernet", in4(gpe(3).eth()), "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in vxlan-gpe 5 192.0.2.1 > 192.0.2.2 depth 1"},
       {"NSH, which is off", in4(gpe(4).header(nsh)), "192.0.2.1 1000 > 192.0.2.2 4790 p17 o84"}},
      with(TunnelType::vxlan_gpe, 4790));
  ParserOptions both = with(TunnelType::vxlan_gpe, 4790);
  both.walk(TunnelType::nsh);
  expect_parsed({{"NSH in VXLAN-GPE", in4(gpe(4).header(nsh)),
                  "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in nsh 8447 192.0.2.1 > 192.0.2.2 depth 1"},
                 {"NSH on Ethernet", in4(packet().eth().ether_type(0x894f).header(nsh)),
                  "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in nsh 8447 depth 1"}},
                both);
  constexpr const char* kTeredo = "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in teredo 0 192.0.2.1 > 192.0.2.2 depth 1";
  expect_parsed({{"plain", in6(out4().udp(1000, 3544)), kTeredo},
                 {"from the server", in6(out4().udp(3544, 1000)), kTeredo},
                 {"origin", in6(out4().udp(1000, 3544).header(teredo_origin)), kTeredo},
                 {"both", in6(out4().udp(1000, 3544).header(teredo_authentication).header(teredo_origin)), kTeredo}},
                with(TunnelType::teredo, 3544));
  expect_parsed({{"EtherIP", in4(out4().protocol(97).header({0x30, 0}).eth()),
                  "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in etherip 0 192.0.2.1 > 192.0.2.2 depth 1"}},
                with(TunnelType::etherip));
  expect_parsed({{"pseudo-wire", in4(packet().eth().mpls(8).mpls(9).header({0, 0, 0, 1}).eth()),
                  "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in mpls-pw 9 depth 1 label 8"}},
                with(TunnelType::mpls_pw));
}

TEST(ParserTunnel, an_mpls_payload_is_a_pseudo_wire_where_it_is_no_ip_packet_but_an_ethernet_frame) {
  const ParserOptions options = with(TunnelType::mpls_pw);
  constexpr const char* kWire = "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in mpls-pw 9 depth 1 label 9";
  constexpr const char* kNone = "mpls_payload";
  // The first octet of the destination's address is any: none, or one that looks like a version or a channel header.
  for (const std::uint8_t first : Bytes{0x00, 0x02, 0x10, 0x44, 0x46, 0x48, 0x4a, 0x60, 0x68, 0xcc, 0xfe}) {
    SCOPED_TRACE(unsigned{first});
    const auto with_address = [&](PacketBuilder frame, std::size_t at) {
      Bytes octets = frame.bytes();
      octets[at] = first;
      return octets;
    };
    const auto labels = [] { return packet().eth().mpls(9); };
    EXPECT_EQ(parsed_text(with_address(in4(labels().eth()), 18), options), kWire);
    EXPECT_EQ(parsed_text(with_address(in4(labels().eth().vlan(3)), 18), options), kWire);
    EXPECT_EQ(parsed_text(with_address(in4(labels().eth()).payload(1000).cut(100), 18), options),
              "10.0.0.1 1 > 10.0.0.2 2 p6 o1040 in mpls-pw 9 depth 1 label 9");
    EXPECT_EQ(parsed_text(with_address(in6(labels().eth()), 18), options),
              "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in mpls-pw 9 depth 1 label 9");
    EXPECT_EQ(parsed_text(with_address(in4(labels().header({0, 0, 0, 7}).eth()), 22), options), kWire);
    // Without --tunnels mpls-pw no pseudo-wire is entered, whatever it begins with; nor is its address taken for IP.
    EXPECT_EQ(parsed_text(with_address(in4(labels().eth()), 18)), kNone);
    EXPECT_EQ(parsed_text(with_address(in6(labels().eth()), 18)), kNone);
  }
  const Bytes arp = {0xfe, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x06};
  expect_parsed({{"ARP without a control word", packet().eth().mpls(9).header(arp).payload(28), kNone},
                 {"an OAM channel", packet().eth().mpls(9).header({0x10, 0, 0, 7}).payload(40), kNone},
                 {"cut in the inner addresses", packet().eth().mpls(9).header(arp).cut(18 + 13), kNone}},
                options);
}

/// Addresses whose octets stand where an EtherType of IP and a version would.
TEST(ParserTunnel, an_ip_packet_behind_labels_stays_one_where_it_looks_like_a_pseudo_wire) {
  const ParserOptions options = with(TunnelType::mpls_pw);
  const auto text = [&](PacketBuilder frame) { return parsed_text(frame.bytes(), options); };
  const auto labels = [] { return packet().eth().mpls(9); };
  EXPECT_EQ(text(labels().ipv4("8.0.69.1", kB4).udp(1, 2).payload(20)), "8.0.69.1 1 > 10.0.0.2 2 p17 o48 label 9");
  EXPECT_EQ(text(labels().ipv4("8.0.69.1", kB4).udp(1, 2).pad_to(60)), "8.0.69.1 1 > 10.0.0.2 2 p17 o28 label 9");
  EXPECT_EQ(text(labels().ipv6("2001:db8:800:4500::1", kB6).udp(1, 2).payload(20)),
            "2001:db8:800:4500::1 1 > 2001:db8::2 2 p17 o68 label 9");
  // A header that does not agree with itself is IP where it is nothing else.
  EXPECT_EQ(text(labels().ipv4(kA4, kB4).ip_total_length(60000).udp(1, 2)),
            "10.0.0.1 1 > 10.0.0.2 2 p17 o60000 label 9");
  EXPECT_EQ(text(labels().ipv6(kA6, kB6).ip_payload_length(60000).udp(1, 2)),
            "2001:db8::1 1 > 2001:db8::2 2 p17 o60040 label 9");
  EXPECT_EQ(text(labels().ipv4(kA4, kB4).ip_header_words(4).udp(1, 2)), "ipv4_header_length");
}

TEST(ParserTunnel, l2tpv3_is_found_behind_a_cookie_of_any_length) {
  for (const std::size_t cookie : {0U, 4U, 8U}) {
    Bytes header = {0, 0, 0, 7};
    header.insert(header.end(), cookie, 0x5a);
    expect_parsed({{"over IP", in4(out4().protocol(115).header(header).eth()),
                    "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in l2tpv3 7 192.0.2.1 > 192.0.2.2 depth 1"}},
                  with(TunnelType::l2tpv3));
    Bytes data = {0, 3, 0, 0};
    data.insert(data.end(), header.begin(), header.end());
    expect_parsed({{"over UDP", in6(out4().udp(1701, 1701).header(data).eth()),
                    "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in l2tpv3 7 192.0.2.1 > 192.0.2.2 depth 1"}},
                  with(TunnelType::l2tpv3, 1701));
  }
}

TEST(ParserTunnel, tunnels_lie_inside_one_another_to_the_depth_that_is_asked_for) {
  const auto nested = [](unsigned tunnels) {
    PacketBuilder builder = packet().eth();
    for (unsigned i = 0; i < tunnels; ++i) builder.ipv4(kS4, kT4);
    return builder.ipv4(kA4, kB4).udp(1, 2);
  };
  EXPECT_EQ(parsed_text(nested(16).bytes()),
            "10.0.0.1 1 > 10.0.0.2 2 p17 o28 in ipip 0 192.0.2.1 > 192.0.2.2 depth 16");
  EXPECT_EQ(parsed_text(nested(17).bytes()),
            "192.0.2.1 0 > 192.0.2.2 0 p4 o48 in ipip 0 192.0.2.1 > 192.0.2.2 depth 16");
  ParserOptions options = ParserOptions::defaults();
  options.tunnel_depth = 1;
  EXPECT_EQ(parsed_text(nested(2).bytes(), options),
            "192.0.2.1 0 > 192.0.2.2 0 p4 o48 in ipip 0 192.0.2.1 > 192.0.2.2 depth 1");
  options.tunnel_depth = 0;
  EXPECT_EQ(parsed_text(nested(1).bytes(), options), "192.0.2.1 0 > 192.0.2.2 0 p4 o48");
  // In any mix.
  EXPECT_EQ(
      parsed_text(
          in4(out6().udp(1, 4789).vxlan(5).eth().vlan(4).ipv4(kS4, kT4).gre(8).ipv6(kS6, kT6).udp(3, 2152).gtp_u(9))
              .bytes()),
      "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in gtp-u 9 2001:db8:f::1 > 2001:db8:f::2 depth 3");
}

TEST(ParserTunnel, the_outer_layer_makes_the_flow_where_it_is_asked_for_and_still_names_its_tunnel) {
  expect_parsed({{"VXLAN", in4(out4().udp(50000, 4789).vxlan(5).eth()),
                  "192.0.2.1 50000 > 192.0.2.2 4789 p17 o90 in vxlan 5 192.0.2.1 > 192.0.2.2 depth 1"},
                 {"GRE in GRE", in4(out4().gre(1).ipv4(kA4, kB4).gre(2)),
                  "192.0.2.1 0 > 192.0.2.2 0 p47 o96 in gre 1 192.0.2.1 > 192.0.2.2 depth 1"},
                 {"no tunnel", in4(packet().eth()), "10.0.0.1 1 > 10.0.0.2 2 p6 o40"}},
                outer());
}

TEST(ParserTunnel, a_tunnel_that_is_off_is_the_flow_itself) {
  ParserOptions none = ParserOptions::defaults();
  none.tunnels = 0;
  none.udp_ports.clear();
  expect_parsed({{"GRE", in4(out4().gre()), "192.0.2.1 0 > 192.0.2.2 0 p47 o64"},
                 {"VXLAN", in4(out4().udp(50000, 4789).vxlan(5).eth()), "192.0.2.1 50000 > 192.0.2.2 4789 p17 o90"},
                 {"IP in IP", in4(out4()), "192.0.2.1 0 > 192.0.2.2 0 p4 o60"}},
                none);
  ParserOptions elsewhere = none;
  elsewhere.walk(TunnelType::vxlan);
  elsewhere.udp_ports = {{8472, TunnelType::vxlan}};
  expect_parsed(
      {{"the registered port", in4(out4().udp(50000, 4789).vxlan(5).eth()), "192.0.2.1 50000 > 192.0.2.2 4789 p17 o90"},
       {"the one that was given", in4(out4().udp(50000, 8472).vxlan(5).eth()),
        "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in vxlan 5 192.0.2.1 > 192.0.2.2 depth 1"}},
      elsewhere);
}

TEST(ParserTunnel, icmp_errors_count_for_what_they_quote_where_it_is_asked_for) {
  ParserOptions quoted = ParserOptions::defaults();
  quoted.icmp_errors = IcmpErrors::quoted;
  const Bytes udp = packet().ipv4(kA4, kB4).udp(1, 2).bytes();
  const Bytes udp6 = packet().ipv6(kA6, kB6).hop_by_hop().udp(1, 2).bytes();
  const auto error = packet().eth().ipv4(kT4, kA4).icmp(3, 3).header(udp);
  expect_parsed({{"its own", error, "192.0.2.2 0 > 10.0.0.1 0 p1 o56"}});
  // From whoever the quoted packet went to, back to its sender, with the octets of the error.
  expect_parsed(
      {{"port unreachable", error, "10.0.0.2 2 > 10.0.0.1 1 p17 o56"},
       {"time exceeded", packet().eth().ipv4(kT4, kA4).icmp(11, 0).header(udp), "10.0.0.2 2 > 10.0.0.1 1 p17 o56"},
       {"too big", packet().eth().ipv6(kT6, kA6).icmpv6(2, 0).header(udp6), "2001:db8::2 2 > 2001:db8::1 1 p17 o104"},
       {"an echo quotes nothing", packet().eth().ipv4(kT4, kA4).icmp(8, 0).header(udp),
        "192.0.2.2 0 > 10.0.0.1 0 p1 o56"},
       {"cut in what it quotes", packet().eth().ipv4(kT4, kA4).icmp(3, 3).header(udp).cut(14 + 28 + 19),
        "192.0.2.2 0 > 10.0.0.1 0 p1 o56"}},
      quoted);
}

TEST(ParserTunnel, jumbograms_count_what_their_option_says_unless_the_frame_is_shorter) {
  const Bytes jumbo = {6, 0, 0xc2, 4, 0, 1, 0x11, 0x70};  // hop-by-hop: next is TCP, jumbo payload length 70000
  const Bytes frame = packet()
                          .eth()
                          .ipv6(kA6, kB6)
                          .ip_payload_length(0)
                          .protocol(0)
                          .header(jumbo)
                          .header({0, 1, 0, 2})
                          .payload(16)
                          .bytes();
  ParsedPacket result;
  Parser parser;
  ASSERT_EQ(parser.parse(test::view_of(frame, 0, 14 + 40 + 70000), result), Reject::none);
  EXPECT_EQ(test::key_text(result), "2001:db8::1 1 > 2001:db8::2 2 p6 o70040");
  ASSERT_EQ(parser.parse(test::view_of(frame, 0, 14 + 40 + 69999), result), Reject::none);
  EXPECT_EQ(test::key_text(result), "2001:db8::1 1 > 2001:db8::2 2 p6 o70039") << "what the frame has";
  EXPECT_EQ(result.facts, kLengthFromFrame);
}

TEST(ParserTunnel, tunnels_are_entered_where_segmentation_offload_left_lengths_of_0) {
  const auto with_udp_length_0 = [](PacketBuilder frame, std::size_t udp_at) {
    Bytes octets = frame.bytes();
    octets[udp_at + 4] = octets[udp_at + 5] = 0;
    return parsed_text(octets);
  };
  const auto in4_of_0 = [](PacketBuilder tunnel) {
    return tunnel.ipv4(kA4, kB4).ip_total_length(0).tcp(1, 2).payload(3000);
  };
  const auto out4_of_0 = [] { return out4().ip_total_length(0); };
  expect_parsed({
      {"VXLAN, the outer length", in4(out4_of_0().udp(50000, 4789).vxlan(5).eth()),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in vxlan 5 192.0.2.1 > 192.0.2.2 depth 1"},
      {"VXLAN, the inner length", in4_of_0(out4().udp(50000, 4789).vxlan(5).eth()),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o3040 in vxlan 5 192.0.2.1 > 192.0.2.2 depth 1"},
      {"GRE, both", in4_of_0(out4_of_0().gre(7)),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o3040 in gre 7 192.0.2.1 > 192.0.2.2 depth 1"},
      {"IPv6 in IPv6, both", out6().ip_payload_length(0).ipv6(kA6, kB6).ip_payload_length(0).tcp(1, 2).payload(3000),
       "2001:db8::1 1 > 2001:db8::2 2 p6 o3060 in ipip 0 2001:db8:f::1 > 2001:db8:f::2 depth 1"},
  });
  EXPECT_EQ(with_udp_length_0(in4_of_0(out4_of_0().udp(50000, 6081).geneve(6)), 34),
            "10.0.0.1 1 > 10.0.0.2 2 p6 o3040 in geneve 6 192.0.2.1 > 192.0.2.2 depth 1");
  EXPECT_EQ(with_udp_length_0(in4_of_0(out6().ip_payload_length(0).udp(50000, 6081).geneve(6)), 54),
            "10.0.0.1 1 > 10.0.0.2 2 p6 o3040 in geneve 6 2001:db8:f::1 > 2001:db8:f::2 depth 1");
}

TEST(ParserTunnel, every_cut_of_a_deep_frame_counts_for_the_innermost_header_that_is_whole) {
  const Bytes whole =
      in4(out6().udp(1, 4789).vxlan(5).eth().vlan(4).ipv4(kS4, kT4).gre(8).ipv6(kS6, kT6).udp(3, 2152).gtp_u(9))
          .bytes();
  std::string last;
  std::vector<std::string> seen;
  for (std::size_t octets = 0; octets <= whole.size(); ++octets) {
    const std::string text = parsed_text(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(octets)));
    if (text == last) continue;
    seen.push_back(text);
    last = text;
  }
  EXPECT_EQ(seen, (std::vector<std::string>{
                      "link_truncated", "ipv6_truncated", "2001:db8:f::1 0 > 2001:db8:f::2 0 p17 o198",
                      "2001:db8:f::1 1 > 2001:db8:f::2 4789 p17 o198",
                      "192.0.2.1 0 > 192.0.2.2 0 p47 o124 in vxlan 5 2001:db8:f::1 > 2001:db8:f::2 depth 1",
                      "2001:db8:f::1 0 > 2001:db8:f::2 0 p17 o96 in gre 8 192.0.2.1 > 192.0.2.2 depth 2",
                      "2001:db8:f::1 3 > 2001:db8:f::2 2152 p17 o96 in gre 8 192.0.2.1 > 192.0.2.2 depth 2",
                      "10.0.0.1 0 > 10.0.0.2 0 p6 o40 in gtp-u 9 2001:db8:f::1 > 2001:db8:f::2 depth 3",
                      "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in gtp-u 9 2001:db8:f::1 > 2001:db8:f::2 depth 3"}));
}

}  // namespace
}  // namespace weir::parser_tunnel_test
