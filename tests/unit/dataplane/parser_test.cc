// The parser, header kind by header kind: which key, octets and facts a frame gives, or which reject.
#include "dataplane/packet/parser.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/support/packet_builder.h"

namespace weir::parser_test {
namespace {

using test::Bytes;
using test::packet;
using test::PacketBuilder;
using test::view_of;

// A is less than B in both families.
constexpr const char* kA4 = "10.0.0.1";
constexpr const char* kB4 = "10.0.0.2";
constexpr const char* kA6 = "2001:db8::1";
constexpr const char* kB6 = "2001:db8::2";

/// A parsed frame in a form that reads well in a failure: "10.0.0.1 1 > 10.0.0.2 2 p17 o28".
std::string text_of(const ParsedPacket& packet) {
  const int family = packet.key.ip_version == 4 ? AF_INET : AF_INET6;
  const std::size_t octets = packet.key.ip_version == 4 ? 4 : 16;
  const auto* addresses = reinterpret_cast<const std::uint8_t*>(packet.key.address);
  char low[INET6_ADDRSTRLEN];
  char high[INET6_ADDRSTRLEN];
  inet_ntop(family, addresses, low, sizeof low);
  inet_ntop(family, addresses + octets, high, sizeof high);
  const std::string low_end = std::string(low) + ' ' + std::to_string(packet.key.port_low);
  const std::string high_end = std::string(high) + ' ' + std::to_string(packet.key.port_high);
  return (packet.from == Side::low ? low_end + " > " + high_end : high_end + " > " + low_end) + " p" +
         std::to_string(packet.key.protocol) + " o" + std::to_string(packet.ip_octets);
}

/// Parses an exact heap copy, so that a sanitizer sees every octet read too many.
Reject parse(const Bytes& frame, ParsedPacket& result) {
  const Bytes exact(frame.begin(), frame.end());
  std::memset(static_cast<void*>(&result), 0xee, sizeof result);  // what the parser leaves out shows
  return Parser().parse(view_of(exact, 12345), result);
}

std::string parsed(const Bytes& frame) {
  ParsedPacket result;
  const Reject reject = parse(frame, result);
  return reject == Reject::none ? text_of(result) : std::string(reason_text(kRejectTexts, reject).name);
}

std::string parsed(const PacketBuilder& builder) {
  return parsed(builder.bytes());
}

struct Case {
  const char* what;
  PacketBuilder frame;
  const char* expected;
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& one : cases) EXPECT_EQ(parsed(one.frame), one.expected) << one.what;
}

PacketBuilder ip4() {
  return packet().eth().ipv4(kA4, kB4);
}
PacketBuilder ip6() {
  return packet().eth().ipv6(kA6, kB6);
}

TEST(Parser, takes_ports_from_every_protocol_that_has_them_and_from_no_other) {
  expect_all({
      {"TCP", ip4().tcp(1, 2), "10.0.0.1 1 > 10.0.0.2 2 p6 o40"},
      {"UDP", ip4().udp(3, 65535).payload(5), "10.0.0.1 3 > 10.0.0.2 65535 p17 o33"},
      {"UDP-Lite", ip4().udp_lite(5, 6), "10.0.0.1 5 > 10.0.0.2 6 p136 o28"},
      {"SCTP", ip4().sctp(7, 8), "10.0.0.1 7 > 10.0.0.2 8 p132 o32"},
      {"DCCP", ip4().dccp(9, 10), "10.0.0.1 9 > 10.0.0.2 10 p33 o36"},
      {"TCP over IPv6", ip6().tcp(1, 2), "2001:db8::1 1 > 2001:db8::2 2 p6 o60"},
      {"UDP over IPv6", ip6().udp(3, 4).payload(5), "2001:db8::1 3 > 2001:db8::2 4 p17 o53"},
      {"UDP-Lite over IPv6", ip6().udp_lite(5, 6), "2001:db8::1 5 > 2001:db8::2 6 p136 o48"},
      {"SCTP over IPv6", ip6().sctp(7, 8), "2001:db8::1 7 > 2001:db8::2 8 p132 o52"},
      {"DCCP over IPv6", ip6().dccp(9, 10), "2001:db8::1 9 > 2001:db8::2 10 p33 o56"},
      {"ICMP", ip4().icmp(8, 0), "10.0.0.1 0 > 10.0.0.2 0 p1 o28"},
      {"ICMPv6", ip6().icmpv6(128, 0), "2001:db8::1 0 > 2001:db8::2 0 p58 o48"},
      {"GRE", ip4().protocol(47).payload(8), "10.0.0.1 0 > 10.0.0.2 0 p47 o28"},
      {"ESP over IPv6: the SPI", ip6().protocol(50).payload(8), "2001:db8::1 42405 > 2001:db8::2 42405 p50 o48"},
      {"no payload", ip4().protocol(6), "10.0.0.1 0 > 10.0.0.2 0 p6 o20"},
      {"no next header", ip6().protocol(59).payload(4), "2001:db8::1 0 > 2001:db8::2 0 p59 o44"},
      {"AH over IPv4 is the protocol itself", ip4().protocol(51).payload(24), "10.0.0.1 0 > 10.0.0.2 0 p51 o44"},
      {"hop-by-hop over IPv4 is protocol 0", ip4().protocol(0).payload(24), "10.0.0.1 0 > 10.0.0.2 0 p0 o44"},
  });
}

TEST(Parser, gives_both_directions_the_same_key_and_says_which_side_sent) {
  const std::vector<std::pair<PacketBuilder, PacketBuilder>> pairs = {
      {ip4().tcp(9000, 80), packet().eth().ipv4(kB4, kA4).tcp(80, 9000)},
      {ip6().udp(9000, 53), packet().eth().ipv6(kB6, kA6).udp(53, 9000)},
      {packet().eth().ipv4("9.255.255.255", "10.0.0.0").udp(1, 1),
       packet().eth().ipv4("10.0.0.0", "9.255.255.255").udp(1, 1)},
      {packet().eth().ipv6("1::ffff", "2::1").tcp(1, 1), packet().eth().ipv6("2::1", "1::ffff").tcp(1, 1)},
      // Octets in network order, not words in host order.
      {packet().eth().ipv4("1.0.0.2", "2.0.0.1").udp(1, 1), packet().eth().ipv4("2.0.0.1", "1.0.0.2").udp(1, 1)},
      {packet().eth().ipv6("::1:2", "::2:1").udp(1, 1), packet().eth().ipv6("::2:1", "::1:2").udp(1, 1)},
      // The same address on both sides: the port decides, in network order too.
      {packet().eth().ipv4(kA4, kA4).udp(0x01ff, 0x0200), packet().eth().ipv4(kA4, kA4).udp(0x0200, 0x01ff)},
      {packet().eth().ipv6(kA6, kA6).udp(0x01ff, 0x0200), packet().eth().ipv6(kA6, kA6).udp(0x0200, 0x01ff)},
  };
  for (const auto& [low, high] : pairs) {
    ParsedPacket from_low;
    ParsedPacket from_high;
    ASSERT_EQ(parse(low.bytes(), from_low), Reject::none);
    ASSERT_EQ(parse(high.bytes(), from_high), Reject::none);
    EXPECT_EQ(from_low.key, from_high.key) << text_of(from_low) << "; " << text_of(from_high);
    EXPECT_EQ(from_low.from, Side::low) << text_of(from_low);
    EXPECT_EQ(from_high.from, Side::high) << text_of(from_high);
  }
}

TEST(Parser, an_endpoint_that_talks_to_itself_is_the_low_side) {
  ParsedPacket result;
  ASSERT_EQ(parse(packet().eth().ipv4(kA4, kA4).udp(7, 7).bytes(), result), Reject::none);
  EXPECT_EQ(result.from, Side::low);
  ASSERT_EQ(parse(packet().eth().ipv6(kA6, kA6).udp(7, 7).bytes(), result), Reject::none);
  EXPECT_EQ(result.from, Side::low);
}

TEST(Parser, lays_addresses_into_the_key_as_they_lie_in_the_packet) {
  ParsedPacket result;
  ASSERT_EQ(parse(packet().eth().ipv4("192.0.2.9", "10.1.2.3").udp(1, 2).bytes(), result), Reject::none);
  const std::uint8_t* octets = reinterpret_cast<const std::uint8_t*>(result.key.address);
  EXPECT_EQ(Bytes(octets, octets + 8), (Bytes{10, 1, 2, 3, 192, 0, 2, 9}));
  EXPECT_EQ(result.key.address[1] | result.key.address[2] | result.key.address[3], 0u);
  EXPECT_EQ(result.key.port_low, 2);
  EXPECT_EQ(result.key.port_high, 1);
  EXPECT_EQ(result.key.ip_version, 4);
  EXPECT_EQ(result.key.vlan_id, 0);

  ASSERT_EQ(parse(packet().eth().ipv6("fe80::9", "2001:db8::3").udp(1, 2).bytes(), result), Reject::none);
  Bytes expected = test::address_octets("2001:db8::3");
  const Bytes high = test::address_octets("fe80::9");
  expected.insert(expected.end(), high.begin(), high.end());
  EXPECT_EQ(Bytes(octets, octets + 32), expected);
  EXPECT_EQ(result.key.ip_version, 6);
}

TEST(Parser, says_flags_tos_vlan_icmp_and_what_the_view_knew) {
  ParsedPacket result;
  const Bytes tcp =
      packet().eth().vlan(42, 5).ipv4(kA4, kB4).tos(0xb8).tcp(1, 2).flags(test::kSyn | test::kEce | test::kCwr).bytes();
  PacketView view = view_of(tcp, 1'700'000'000'000'000'001, 9000);
  view.ingress_interface = 3;
  ASSERT_EQ(Parser().parse(view, result), Reject::none);
  EXPECT_EQ(result.time_ns, 1'700'000'000'000'000'001u);
  EXPECT_EQ(result.frame_octets, 9000u);
  EXPECT_EQ(result.ingress_interface, 3u);
  EXPECT_EQ(result.vlan_id, 42);
  EXPECT_EQ(result.tcp_flags, 0xc2);
  EXPECT_EQ(result.ip_tos, 0xb8);
  EXPECT_EQ(result.icmp_type, 0);
  EXPECT_EQ(result.icmp_code, 0);
  EXPECT_EQ(result.facts, 0);

  ASSERT_EQ(parse(ip6().tos(0x2e).icmpv6(1, 4).bytes(), result), Reject::none);
  EXPECT_EQ(result.ip_tos, 0x2e);
  EXPECT_EQ(result.icmp_type, 1);
  EXPECT_EQ(result.icmp_code, 4);
  EXPECT_EQ(result.tcp_flags, 0);
  EXPECT_EQ(result.vlan_id, 0);

  ASSERT_EQ(parse(ip4().icmp(3, 1).bytes(), result), Reject::none);
  EXPECT_EQ(result.icmp_type, 3);
  EXPECT_EQ(result.icmp_code, 1);
}

TEST(Parser, leaves_hash_and_effective_time_alone_and_sets_the_view_s_facts_on_a_reject) {
  const Bytes good = ip4().udp(1, 2).bytes();
  const Bytes bad = packet().eth().ether_type(0x0806).payload(28).bytes();
  for (const Bytes& frame : {good, bad}) {
    ParsedPacket result;
    result.hash = 11;
    result.effective_ns = 22;
    PacketView view = view_of(frame, 33, 100);
    view.ingress_interface = 44;
    EXPECT_EQ(Parser().parse(view, result) == Reject::none, frame == good);
    EXPECT_EQ(result.hash, 11u);
    EXPECT_EQ(result.effective_ns, 22u);
    EXPECT_EQ(result.time_ns, 33u);
    EXPECT_EQ(result.frame_octets, 100u);
    EXPECT_EQ(result.ingress_interface, 44u);
  }
}

TEST(Parser, follows_up_to_eight_tags_of_any_kind_and_keeps_the_outermost_id) {
  const auto tags = [](unsigned count) {
    constexpr unsigned kTpids[] = {0x88a8, 0x9100, 0x8100};
    PacketBuilder builder = packet().eth();
    for (unsigned i = 0; i < count; ++i) builder.tag(kTpids[i % 3], 100 + i);
    return builder;
  };
  for (unsigned count = 1; count <= 8; ++count) {
    ParsedPacket result;
    ASSERT_EQ(parse(tags(count).ipv4(kA4, kB4).udp(1, 2).bytes(), result), Reject::none) << count;
    EXPECT_EQ(result.vlan_id, 100) << count;
    EXPECT_EQ(text_of(result), "10.0.0.1 1 > 10.0.0.2 2 p17 o28") << count;
    EXPECT_EQ(parsed(tags(count).ipv6(kA6, kB6).tcp(1, 2)), "2001:db8::1 1 > 2001:db8::2 2 p6 o60") << count;
    // Cut in the middle of the innermost tag.
    EXPECT_EQ(parsed(tags(count).ipv4(kA4, kB4).cut(14 + 4 * count - 1)), "vlan_truncated") << count;
  }
  EXPECT_EQ(parsed(tags(9).ipv4(kA4, kB4).udp(1, 2)), "vlan_too_deep");
}

TEST(Parser, names_why_a_frame_holds_no_ip_packet) {
  expect_all({
      {"nothing", packet(), "link_truncated"},
      {"13 octets", packet().eth().cut(13), "link_truncated"},
      {"ARP", packet().eth().ether_type(0x0806).payload(28), "ether_type_arp"},
      {"RARP", packet().eth().ether_type(0x8035).payload(28), "ether_type_arp"},
      {"ARP in a VLAN", packet().eth().vlan(1).ether_type(0x0806).payload(28), "ether_type_arp"},
      {"spanning tree", packet().eth().ether_type(38).payload(38), "ether_type_length"},
      {"the greatest length", packet().eth().ether_type(0x05ff).payload(38), "ether_type_length"},
      {"the least EtherType", packet().eth().ether_type(0x0600).payload(38), "ether_type_other"},
      {"LLDP", packet().eth().ether_type(0x88cc).payload(38), "ether_type_other"},
      {"LLC in a VLAN", packet().eth().vlan(1).ether_type(38).payload(38), "ether_type_length"},
      {"IPv6 announced as IPv4", ip6().udp(1, 2).ether_type(0x0800), "ip_version"},
      {"IPv4 announced as IPv6", ip4().udp(1, 2).payload(40).ether_type(0x86dd), "ip_version"},
      {"version 5", ip4().ip_version(5).udp(1, 2), "ip_version"},
      {"no octet of IPv4", ip4().udp(1, 2).cut(14), "ipv4_truncated"},
      {"19 octets of IPv4", ip4().udp(1, 2).cut(14 + 19), "ipv4_truncated"},
      {"IPv4 cut in its options", ip4().options(8).udp(1, 2).cut(14 + 27), "ipv4_truncated"},
      {"IHL 4", ip4().ip_header_words(4).udp(1, 2), "ipv4_header_length"},
      {"IHL 0", ip4().ip_header_words(0).udp(1, 2), "ipv4_header_length"},
      {"total length 19", ip4().ip_total_length(19).udp(1, 2), "ipv4_total_length"},
      {"total length 1", ip4().ip_total_length(1).tcp(1, 2), "ipv4_total_length"},
      {"total length inside the options", ip4().options(8).ip_total_length(27).udp(1, 2), "ipv4_total_length"},
      {"39 octets of IPv6", ip6().udp(1, 2).cut(14 + 39), "ipv6_truncated"},
      {"no octet of IPv6", ip6().udp(1, 2).cut(14), "ipv6_truncated"},
  });
}

TEST(Parser, skips_ipv4_options_of_every_length) {
  for (unsigned octets = 4; octets <= 40; octets += 4) {
    EXPECT_EQ(parsed(ip4().options(octets).tcp(80, 81)),
              "10.0.0.1 80 > 10.0.0.2 81 p6 o" + std::to_string(40 + octets));
    EXPECT_EQ(parsed(ip4().options(octets).tcp(80, 81).cut(14 + 20 + octets)),
              "10.0.0.1 0 > 10.0.0.2 0 p6 o" + std::to_string(40 + octets));
  }
}

TEST(Parser, counts_a_cut_packet_with_ports_only_if_all_four_octets_of_them_are_there) {
  expect_all({
      {"3 octets of TCP", ip4().tcp(1, 2).cut(14 + 20 + 3), "10.0.0.1 0 > 10.0.0.2 0 p6 o40"},
      {"4 octets of TCP", ip4().tcp(1, 2).cut(14 + 20 + 4), "10.0.0.1 1 > 10.0.0.2 2 p6 o40"},
      {"3 octets of SCTP", ip4().sctp(1, 2).cut(14 + 20 + 3), "10.0.0.1 0 > 10.0.0.2 0 p132 o32"},
      {"4 octets of SCTP", ip4().sctp(1, 2).cut(14 + 20 + 4), "10.0.0.1 1 > 10.0.0.2 2 p132 o32"},
      {"3 octets of UDP over IPv6", ip6().udp(1, 2).cut(14 + 40 + 3), "2001:db8::1 0 > 2001:db8::2 0 p17 o48"},
      {"4 octets of UDP over IPv6", ip6().udp(1, 2).cut(14 + 40 + 4), "2001:db8::1 1 > 2001:db8::2 2 p17 o48"},
      {"the IPv6 header alone", ip6().udp(1, 2).cut(14 + 40), "2001:db8::1 0 > 2001:db8::2 0 p17 o48"},
  });
  ParsedPacket result;
  ASSERT_EQ(parse(ip4().tcp(1, 2).flags(0xff).cut(14 + 20 + 13).bytes(), result), Reject::none);
  EXPECT_EQ(result.tcp_flags, 0);
  ASSERT_EQ(parse(ip4().tcp(1, 2).flags(0xff).cut(14 + 20 + 14).bytes(), result), Reject::none);
  EXPECT_EQ(result.tcp_flags, 0xff);
  ASSERT_EQ(parse(ip4().icmp(3, 1).cut(14 + 20 + 1).bytes(), result), Reject::none);
  EXPECT_EQ(result.icmp_type, 0);
}

TEST(Parser, takes_no_ethernet_padding_for_a_header) {
  expect_all({
      {"IPv4", ip4().protocol(6).pad_to(60, 0x55), "10.0.0.1 0 > 10.0.0.2 0 p6 o20"},
      {"two octets of TCP", ip4().protocol(6).payload(2).pad_to(60, 0x55), "10.0.0.1 0 > 10.0.0.2 0 p6 o22"},
      {"IPv6", ip6().protocol(17).payload(2).pad_to(60, 0x55), "2001:db8::1 0 > 2001:db8::2 0 p17 o42"},
      {"payload length 0", ip6().ip_payload_length(0).protocol(255).pad_to(60),
       "2001:db8::1 0 > 2001:db8::2 0 p255 o40"},
      {"payload length 0, with FCS", ip6().ip_payload_length(0).protocol(6).pad_to(64),
       "2001:db8::1 0 > 2001:db8::2 0 p6 o40"},
      {"no next header", ip6().protocol(59).ip_payload_length(0).pad_to(100), "2001:db8::1 0 > 2001:db8::2 0 p59 o40"},
      {"a length that ends before the ports", ip4().ip_total_length(23).udp(1, 2), "10.0.0.1 0 > 10.0.0.2 0 p17 o23"},
      {"a padded packet", ip4().udp(1, 2).pad_to(60), "10.0.0.1 1 > 10.0.0.2 2 p17 o28"},
      {"an extension header in the padding", ip6().ip_payload_length(8).hop_by_hop(16).udp(1, 2),
       "2001:db8::1 0 > 2001:db8::2 0 p0 o48"},
  });
}

TEST(Parser, counts_the_length_that_the_ip_header_claims_even_where_the_frame_holds_less) {
  expect_all({
      {"IPv4", ip4().ip_total_length(65535).udp(1, 2), "10.0.0.1 1 > 10.0.0.2 2 p17 o65535"},
      {"IPv6", ip6().ip_payload_length(65535).udp(1, 2), "2001:db8::1 1 > 2001:db8::2 2 p17 o65575"},
  });
}

TEST(Parser, walks_every_extension_header_to_the_last_next_header) {
  expect_all({
      {"hop-by-hop", ip6().hop_by_hop().udp(1, 2), "2001:db8::1 1 > 2001:db8::2 2 p17 o56"},
      {"hop-by-hop of 64 octets", ip6().hop_by_hop(64).udp(1, 2), "2001:db8::1 1 > 2001:db8::2 2 p17 o112"},
      {"destination options of 256", ip6().destination_options(256).tcp(1, 2), "2001:db8::1 1 > 2001:db8::2 2 p6 o316"},
      {"routing", ip6().routing().tcp(1, 2), "2001:db8::1 1 > 2001:db8::2 2 p6 o84"},
      {"AH of 12 octets", ip6().ah(12).tcp(1, 2), "2001:db8::1 1 > 2001:db8::2 2 p6 o72"},
      {"AH of 24 octets", ip6().ah(24).udp(1, 2), "2001:db8::1 1 > 2001:db8::2 2 p17 o72"},
      {"atomic fragment", ip6().fragment(0, false, 7).udp(1, 2), "2001:db8::1 1 > 2001:db8::2 2 p17 o56"},
      {"first fragment", ip6().fragment(0, true, 7).udp(1, 2), "2001:db8::1 1 > 2001:db8::2 2 p17 o56"},
      {"all five", ip6().hop_by_hop().destination_options(16).routing().fragment(0, true, 1).ah().tcp(1, 2),
       "2001:db8::1 1 > 2001:db8::2 2 p6 o140"},
      {"nothing behind", ip6().hop_by_hop().protocol(59), "2001:db8::1 0 > 2001:db8::2 0 p59 o48"},
      {"ICMPv6", ip6().hop_by_hop().icmpv6(143, 0), "2001:db8::1 0 > 2001:db8::2 0 p58 o56"},
      {"mobility is not walked", ip6().destination_options().protocol(135).payload(16),
       "2001:db8::1 0 > 2001:db8::2 0 p135 o64"},
      {"ESP ends the chain", ip6().hop_by_hop().protocol(50).payload(16),
       "2001:db8::1 42405 > 2001:db8::2 42405 p50 o64"},
  });
}

TEST(Parser, a_chain_that_is_cut_ends_with_the_number_of_the_header_that_is_not_there) {
  expect_all({
      {"before it", ip6().hop_by_hop().udp(1, 2).cut(14 + 40), "2001:db8::1 0 > 2001:db8::2 0 p0 o56"},
      {"7 octets of it", ip6().routing(24).udp(1, 2).cut(14 + 40 + 7), "2001:db8::1 0 > 2001:db8::2 0 p43 o72"},
      {"23 of 24 octets of it", ip6().routing(24).udp(1, 2).cut(14 + 40 + 23), "2001:db8::1 0 > 2001:db8::2 0 p43 o72"},
      {"all of it", ip6().routing(24).udp(1, 2).cut(14 + 40 + 24), "2001:db8::1 0 > 2001:db8::2 0 p17 o72"},
      {"the second", ip6().hop_by_hop().ah(24).udp(1, 2).cut(14 + 40 + 8 + 20),
       "2001:db8::1 0 > 2001:db8::2 0 p51 o80"},
      {"a length beyond the packet", ip6().hop_by_hop().extension_length(255).udp(1, 2),
       "2001:db8::1 0 > 2001:db8::2 0 p0 o56"},
  });
}

TEST(Parser, counts_a_packet_with_more_extension_headers_than_it_walks) {
  const auto chain = [](unsigned headers) {
    PacketBuilder builder = ip6();
    for (unsigned i = 0; i < headers; ++i) builder.destination_options(8);
    return builder.udp(1, 2);
  };
  // 192 steps: Ethernet, its type, IPv6, and 189 headers.
  EXPECT_EQ(parsed(chain(189)), "2001:db8::1 1 > 2001:db8::2 2 p17 o1560");
  EXPECT_EQ(parsed(chain(190)), "2001:db8::1 0 > 2001:db8::2 0 p60 o1568");
  EXPECT_EQ(parsed(chain(1000)), "2001:db8::1 0 > 2001:db8::2 0 p60 o8048");
}

TEST(Parser, a_later_fragment_has_no_ports_flags_or_icmp_type) {
  expect_all({
      {"IPv4, first", ip4().fragment(0, true, 7).udp(1, 2).payload(8), "10.0.0.1 1 > 10.0.0.2 2 p17 o36"},
      {"IPv4, in between", ip4().fragment(8, true, 7).udp(1, 2), "10.0.0.1 0 > 10.0.0.2 0 p17 o28"},
      {"IPv4, last", ip4().fragment(65528, false, 7).tcp(1, 2), "10.0.0.1 0 > 10.0.0.2 0 p6 o40"},
      {"IPv6, in between", ip6().fragment(8, true, 7).udp(1, 2), "2001:db8::1 0 > 2001:db8::2 0 p17 o56"},
      {"IPv6, last", ip6().fragment(65528, false, 7).tcp(1, 2), "2001:db8::1 0 > 2001:db8::2 0 p6 o68"},
      // What looks like a further extension header lies in the middle of something else.
      {"IPv6, next header 60", ip6().fragment(8, true, 7).destination_options().udp(1, 2),
       "2001:db8::1 0 > 2001:db8::2 0 p60 o64"},
  });
  ParsedPacket result;
  ASSERT_EQ(parse(ip4().fragment(8, false, 7).tcp(1, 2).flags(0xff).bytes(), result), Reject::none);
  EXPECT_EQ(result.tcp_flags, 0);
  ASSERT_EQ(parse(ip4().fragment(8, false, 7).icmp(8, 8).bytes(), result), Reject::none);
  EXPECT_EQ(result.icmp_type, 0);
  ASSERT_EQ(parse(ip6().fragment(8, false, 7).icmpv6(128, 8).bytes(), result), Reject::none);
  EXPECT_EQ(result.icmp_type, 0);
}

TEST(Parser, a_length_of_0_stands_for_the_rest_of_the_frame) {
  const auto options = [] { return packet().eth().ipv4(kA4, kB4).options(12).ip_total_length(0); };
  expect_all({
      {"IPv4 TCP", ip4().ip_total_length(0).tcp(1, 2).payload(3000), "10.0.0.1 1 > 10.0.0.2 2 p6 o3040"},
      {"IPv4 UDP", ip4().ip_total_length(0).udp(1, 2).payload(3000), "10.0.0.1 1 > 10.0.0.2 2 p17 o3028"},
      {"IPv4 with options", options().tcp(1, 2).payload(3000), "10.0.0.1 1 > 10.0.0.2 2 p6 o3052"},
      {"IPv4 behind a tag", packet().eth().vlan(7).ipv4(kA4, kB4).ip_total_length(0).tcp(1, 2).payload(3000),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o3040"},
      {"IPv4, as many octets as the header", ip4().ip_total_length(0).protocol(6), "10.0.0.1 0 > 10.0.0.2 0 p6 o20"},
      {"IPv4, cut in the header", ip4().ip_total_length(0).tcp(1, 2).cut(14 + 19), "ipv4_truncated"},
      {"IPv4, cut in the options", options().tcp(1, 2).cut(14 + 31), "ipv4_truncated"},
      {"IPv6 TCP", ip6().ip_payload_length(0).tcp(1, 2).payload(3000), "2001:db8::1 1 > 2001:db8::2 2 p6 o3060"},
      {"IPv6 TCP header alone", ip6().ip_payload_length(0).tcp(1, 2), "2001:db8::1 1 > 2001:db8::2 2 p6 o60"},
      {"IPv6 UDP", ip6().ip_payload_length(0).udp(1, 2).payload(3000), "2001:db8::1 1 > 2001:db8::2 2 p17 o3048"},
      {"IPv6 behind a tag", packet().eth().vlan(7).ipv6(kA6, kB6).ip_payload_length(0).tcp(1, 2).payload(3000),
       "2001:db8::1 1 > 2001:db8::2 2 p6 o3060"},
      {"IPv6 with a hop-by-hop header", ip6().ip_payload_length(0).hop_by_hop().tcp(1, 2).payload(100),
       "2001:db8::1 1 > 2001:db8::2 2 p6 o168"},
      // PPPoE's length ends before the padding, and so does the packet.
      {"within another length", packet().eth().pppoe().ppp().ipv4(kA4, kB4).ip_total_length(0).tcp(1, 2).pad_to(200),
       "10.0.0.1 1 > 10.0.0.2 2 p6 o40"},
  });
}

/// What was captured of the frame makes no difference, and the packet says where its length comes from.
TEST(Parser, a_length_of_0_stands_for_the_frame_on_the_wire_and_is_named) {
  ParserOptions outer = ParserOptions::defaults();
  outer.layer = Layer::outer;
  for (const bool ipv6 : {false, true}) {
    const Bytes zero = (ipv6 ? ip6().ip_payload_length(0) : ip4().ip_total_length(0)).tcp(1, 2).payload(10).bytes();
    const Bytes other = (ipv6 ? ip6() : ip4()).tcp(1, 2).payload(10).bytes();
    const std::uint32_t header = ipv6 ? 14 + 40 : 14 + 20;
    for (const ParserOptions& options : {ParserOptions::defaults(), outer}) {
      Parser parser(options);
      ParsedPacket result{};
      EXPECT_FALSE(parser.parse_plain(view_of(zero, 0, 66000), result));
      ASSERT_EQ(parser.parse(view_of(zero, 0, 66000), result), Reject::none);
      EXPECT_EQ(result.ip_octets, 66000U - 14);
      EXPECT_EQ(result.facts, kLengthFromFrame);
      ASSERT_EQ(parser.parse(view_of(Bytes(zero.begin(), zero.begin() + header), 0, 66000), result), Reject::none);
      EXPECT_EQ(result.ip_octets, 66000U - 14);
      ASSERT_EQ(parser.parse(view_of(other, 0, 66000), result), Reject::none);
      EXPECT_EQ(result.ip_octets, other.size() - 14);
      EXPECT_EQ(result.facts, 0);
    }
  }
}

TEST(Parser, what_an_icmp_error_quotes_is_payload) {
  EXPECT_EQ(parsed(ip4().icmp(3, 3).payload(packet().ipv4(kB4, kA4).udp(5, 6).bytes())),
            "10.0.0.1 0 > 10.0.0.2 0 p1 o56");
}

TEST(Parser, leaves_the_common_stack_for_the_ports_of_tunnels_and_for_no_other) {
  // VXLAN, GENEVE, GTP-U, L2TP, MPLS and GRE in UDP (RFC 7348, 8926, 3GPP TS 29.281, RFC 2661, 7510, 8086), CAPWAP (RFC
  // 5415) and AYIYA; L2TP, CAPWAP and AYIYA answer from their own.
  const std::set<unsigned> as_destination = {4789, 6081, 2152, 1701, 6635, 4754, 5247, 5072};
  const std::set<unsigned> as_source = {1701, 5247, 5072};
  const Parser parser;
  for (const PacketBuilder& ip : {ip4(), ip6()}) {
    constexpr std::size_t kUdpOctets = 8 + 20;
    Bytes frame = PacketBuilder(ip).udp(0, 0).payload(20).bytes();
    const auto is_plain = [&](unsigned source, unsigned destination) {
      std::uint8_t* ports = frame.data() + frame.size() - kUdpOctets;
      ports[0] = static_cast<std::uint8_t>(source >> 8);
      ports[1] = static_cast<std::uint8_t>(source);
      ports[2] = static_cast<std::uint8_t>(destination >> 8);
      ports[3] = static_cast<std::uint8_t>(destination);
      ParsedPacket result;
      return parser.parse_plain(view_of(frame), result);
    };
    for (unsigned port = 0; port < 65536; ++port) {
      ASSERT_EQ(is_plain(40000, port), !as_destination.contains(port)) << port;
      ASSERT_EQ(is_plain(port, 40000), !as_source.contains(port)) << port;
    }
  }
}

TEST(Parser, every_cut_of_a_frame_is_counted_or_rejected_without_a_read_beyond_it) {
  const std::vector<Bytes> frames = {
      packet().eth().qinq(1).vlan(2).ipv4(kA4, kB4).options(12).tcp(1, 2).payload(4).bytes(),
      packet().eth().vlan(1).ipv6(kA6, kB6).hop_by_hop().routing().fragment(0, true, 1).ah().tcp(1, 2).bytes(),
  };
  for (const Bytes& whole : frames) {
    for (std::size_t octets = 0; octets <= whole.size(); ++octets) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(octets));
      ParsedPacket result;
      const Reject reject = parse(cut, result);
      const std::size_t ip_header_end = whole == frames[0] ? 14 + 8 + 32 : 14 + 4 + 40;
      EXPECT_EQ(reject == Reject::none, octets >= ip_header_end) << octets;
      if (reject == Reject::none) {
        EXPECT_EQ(result.ip_octets, whole == frames[0] ? 56u : 124u);
      }
    }
  }
}

}  // namespace
}  // namespace weir::parser_test
