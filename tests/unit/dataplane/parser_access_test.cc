// Tunnels of access points, mirrors, caches and tunnel brokers: CAPWAP, Aruba GRE, TZSP, WCCP and AYIYA.
#include <gtest/gtest.h>

#include "tests/support/parsed_text.h"

namespace weir::parser_access_test {
namespace {

using test::Bytes;
using test::expect_parsed;
using test::joined;
using test::packet;
using test::PacketBuilder;
using test::parsed_text;

PacketBuilder out4() {
  return packet().eth().ipv4("192.0.2.1", "192.0.2.2");
}
PacketBuilder in4(PacketBuilder tunnel) {
  return tunnel.ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2);
}
PacketBuilder in6(PacketBuilder tunnel) {
  return tunnel.ipv6("2001:db8::1", "2001:db8::2").tcp(1, 2);
}
/// An 802.11 header of a data frame.
Bytes wifi(std::uint8_t control, std::uint8_t direction, std::size_t octets = 24) {
  Bytes header = {control, direction};
  header.resize(octets);
  return header;
}
ParserOptions everything() {
  ParserOptions options;
  for (std::size_t i = 1; i < kTunnelTypes.size(); ++i) {
    options.walk(static_cast<TunnelType>(i));
    if (kTunnelTypes[i].port != 0) options.udp_ports.push_back({kTunnelTypes[i].port, static_cast<TunnelType>(i)});
  }
  return options;
}

/// RFC 5415 §4.3: header length in words, radio, binding and flags, then fragment id and offset.
Bytes capwap(unsigned words, unsigned radio, unsigned binding, unsigned flags, unsigned offset = 0) {
  const unsigned first = words << 19 | radio << 14 | binding << 9 | flags;
  Bytes header(words * 4);
  for (unsigned i = 0; i < 4; ++i) header[i] = static_cast<std::uint8_t>(first >> 8 * (3 - i));
  if (header.size() < 8) return header;  // too short to be one
  header[6] = static_cast<std::uint8_t>(offset >> 5);
  header[7] = static_cast<std::uint8_t>(offset << 3);
  return header;
}

TEST(ParserAccess, capwap_data_holds_ethernet_or_802_11_frames) {
  constexpr const char* kInside = "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in capwap 3 192.0.2.1 > 192.0.2.2 depth 1";
  constexpr unsigned kNative = 0x100, kFragment = 0x80, kLast = 0x40, kRadioMac = 0x10, kKeepAlive = 0x08;
  const auto up = [](const Bytes& header) { return out4().udp(40000, 5247).header(header); };
  const auto native = [&](Bytes frame) { return joined(capwap(2, 3, 1, kNative), frame); };
  expect_parsed({
      {"802.3", in4(up(capwap(2, 3, 1, 0)).eth()), kInside},
      {"802.3, tagged", in4(up(capwap(2, 3, 1, 0)).eth().vlan(5)), kInside},
      {"from the controller", in4(out4().udp(5247, 40000).header(capwap(2, 3, 1, 0)).eth()), kInside},
      {"with a radio's address", in4(up(capwap(4, 3, 1, kRadioMac)).eth()), kInside},
      {"802.11", in4(up(native(wifi(0x08, 1))).llc_snap()), kInside},
      {"802.11 with quality of service", in4(up(native(wifi(0x88, 2, 26))).llc_snap()), kInside},
      {"802.11 with frame control swapped", in4(up(native(wifi(1, 0x08))).llc_snap()), kInside},
      {"swapped, with quality of service", in4(up(native(wifi(2, 0x88, 26))).llc_snap()), kInside},
      {"802.11, IPv6", in6(up(native(wifi(0x08, 1))).llc_snap()),
       "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in capwap 3 192.0.2.1 > 192.0.2.2 depth 1"},
      {"the first fragment", in4(up(capwap(2, 3, 1, kFragment)).eth()), kInside},
      // What holds no frame counts for the outer packet.
      {"a later fragment", in4(up(capwap(2, 3, 1, kFragment | kLast, 100)).eth()),
       "192.0.2.1 40000 > 192.0.2.2 5247 p17 o90"},
      {"a keep-alive", up(capwap(2, 0, 1, kKeepAlive)).payload(18), "192.0.2.1 40000 > 192.0.2.2 5247 p17 o54"},
      {"in DTLS", up(Bytes{0x01, 0, 0, 0, 0x17, 0xfe, 0xfd, 0}).payload(40),
       "192.0.2.1 40000 > 192.0.2.2 5247 p17 o76"},
      {"a header length of 1 word", up(capwap(1, 0, 0, 0)).payload(40), "192.0.2.1 40000 > 192.0.2.2 5247 p17 o72"},
      {"a header length beyond the packet", up(capwap(31, 0, 0, 0)).cut(14 + 28 + 100),
       "192.0.2.1 40000 > 192.0.2.2 5247 p17 o152"},
      {"another binding", up(joined(capwap(2, 3, 2, kNative), wifi(0x08, 1))).payload(40),
       "192.0.2.1 40000 > 192.0.2.2 5247 p17 o100"},
      {"802.11 management", up(native(wifi(0x80, 0))).payload(40), "192.0.2.1 40000 > 192.0.2.2 5247 p17 o100"},
      {"the control port", in4(out4().udp(40000, 5246).header(capwap(2, 3, 1, 0)).eth()),
       "192.0.2.1 40000 > 192.0.2.2 5246 p17 o90"},
  });
}

TEST(ParserAccess, tzsp_ends_its_fields_by_one_of_type_1) {
  constexpr const char* kInside = "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in tzsp 0 192.0.2.1 > 192.0.2.2 depth 1";
  const auto mirror = [](const Bytes& header) { return out4().udp(37008, 37008).header(header); };
  const Bytes fields = {0, 0, 0x0a, 1, 0xc8, 0x29, 2, 1, 2, 1};  // padding twice, signal, number of the packet, end
  Bytes avs(64);
  avs[0] = 0x80, avs[1] = 0x21, avs[2] = 0x10, avs[3] = 1, avs[7] = 64;
  expect_parsed(
      {{"Ethernet", in4(mirror({1, 0, 0, 1, 1}).eth()), kInside},
       {"to be sent", in4(mirror({1, 1, 0, 1, 1}).eth()), kInside},
       {"with fields", in4(mirror(joined({1, 0, 0, 1}, fields)).eth().vlan(4)), kInside},
       {"802.11", in4(mirror(joined({1, 0, 0, 18, 1}, wifi(0x08, 1))).llc_snap()), kInside},
       {"AVS", in4(mirror(joined(joined({1, 0, 0, 127, 1}, avs), wifi(0x08, 1))).llc_snap()), kInside},
       {"a keep-alive", mirror({1, 4, 0, 0, 1}), "192.0.2.1 37008 > 192.0.2.2 37008 p17 o33"},
       {"version 2", in4(mirror({2, 0, 0, 1, 1}).eth()), "192.0.2.1 37008 > 192.0.2.2 37008 p17 o87"},
       {"another protocol", in4(mirror({1, 0, 0, 2, 1}).eth()), "192.0.2.1 37008 > 192.0.2.2 37008 p17 o87"},
       {"fields without an end", mirror({1, 0, 0, 1, 0x0a, 200, 0, 0}), "192.0.2.1 37008 > 192.0.2.2 37008 p17 o36"},
       {"padding without an end", mirror(joined({1, 0, 0, 1}, Bytes(1000))),
        "192.0.2.1 37008 > 192.0.2.2 37008 p17 o1032"}},
      everything());
  expect_parsed({{"not asked for", in4(mirror({1, 0, 0, 1, 1}).eth()), "192.0.2.1 37008 > 192.0.2.2 37008 p17 o87"}});
}

TEST(ParserAccess, gre_carries_redirected_packets_and_802_11_frames) {
  const auto gre = [](const Bytes& header) { return out4().protocol(47).header(header); };
  expect_parsed({{"WCCP version 2", in4(gre({0, 0, 0x88, 0x3e, 0, 90, 0, 7})),
                  "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in wccp 90 192.0.2.1 > 192.0.2.2 depth 1"},
                 {"with flags above", in4(gre({0, 0, 0x88, 0x3e, 0xc0, 90, 0, 7})),
                  "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in wccp 90 192.0.2.1 > 192.0.2.2 depth 1"},
                 {"the alternative bucket", in4(gre({0, 0, 0x88, 0x3e, 0x40, 0, 3, 7})),
                  "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in wccp 0 192.0.2.1 > 192.0.2.2 depth 1"},
                 {"IPv6", in6(gre({0, 0, 0x88, 0x3e, 0, 61, 0, 7})),
                  "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in wccp 61 192.0.2.1 > 192.0.2.2 depth 1"},
                 {"WCCP version 1", in4(gre({0, 0, 0x88, 0x3e})),
                  "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in wccp 0 192.0.2.1 > 192.0.2.2 depth 1"},
                 {"cut", gre({0, 0, 0x88, 0x3e, 0, 90}), "192.0.2.1 0 > 192.0.2.2 0 p47 o26"},
                 {"Aruba", in4(gre(joined({0, 0, 0x82, 0x10}, wifi(0x08, 1))).llc_snap()),
                  "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in aruba 33296 192.0.2.1 > 192.0.2.2 depth 1"},
                 {"Aruba, encrypted", gre(joined({0, 0, 0x83, 0x70}, wifi(0x08, 0x41))).payload(40),
                  "192.0.2.1 0 > 192.0.2.2 0 p47 o88"},
                 {"Aruba's keep-alive", gre({0, 0, 0x90, 0x00}).payload(40), "192.0.2.1 0 > 192.0.2.2 0 p47 o64"},
                 {"beside Aruba's", gre(joined({0, 0, 0x83, 0x80}, wifi(0x08, 1))).payload(40),
                  "192.0.2.1 0 > 192.0.2.2 0 p47 o88"}},
                everything());
}

TEST(ParserAccess, ayiya_has_an_identity_and_a_signature_of_the_length_it_says) {
  // An identity of 16 octets, a signature of 20.
  const auto header = [](std::uint8_t opcode, std::uint8_t next) {
    return joined({0x44, 0x52, static_cast<std::uint8_t>(0x10 | opcode), next, 0, 0, 0, 1}, Bytes(36));
  };
  const auto to = [](const Bytes& octets) { return out4().udp(40000, 5072).header(octets); };
  expect_parsed({{"IPv6", in6(to(header(1, 41))),
                  "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in ayiya 0 192.0.2.1 > 192.0.2.2 depth 1"},
                 {"the way back", in6(out4().udp(5072, 40000).header(header(1, 41))),
                  "2001:db8::1 1 > 2001:db8::2 2 p6 o60 in ayiya 0 192.0.2.1 > 192.0.2.2 depth 1"},
                 {"IPv4, nothing signed", in4(to({0x00, 0x00, 0x01, 4, 0, 0, 0, 1, 9})),
                  "10.0.0.1 1 > 10.0.0.2 2 p6 o40 in ayiya 0 192.0.2.1 > 192.0.2.2 depth 1"},
                 {"nothing in it", to(header(0, 59)), "192.0.2.1 40000 > 192.0.2.2 5072 p17 o72"},
                 {"cut in the signature", in6(to(header(1, 41))).cut(14 + 28 + 43),
                  "192.0.2.1 40000 > 192.0.2.2 5072 p17 o132"}});
}

}  // namespace
}  // namespace weir::parser_access_test
