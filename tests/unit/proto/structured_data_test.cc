// Lists in IPFIX records (RFC 6313) as text: octets written by hand, values by section 4.5 of the RFC.
#include "proto/decode/structured_data.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "proto/decode/flow_decoder.h"
#include "proto/decode/message_dump.h"
#include "proto/decode/value_text.h"
#include "tests/support/hex.h"

namespace weir::structured_data_test {
namespace {

using test::Bytes;
using test::hex;
using test::put;

constexpr std::uint16_t kBasicList = 291, kSubTemplateList = 292, kSubTemplateMultiList = 293;

/// Templates 256: source address and source port; 257: protocol twice; 258: a basicList.
const std::map<std::uint16_t, std::vector<FieldSpec>>& templates() {
  static const std::map<std::uint16_t, std::vector<FieldSpec>> known = {
      {256, {{8, 4, 0, false}, {7, 2, 0, false}}},
      {257, {{4, 1, 0, false}, {4, 1, 0, false}}},
      {258, {{kBasicList, kVariableLength, 0, false}}},
  };
  return known;
}

const std::vector<FieldSpec>* find_template(std::uint16_t id) {
  const auto found = templates().find(id);
  return found == templates().end() ? nullptr : &found->second;
}

std::string json_of(std::uint16_t element, const Bytes& octets, FlowVersion version = FlowVersion::ipfix) {
  std::string text;
  append_value_json(text, version, {element, false, 0, octets}, find_template);
  return text;
}

std::string text_of(std::uint16_t element, const Bytes& octets) {
  std::string text;
  append_value_text(text, FlowVersion::ipfix, {element, false, 0, octets}, find_template);
  return text;
}

TEST(StructuredData, ABasicListIsAListOfValues) {
  // Semantic 3 is allOf. Element 8 of 4 octets; element 82 (interfaceName) of variable length; an enterprise's element.
  EXPECT_EQ(json_of(kBasicList, hex("03 0008 0004 c0000201 c0000202")), R"(["192.0.2.1","192.0.2.2"])");
  EXPECT_EQ(json_of(kBasicList, hex("03 0052 ffff 04 65746830 00 02 7770")), R"(["eth0","","wp"])");
  EXPECT_EQ(json_of(kBasicList, hex("03 8001 0002 00001234 0102 0304")), R"(["0x0102","0x0304"])");
  EXPECT_EQ(json_of(kBasicList, hex("03 0008 0004")), "[]");
  EXPECT_EQ(text_of(kBasicList, hex("03 0008 0004 c0000201 c0000202")),
            "allOf sourceIPv4Address [192.0.2.1, 192.0.2.2]");
  EXPECT_EQ(text_of(kBasicList, hex("ff 8001 0002 00001234 0102")), "undefined 0x00001234:0x0001 [0x0102]");
}

TEST(StructuredData, ASubTemplateListIsAListOfRecords) {
  EXPECT_EQ(json_of(kSubTemplateList, hex("04 0100 c0000201 0035 c0000202 0050")),
            R"([{"sourceIPv4Address":"192.0.2.1","sourceTransportPort":53},)"
            R"({"sourceIPv4Address":"192.0.2.2","sourceTransportPort":80}])");
  EXPECT_EQ(json_of(kSubTemplateList, hex("04 0101 06 11")), R"([{"protocolIdentifier":6,"protocolIdentifier_2":17}])");
  EXPECT_EQ(json_of(kSubTemplateList, hex("04 0100")), "[]");
  EXPECT_EQ(text_of(kSubTemplateList, hex("04 0101 06 11 01 02")),
            "ordered 257 [{protocolIdentifier=6, protocolIdentifier_2=17}, "
            "{protocolIdentifier=1, protocolIdentifier_2=2}]");
}

TEST(StructuredData, AMultiListHasRecordsOfSeveralTemplates) {
  EXPECT_EQ(json_of(kSubTemplateMultiList, hex("01 0100 000a c0000201 0035  0101 0008 06 11 01 02")),
            R"([{"sourceIPv4Address":"192.0.2.1","sourceTransportPort":53},)"
            R"({"protocolIdentifier":6,"protocolIdentifier_2":17},{"protocolIdentifier":1,"protocolIdentifier_2":2}])");
  EXPECT_EQ(text_of(kSubTemplateMultiList, hex("01 0100 000a c0000201 0035  0101 0006 06 11")),
            "exactlyOneOf 256 [{sourceIPv4Address=192.0.2.1, sourceTransportPort=53}], "
            "257 [{protocolIdentifier=6, protocolIdentifier_2=17}]");
  EXPECT_EQ(json_of(kSubTemplateMultiList, hex("01")), "[]");
}

TEST(StructuredData, WhatHasNoTemplateIsShownInHex) {
  EXPECT_EQ(json_of(kSubTemplateList, hex("04 0200 0102")), R"("0x0402000102")");
  EXPECT_EQ(json_of(kSubTemplateMultiList, hex("01 0200 0006 beef  0101 0006 06 11")),
            R"(["0xbeef",{"protocolIdentifier":6,"protocolIdentifier_2":17}])");
}

TEST(StructuredData, WhatIsNoListIsShownInHexWhole) {
  EXPECT_EQ(json_of(kBasicList, hex("03 0008")), R"("0x030008")") << "shorter than its header";
  EXPECT_EQ(json_of(kBasicList, hex("03 8008 0004 0000")), R"("0x03800800040000")") << "no enterprise number";
  EXPECT_EQ(json_of(kBasicList, hex("03 0008 0004 c00002")), R"("0x0300080004c00002")") << "a value that is cut";
  EXPECT_EQ(json_of(kBasicList, hex("03 0008 0000 01")), R"("0x030008000001")") << "values of no octets";
  EXPECT_EQ(json_of(kBasicList, hex("03 0052 ffff 05 65")), R"("0x030052ffff0565")");
  EXPECT_EQ(json_of(kSubTemplateList, hex("04 0100 c0000201 00")), R"("0x040100c000020100")");
  EXPECT_EQ(json_of(kSubTemplateMultiList, hex("01 0100 0003")), R"("0x0101000003")") << "shorter than its header";
  EXPECT_EQ(json_of(kSubTemplateMultiList, hex("01 0100 000b c0000201 0035")), R"("0x010100000bc00002010035")");
  EXPECT_EQ(json_of(kSubTemplateMultiList, hex("01 0100")), R"("0x010100")");
  EXPECT_EQ(json_of(kBasicList, hex("03 0008 0004 c0000201"), FlowVersion::netflow9), R"("0x0300080004c0000201")")
      << "NetFlow v9 has no lists";
}

TEST(StructuredData, ListsHoldListsToABound) {
  // Template 258 is a basicList, in a subTemplateList.
  EXPECT_EQ(json_of(kSubTemplateList, hex("04 0102 07 030004 0001 06 11")), R"([{"basicList":[6,17]}])");
  // basicLists of one basicList each, more than are followed.
  Bytes list = hex("03 0004 0001 06");
  for (unsigned depth = 1; depth < 2 * kMostListDepth; ++depth) {
    Bytes outer = hex("03 0123 ffff");
    put(outer, list.size(), 1);
    outer.insert(outer.end(), list.begin(), list.end());
    list = outer;
  }
  const std::string text = json_of(kBasicList, list);
  EXPECT_EQ(text.substr(0, kMostListDepth + 3), std::string(kMostListDepth, '[') + "\"0x");
  EXPECT_EQ(text.substr(text.size() - kMostListDepth - 1), "\"" + std::string(kMostListDepth, ']'));
}

TEST(StructuredData, AMessageIsShownWithItsLists) {
  // Template 256: a source address, template 257: protocol and a subTemplateList of variable length.
  Bytes message = hex("000a 0000 6553f100 00000000 00000001");
  const Bytes sets =
      hex("0002 0018 0100 0001 0008 0004  0101 0002 0004 0001 0124 ffff"
          "0101 0011 06 0b 03 0100 c0000201 c0000202");
  message.insert(message.end(), sets.begin(), sets.end());
  message[3] = static_cast<std::uint8_t>(message.size());
  FlowDecoder decoder;
  Decoded out;
  ASSERT_EQ(decoder.decode("a", message, out), DecodeError::none);
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->protocol, 6);
  const std::string text = dump_message(
      message, [&](const MessageHeader& header, std::uint16_t id) { return decoder.find_template("a", header, id); });
  EXPECT_NE(text.find("    protocolIdentifier=6, subTemplateList=allOf 256 "
                      "[{sourceIPv4Address=192.0.2.1}, {sourceIPv4Address=192.0.2.2}]\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace weir::structured_data_test
