// Records with sections: what NetFlow v9 and IPFIX make of them, octet by octet, and when their templates are
// announced.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "proto/encode/ipfix_encoder.h"
#include "proto/encode/netflow9_encoder.h"
#include "tests/unit/proto/section_records.h"

namespace weir::section_templates_test {
namespace {

using namespace test;

const std::vector<std::string_view> kClassicFields{"src_addr", "tunnel_src_addr", "tunnel_dst_addr", "tunnel_id",
                                                   "esp_spi",  "mpls_label",      "tunnel_type",     "tunnel_depth"};

const std::string kForwardRecord = joined({
    "0a000001",                          // 10.0.0.1
    "00000000000000000000ffffc6336401",  // ::ffff:198.51.100.1
    "00000000000000000000ffffc6336402",  //
    "01000000000a0b0c",                  // layer2SegmentId: VXLAN and the VNI
    "000a0b0c",                          // tunnel id
    "00000000",                          // no SPI
    "123450",                            // label 0x12345, 3 bits and bottom of stack 0
    "04",                                // the fourth of WEIR_TUNNELS
    "01",                                // one tunnel
});
const std::string kReverseRecord = joined({
    "c0000209",
    "00000000000000000000ffffc6336402",
    "00000000000000000000ffffc6336401",
    "01000000000a0b0c",
    "000a0b0c",
    "00000000",
    "123450",
    "04",
    "01",
});

TEST(SectionTemplates, HaveTunnelsLabelsAndSpisInASetOfTheirOwnInIpfix) {
  IpfixOptions options;
  options.fields = kClassicFields;
  IpfixEncoder encoder(options);
  const auto announced = encoder.announce({}, nullptr, kBase);
  const std::string fields = joined({
      "80040010", "00007ed9", "80050010", "00007ed9",  // 32473:4, 32473:5
      "015f0008", "80030004", "00007ed9",              // layer2SegmentId, 32473:3
      "01270004", "00460003",                          // IPSecSPI, mplsTopLabelStackSection
      "80020001", "00007ed9", "80060001", "00007ed9",  // 32473:2, 32473:6
  });
  const std::string expected_templates = joined({"0002", "008c",  //
                                                 "0100", "0001", "00080004", "0101", "0001", "001b0010"}) +
                                         "01080009" + "00080004" + fields + "01090009" + "001b0010" + fields;
  EXPECT_EQ(hex(announced.at(0).octets).substr(32, expected_templates.size()), expected_templates);
  ASSERT_TRUE(encoder.add(tunnelled(), kBase));
  ASSERT_TRUE(encoder.add(ipv4_flow(), kBase));
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(32),
            "01000008"
            "0a000001"
            "01080078" +
                kForwardRecord + kReverseRecord + "0000");
}

TEST(SectionTemplates, HaveTunnelsLabelsAndSpisInASetOfTheirOwnInNetflow9) {
  Netflow9Options options;
  options.start_ns = kBase;
  options.fields = kClassicFields;
  options.announced = true;
  Netflow9Encoder encoder(options);
  const auto announced = encoder.announce({}, nullptr, kBase);
  const std::string fields = joined({
      "c0040010",
      "c0050010",
      "015f0008",
      "c0030004",
      "01270004",
      "00460003",
      "c0020001",
      "c0060001",
  });
  const std::string expected_templates = joined({"0000", "0064",  //
                                                 "0100", "0001", "00080004", "0101", "0001", "001b0010"}) +
                                         "01080009" + "00080004" + fields + "01090009" + "001b0010" + fields;
  EXPECT_EQ(hex(announced.at(0).octets).substr(40, expected_templates.size()), expected_templates);
  ASSERT_TRUE(encoder.add(tunnelled(), kBase));
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(40), "01080078" + kForwardRecord + kReverseRecord + "0000");
}

TEST(SectionTemplates, KeepTheStandardElementsOfTunnelsLabelsAndSpisWithoutWeirsOwn) {
  IpfixOptions ipfix;
  ipfix.own_elements = false;
  IpfixEncoder ipfix_encoder(ipfix);
  Netflow9Options netflow9;
  netflow9.start_ns = kBase;
  netflow9.own_elements = false;
  netflow9.announced = true;
  Netflow9Encoder netflow9_encoder(netflow9);
  const std::string standard = "015f00080127000400460003";  // layer2SegmentId, IPSecSPI, mplsTopLabelStackSection
  for (const std::string& octets : {hex(ipfix_encoder.announce({}, nullptr, kBase).at(0).octets),
                                    hex(netflow9_encoder.announce({}, nullptr, kBase).at(0).octets)}) {
    std::size_t count = 0;
    for (std::size_t at = octets.find(standard); at != std::string::npos; at = octets.find(standard, at + 1)) ++count;
    EXPECT_EQ(count, 2U) << "of IPv4 and of IPv6: " << octets;
    EXPECT_EQ(octets.find("00007ed9"), std::string::npos) << octets;
    EXPECT_EQ(octets.find("c0040010"), std::string::npos) << "weir's numbers in NetFlow v9: " << octets;
  }
  ASSERT_TRUE(ipfix_encoder.add(tunnelled(), kBase));
  const std::string record = hex(ipfix_encoder.finish(kBase));
  EXPECT_NE(record.find("01000000000a0b0c"
                        "00000000"
                        "123450"),
            std::string::npos)
      << record;
}

TEST(SectionTemplates, AreNotUsedWhereNoFieldOfThemWasChosenNorWhereTemplatesStandBeforeRecords) {
  IpfixOptions plain;
  plain.fields = {"src_addr"};
  IpfixEncoder ipfix(plain);
  ASSERT_TRUE(ipfix.add(tunnelled(), kBase));
  EXPECT_EQ(hex(ipfix.finish(kBase)).substr(32),
            "0100000c"
            "0a000001"
            "c0000209");

  Netflow9Options in_front;
  in_front.start_ns = kBase;
  Netflow9Encoder netflow9(in_front);
  ASSERT_TRUE(netflow9.add(tunnelled(), kBase));
  EXPECT_EQ(netflow9.finish(kBase).size(), 20U + 164 + 4 + 2 * 56);
}

OwnedRecord with_layer2() {
  OwnedRecord record = with_sections(0);
  Layer2Section& layer2 = record.add<Layer2Section>();
  for (std::uint8_t i = 0; i < 6; ++i) {
    layer2.source_mac[i] = static_cast<std::uint8_t>(0x10 + i);
    layer2.destination_mac[i] = static_cast<std::uint8_t>(0x20 + i);
  }
  layer2.inner_vlan_id = 0x0123;
  for (const Direction way : {kForward, kReverse}) {
    layer2.ttl[way] = static_cast<std::uint8_t>(64 + way);
    layer2.ttl_min[way] = static_cast<std::uint8_t>(60 + way);
    layer2.ttl_max[way] = static_cast<std::uint8_t>(70 + way);
    layer2.flow_label[way] = 0xabcd0U + way;
    layer2.fragments[way] = 5U + way;
    layer2.outer_octets[way] = 0x0102030405060708U + way;
  }
  return record;
}

const std::vector<std::string_view> kLayer2Names{"src_addr",     "src_mac",    "dst_mac",    "inner_vlan_id",
                                                 "ip_ttl",       "ip_ttl_min", "ip_ttl_max", "ipv6_flow_label",
                                                 "ip_fragments", "outer_bytes"};

const std::string kLayer2Forward = joined(
    {"0a000001", "0102030405060708", "101112131415", "202122232425", "000abcd0", "00000005", "0123", "40", "3c", "46"});
const std::string kLayer2Reverse = joined(
    {"c0000209", "0102030405060709", "202122232425", "101112131415", "000abcd1", "00000006", "0123", "41", "3d", "47"});

template <typename Encoder>
std::string announced_octets(Encoder& encoder, const OwnedRecord& record, std::size_t header) {
  std::string text;
  for (const AnnouncedMessage& one : encoder.announce({}, &record.base(), kBase)) {
    text += hex(one.octets).substr(2 * header);
  }
  return text;
}

/// The templates of the template sets of IPFIX messages.
std::vector<unsigned> template_ids(const std::vector<AnnouncedMessage>& messages) {
  std::vector<unsigned> ids;
  for (const AnnouncedMessage& one : messages) {
    const std::uint8_t* at = one.octets.data() + sizeof(IpfixHeader);
    while (at < one.octets.data() + one.octets.size()) {
      const unsigned set = load_be<std::uint16_t>(at);
      const std::uint8_t* const end = at + load_be<std::uint16_t>(at + 2);
      for (at += 4; set == 2 && at + 4 <= end;) {
        ids.push_back(load_be<std::uint16_t>(at));
        unsigned fields = load_be<std::uint16_t>(at + 2);
        for (at += 4; fields != 0; --fields) at += (at[0] & 0x80) != 0 ? 8 : 4;
      }
      at = end;
    }
  }
  return ids;
}

TEST(SectionTemplates, HaveTheFieldsOfLayer2LongestFirstInIpfix) {
  IpfixOptions options;
  options.fields = kLayer2Names;
  IpfixEncoder encoder(options);
  static_cast<void>(encoder.announce({}, nullptr, kBase));
  const OwnedRecord record = with_layer2();
  EXPECT_TRUE(encoder.announcement_due(&record.base(), kBase));
  const std::string expected = joined({
      "0002", "0038", "010c", "000a", "00080004",      // template 268, 10 fields: sourceIPv4Address
      "80080008", "00007ed9",                          // 32473:8, outer octets
      "00380006", "00500006",                          // sourceMacAddress, destinationMacAddress
      "001f0004", "80070004", "00007ed9",              // flowLabelIPv6, 32473:7
      "00f50002", "00c00001", "00340001", "00350001",  // dot1qCustomerVlanId, ipTTL, minimumTTL, maximumTTL
  });
  EXPECT_EQ(announced_octets(encoder, record, 16), expected) << "the template alone, without options";
  ASSERT_TRUE(encoder.add(record, kBase));
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(32), "010c0050" + kLayer2Forward + kLayer2Reverse + "0000");
}

TEST(SectionTemplates, HaveTheFieldsOfLayer2InNetflow9WithNumbersForWeirsOwn) {
  Netflow9Options options;
  options.start_ns = kBase;
  options.announced = true;
  options.fields = kLayer2Names;
  Netflow9Encoder encoder(options);
  static_cast<void>(encoder.announce({}, nullptr, kBase));
  const OwnedRecord record = with_layer2();
  EXPECT_TRUE(encoder.announcement_due(&record.base(), kBase));
  const std::string expected = joined({"0000", "0030", "010c", "000a", "00080004", "c0080008", "00380006", "00500006",
                                       "001f0004", "c0070004", "00f50002", "00c00001", "00340001", "00350001"});
  EXPECT_EQ(announced_octets(encoder, record, 20), expected);
  ASSERT_TRUE(encoder.add(record, kBase));
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(40), "010c0050" + kLayer2Forward + kLayer2Reverse + "0000");
}

TEST(SectionTemplates, OfMergedRecordsHaveTheForwardValues) {
  Netflow9Options options;
  options.start_ns = kBase;
  options.announced = true;
  options.biflow = true;
  options.fields = kLayer2Names;
  options.fields.push_back("rev_ip_ttl");
  Netflow9Encoder encoder(options);
  const OwnedRecord record = with_layer2();
  static_cast<void>(encoder.announce({}, &record.base(), kBase));
  ASSERT_TRUE(encoder.add(record, kBase));
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(40), "010c002c" + kLayer2Forward + "000000");
}

TEST(SectionTemplates, HaveReverseElementsOfRfc5103AndOfWeirsOwnInBiflows) {
  IpfixOptions options;
  options.biflow = true;
  options.fields = {"src_addr", "tcp_mss", "rev_tcp_mss", "rev_tcp_window_scale", "rev_payload_bytes"};
  IpfixEncoder encoder(options);
  static_cast<void>(encoder.announce({}, nullptr, kBase));
  OwnedRecord record = with_sections(0);
  TcpSection& tcp = record.add<TcpSection>();
  tcp.mss[kForward] = 1460;
  tcp.mss[kReverse] = 1360;
  tcp.window_scale[kForward] = 3;
  tcp.window_scale[kReverse] = 7;
  tcp.payload_octets[kForward] = 11;
  tcp.payload_octets[kReverse] = 12;
  const std::string expected = joined({
      "0002", "002c", "010c", "0005", "00080004",  //
      "90130008", "00007ed9",                      // 32473:4096 + 19
      "800f0002", "00007ed9",                      // 32473:15
      "900f0002", "00007ed9",                      // 32473:4096 + 15
      "80ee0002", "00007279",                      // tcpWindowScale under 29305
  });
  EXPECT_EQ(announced_octets(encoder, record, 16), expected);
  ASSERT_TRUE(encoder.add(record, kBase));
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(32),
            joined({"010c0018", "0a000001", "000000000000000c", "05b4", "0550", "0007", "0000"}));
  // One direction alone is a uniflow, with the values of that direction and a template of its own.
  record->packets[kForward] = record->octets[kForward] = 0;
  ASSERT_TRUE(encoder.announcement_due(&record.base(), kBase));
  EXPECT_EQ(announced_octets(encoder, record, 16), joined({"0002", "0014", "010d", "0002", "00080004",  //
                                                           "800f0002", "00007ed9"}));
  ASSERT_TRUE(encoder.add(record, kBase));
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(32), joined({"010d000c", "c0000209", "0550", "0000"}));
}

TEST(SectionTemplates, HaveALabelStackInTenElementsOfThreeOctets) {
  IpfixOptions options;
  options.fields = {"src_addr", "mpls_labels", "out_if"};
  IpfixEncoder encoder(options);
  static_cast<void>(encoder.announce({}, nullptr, kBase));
  OwnedRecord record = with_sections(0);
  record->packets[kReverse] = 0;
  LabelStackSection& stack = record.add<LabelStackSection>();
  stack.labels[0] = 0x123450;
  stack.labels[1] = 0xabcdef;
  stack.count = 2;
  record.add<EgressSection>().interface = 9;
  EXPECT_EQ(announced_octets(encoder, record, 16),
            joined({"0002", "0038", "010c", "000c", "00080004", "000e0004", "00460003", "00470003", "00480003",
                    "00490003", "004a0003", "004b0003", "004c0003", "004d0003", "004e0003", "004f0003"}));
  ASSERT_TRUE(encoder.add(record, kBase));
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(32),
            joined({"010c002c", "0a000001", "00000009", "123450", "abcdef"}) + std::string(2 * 24, '0') + "0000");
}

TEST(SectionTemplates, HaveHistogramsAsListsOfRfc6313InIpfix) {
  IpfixOptions options;
  options.biflow = true;
  options.fields = {"src_addr", "length_histogram", "rev_length_histogram"};
  IpfixEncoder encoder(options);
  static_cast<void>(encoder.announce({}, nullptr, kBase));
  OwnedRecord record = with_sections(0);
  HistogramsSection& histograms = record.add<HistogramsSection>();
  for (unsigned i = 0; i < kHistogramBins; ++i) {
    histograms.length[kForward][i] = 0x100 + i;
    histograms.length[kReverse][i] = 0x20000 + i;
  }
  EXPECT_EQ(announced_octets(encoder, record, 16),
            joined({"0002", "0014", "010c", "0003", "00080004", "0123ffff", "0123ffff"}));  // basicList
  ASSERT_TRUE(encoder.add(record, kBase));
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(32),
            joined({"010c0060", "0a000001", "ff0029", "04", "803c", "0004", "00007ed9",  // 41 octets, ordered,
                                                                                         // 32473:60, of 4 octets each
                    "00000100", "00000101", "00000102", "00000103", "00000104", "00000105", "00000106", "00000107",
                    "ff0029", "04", "903c", "0004", "00007ed9",  // 32473:4096 + 60
                    "00020000", "00020001", "00020002", "00020003", "00020004", "00020005", "00020006", "00020007"}));
}

TEST(SectionTemplates, HaveTheFirstPacketsAsListsOfVariableLengthAtTheEnd) {
  IpfixOptions options;
  options.fields = {"first_packets", "src_addr", "out_if"};
  IpfixEncoder encoder(options);
  static_cast<void>(encoder.announce({}, nullptr, kBase));
  OwnedRecord record = with_sections(0);
  record.add<EgressSection>().interface = 9;
  PacketsSection& packets = record.add<PacketsSection>();
  packets.count = 2;
  packets.packets[0].ip_octets = 60;
  packets.packets[0].tcp_flags = 0x02;
  packets.packets[1].ip_octets = 1500;
  packets.packets[1].tcp_flags = 0x12;
  packets.packets[1].direction = kReverse;
  packets.packets[1].set_offset_ns(0x0102'0304'0506);
  EXPECT_EQ(announced_octets(encoder, record, 16), joined({"0002", "0020", "010c", "0006", "00080004", "000e0004",
                                                           "0123ffff", "0123ffff", "0123ffff", "0123ffff"}));
  ASSERT_TRUE(encoder.add(record, kBase));
  const std::string lists = joined({
      "ff0011", "04", "8050", "0004", "00007ed9", "0000003c",     "000005dc",      // 32473:80, lengths
      "ff0015", "04", "8051", "0006", "00007ed9", "000000000000", "010203040506",  // times
      "ff000b", "04", "8052", "0001", "00007ed9", "00",           "01",            // directions
      "ff000b", "04", "8053", "0001", "00007ed9", "02",           "12",            // TCP flags
  });
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(32),
            "010c00a4" + joined({"0a000001", "00000009"}) + lists + joined({"c0000209", "00000009"}) + lists);
}

TEST(SectionTemplates, HaveTextsOfVariableLengthInIpfixAndOfSixtyFourOctetsInNetflow9) {
  OwnedRecord record = with_sections(0);
  DnsSection& dns = record.add<DnsSection>();
  put_text_at(dns.name, "a.example");
  dns.id = 0x1234;
  IpfixOptions options;
  options.fields = {"src_addr", "dns_query_name", "dns_query_name_cut", "dns_id"};
  IpfixEncoder encoder(options);
  static_cast<void>(encoder.announce({}, nullptr, kBase));
  // 32473: 121, of variable length, last.
  EXPECT_EQ(
      announced_octets(encoder, record, 16),
      joined({"0002", "0024", "010c", "0004", "00080004", "8078000200007ed9", "807a000100007ed9", "8079ffff00007ed9"}));
  ASSERT_TRUE(encoder.add(record, kBase));
  const std::string rest = joined({"1234", "00", "09", "612e6578616d706c65"});
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(32),
            joined({"010c0028", "0a000001"}) + rest + "c0000209" + rest + "0000");

  put_text_at(dns.name, std::string(100, 'x'));
  Netflow9Options old;
  old.start_ns = kBase;
  old.announced = true;
  old.fields = options.fields;
  Netflow9Encoder netflow9(old);
  static_cast<void>(netflow9.announce({}, nullptr, kBase));
  static_cast<void>(netflow9.announce({}, &*record.view(), kBase));
  ASSERT_TRUE(netflow9.add(record, kBase));
  std::string cut;
  for (unsigned i = 0; i < 64; ++i) cut += "78";
  EXPECT_NE(hex(netflow9.finish(kBase)).find("0a000001" + cut + "1234" + "01"), std::string::npos);
  EXPECT_EQ(dns.name[0], 0U) << "the record itself is whole";
}

TEST(SectionTemplates, OfANewCombinationCloseTheMessageAndAreAnnouncedOnce) {
  IpfixEncoder encoder(IpfixOptions{});
  static_cast<void>(encoder.announce({}, nullptr, kBase));
  const FlowRecord plain = ipv4_flow();
  const OwnedRecord record = with_sections(kLayer2 | kTunnel);
  EXPECT_FALSE(encoder.announcement_due(&plain, kBase));
  ASSERT_TRUE(encoder.add(plain, kBase));
  EXPECT_FALSE(encoder.add(record, kBase)) << "its template has yet to stand before it";
  EXPECT_EQ(encoder.open_data_records(), 1U);
  EXPECT_FALSE(encoder.announcement_due(&record.base(), kBase)) << "not in an open message";
  static_cast<void>(encoder.finish(kBase));
  EXPECT_TRUE(encoder.announcement_due(&record.base(), kBase));
  const std::uint32_t sequence = encoder.sequence();
  EXPECT_EQ(announced_octets(encoder, record, 16).substr(8, 4), "010c");
  EXPECT_EQ(encoder.sequence(), sequence) << "a template is no data record";
  EXPECT_FALSE(encoder.announcement_due(&record.base(), kBase));
  ASSERT_TRUE(encoder.add(plain, kBase));
  ASSERT_TRUE(encoder.add(record, kBase));
  ASSERT_TRUE(encoder.add(plain, kBase));
  static_cast<void>(encoder.finish(kBase));

  const OwnedRecord other = with_sections(kLayer2, 6);
  EXPECT_EQ(announced_octets(encoder, other, 16).substr(8, 4), "010d");
  // At the next refresh all of them stand with the others, before the options.
  EXPECT_EQ(template_ids(encoder.announce({}, nullptr, kBase)), (std::vector<unsigned>{256, 257, 264, 265, 268, 269}));
  encoder.restart();
  static_cast<void>(encoder.announce({}, nullptr, kBase, false));
  EXPECT_FALSE(encoder.announcement_due(&other.base(), kBase)) << "announced to the new session with the rest";
}

TEST(SectionTemplates, StandInAStreamBeforeTheirRecordsWithoutTheOthers) {
  IpfixEncoder encoder(IpfixOptions{});
  static_cast<void>(encoder.announce({}, nullptr, kBase));
  const OwnedRecord record = with_sections(kTcp);
  const auto messages = encoder.announce({}, &record.base(), kBase + 100 * kSecond, false);
  ASSERT_EQ(messages.size(), 1U);
  const std::string text = hex(messages[0].octets).substr(32);
  // 268 has 20 fields and 22 of tcp, of which 19 are weir's: 4 + 4 + 23 * 4 + 19 * 8 = 252. Options data are due, too.
  EXPECT_EQ(text.substr(0, 16), "000200fc010c002a");
  EXPECT_EQ(text.substr(2 * 252, 4), "0104");
}

TEST(ExportFields, AreThoseOfTheTableWithTheirReverses) {
  const auto find = [](std::string_view name) {
    const auto fields = export_fields();
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const ExportField& f) { return f.name == name; });
    return found != fields.end() ? &*found : nullptr;
  };
  for (const std::string_view name : {"src_addr", "time_flow_start_ns", "icmp_type", "ip_version"}) {
    ASSERT_NE(find(name), nullptr) << name;
    EXPECT_TRUE(find(name)->always()) << name;
  }
  for (const std::string_view name :
       {"rev_bytes", "rev_time_start_ns", "tunnel_id", "ip_ttl", "rev_ip_ttl", "out_if"}) {
    ASSERT_NE(find(name), nullptr) << name;
    EXPECT_FALSE(find(name)->always()) << name;
  }
  EXPECT_EQ(find("fwd_time_start_ns"), nullptr) << "it is called time_flow_start_ns";
  EXPECT_EQ(find("icmp_code"), nullptr) << "it is sent with the type";
  EXPECT_EQ(find("rev_src_addr"), nullptr);
}

}  // namespace
}  // namespace weir::section_templates_test
