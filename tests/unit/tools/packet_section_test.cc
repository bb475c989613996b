// Records that hold the first octets of a packet (elements 313, 315, 317 and 104): frames written by the packet
// builder, and what the record says of them.
#include "tools/collect/packet_section.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "proto/base/address_text.h"
#include "tests/support/hex.h"
#include "tests/support/packet_builder.h"
#include "tools/collect/collector.h"

namespace weir::packet_section_test {
namespace {

using test::Bytes;
using test::hex;
using test::packet;
using test::put;

constexpr std::uint16_t kFrameSize = 312, kIpSection = 313, kFrameSection = 315, kMplsPayload = 317, kFrameType = 408,
                        kOffset = 409, kOldSection = 104;

/// Values beside a record, with the octets that they refer to.
struct Values {
  std::vector<std::pair<std::uint16_t, Bytes>> octets;

  [[nodiscard]] std::vector<DecodedValue> decoded() const {
    std::vector<DecodedValue> values;
    values.reserve(octets.size());
    for (const auto& [element, value] : octets) values.push_back({element, false, 0, value});
    return values;
  }
};

/// The record that such values make of one that says nothing; `sampled` tells whether they held a packet.
OwnedRecord record_of(const Values& values, bool* sampled = nullptr, const OwnedRecord& before = {}) {
  PacketSection section;
  OwnedRecord out;
  const bool found = section.fill(before, values.decoded(), out);
  if (sampled != nullptr) *sampled = found;
  return found ? out : before;
}

std::string text_of(const OwnedRecord& record) {
  const auto address = [&](const std::uint8_t* octets) {
    char text[kAddressTextMaxOctets];
    return std::string(text, write_address_text(text, octets, record->ip_version));
  };
  return address(record->source_address) + " " + address(record->destination_address) + " " +
         std::to_string(record->ports[kForward]) + " " + std::to_string(record->ports[kReverse]) + " " +
         std::to_string(record->protocol) + " " + std::to_string(record->packets[kForward]) + " " +
         std::to_string(record->octets[kForward]);
}

Bytes tcp_frame() {
  return packet().eth().ipv4("192.0.2.1", "192.0.2.2").tos(8).tcp(1234, 80).flags(test::kSyn).payload(100).bytes();
}
Bytes without_ethernet(const Bytes& frame) {
  return {frame.begin() + 14, frame.end()};
}

TEST(PacketSection, AFrameIsTheRecordsFlow) {
  const OwnedRecord record = record_of({{{kFrameSection, tcp_frame()}}});
  EXPECT_EQ(text_of(record), "192.0.2.1 192.0.2.2 1234 80 6 1 140");
  EXPECT_EQ(record->tcp_flags[kForward], test::kSyn);
  EXPECT_EQ(record->ip_tos[kForward], 8);
  EXPECT_EQ(record->ether_type, kEtherTypeIpv4);
  // The greater address first: who sent it is who the packet says.
  const Bytes back = packet().eth().ipv4("192.0.2.2", "192.0.2.1").udp(53, 4321).payload(8).bytes();
  EXPECT_EQ(text_of(record_of({{{kFrameSection, back}}})), "192.0.2.2 192.0.2.1 53 4321 17 1 36");
  EXPECT_EQ(text_of(record_of({{{kOldSection, back}}})), "192.0.2.2 192.0.2.1 53 4321 17 1 36");
}

TEST(PacketSection, TagsAndLabelsAreReadThrough) {
  const Bytes tagged =
      packet().eth().qinq(7).vlan(42).ipv6("2001:db8::1", "2001:db8::2").udp(5000, 53).payload(20).bytes();
  const OwnedRecord record = record_of({{{kFrameSection, tagged}}});
  EXPECT_EQ(text_of(record), "2001:db8::1 2001:db8::2 5000 53 17 1 68");
  EXPECT_EQ(record->vlan_id, 7);
  const Bytes labelled = packet().eth().mpls(16).mpls(17).ipv4("192.0.2.1", "192.0.2.2").udp(1, 2).bytes();
  const OwnedRecord with_label = record_of({{{kFrameSection, labelled}}});
  EXPECT_EQ(text_of(with_label), "192.0.2.1 192.0.2.2 1 2 17 1 28");
  ASSERT_NE(with_label.view().find<LabelSection>(), nullptr);
  EXPECT_EQ(with_label.view().find<LabelSection>()->label, 16U);
}

TEST(PacketSection, AnIpHeaderMayHaveLabelsBeforeIt) {
  const Bytes v4 = without_ethernet(tcp_frame());
  EXPECT_EQ(text_of(record_of({{{kIpSection, v4}}})), "192.0.2.1 192.0.2.2 1234 80 6 1 140");
  EXPECT_EQ(text_of(record_of({{{kMplsPayload, v4}}})), "192.0.2.1 192.0.2.2 1234 80 6 1 140");
  const Bytes v6 = without_ethernet(packet().eth().ipv6("2001:db8::1", "2001:db8::2").tcp(1, 2).bytes());
  EXPECT_EQ(text_of(record_of({{{kIpSection, v6}}})), "2001:db8::1 2001:db8::2 1 2 6 1 60");
  // Labels whose first octet is that of an IPv4 header (299776 is the first that Juniper gives), of an IPv6 one, or
  // none.
  for (const unsigned label : {299'776U, 0x61234U, 16U}) {
    const Bytes labels = without_ethernet(packet().eth().mpls(label).mpls(20).bytes());
    const OwnedRecord record = record_of({{{kIpSection, test::joined(labels, v4)}}});
    EXPECT_EQ(text_of(record), "192.0.2.1 192.0.2.2 1234 80 6 1 140") << label;
    ASSERT_NE(record.view().find<LabelSection>(), nullptr) << label;
    EXPECT_EQ(record.view().find<LabelSection>()->label, label);
  }
}

TEST(PacketSection, TheInnermostFlowCountsWithItsTunnel) {
  const Bytes frame = packet()
                          .eth()
                          .ipv4("198.51.100.1", "198.51.100.2")
                          .udp(50'000, 4789)
                          .vxlan(77)
                          .eth()
                          .ipv4("10.0.0.1", "10.0.0.2")
                          .udp(1, 2)
                          .bytes();
  const OwnedRecord record = record_of({{{kFrameSection, frame}}});
  EXPECT_EQ(text_of(record), "10.0.0.1 10.0.0.2 1 2 17 1 28");
  const auto* const tunnel = record.view().find<TunnelSection>();
  ASSERT_NE(tunnel, nullptr);
  EXPECT_EQ(tunnel->type, TunnelType::vxlan);
  EXPECT_EQ(tunnel->id, 77U);
}

TEST(PacketSection, IcmpAndEspHaveWhatOthersHavePortsFor) {
  const Bytes ping = packet().eth().ipv4("192.0.2.1", "192.0.2.2").icmp(8, 1).payload(8).bytes();
  EXPECT_EQ(record_of({{{kFrameSection, ping}}})->icmp(kForward), 8 << 8 | 1);
  const Bytes esp = packet().eth().ipv4("192.0.2.1", "192.0.2.2").protocol(50).payload(hex("0a0b0c0d00000001")).bytes();
  const OwnedRecord record = record_of({{{kFrameSection, esp}}});
  EXPECT_EQ(record->ports[kForward], 0);
  ASSERT_NE(record.view().find<EspSection>(), nullptr);
  EXPECT_EQ(record.view().find<EspSection>()->spi, 0x0a0b0c0dU);
}

TEST(PacketSection, CountersOfTheRecordAndOfTheFrameGoFirst) {
  EXPECT_EQ(text_of(record_of({{{kFrameSize, hex("05dc")}, {kFrameSection, tcp_frame()}}})),
            "192.0.2.1 192.0.2.2 1234 80 6 1 1500");
  OwnedRecord counted;
  counted->packets[kForward] = 3;
  counted->octets[kForward] = 4200;
  EXPECT_EQ(text_of(record_of({{{kFrameSection, tcp_frame()}}}, nullptr, counted)),
            "192.0.2.1 192.0.2.2 1234 80 6 3 4200");
}

TEST(PacketSection, ACutPacketSaysWhatIsThere) {
  Bytes frame = tcp_frame();
  for (std::size_t size = 1; size <= frame.size(); ++size) {
    const Bytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
    bool sampled = false;
    const OwnedRecord record = record_of({{{kFrameSection, cut}}}, &sampled);
    EXPECT_TRUE(sampled);
    const std::string text = text_of(record);
    if (size < 34) {
      EXPECT_EQ(text, ":: :: 0 0 0 1 0") << size;  // the IP header is cut: one packet, of which nothing else is known
    } else if (size >= 38) {
      EXPECT_EQ(text, "192.0.2.1 192.0.2.2 1234 80 6 1 140") << size;
    } else {
      EXPECT_EQ(text, "192.0.2.1 192.0.2.2 0 0 6 1 140") << size;  // the ports are
    }
  }
}

TEST(PacketSection, WithoutAPacketTheRecordStaysAsItIs) {
  bool sampled = true;
  record_of({{{kFrameSection, {}}}}, &sampled);
  EXPECT_FALSE(sampled) << "a section of no octets";
  record_of({{{kFrameSize, hex("05dc")}}}, &sampled);
  EXPECT_FALSE(sampled);
  record_of({}, &sampled);
  EXPECT_FALSE(sampled);
  const Bytes arp = packet().eth().ether_type(0x0806).payload(28).bytes();
  EXPECT_EQ(text_of(record_of({{{kFrameSection, arp}}})), ":: :: 0 0 0 1 0");
  EXPECT_EQ(text_of(record_of({{{kFrameSection, tcp_frame()}, {kOffset, hex("000e")}}})), ":: :: 0 0 0 1 0")
      << "what begins within the packet is no header";
  EXPECT_EQ(text_of(record_of({{{kFrameSection, tcp_frame()}, {kFrameType, hex("0002")}}})), ":: :: 0 0 0 1 0")
      << "802.11 is not Ethernet";
}

TEST(PacketSection, AddressesOfTheRecordStay) {
  OwnedRecord other;
  other->ip_version = 4;
  other->source_address[0] = 10;
  other->destination_address[0] = 11;
  EXPECT_EQ(text_of(record_of({{{kFrameSection, tcp_frame()}}}, nullptr, other)), "10.0.0.0 11.0.0.0 0 0 0 1 140");
  OwnedRecord same = record_of({{{kFrameSection, tcp_frame()}}});
  same->protocol = 0;
  same->ports[kForward] = same->ports[kReverse] = 0;
  EXPECT_EQ(text_of(record_of({{{kFrameSection, tcp_frame()}}}, nullptr, same)), "192.0.2.1 192.0.2.2 1234 80 6 1 140");
}

TEST(PacketSection, TheCollectorSumsTheFlowOfThePacket) {
  // Template 256: ingressInterface, dataLinkFrameSection of variable length.
  const Bytes frame = tcp_frame();
  Bytes data = hex("00000005");
  put(data, frame.size(), 1);
  data = test::joined(data, frame);
  Bytes sets = hex("0002 0010 0100 0002 000a 0004 013b ffff 0100");
  put(sets, data.size() + 4, 2);
  sets = test::joined(sets, data);
  Bytes message = hex("000a");
  put(message, sets.size() + 16, 2);
  message = test::joined(test::joined(message, hex("6553f100 00000000 00000001")), sets);

  FlowTotals totals;
  FlowPrinter printer(FlowPrinter::Format::none, STDOUT_FILENO);
  Collector collector(totals, printer);
  collector.take_datagram("192.0.2.9:4739", message);
  ASSERT_EQ(totals.records(), 1U);
  EXPECT_EQ(totals.packets(), 1U);
  EXPECT_EQ(totals.octets(), 140U);
  EXPECT_EQ(totals.top(1).at(0).tuple.destination_port, 80);
}

/// The record of an sFlow sample of these octets.
OwnedRecord sampled_record(const Bytes& octets, std::uint16_t element, std::uint8_t protocol,
                           const OwnedRecord& before = {}) {
  PacketSection section;
  OwnedRecord out;
  Bytes size;
  put(size, octets.size() + 4, 4);
  EXPECT_TRUE(section.fill(before, Values{{{kFrameSize, size}, {element, octets}}}.decoded(), out, protocol));
  return out;
}

TEST(PacketSection, AnSflowSampleHasTheOctetsOfIpAndThePacketsLayer2) {
  OwnedRecord before;
  before->packets[kForward] = 1;
  const Bytes frame =
      packet().eth(7, 8).vlan(42).ipv6("2001:db8::1", "2001:db8::2").ttl(61).udp(5000, 53).payload(20).bytes();
  const OwnedRecord record = sampled_record(frame, kFrameSection, 1, before);
  EXPECT_EQ(text_of(record), "2001:db8::1 2001:db8::2 5000 53 17 1 68");
  EXPECT_EQ(record->vlan_id, 42);
  const auto* const layer2 = record.view().find<Layer2Section>();
  ASSERT_NE(layer2, nullptr);
  EXPECT_EQ(layer2->source_mac[5], 7);
  EXPECT_EQ(layer2->destination_mac[5], 8);
  EXPECT_EQ(layer2->ttl[kForward], 61);
}

TEST(PacketSection, AnSflowSampleBeginsWithWhatItsProtocolSays) {
  OwnedRecord before;
  before->packets[kForward] = 1;
  const Bytes ip = without_ethernet(tcp_frame());
  EXPECT_EQ(text_of(sampled_record(ip, kIpSection, 11, before)), "192.0.2.1 192.0.2.2 1234 80 6 1 140");
  Bytes ppp = hex("ff03 0021");
  ppp.insert(ppp.end(), ip.begin(), ip.end());
  EXPECT_EQ(text_of(sampled_record(ppp, kFrameSection, 7, before)), "192.0.2.1 192.0.2.2 1234 80 6 1 140");
  // What cannot be read has the frame's octets.
  EXPECT_EQ(sampled_record(ip, kFrameSection, 6, before)->octets[kForward], 144U);
}

TEST(PacketSection, ANextHopOfAnotherIpVersionThanTheTunnelledFlowIsLeftOut) {
  OwnedRecord before;
  before->packets[kForward] = 1;
  before->ip_version = 4;
  auto& routing = before.add<RoutingSection>();
  routing.ip_version = 4;
  routing.next_hop[kForward][0] = 203;
  routing.source_net = 24;
  const Bytes frame =
      packet().eth().ipv4("192.0.2.1", "192.0.2.2").ipv6("2001:db8::1", "2001:db8::2").udp(1, 2).bytes();
  const OwnedRecord record = sampled_record(frame, kFrameSection, 1, before);
  ASSERT_EQ(record->ip_version, 6);
  const auto* const left = record.view().find<RoutingSection>();
  EXPECT_EQ(left->ip_version, 6);
  EXPECT_EQ(left->next_hop[kForward][0], 0);
  EXPECT_EQ(left->source_net, 24);
}

}  // namespace
}  // namespace weir::packet_section_test
