// What metrics may know of a frame: every value against what the builder put into it, and the same by every way that
// a frame may be parsed.
#include "dataplane/packet/read_facts.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "dataplane/packet/layer_walk.h"
#include "dataplane/packet/parser.h"
#include "tests/support/packet_builder.h"

namespace weir::read_facts_test {
namespace {

using test::Bytes;
using test::packet;
using test::PacketBuilder;
using test::view_of;

constexpr const char* kA4 = "10.0.0.1";
constexpr const char* kB4 = "10.0.0.2";
constexpr const char* kA6 = "2001:db8::1";
constexpr const char* kB6 = "2001:db8::2";

std::string mac_text(const std::uint8_t (&mac)[6]) {
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  return text;
}

/// Member by member; labels beyond their count mean nothing.
void expect_same(const PacketFacts& a, const PacketFacts& b, const char* which) {
  EXPECT_EQ(mac_text(a.source_mac), mac_text(b.source_mac)) << which;
  EXPECT_EQ(mac_text(a.destination_mac), mac_text(b.destination_mac)) << which;
  EXPECT_EQ(a.inner_vlan_id, b.inner_vlan_id) << which;
  EXPECT_EQ(a.ttl, b.ttl) << which;
  EXPECT_EQ(a.fragment, b.fragment) << which;
  EXPECT_EQ(a.flow_label, b.flow_label) << which;
  EXPECT_EQ(a.ip_extra_words, b.ip_extra_words) << which;
  EXPECT_EQ(a.fragment_id, b.fragment_id) << which;
  EXPECT_EQ(a.outer_octets, b.outer_octets) << which;
  EXPECT_EQ(a.payload_octets, b.payload_octets) << which;
  EXPECT_EQ(a.window_plus_1, b.window_plus_1) << which;
  EXPECT_EQ(a.mss, b.mss) << which;
  EXPECT_EQ(a.window_scale, b.window_scale) << which;
  EXPECT_EQ(a.sack_permitted, b.sack_permitted) << which;
  EXPECT_EQ(a.timestamps, b.timestamps) << which;
  EXPECT_EQ(a.tcp_options, b.tcp_options) << which;
  EXPECT_EQ(a.sequence, b.sequence) << which;
  EXPECT_EQ(a.acknowledgment, b.acknowledgment) << which;
  EXPECT_EQ(a.timestamp_value, b.timestamp_value) << which;
  EXPECT_EQ(a.timestamp_echo, b.timestamp_echo) << which;
  ASSERT_EQ(a.label_count, b.label_count) << which;
  for (unsigned i = 0; i < a.label_count; ++i) EXPECT_EQ(a.labels[i], b.labels[i]) << which << ", label " << i;
}

/// A packet's facts, and the IP octets of its outermost header that they make with the packet's own.
struct Facts : PacketFacts {
  std::int64_t outermost_octets;
};

/// The facts by Parser::parse(), which must be those of the general walk and, where the frame is plain, of the reader
/// that workers have inlined. Parsed from an exact heap copy into memory that is not 0, so that what is read or left
/// out too much shows.
Facts facts_of(const Bytes& frame, const ParserOptions& options = ParserOptions::defaults(),
               LinkType link_type = LinkType::ethernet) {
  const Bytes exact(frame.begin(), frame.end());
  const PacketView view = view_of(exact, 1, 0, link_type);
  Parser parser(options);
  ParsedPacket parsed{};
  PacketFacts facts;
  PacketFacts other;
  std::memset(static_cast<void*>(&facts), 0xee, sizeof facts);
  std::memset(static_cast<void*>(&other), 0x11, sizeof other);
  EXPECT_EQ(parser.walk(view, parsed, nullptr, &other), Reject::none);
  EXPECT_EQ(parser.parse(view, parsed, &facts), Reject::none);
  expect_same(facts, other, "by the general walk");
  if (parser.parse_plain(view, parsed)) {
    std::memset(static_cast<void*>(&other), 0x77, sizeof other);
    read_plain_facts(view, parsed, other);
    expect_same(facts, other, "by the plain parser");
  }
  return {facts, facts.outer_octets != 0 ? facts.outer_octets : parsed.ip_octets};
}
Facts facts_of(const PacketBuilder& builder) {
  return facts_of(builder.bytes());
}

PacketBuilder ip4() {
  return packet().eth().ipv4(kA4, kB4);
}
PacketBuilder ip6() {
  return packet().eth().ipv6(kA6, kB6);
}

constexpr std::uint64_t bit(unsigned kind) {
  return std::uint64_t{1} << kind;
}

TEST(ReadFacts, TellTheLinkAndIpHeadersOfAPlainFrame) {
  const Facts facts = facts_of(packet().eth(0x0a, 0x0b).ipv4(kA4, kB4).ttl(61).udp(1000, 53).payload(100));
  EXPECT_EQ(mac_text(facts.source_mac), "02:00:00:00:00:0a");
  EXPECT_EQ(mac_text(facts.destination_mac), "02:00:00:00:00:0b");
  EXPECT_EQ(facts.ttl, 61);
  EXPECT_EQ(facts.outermost_octets, 20U + 8 + 100);
  EXPECT_EQ(facts.flow_label, 0U);
  EXPECT_EQ(facts.inner_vlan_id, 0);
  EXPECT_EQ(facts.label_count, 0U);
  EXPECT_FALSE(facts.fragment);
  EXPECT_EQ(facts.fragment_id, 0U);
  EXPECT_EQ(facts_of(ip4().fragment(0, false, 0xbeef).udp(1, 2)).fragment_id, 0xbeefU);
  EXPECT_FALSE(facts.has_tcp());
  EXPECT_EQ(facts.payload_octets, 0U) << "of TCP only";

  const Facts six = facts_of(ip6().ttl(255).tos(0xb8).flow_label(0xfedcb).tcp(1, 2).payload(7));
  EXPECT_EQ(six.ttl, 255);
  EXPECT_EQ(six.flow_label, 0xfedcbU) << "without the traffic class before it";
  EXPECT_EQ(six.outermost_octets, 40U + 20 + 7);
  EXPECT_EQ(six.payload_octets, 7U);
  EXPECT_EQ(facts_of(ip4().ttl(0).tcp(1, 2)).ttl, 0);
}

TEST(ReadFacts, TakeSequenceAcknowledgmentAndTimestampsWhereverTheOptionStands) {
  for (const auto& ip : {ip4, ip6}) {
    const auto tcp = [&] { return ip().tcp(1, 2).flags(0x10).sequence(0xfedcba98).acknowledgment(0x89abcdef); };
    const Facts usual = facts_of(tcp().timestamps(0x80000001, 0xfffffffe).payload(3));
    EXPECT_EQ(usual.sequence, 0xfedcba98U);
    EXPECT_EQ(usual.acknowledgment, 0x89abcdefU);
    EXPECT_EQ(usual.timestamp_value, 0x80000001U);
    EXPECT_EQ(usual.timestamp_echo, 0xfffffffeU);
    EXPECT_TRUE(usual.timestamps);
    EXPECT_EQ(usual.tcp_options, bit(1) | bit(8));
    // After others, before others, and last.
    for (const Bytes& options : {Bytes{2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7},
                                 Bytes{8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1}, Bytes{8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0},
                                 Bytes{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 5, 10, 0, 0, 0, 0, 0, 0, 0, 1}}) {
      const Facts facts = facts_of(tcp().tcp_options(options));
      EXPECT_EQ(facts.timestamp_value, 0x01020304U);
      EXPECT_EQ(facts.timestamp_echo, 0x05060708U);
    }
    // An option of another length is none of timestamps (RFC 7323 section 3.2), and so is one that was not captured.
    const Facts odd = facts_of(tcp().tcp_options({8, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0}));
    EXPECT_FALSE(odd.timestamps);
    EXPECT_EQ(odd.timestamp_value, 0U);
    const std::size_t transport = ip().tcp(1, 2).bytes().size() - 20;
    const Facts cut = facts_of(tcp().timestamps(5, 6).cut(transport + 20 + 11));
    EXPECT_FALSE(cut.timestamps);
    EXPECT_EQ(cut.sequence, 0xfedcba98U);
    EXPECT_EQ(facts_of(ip().udp(0xffff, 0xfffe).payload(30)).sequence, 0U);
    EXPECT_EQ(facts_of(ip().udp(0xffff, 0xfffe).payload(30)).acknowledgment, 0U);
  }
}

TEST(ReadFacts, TakeThePayloadOfTcpFromTheLengthsAndNotFromTheFrame) {
  EXPECT_EQ(facts_of(ip4().tcp(1, 2).pad_to(60)).payload_octets, 0U) << "6 octets of padding are no payload";
  EXPECT_EQ(facts_of(ip4().tcp(1, 2).payload(3).pad_to(60, 0xff)).payload_octets, 3U);
  EXPECT_EQ(facts_of(ip4().options(12).tcp(1, 2).payload(9)).payload_octets, 9U);
  EXPECT_EQ(facts_of(ip4().tcp(1, 2).tcp_options({1, 1, 1, 1}).payload(9)).payload_octets, 9U);
  EXPECT_EQ(facts_of(ip6().tcp(1, 2).payload(1000).cut(80)).payload_octets, 1000U) << "captured or not";
  EXPECT_EQ(facts_of(ip4().ip_total_length(0).tcp(1, 2).payload(3000)).payload_octets, 3000U)
      << "a length of 0: by the frame";
  // A data offset beyond the segment's end leaves no payload.
  EXPECT_EQ(facts_of(ip4().tcp(1, 2).tcp_header_words(15)).payload_octets, 0U);
  EXPECT_EQ(facts_of(ip4().tcp(1, 2).payload(50).tcp(3, 4).tcp_header_words(6)).payload_octets, 70U);
}

TEST(ReadFacts, TellWhatTheOptionsOfASynOffer) {
  // Linux: MSS 1460, SACK permitted, timestamps, no operation, window scale 7.
  const Facts facts = facts_of(
      ip4().tcp(40000, 443).flags(test::kSyn).window(64240).tcp_options({2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2,
                                                                         3, 4, 0,    0,    0, 0, 1, 3,  3, 7}));
  EXPECT_TRUE(facts.has_tcp());
  EXPECT_EQ(facts.window(), 64240);
  EXPECT_EQ(facts.mss, 1460);
  EXPECT_EQ(facts.window_scale, 7);
  EXPECT_TRUE(facts.sack_permitted);
  EXPECT_TRUE(facts.timestamps);
  EXPECT_EQ(facts.tcp_options, bit(1) | bit(2) | bit(3) | bit(4) | bit(8));
  EXPECT_EQ(facts.payload_octets, 0U);

  const Facts none = facts_of(ip6().tcp(1, 2).window(0));
  EXPECT_TRUE(none.has_tcp());
  EXPECT_EQ(none.window(), 0);
  EXPECT_EQ(none.tcp_options, 0U);
  EXPECT_FALSE(none.sack_permitted || none.timestamps);
}

TEST(ReadFacts, NoteOptionsOfEveryKindBelow64AndPassOverTheOthers) {
  const auto kinds = [](Bytes options) {
    return facts_of(ip4().tcp(1, 2).tcp_options(std::move(options))).tcp_options;
  };
  EXPECT_EQ(kinds({30, 4, 0, 0}), bit(30)) << "MPTCP";
  EXPECT_EQ(kinds({31, 2, 32, 2}), bit(31) | bit(32));
  EXPECT_EQ(kinds({34, 2, 63, 2}), bit(34) | bit(63)) << "TCP fast open";
  EXPECT_EQ(kinds({64, 4, 9, 9, 255, 3, 9, 1}), bit(1)) << "kinds from 64 on have no bit, and their data is no kind";
  EXPECT_EQ(kinds({5, 10, 3, 3, 3, 3, 3, 3, 3, 3, 1, 1}), bit(5) | bit(1)) << "what a SACK block holds is no option";
  EXPECT_EQ(kinds({1, 1, 1, 1}), bit(1));
}

TEST(ReadFacts, StopAtAnEndOfListAndAtALengthThatDoesNotFit) {
  const auto facts = [](Bytes options) { return facts_of(ip4().tcp(1, 2).tcp_options(std::move(options)).payload(8)); };
  EXPECT_EQ(facts({0, 2, 4, 0x05, 0xb4, 1, 1, 1}).tcp_options, bit(0)) << "nothing comes after the end of the list";
  EXPECT_EQ(facts({0, 2, 4, 0x05, 0xb4, 1, 1, 1}).mss, 0);
  EXPECT_EQ(facts({9, 0, 2, 4}).tcp_options, bit(9)) << "length 0";
  EXPECT_EQ(facts({9, 1, 2, 4}).tcp_options, bit(9)) << "length 1";
  EXPECT_EQ(facts({1, 1, 9, 3}).tcp_options, bit(1) | bit(9)) << "one octet beyond the header's end";
  EXPECT_EQ(facts({1, 1, 1, 9}).tcp_options, bit(1) | bit(9)) << "no octet for the length";
  EXPECT_EQ(facts({9, 255, 1, 1}).tcp_options, bit(9));
  EXPECT_EQ(facts({9, 4, 4, 4}).tcp_options, bit(9)) << "up to the header's end";
  // Options of a length that their RFC does not give them are seen and not believed.
  EXPECT_EQ(facts({2, 3, 5, 1, 3, 2, 1, 1}).mss, 0);
  EXPECT_EQ(facts({2, 3, 5, 1, 3, 2, 1, 1}).window_scale, 0);
  EXPECT_EQ(facts({2, 3, 5, 1, 3, 2, 1, 1}).tcp_options, bit(1) | bit(2) | bit(3));
  EXPECT_FALSE(facts({4, 3, 0, 1, 8, 2, 1, 1}).sack_permitted);
  EXPECT_FALSE(facts({4, 3, 0, 1, 8, 2, 1, 1}).timestamps);
}

TEST(ReadFacts, ReadNoOptionsBeyondWhatIsThereOfTheHeader) {
  const auto syn = [] { return ip4().tcp(1, 2).tcp_options({1, 2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 1, 1}).payload(20); };
  // 14 of Ethernet, 20 of IP, 20 of TCP, then the options.
  EXPECT_EQ(facts_of(syn().cut(54)).tcp_options, 0U);
  EXPECT_EQ(facts_of(syn().cut(58)).tcp_options, bit(1) | bit(2)) << "the MSS is cut";
  EXPECT_EQ(facts_of(syn().cut(58)).mss, 0);
  EXPECT_EQ(facts_of(syn().cut(59)).mss, 1460);
  EXPECT_EQ(facts_of(syn().cut(59)).payload_octets, 20U);
  EXPECT_TRUE(facts_of(syn().cut(54)).has_tcp());
  EXPECT_FALSE(facts_of(syn().cut(53)).has_tcp()) << "the fixed header is cut";
  EXPECT_EQ(facts_of(syn().cut(53)).window(), 0);
  // The segment ends before its header does, by the IP length: what follows is padding.
  EXPECT_EQ(facts_of(ip4().ip_total_length(44).tcp(1, 2).tcp_options({1, 1, 1, 1, 9, 2, 9, 2})).tcp_options, bit(1));
  EXPECT_FALSE(facts_of(ip4().ip_total_length(39).tcp(1, 2)).has_tcp());
  EXPECT_FALSE(facts_of(ip4().tcp(1, 2).tcp_header_words(4).payload(30)).has_tcp()) << "a header of 16 octets is none";
}

TEST(ReadFacts, FindTcpBehindExtensionHeaders) {
  const Facts facts = facts_of(ip6()
                                   .ttl(9)
                                   .flow_label(5)
                                   .hop_by_hop(16)
                                   .routing()
                                   .destination_options()
                                   .tcp(1, 2)
                                   .window(77)
                                   .tcp_options({2, 4, 0x05, 0xa0})
                                   .payload(11));
  EXPECT_EQ(facts.payload_octets, 11U);
  EXPECT_EQ(facts.window(), 77);
  EXPECT_EQ(facts.mss, 1440);
  EXPECT_EQ(facts.ttl, 9);
  EXPECT_EQ(facts.flow_label, 5U);
  EXPECT_EQ(facts.outermost_octets, 40U + 16 + 24 + 8 + 24 + 11);
  EXPECT_FALSE(facts.fragment);
  EXPECT_EQ(facts_of(ip6().ah().tcp(1, 2).payload(4)).payload_octets, 4U);
}

TEST(ReadFacts, CountFragmentsAndTheirPayload) {
  const Facts first = facts_of(ip4().fragment(0, true, 7).tcp(1, 2).window(5).payload(100));
  EXPECT_TRUE(first.fragment);
  EXPECT_TRUE(first.has_tcp());
  EXPECT_EQ(first.payload_octets, 100U);
  const Facts later = facts_of(ip4().protocol(6).fragment(120, false, 7).payload(48));
  EXPECT_TRUE(later.fragment);
  EXPECT_FALSE(later.has_tcp());
  EXPECT_EQ(later.payload_octets, 48U) << "all of it, since the header was in the first one";
  EXPECT_EQ(later.window(), 0);
  EXPECT_EQ(later.tcp_options, 0U);

  const Facts first6 = facts_of(ip6().fragment(0, true, 7).tcp(1, 2).payload(100));
  EXPECT_TRUE(first6.fragment);
  EXPECT_EQ(first6.payload_octets, 100U);
  const Facts later6 = facts_of(ip6().fragment(120, true, 7).protocol(6).payload(48));
  EXPECT_TRUE(later6.fragment);
  EXPECT_EQ(later6.payload_octets, 48U);
  // What the fragments are of stands after another extension header, in the first one only.
  EXPECT_EQ(facts_of(ip6().fragment(120, true, 7).protocol(60).payload(48)).payload_octets, 48U);
  EXPECT_FALSE(facts_of(ip6().fragment(0, false, 7).tcp(1, 2)).fragment) << "an atomic fragment (RFC 6946) is none";
}

TEST(ReadFacts, TellTheSecondVlanTag) {
  EXPECT_EQ(facts_of(packet().eth().vlan(42).ipv4(kA4, kB4).ttl(3).tcp(1, 2).payload(5)).inner_vlan_id, 0);
  EXPECT_EQ(facts_of(packet().eth().vlan(42).ipv4(kA4, kB4).ttl(3).tcp(1, 2).payload(5)).payload_octets, 5U);
  EXPECT_EQ(facts_of(packet().eth().vlan(42).ipv6(kA6, kB6).ttl(3).tcp(1, 2)).ttl, 3);
  const Facts two = facts_of(packet().eth().qinq(100, 7).vlan(200, 5).ipv4(kA4, kB4).tcp(1, 2).payload(6));
  EXPECT_EQ(two.inner_vlan_id, 200);
  EXPECT_EQ(two.payload_octets, 6U);
  EXPECT_EQ(facts_of(packet().eth().tag(0x9100, 1).vlan(2).vlan(3).ipv4(kA4, kB4).udp(1, 2)).inner_vlan_id, 2);
  EXPECT_EQ(facts_of(packet().eth().vlan(0).vlan(9).ipv4(kA4, kB4).udp(1, 2)).inner_vlan_id, 9)
      << "a priority tag is a tag";
  const Facts tunnel = facts_of(
      packet().eth().vlan(1).ipv4(kA4, kB4).udp(5, 4789).vxlan(7).eth().vlan(2).vlan(3).ipv4(kA4, kB4).udp(1, 2));
  EXPECT_EQ(tunnel.inner_vlan_id, 0) << "tags inside a tunnel are another network's";
}

TEST(ReadFacts, KeepTheFirstTenLabelsOfTheFirstStackWithTrafficClassAndBottomBit) {
  for (const unsigned labels : {1U, 3U, 10U, 12U}) {
    SCOPED_TRACE(labels);
    PacketBuilder frame = packet().eth();
    for (unsigned i = 0; i < labels; ++i) frame.mpls(0xf0000 + i, i % 8);
    const Facts facts = facts_of(frame.ipv4(kA4, kB4).ttl(7).tcp(1, 2).payload(5));
    ASSERT_EQ(facts.label_count, std::min(labels, 10U));
    for (unsigned i = 0; i < facts.label_count; ++i) {
      EXPECT_EQ(facts.labels[i], (0xf0000 + i) << 4 | i % 8 << 1 | (i + 1 == labels ? 1U : 0U)) << "label " << i;
    }
    EXPECT_EQ(facts.ttl, 7) << "of the IP header, not of the label";
    EXPECT_EQ(facts.payload_octets, 5U);
  }
}

TEST(ReadFacts, KeepALabelStackInsideATunnelWhereThereIsNoneBefore) {
  const Facts inside = facts_of(ip4().gre().mpls(16).mpls(17).ipv4(kA4, kB4).udp(1, 2));
  ASSERT_EQ(inside.label_count, 2U);
  EXPECT_EQ(inside.labels[0], 16U << 4);
  EXPECT_EQ(inside.labels[1], 17U << 4 | 1);
  const Facts both = facts_of(packet().eth().mpls(5).ipv4(kA4, kB4).gre().mpls(16).ipv4(kA4, kB4).udp(1, 2));
  ASSERT_EQ(both.label_count, 1U) << "the first stack alone";
  EXPECT_EQ(both.labels[0], 5U << 4 | 1);
}

TEST(ReadFacts, TellTheInnermostIpHeaderAndTheOctetsOfTheOutermost) {
  const auto frame = packet()
                         .eth(1, 2)
                         .ipv4(kA4, kB4)
                         .ttl(250)
                         .udp(5, 4789)
                         .vxlan(7)
                         .eth(3, 4)
                         .ipv6(kA6, kB6)
                         .ttl(33)
                         .flow_label(12)
                         .tcp(1, 2)
                         .window(99)
                         .payload(10);
  const Facts inner = facts_of(frame);
  EXPECT_EQ(mac_text(inner.source_mac), "02:00:00:00:00:01") << "of the frame, not of what it carries";
  EXPECT_EQ(inner.ttl, 33);
  EXPECT_EQ(inner.flow_label, 12U);
  EXPECT_EQ(inner.outermost_octets, 20U + 8 + 8 + 14 + 40 + 20 + 10);
  EXPECT_EQ(inner.payload_octets, 10U);
  EXPECT_EQ(inner.window(), 99);

  ParserOptions outer = ParserOptions::defaults();
  outer.layer = Layer::outer;
  const Facts carried = facts_of(frame.bytes(), outer);
  EXPECT_EQ(carried.ttl, 250);
  EXPECT_EQ(carried.flow_label, 0U);
  EXPECT_EQ(carried.outermost_octets, inner.outermost_octets);
  EXPECT_FALSE(carried.has_tcp());

  // The outer header is a first fragment; the one that counts is whole.
  EXPECT_FALSE(facts_of(ip4().fragment(0, true, 5).gre().ipv4(kA4, kB4).tcp(1, 2)).fragment);
}

TEST(ReadFacts, SayNothingOfTheSegmentThatAnIcmpErrorQuotes) {
  ParserOptions quoted = ParserOptions::defaults();
  quoted.icmp_errors = IcmpErrors::quoted;
  const Facts facts = facts_of(packet()
                                   .eth()
                                   .ipv4("192.0.2.1", kA4)
                                   .ttl(200)
                                   .icmp(3, 1)
                                   .ipv4(kA4, kB4)
                                   .ttl(1)
                                   .tcp(1, 2)
                                   .window(9)
                                   .payload(30)
                                   .bytes(),
                               quoted);
  EXPECT_FALSE(facts.has_tcp());
  EXPECT_EQ(facts.payload_octets, 0U);
  EXPECT_EQ(facts.ttl, 200) << "of the header that came, not of the quoted one";
  EXPECT_EQ(facts.outermost_octets, 20U + 8 + 20 + 20 + 30);
}

TEST(ReadFacts, TellTheOutermostHeadersOctetsWhereTheyAreMoreThan31BitsHold) {
  // The outermost header's total length is 0, so that the frame's counts: three thousand million octets on the wire.
  Bytes frame = packet().eth().ipv4(kA4, kB4).gre(0x0800).ipv4(kB4, kA4).udp(1, 2).payload(8).bytes();
  frame[14 + 2] = frame[14 + 3] = 0;
  PacketView view = view_of(frame);
  view.frame_octets = 3'000'000'000;
  Parser parser;
  ParsedPacket parsed{};
  PacketFacts facts{};
  ASSERT_EQ(parser.parse(view, parsed, &facts), Reject::none);
  EXPECT_EQ(parsed.ip_octets, 20U + 8 + 8);
  EXPECT_EQ(facts.outer_octets, 3'000'000'000U - 14);
}

TEST(ReadFacts, TellTheEndsOfAnIeee80211FrameAndNotItsAccessPoint) {
  const Bytes ip = packet().llc_snap().ipv4(kA4, kB4).tcp(1, 2).bytes();
  const auto mac = [](std::uint8_t last) { return Bytes{2, 0, 0, 0, 0, last}; };
  const auto frame = [&](std::uint8_t flags, bool fourth) {
    Bytes octets = {0x08, flags, 0, 0};
    for (std::uint8_t last = 1; last <= 3; ++last) {
      const Bytes address = mac(last);
      octets.insert(octets.end(), address.begin(), address.end());
    }
    octets.insert(octets.end(), 2, 0);
    if (fourth) {
      const Bytes address = mac(4);
      octets.insert(octets.end(), address.begin(), address.end());
    }
    octets.insert(octets.end(), ip.begin(), ip.end());
    return octets;
  };
  struct Case {
    std::uint8_t flags;
    const char *destination, *source;
  };
  // IEEE 802.11 table 9-30. 1: To DS, 2: From DS.
  for (const Case& one : {Case{0, "02:00:00:00:00:01", "02:00:00:00:00:02"},
                          {1, "02:00:00:00:00:03", "02:00:00:00:00:02"},
                          {2, "02:00:00:00:00:01", "02:00:00:00:00:03"},
                          {3, "02:00:00:00:00:03", "02:00:00:00:00:04"}}) {
    const PacketFacts facts =
        facts_of(frame(one.flags, one.flags == 3), ParserOptions::defaults(), LinkType::ieee80211);
    EXPECT_EQ(mac_text(facts.destination_mac), one.destination) << unsigned{one.flags};
    EXPECT_EQ(mac_text(facts.source_mac), one.source) << unsigned{one.flags};
  }
}

TEST(ReadFacts, TellTheSenderOfALinuxCookedFrameAndNoAddressWhereTheLinkHasNone) {
  Bytes cooked = packet().sll().ipv4(kA4, kB4).ttl(5).tcp(1, 2).payload(6).bytes();
  cooked[5] = 6;  // address length, then the address
  const std::uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
  std::memcpy(cooked.data() + 6, mac, sizeof mac);
  const Facts facts = facts_of(cooked, ParserOptions::defaults(), LinkType::linux_sll);
  EXPECT_EQ(mac_text(facts.source_mac), "02:00:00:00:00:09");
  EXPECT_EQ(mac_text(facts.destination_mac), "00:00:00:00:00:00");
  EXPECT_EQ(facts.ttl, 5);
  EXPECT_EQ(facts.payload_octets, 6U);

  Bytes second = packet().sll2().ipv6(kA6, kB6).tcp(1, 2).bytes();
  second[11] = 6;
  std::memcpy(second.data() + 12, mac, sizeof mac);
  EXPECT_EQ(mac_text(facts_of(second, ParserOptions::defaults(), LinkType::linux_sll2).source_mac),
            "02:00:00:00:00:09");
  second[11] = 8;  // an address of another kind
  EXPECT_EQ(mac_text(facts_of(second, ParserOptions::defaults(), LinkType::linux_sll2).source_mac),
            "00:00:00:00:00:00");
  const Bytes raw = packet().ipv4(kA4, kB4).ttl(4).tcp(1, 2).bytes();
  const Facts bare = facts_of(raw, ParserOptions::defaults(), LinkType::raw_ip);
  EXPECT_EQ(mac_text(bare.source_mac), "00:00:00:00:00:00");
  EXPECT_EQ(bare.ttl, 4);
  EXPECT_TRUE(bare.has_tcp());
}

}  // namespace
}  // namespace weir::read_facts_test
