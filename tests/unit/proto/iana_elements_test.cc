#include "proto/element/iana_elements.h"

#include <gtest/gtest.h>

#include "proto/element/information_elements.h"

namespace weir {
namespace {

// Numbers without a name: 0, and what IANA keeps for NetFlow v9 or has taken back.
TEST(IanaElements, HoldsEveryNumberUpTo533ButThoseWithoutAName) {
  for (unsigned id = 0; id <= 600; ++id) {
    const bool nameless =
        id == 0 || (id >= 65 && id <= 69) || id == 97 || (id >= 105 && id <= 127) || id == 416 || id == 419 || id > 533;
    EXPECT_EQ(find_iana_element(static_cast<std::uint16_t>(id)) == nullptr, nameless) << id;
  }
  EXPECT_EQ(iana_elements().size(), 502U);
}

TEST(IanaElements, AgreesWithTheRegistryOfWhatWeirSends) {
  for (const InformationElement& own : kInformationElements) {
    if (own.enterprise != 0 || own.id > kWeirNetflow9Elements) continue;
    const IanaElement* const iana = find_iana_element(own.id);
    ASSERT_NE(iana, nullptr) << own.id;
    EXPECT_EQ(iana->name, own.name) << own.id;
  }
}

TEST(IanaElements, KnowsTypesOfEveryKind) {
  struct Case {
    std::uint16_t id;
    std::string_view name;
    IanaType type;
  };
  const Case cases[] = {
      {4, "protocolIdentifier", IanaType::unsigned8},
      {7, "sourceTransportPort", IanaType::unsigned16},
      {10, "ingressInterface", IanaType::unsigned32},
      {70, "mplsTopLabelStackSection", IanaType::octet_array},
      {80, "destinationMacAddress", IanaType::mac_address},
      {82, "interfaceName", IanaType::string},
      {151, "flowEndSeconds", IanaType::date_time_seconds},
      {155, "flowEndMicroseconds", IanaType::date_time_microseconds},
      {157, "flowEndNanoseconds", IanaType::date_time_nanoseconds},
      {276, "dataRecordsReliability", IanaType::boolean},
      {291, "basicList", IanaType::basic_list},
      {311, "samplingProbability", IanaType::float64},
      {434, "mibObjectValueInteger", IanaType::signed32},
      {515, "ipv6ExtensionHeadersFull", IanaType::unsigned256},
  };
  for (const Case& c : cases) {
    const IanaElement* const element = find_iana_element(c.id);
    ASSERT_NE(element, nullptr) << c.id;
    EXPECT_EQ(element->name, c.name);
    EXPECT_EQ(element->type, c.type) << c.name;
  }
}

TEST(IanaElements, NamesTheElementsOfRfc3954) {
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
}  // namespace weir
