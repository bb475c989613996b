// One message without state: the examples of RFC 3954 section 7, and templates that the caller brings.
#include "proto/decode/flow_message.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/decode/message_dump.h"
#include "proto/decode/value_text.h"
#include "tests/support/hex.h"

namespace weir::flow_message_test {
namespace {

using test::Bytes;
using test::hex;

// RFC 3954 section 7: source, destination, next hop, packets and octets; three records. And section 7.4: the line card
// is the scope, messages and flows exported; two records.
constexpr std::string_view kHeader = "0009 0007 000186a0 6553f100 00000009 00000001";
constexpr std::string_view kTemplate = "0000 001c 0100 0005 0008 0004 000c 0004 000f 0004 0002 0004 0001 0004";
constexpr std::string_view kData =
    "0100 0040 c6a8010c 0a050cfe c0a80101 00001391 00518c81 c0a8011b 0a050c17 c0a80101 000002ec 0005ef46"
    "c0a80138 0a050c41 c0a80101 00000005 00001986";
constexpr std::string_view kOptionsTemplate = "0001 0018 0101 0004 0008 0003 0002 0029 0002 002a 0002 0000";
constexpr std::string_view kOptionsData = "0101 0010 0001 0159 27d9 0002 02b2 4fb2";

Bytes whole() {
  return hex(std::string(kHeader) + std::string(kTemplate) + std::string(kData) + std::string(kOptionsTemplate) +
             std::string(kOptionsData));
}

std::uint64_t number(const DecodedValue& value) {
  std::uint64_t result = 0;
  for (const std::uint8_t octet : value.octets) result = result << 8 | octet;
  return result;
}

TEST(FlowMessage, SplitsADatagramIntoHeaderAndSets) {
  const Bytes input = whole();
  FlowMessage message;
  ASSERT_EQ(parse_netflow9(input, message), DecodeError::none);
  EXPECT_EQ(message.header.count, 7);
  EXPECT_EQ(message.header.sys_uptime_ms, 100'000U);
  EXPECT_EQ(message.header.unix_secs, 1'700'000'000U);
  EXPECT_EQ(message.header.sequence, 9U);
  EXPECT_EQ(message.header.source_id, 1U);
  ASSERT_EQ(message.flow_sets.size(), 4U);
  std::vector<SetKind> kinds;
  for (const FlowSet& set : message.flow_sets) kinds.push_back(set_kind(FlowVersion::netflow9, set.id));
  EXPECT_EQ(kinds, (std::vector{SetKind::templates, SetKind::data, SetKind::options_templates, SetKind::data}));
  EXPECT_EQ(message.flow_sets[1].id, 256);
  EXPECT_EQ(message.flow_sets[1].body.size(), 60U);
  EXPECT_EQ(parse_ipfix(input, message), DecodeError::wrong_version);
}

TEST(FlowMessage, ListsTemplatesAndDecodesDataByATemplateOfTheCallers) {
  const Bytes input = whole();
  FlowMessage message;
  ASSERT_EQ(parse_message(input, message), DecodeError::none);
  std::vector<TemplateRecord> templates;
  ASSERT_EQ(parse_templates(FlowVersion::netflow9, message.flow_sets[0], templates), DecodeError::none);
  ASSERT_EQ(templates.size(), 1U);
  EXPECT_EQ(templates[0].id, 256);
  EXPECT_FALSE(templates[0].options);
  ASSERT_EQ(templates[0].fields.size(), 5U);
  EXPECT_EQ(templates[0].fields[2], (FieldSpec{15, 4, 0, false}));
  DataSet data;
  ASSERT_EQ(decode_data_set(templates[0], FlowVersion::netflow9, message.flow_sets[1].body, data), DecodeError::none);
  EXPECT_EQ(data.record_ends, (std::vector<std::size_t>{5, 10, 15}));
  EXPECT_EQ(number(data.values[0]), 0xc6a8010cU);
  EXPECT_EQ(number(data.values[8]), 748U);
  EXPECT_EQ(number(data.values[14]), 6534U);

  ASSERT_EQ(parse_templates(FlowVersion::netflow9, message.flow_sets[2], templates), DecodeError::none);
  ASSERT_EQ(templates.size(), 2U);
  EXPECT_TRUE(templates[1].options);
  EXPECT_EQ(templates[1].fields[0], (FieldSpec{3, 2, 0, true})) << "the scope is a line card";
  ASSERT_EQ(decode_data_set(templates[1], FlowVersion::netflow9, message.flow_sets[3].body, data), DecodeError::none);
  ASSERT_EQ(data.record_ends.size(), 2U);
  EXPECT_EQ(number(data.values[1]), 345U);
  EXPECT_EQ(number(data.values[5]), 20402U);
  // A template that does not fit leaves more octets than padding has.
  TemplateRecord other{256, false, {{1, 56, 0, false}}};
  EXPECT_EQ(decode_data_set(other, FlowVersion::netflow9, message.flow_sets[1].body, data),
            DecodeError::trailing_octets);
  EXPECT_EQ(decode_data_set({}, FlowVersion::netflow9, message.flow_sets[1].body, data),
            DecodeError::zero_length_record);
}

TEST(FlowMessage, PrintsAHeader) {
  FlowMessage message;
  const Bytes input = whole();
  ASSERT_EQ(parse_message(input, message), DecodeError::none);
  EXPECT_EQ(header_text(message.header),
            "NetFlow v9, source id 1, sequence 9, 7 records, exported 2023-11-14T22:13:20Z, uptime 100.000 s");
  MessageHeader ipfix;
  ipfix.version = FlowVersion::ipfix;
  ipfix.octets = 16;
  EXPECT_EQ(header_text(ipfix), "IPFIX, observation domain 0, sequence 0, 16 octets, exported 1970-01-01T00:00:00Z");
}

TEST(FlowMessage, DumpsEverySetAndField) {
  const Bytes input = whole();
  const std::vector<FieldSpec> data{
      {8, 4, 0, false}, {12, 4, 0, false}, {15, 4, 0, false}, {2, 4, 0, false}, {1, 4, 0, false}};
  const std::string text =
      dump_message(input, [&](const MessageHeader&, std::uint16_t id) { return id == 256 ? &data : nullptr; });
  EXPECT_EQ(text,
            "NetFlow v9, source id 1, sequence 9, 7 records, exported 2023-11-14T22:13:20Z, uptime 100.000 s\n"
            "  template set 0, 28 octets\n"
            "    template 256, 5 fields\n"
            "      sourceIPv4Address (8 IPV4_SRC_ADDR), 4 octets\n"
            "      destinationIPv4Address (12 IPV4_DST_ADDR), 4 octets\n"
            "      ipNextHopIPv4Address (15 IPV4_NEXT_HOP), 4 octets\n"
            "      packetDeltaCount (2 IN_PKTS), 4 octets\n"
            "      octetDeltaCount (1 IN_BYTES), 4 octets\n"
            "  data set 256, 64 octets\n"
            "    sourceIPv4Address=198.168.1.12, destinationIPv4Address=10.5.12.254, ipNextHopIPv4Address=192.168.1.1,"
            " packetDeltaCount=5009, octetDeltaCount=5344385\n"
            "    sourceIPv4Address=192.168.1.27, destinationIPv4Address=10.5.12.23, ipNextHopIPv4Address=192.168.1.1,"
            " packetDeltaCount=748, octetDeltaCount=388934\n"
            "    sourceIPv4Address=192.168.1.56, destinationIPv4Address=10.5.12.65, ipNextHopIPv4Address=192.168.1.1,"
            " packetDeltaCount=5, octetDeltaCount=6534\n"
            "  options template set 1, 24 octets\n"
            "    options template 257, 3 fields\n"
            "      scope Line Card (3), 2 octets\n"
            "      exportedMessageTotalCount (41 TOTAL_PKTS_EXP), 2 octets\n"
            "      exportedFlowRecordTotalCount (42 TOTAL_FLOWS_EXP), 2 octets\n"
            "  data set 257, 16 octets\n"
            "    no template: 0x0001015927d9000202b24fb2\n");
}

TEST(FlowMessage, DumpsTheOctetsOfEachField) {
  const Bytes v9 = hex("0009 0001 00002710 6553f100 00000007 00000001 0100 000c 0a000001 01bb 0000");
  const std::vector<FieldSpec> fields{{8, 4, 0, false}, {11, 2, 0, false}};
  EXPECT_EQ(dump_message(
                v9, [&](const MessageHeader&, std::uint16_t) { return &fields; }, DumpValues::raw),
            "NetFlow v9, source id 1, sequence 7, 1 records, exported 2023-11-14T22:13:20Z, uptime 10.000 s\n"
            "  data set 256, 12 octets\n"
            "    sourceIPv4Address=0x0a000001, destinationTransportPort=0x01bb\n");
  // v5 has its fields at the places of Cisco's table.
  const Bytes v5 =
      hex("0005 0001 00002710 6553f100 00000000 00000007 01 02 4064"
          "c0000201 c6336402 c00002fe 0003 0004 0000000a 000005dc 00000fa0 0000270f 04d2 0050 00 1b 06 28 fbf4 fbf5 18 "
          "10 0000");
  const std::string text = dump_message(
      v5, [](const MessageHeader&, std::uint16_t) { return nullptr; }, DumpValues::raw);
  EXPECT_EQ(text.substr(text.find('\n') + 1),
            "    sourceIPv4Address=0xc0000201, destinationIPv4Address=0xc6336402, ipNextHopIPv4Address=0xc00002fe, "
            "ingressInterface=0x0003, egressInterface=0x0004, packetDeltaCount=0x0000000a, octetDeltaCount=0x000005dc, "
            "flowStartSysUpTime=0x00000fa0, flowEndSysUpTime=0x0000270f, sourceTransportPort=0x04d2, "
            "destinationTransportPort=0x0050, tcpControlBits=0x1b, protocolIdentifier=0x06, ipClassOfService=0x28, "
            "bgpSourceAsNumber=0xfbf4, bgpDestinationAsNumber=0xfbf5, sourceIPv4PrefixLength=0x18, "
            "destinationIPv4PrefixLength=0x10\n");
}

TEST(FlowMessage, DumpsTheOctetsOfADatagram) {
  EXPECT_EQ(dump_octets(hex("000102030405060708090a0b0c0d0e0f 10")),
            "000000 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n"
            "000010 10\n");
  EXPECT_EQ(dump_octets({}), "");
}

TEST(FlowMessage, TakesZerosBehindATemplateForPadding) {
  const Bytes body = hex("0100 0001 0004 0001 00000000 0000");
  std::vector<TemplateRecord> templates;
  EXPECT_EQ(parse_templates(FlowVersion::ipfix, {2, body}, templates), DecodeError::none);
  EXPECT_EQ(templates.size(), 1U);
}

TEST(ValueText, WritesEveryTypeOrHex) {
  struct Case {
    std::uint16_t element;
    std::string_view octets;
    std::string_view json;
  };
  const Case cases[] = {
      {1, "0102", "258"},                                      // unsigned64, sent shorter
      {1, "010203040506070809", R"("0x010203040506070809")"},  // longer than any integer
      {1, "", R"("0x")"},                                      // RFC 7011 section 7 allows a length of zero
      {8, "c0000201", R"("192.0.2.1")"},
      {8, "c00002", R"("0xc00002")"},
      {27, "20010db8000000000000000000000001", R"("2001:db8::1")"},
      {56, "0a0b0c0d0e0f", R"("0a:0b:0c:0d:0e:0f")"},
      {82, "65746830000000", R"("eth0")"},
      {82, "22ff", "\"\\\"\xef\xbf\xbd\""},
      {150, "6553f100", R"("2023-11-14T22:13:20Z")"},
      {152, "0000018bcfe5687b", R"("2023-11-14T22:13:20.123Z")"},
      {154, "e8fe6f8080000000", R"("2023-11-14T22:13:20.500000Z")"},
      {156, "e8fe6f8080000000", R"("2023-11-14T22:13:20.500000000Z")"},
      {154, "0000000080000000", R"("2036-02-07T06:28:16.500000Z")"},  // the era after
      {154, "0000000000000000", R"("0x0000000000000000")"},           // no instant: RFC 5905 section 6
      {276, "02", "false"},                                           // dataRecordsReliability
      {276, "03", R"("0x03")"},
      {320, "3ff8000000000000", "1.5"},  // absoluteError, float64
      {320, "3fc00000", "1.5"},          // sent as a float32
      {434, "fffe", "-2"},               // mibObjectValueInteger, signed32, sent shorter
      {291, "ff0001", R"("0xff0001")"},  // basicList
      {65, "beef", R"("0xbeef")"},       // IANA has no 65
  };
  for (const Case& c : cases) {
    const Bytes octets = hex(c.octets);
    std::string text;
    append_value_json(text, FlowVersion::ipfix, {c.element, false, 0, octets});
    EXPECT_EQ(text, c.json) << c.element << ' ' << c.octets;
  }
}

TEST(ValueText, NamesElementsOfEveryRegistry) {
  EXPECT_EQ(field_name(FlowVersion::ipfix, 1, 0, false), "octetDeltaCount");
  EXPECT_EQ(field_name(FlowVersion::ipfix, 1, kReverseEnterprise, false), "reverseOctetDeltaCount");
  EXPECT_EQ(field_name(FlowVersion::ipfix, 533, 0, false), "pathDelaySumDeltaMicroseconds");
  EXPECT_EQ(field_name(FlowVersion::ipfix, 65, 0, false), "0x0041");
  EXPECT_EQ(field_name(FlowVersion::ipfix, 5, 9, false), "0x00000009:0x0005");
  EXPECT_EQ(field_name(FlowVersion::ipfix, 149, 0, true), "observationDomainId");
  EXPECT_EQ(field_name(FlowVersion::netflow9, 2, 0, true), "Interface");
  EXPECT_EQ(field_name(FlowVersion::netflow9, 40000, 0, false), "NF_F_USERNAME");
  EXPECT_EQ(field_name(FlowVersion::ipfix, 32000, 0, false), "0x7d00");
}

}  // namespace
}  // namespace weir::flow_message_test
