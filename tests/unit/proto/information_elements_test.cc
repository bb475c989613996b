// The registry against IANA's "IPFIX Information Elements" and RFC 3954 section 8.
#include "proto/element/information_elements.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

static_assert(find_element(1)->name == "octetDeltaCount", "the look-up works at compile time");
static_assert(find_element(65) == nullptr && find_element(0) == nullptr && find_element(65535) == nullptr);

TEST(InformationElements, HoldEveryElementThatNetflow9DevicesSend) {
  for (std::uint16_t id = 1; id <= 96; ++id) {
    // RFC 3954 section 8 leaves 65 to 69 to vendors; IANA names none of them.
    const bool vendors = id >= 65 && id <= 69;
    EXPECT_EQ(find_element(id) == nullptr, vendors) << id;
  }
}

TEST(InformationElements, HaveTheNamesTypesAndLengthsOfIana) {
  struct Expected {
    std::uint16_t id;
    std::string_view name;
    std::uint16_t octets;
    ElementType type;
    ElementSemantics semantics;
    ElementUnits units;
  };
  const Expected table[] = {
      {2, "packetDeltaCount", 8, ElementType::unsigned_integer, ElementSemantics::delta_counter, ElementUnits::packets},
      {8, "sourceIPv4Address", 4, ElementType::ipv4_address, ElementSemantics::none, ElementUnits::none},
      {22, "flowStartSysUpTime", 4, ElementType::unsigned_integer, ElementSemantics::none, ElementUnits::milliseconds},
      {28, "destinationIPv6Address", 16, ElementType::ipv6_address, ElementSemantics::none, ElementUnits::none},
      {56, "sourceMacAddress", 6, ElementType::mac_address, ElementSemantics::none, ElementUnits::none},
      {58, "vlanId", 2, ElementType::unsigned_integer, ElementSemantics::identifier, ElementUnits::none},
      {79, "mplsLabelStackSection10", 3, ElementType::octet_array, ElementSemantics::none, ElementUnits::none},
      {85, "octetTotalCount", 8, ElementType::unsigned_integer, ElementSemantics::total_counter, ElementUnits::octets},
      {96, "applicationName", 0, ElementType::string, ElementSemantics::none, ElementUnits::none},
      {136, "flowEndReason", 1, ElementType::unsigned_integer, ElementSemantics::identifier, ElementUnits::none},
      {153, "flowEndMilliseconds", 8, ElementType::date_time_milliseconds, ElementSemantics::none,
       ElementUnits::milliseconds},
      {256, "ethernetType", 2, ElementType::unsigned_integer, ElementSemantics::identifier, ElementUnits::none},
  };
  for (const Expected& expected : table) {
    const InformationElement* const element = find_element(expected.id);
    ASSERT_NE(element, nullptr) << expected.id;
    EXPECT_EQ(element->name, expected.name);
    EXPECT_EQ(element->octets, expected.octets) << expected.name;
    EXPECT_EQ(element->type, expected.type) << expected.name;
    EXPECT_EQ(element->semantics, expected.semantics) << expected.name;
    EXPECT_EQ(element->units, expected.units) << expected.name;
    EXPECT_EQ(element->enterprise, 0U);
  }
}

TEST(InformationElements, CarryTheFieldNamesOfFlowProto) {
  EXPECT_EQ(find_element(1)->json_name, "bytes");
  EXPECT_EQ(find_element(10)->json_name, "in_if");
  EXPECT_EQ(find_element(27)->json_name, "src_addr");
  EXPECT_EQ(find_element(34)->json_name, "sampling_rate");
  EXPECT_EQ(find_element(256)->json_name, "etype");
  EXPECT_EQ(find_element(15)->json_name, "");
}

TEST(InformationElements, WithoutANameAreShownInHex) {
  EXPECT_EQ(element_name(4), "protocolIdentifier");
  EXPECT_EQ(element_name(65), "0x0041");
  EXPECT_EQ(element_name(0xbeef), "0xbeef");
  EXPECT_EQ(element_name(1, 29305), "0x00007279:0x0001");
}

}  // namespace
}  // namespace weir
