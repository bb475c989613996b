// The registry against IANA's "IPFIX Information Elements", RFC 3954 section 8 and the field table.
#include "proto/element/information_elements.h"

#include <gtest/gtest.h>

namespace weir::information_elements_test {
namespace {

static_assert(find_element(1)->name == "octetDeltaCount", "the look-up works at compile time");
static_assert(find_element(65) == nullptr && find_element(0) == nullptr && find_element(65535) == nullptr);
static_assert(iana_octets(1) == 8 && iana_octets(82) == 0 && iana_octets(65) == 0);

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
  };
  const Expected table[] = {
      {2, "packetDeltaCount", 8, ElementType::unsigned64},
      {8, "sourceIPv4Address", 4, ElementType::ipv4_address},
      {22, "flowStartSysUpTime", 4, ElementType::unsigned32},
      {28, "destinationIPv6Address", 16, ElementType::ipv6_address},
      {31, "flowLabelIPv6", 4, ElementType::unsigned32},
      {52, "minimumTTL", 1, ElementType::unsigned8},
      {56, "sourceMacAddress", 6, ElementType::mac_address},
      {58, "vlanId", 2, ElementType::unsigned16},
      {79, "mplsLabelStackSection10", 3, ElementType::octet_array},
      {85, "octetTotalCount", 8, ElementType::unsigned64},
      {90, "mplsVpnRouteDistinguisher", 8, ElementType::octet_array},
      {96, "applicationName", 0, ElementType::string},
      {136, "flowEndReason", 1, ElementType::unsigned8},
      {150, "flowStartSeconds", 4, ElementType::date_time_seconds},
      {153, "flowEndMilliseconds", 8, ElementType::date_time_milliseconds},
      {186, "tcpWindowSize", 2, ElementType::unsigned16},
      {192, "ipTTL", 1, ElementType::unsigned8},
      {209, "tcpOptions", 8, ElementType::unsigned64},
      {238, "tcpWindowScale", 2, ElementType::unsigned16},
      {245, "dot1qCustomerVlanId", 2, ElementType::unsigned16},
      {256, "ethernetType", 2, ElementType::unsigned16},
  };
  for (const Expected& expected : table) {
    const InformationElement* const element = find_element(expected.id);
    ASSERT_NE(element, nullptr) << expected.id;
    EXPECT_EQ(element->name, expected.name);
    EXPECT_EQ(element->octets(), expected.octets) << expected.name;
    EXPECT_EQ(element->type, expected.type) << expected.name;
    EXPECT_EQ(element->enterprise, 0U);
  }
}

TEST(InformationElements, HaveThoseOfWeirByTheFieldsOfTheTable) {
  struct Expected {
    std::uint16_t id;
    std::string_view name;
    std::uint16_t octets;
    ElementType type;
  };
  const Expected table[] = {
      {1, "weirLossName", 0, ElementType::string},
      {2, "weirTunnelType", 1, ElementType::unsigned8},
      {3, "weirTunnelId", 4, ElementType::unsigned32},
      {4, "weirTunnelSourceAddress", 16, ElementType::ipv6_address},
      {5, "weirTunnelDestinationAddress", 16, ElementType::ipv6_address},
      {6, "weirTunnelDepth", 1, ElementType::unsigned8},
      {8, "weirOuterOctets", 8, ElementType::unsigned64},
      {18, "weirTcpSynOctets", 2, ElementType::unsigned16},
      {4104, "reverseWeirOuterOctets", 8, ElementType::unsigned64},
  };
  for (const Expected& expected : table) {
    for (const InformationElement* const element :
         {find_element(expected.id, 32473), find_element(static_cast<std::uint16_t>(49152 + expected.id))}) {
      ASSERT_NE(element, nullptr) << expected.id;
      EXPECT_EQ(element->name, expected.name);
      EXPECT_EQ(element->octets(), expected.octets) << expected.name;
      EXPECT_EQ(element->type, expected.type) << expected.name;
      EXPECT_EQ(element->enterprise, 32473U);
    }
  }
  EXPECT_EQ(find_element(4098, 32473), nullptr) << "the type of a tunnel has no direction";
  EXPECT_EQ(find_element(2, 9), nullptr);
}

TEST(InformationElements, WithoutANameAreShownInHex) {
  EXPECT_EQ(element_name(4), "protocolIdentifier");
  EXPECT_EQ(element_name(65), "0x0041");
  EXPECT_EQ(element_name(0xbeef), "0xbeef");
  EXPECT_EQ(element_name(1, 29305), "0x00007279:0x0001");
}

// Numbers without a name: 0, and what IANA keeps for NetFlow v9 or has taken back.
TEST(InformationElements, HoldsEveryNumberUpTo533ButThoseWithoutAName) {
  for (unsigned id = 0; id <= 600; ++id) {
    const bool nameless =
        id == 0 || (id >= 65 && id <= 69) || id == 97 || (id >= 105 && id <= 127) || id == 416 || id == 419 || id > 533;
    EXPECT_EQ(find_iana_element(static_cast<std::uint16_t>(id)) == nullptr, nameless) << id;
  }
  EXPECT_EQ(kIanaElements.size(), 502U);
}

TEST(InformationElements, KnowsTypesOfEveryKind) {
  struct Case {
    std::uint16_t id;
    std::string_view name;
    ElementType type;
  };
  const Case cases[] = {
      {4, "protocolIdentifier", ElementType::unsigned8},
      {7, "sourceTransportPort", ElementType::unsigned16},
      {10, "ingressInterface", ElementType::unsigned32},
      {70, "mplsTopLabelStackSection", ElementType::octet_array},
      {80, "destinationMacAddress", ElementType::mac_address},
      {82, "interfaceName", ElementType::string},
      {151, "flowEndSeconds", ElementType::date_time_seconds},
      {155, "flowEndMicroseconds", ElementType::date_time_microseconds},
      {157, "flowEndNanoseconds", ElementType::date_time_nanoseconds},
      {276, "dataRecordsReliability", ElementType::boolean},
      {291, "basicList", ElementType::basic_list},
      {311, "samplingProbability", ElementType::float64},
      {434, "mibObjectValueInteger", ElementType::signed32},
      {515, "ipv6ExtensionHeadersFull", ElementType::unsigned256},
  };
  for (const Case& c : cases) {
    const InformationElement* const element = find_iana_element(c.id);
    ASSERT_NE(element, nullptr) << c.id;
    EXPECT_EQ(element->name, c.name);
    EXPECT_EQ(element->type, c.type) << c.name;
  }
}

TEST(InformationElements, NamesTheElementsOfRfc3954) {
  EXPECT_EQ(netflow9_name(1), "IN_BYTES");
  EXPECT_EQ(netflow9_name(34), "SAMPLING_INTERVAL");
  EXPECT_EQ(netflow9_name(64), "IPV6_OPTION_HEADERS");
  EXPECT_EQ(netflow9_name(65), "");
  EXPECT_EQ(netflow9_name(70), "MPLS_LABEL_1");
  EXPECT_EQ(netflow9_name(79), "MPLS_LABEL_10");
  EXPECT_EQ(netflow9_name(96), "APPLICATION_NAME");
  EXPECT_EQ(netflow9_name(60000), "");
  EXPECT_EQ(netflow9_scope_name(1), "System");
  EXPECT_EQ(netflow9_scope_name(5), "Template");
  EXPECT_EQ(netflow9_scope_name(6), "");
  ASSERT_NE(find_netflow9_vendor_element(33002), nullptr);
  EXPECT_EQ(find_iana_element(33002), nullptr);
}

}  // namespace
}  // namespace weir::information_elements_test
