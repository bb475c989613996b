// Headers that captures have before the packet, and rare link layers: what is after them, and where they are cut.
#include <gtest/gtest.h>

#include "tests/support/parsed_text.h"

namespace weir::parser_capture_test {
namespace {

using test::Bytes;
using test::expect_parsed;
using test::joined;
using test::packet;
using test::PacketBuilder;
using test::parsed_text;

constexpr const char* kUdp4 = "10.0.0.1 1 > 10.0.0.2 2 p17 o28";
constexpr const char* kUdp6 = "2001:db8::1 1 > 2001:db8::2 2 p17 o48";

PacketBuilder udp4(PacketBuilder link) {
  return link.ipv4("10.0.0.1", "10.0.0.2").udp(1, 2);
}
PacketBuilder udp6(PacketBuilder link) {
  return link.ipv6("2001:db8::1", "2001:db8::2").udp(1, 2);
}
PacketBuilder behind(Bytes header) {
  return packet().header(std::move(header));
}
Bytes sized(Bytes octets, std::size_t size) {
  octets.resize(size);
  return octets;
}
void expect_on(LinkType link_type, const std::vector<test::ParserCase>& cases) {
  expect_parsed(cases, ParserOptions::defaults(), link_type);
}
/// Every cut of a header of `octets` octets is a reject of that name.
void expect_cuts(LinkType link_type, const Bytes& frame, std::size_t octets, const char* name = "link_truncated") {
  for (std::size_t size = 0; size < octets; ++size) {
    EXPECT_EQ(parsed_text(sized(frame, size), ParserOptions::defaults(), link_type), name) << size << " octets";
  }
}

TEST(ParserCapture, numbers_of_link_types_lead_to_a_type_and_back) {
  for (unsigned i = 0; i < kLinkTypes - 1; ++i) {
    const auto type = static_cast<LinkType>(i);
    EXPECT_EQ(link_type_of(static_cast<std::uint32_t>(number_of(type))), type) << i;
  }
  EXPECT_EQ(link_type_of(239), LinkType::nflog);
  EXPECT_EQ(link_type_of(101), LinkType::raw_ip);
  EXPECT_EQ(link_type_of(100), LinkType::atm);
  EXPECT_EQ(link_type_of(189), LinkType::unknown);
  EXPECT_EQ(number_of(LinkType::unknown), -1);
  EXPECT_EQ(parsed_text(udp4(packet().eth()).bytes(), ParserOptions::defaults(), LinkType::unknown),
            "link_type_unknown");
}

TEST(ParserCapture, nflog_holds_the_packet_in_one_of_its_attributes_in_either_byte_order) {
  const Bytes header = {2, 0, 0, 5};
  // Packet header (1), prefix (10) "ab" with padding, then the payload (9) of 28 octets.
  const Bytes little = {8, 0, 1, 0, 8, 0, 1, 0, 7, 0, 10, 0, 'a', 'b', 0, 0, 32, 0, 9, 0};
  const Bytes big = {0, 8, 0, 1, 8, 0, 1, 0, 0, 7, 0, 10, 'a', 'b', 0, 0, 0, 32, 0, 9};
  const Bytes ipv6 = {52, 0, 9, 0};
  const Bytes trailer = {8, 0, 5, 0, 0, 0, 0, 1};
  expect_on(LinkType::nflog,
            {{"little endian", udp4(behind(joined(header, little))), kUdp4},
             {"big endian", udp4(behind(joined(header, big))), kUdp4},
             {"IPv6", udp6(behind(joined({10, 0, 0, 5}, ipv6))), kUdp6},
             {"attributes behind it",
              packet()
                  .header(joined(header, little))
                  .ipv4("10.0.0.1", "10.0.0.2")
                  .ip_total_length(28)
                  .udp(1, 2)
                  .header(trailer),
              kUdp4},
             // The attribute ends the packet, whose length is 0.
             {"a length of 0",
              packet()
                  .header(joined(header, little))
                  .ipv4("10.0.0.1", "10.0.0.2")
                  .ip_total_length(0)
                  .udp(1, 2)
                  .header(trailer),
              kUdp4},
             {"no payload", behind(joined(header, {8, 0, 1, 0, 8, 0, 1, 0})), "link_protocol"},
             {"no attribute", behind(header), "link_protocol"},
             {"an attribute without a length", behind(joined(header, {0, 0, 1, 0, 8, 0, 1, 0})), "link_protocol"},
             {"an attribute beyond the frame", behind(joined(header, {99, 0, 1, 0, 8, 0, 1, 0})), "link_truncated"},
             {"ARP", behind(joined(header, {32, 0, 9, 0, 0, 1, 8, 0, 6, 4})), "link_protocol"}});
  Bytes endless = header;
  for (unsigned i = 0; i < 300; ++i) endless = joined(endless, {4, 0, 1, 0});
  EXPECT_EQ(parsed_text(endless, ParserOptions::defaults(), LinkType::nflog), "too_many_headers");
}

TEST(ParserCapture, pflog_is_as_long_as_it_says_and_padded_to_four_octets) {
  for (const std::uint8_t length : Bytes{45, 48, 61, 64, 69, 100}) {
    const std::size_t octets = (std::size_t{length} + 3) / 4 * 4;
    const Bytes header = sized({length, 2}, octets);
    expect_on(LinkType::pflog, {{"IPv4", udp4(behind(header)), kUdp4}, {"IPv6", udp6(behind(header)), kUdp6}});
    expect_cuts(LinkType::pflog, header, octets);
  }
  expect_on(LinkType::pflog, {{"no length", behind(Bytes(64)), "link_protocol"}});
}

TEST(ParserCapture, ppi_and_pktap_name_the_link_type_of_each_packet) {
  const auto ppi = [](std::uint8_t type, std::size_t octets = 8) {
    return sized({0, 0, static_cast<std::uint8_t>(octets), 0, type, 0, 0, 0}, octets);
  };
  const Bytes wifi = sized({0x08, 1}, 24);
  expect_on(LinkType::ppi, {{"Ethernet", udp4(behind(ppi(1)).eth()), kUdp4},
                            {"Ethernet, tagged IPv6", udp6(behind(ppi(1, 32)).eth().vlan(2)), kUdp6},
                            {"802.11", udp4(behind(joined(ppi(105, 32), wifi)).llc_snap()), kUdp4},
                            {"raw IP", udp6(behind(ppi(101))), kUdp6},
                            {"PPI again", udp4(behind(joined(ppi(192), ppi(1))).eth()), kUdp4},
                            {"USB", behind(ppi(189)).payload(40), "link_type_unknown"},
                            {"a length below its own", behind({0, 0, 7, 0, 1, 0, 0, 0}), "link_protocol"},
                            {"a length beyond the frame", behind({0, 0, 9, 0, 1, 0, 0, 0}), "link_truncated"}});
  expect_cuts(LinkType::ppi, ppi(1, 32), 32);
  Bytes endless;
  for (unsigned i = 0; i < 300; ++i) endless = joined(endless, ppi(192));
  EXPECT_EQ(parsed_text(endless, ParserOptions::defaults(), LinkType::ppi), "too_many_headers");

  const auto pktap = [](std::uint8_t type, std::uint8_t kind = 1) {
    return sized({108, 0, 0, 0, kind, 0, 0, 0, type, 0, 0, 0}, 108);
  };
  expect_on(LinkType::pktap,
            {{"Ethernet", udp4(behind(pktap(1)).eth()), kUdp4},
             {"raw IP", udp4(behind(pktap(12))), kUdp4},
             {"loopback", udp4(behind(pktap(0)).bsd_null(2)), kUdp4},
             {"no packet", behind(pktap(1, 0)).payload(40), "link_protocol"},
             {"a length below its own", behind({11, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}), "link_protocol"}});
  expect_cuts(LinkType::pktap, pktap(1), 108);
}

TEST(ParserCapture, atm_token_ring_and_fddi_hold_llc) {
  const Bytes ring = {0x10, 0x40, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  Bytes routed = ring;
  routed[8] |= 0x80;
  routed = joined(routed, {0x06, 0x30, 0, 1, 0, 2});
  Bytes control = ring;
  control[1] = 0;
  const Bytes fddi = {0x50, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  expect_on(LinkType::atm, {{"LLC", udp4(packet().llc_snap()), kUdp4},
                            {"bridged Ethernet", udp4(behind({0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0}).eth()), kUdp4},
                            {"a protocol identifier", udp4(behind({0xfe, 0xfe, 3, 0xcc})), kUdp4},
                            {"of IPv6", udp6(behind({0xfe, 0xfe, 3, 0x8e})), kUdp6},
                            {"of PPP", udp4(behind({0xfe, 0xfe, 3, 0xcf}).ppp()), kUdp4},
                            {"of OSI", behind({0xfe, 0xfe, 3, 0x81}).payload(40), "link_protocol"},
                            {"nothing", udp4(packet()), kUdp4}});
  expect_on(LinkType::sunatm, {{"LLC", udp4(behind({0x02, 0, 0, 32}).llc_snap()), kUdp4}});
  expect_on(LinkType::token_ring, {{"no route", udp4(behind(ring).llc_snap()), kUdp4},
                                   {"a route of 6 octets", udp6(behind(routed).llc_snap()), kUdp6},
                                   {"a control frame", udp4(behind(control).llc_snap()), "link_protocol"}});
  expect_cuts(LinkType::token_ring, routed, routed.size());
  expect_on(LinkType::fddi, {{"LLC", udp4(behind(fddi).llc_snap()), kUdp4},
                             {"station management", behind(Bytes(13, 0x41)).payload(40), "link_protocol"}});
  expect_cuts(LinkType::fddi, fddi, fddi.size());
}

TEST(ParserCapture, headers_of_a_fixed_size_are_passed) {
  struct Fixed {
    LinkType link_type;
    Bytes header;
    PacketBuilder (*inside)(PacketBuilder);
  };
  const auto ip = [](PacketBuilder frame) { return frame; };
  const auto eth = [](PacketBuilder frame) { return frame.eth(); };
  const auto llc = [](PacketBuilder frame) { return frame.llc_snap(); };
  const Bytes ipv4 = {0x08, 0x00};
  const Bytes chip = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  const Fixed all[] = {
      {LinkType::slip, Bytes(16), ip},
      {LinkType::enc, Bytes(12), ip},
      {LinkType::ipnet, Bytes(24), ip},
      {LinkType::ip_over_fc, Bytes(16), llc},
      {LinkType::ieee1394, joined(Bytes(16), ipv4), ip},
      {LinkType::ipoib, joined(Bytes(40), {0x08, 0x00, 0, 0}), ip},
      {LinkType::netanalyzer, Bytes(4), eth},
      {LinkType::mpacket, {0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0xd5}, eth},
      {LinkType::dsa_brcm, joined(joined(chip, {0x20, 0, 0, 1}), ipv4), ip},
      {LinkType::dsa_brcm_prepend, {0x20, 0, 0, 1}, eth},
      {LinkType::dsa, joined(joined(chip, {0xc0, 0, 0, 1}), ipv4), ip},
      {LinkType::edsa, joined(joined(chip, {0xda, 0xda, 0, 0, 0xc0, 0, 0, 1}), ipv4), ip},
      {LinkType::ppp_direction, {1}, [](PacketBuilder frame) { return frame.ppp(true); }},
      {LinkType::cisco_hdlc_direction, {0}, [](PacketBuilder frame) { return frame.hdlc(); }},
      {LinkType::frame_relay_direction,
       {0},
       [](PacketBuilder frame) {
         return frame.header({0x18, 0x41, 3, 0xcc});
       }},
  };
  for (const Fixed& one : all) {
    SCOPED_TRACE(number_of(one.link_type));
    expect_on(one.link_type, {{"IPv4", udp4(one.inside(behind(one.header))), kUdp4}});
    expect_cuts(one.link_type, one.header, one.header.size());
  }
}

}  // namespace
}  // namespace weir::parser_capture_test
