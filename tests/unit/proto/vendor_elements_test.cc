// The lists of vendors' elements, held against what others know: the registry of CERT that comes with libfixbuf, and
// rows of tshark's list of ntop's.
#include "proto/element/vendor_elements.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "proto/decode/value_text.h"
#include "proto/element/information_elements.h"
#include "tests/support/hex.h"

namespace weir::vendor_elements_test {
namespace {

std::string name_of(std::uint32_t enterprise, unsigned id) {
  const InformationElement* const found = find_vendor_element(static_cast<std::uint16_t>(id), enterprise);
  return found == nullptr ? "none" : std::string(found->name);
}

TEST(VendorElements, HaveTheirVendorsNames) {
  // "Flows Monitored by IPFIX for vSphere Distributed Switch": 889 is vxlanExportRole.
  EXPECT_EQ(name_of(6876, 889), "vxlanExportRole");
  EXPECT_EQ(name_of(9, 12235), "appHTTPHost");
  EXPECT_EQ(name_of(8057, 808), "TLSSNI");
  EXPECT_EQ(name_of(35632, 80), "SRC_FRAGMENTS");
  EXPECT_EQ(name_of(6871, 14), "initialTCPFlags");
  EXPECT_EQ(name_of(6871, 14 + 0x4000), "reverseInitialTCPFlags");
  EXPECT_EQ(name_of(9, 1), "none");
  EXPECT_EQ(name_of(1, 1), "none");
  EXPECT_EQ(element_name(889, 6876), "vxlanExportRole");
  EXPECT_EQ(element_name(889, 6877), "0x00001add:0x0379");
}

TEST(VendorElements, AreShownByTheirTypes) {
  const auto text_of = [](FlowVersion version, std::uint16_t element, std::uint32_t enterprise, const char* octets) {
    const test::Bytes value = test::hex(octets);
    std::string text = field_name(version, element, enterprise, false) + "=";
    append_value_json(text, version, {element, false, enterprise, value});
    return text;
  };
  EXPECT_EQ(text_of(FlowVersion::ipfix, 881, 6876, "c0000201"), "tenantSourceIPv4=\"192.0.2.1\"");
  EXPECT_EQ(text_of(FlowVersion::ipfix, 2, 8057, "612e6264"), "DNSName=\"a.bd\"");
  EXPECT_EQ(text_of(FlowVersion::ipfix, 80, 35632, "0102"), "SRC_FRAGMENTS=258");
  EXPECT_EQ(text_of(FlowVersion::netflow9, 57472 + 80, 0, "0102"), "SRC_FRAGMENTS=258");
  EXPECT_EQ(text_of(FlowVersion::ipfix, 57472 + 80, 0, "0102"), "0xe0d0=\"0x0102\"") << "those are v9's numbers";
}

TEST(VendorElements, NoneHasANameOfIanas) {
  std::set<std::string_view> iana;
  for (const InformationElement& element : kIanaElements) iana.insert(element.name);
  std::size_t known = 0;
  for (const std::uint32_t enterprise : {9U, 6871U, 6876U, 8057U, 35632U}) {
    for (unsigned id = 0; id <= UINT16_MAX; ++id) {
      const InformationElement* const found = find_vendor_element(static_cast<std::uint16_t>(id), enterprise);
      if (found == nullptr) continue;
      ++known;
      EXPECT_FALSE(iana.contains(found->name)) << found->name;
    }
  }
  EXPECT_GT(known, 700U);
}

TEST(VendorElements, OfCertAreThoseOfItsRegistry) {
  std::ifstream file("/usr/share/libfixbuf/cert_ipfix.xml");
  if (!file) GTEST_SKIP() << "no libfixbuf";
  std::stringstream text;
  text << file.rdbuf();
  const std::string registry = text.str();
  const std::regex name("<name>([^<]+)</name>\\s*<dataType>([^<]+)</dataType>"), id("<elementId>([0-9]+)</elementId>");
  std::size_t records = 0;
  for (std::size_t at = registry.find("<record>"); at != std::string::npos; at = registry.find("<record>", at + 1)) {
    const std::string record = registry.substr(at, registry.find("</record>", at) - at);
    std::smatch named, numbered;
    if (!std::regex_search(record, named, name) || !std::regex_search(record, numbered, id)) continue;
    ++records;
    const auto number = static_cast<unsigned>(std::stoul(numbered[1]));
    std::string wanted = named[1];
    if (wanted == "httpUserAgent") wanted = "certHttpUserAgent";
    if (wanted == "httpContentType") wanted = "certHttpContentType";
    EXPECT_EQ(name_of(6871, number), wanted);
    const InformationElement* const found = find_vendor_element(static_cast<std::uint16_t>(number), 6871);
    ASSERT_NE(found, nullptr) << wanted;
    EXPECT_EQ(named[2] == "string", found->type == ElementType::string) << wanted;
    EXPECT_EQ(named[2] == "unsigned64", found->type == ElementType::unsigned64) << wanted;
    EXPECT_EQ(named[2] == "subTemplateList", found->type == ElementType::sub_template_list) << wanted;
    const bool reversible = record.find("reversible>true<") != std::string::npos;
    EXPECT_EQ(name_of(6871, number | 0x4000) != "none", reversible) << wanted;
  }
  EXPECT_GT(records, 250U);
}

TEST(VendorElements, OfNtopHaveTheNumbersOfTshark) {
  // tshark -G values, cflow.template_ntop_field_type (324 rows, all of which were compared when the list was made).
  const std::pair<unsigned, const char*> rows[] = {
      {80, "SRC_FRAGMENTS"}, {109, "RETRANSMITTED_IN_PKTS"}, {111, "OOORDER_IN_PKTS"},
      {118, "L7_PROTO"},     {124, "SERVER_NW_LATENCY_MS"},  {180, "HTTP_URL"},
      {205, "DNS_QUERY"},    {464, "NETBIOS_QUERY_NAME"},    {471, "NPROBE_IPV4_ADDRESS"}};
  for (const auto& [id, name] : rows) EXPECT_EQ(name_of(35632, id), name);
}

}  // namespace
}  // namespace weir::vendor_elements_test
