// Records whose fields are chosen at run time, against those that the compiler made of the same list.
#include "proto/encode/export_template.h"

#include <gtest/gtest.h>

#include <vector>

#include "proto/element/information_elements.h"
#include "proto/encode/export_profile.h"
#include "proto/encode/ipfix_encoder.h"
#include "proto/encode/netflow9_encoder.h"
#include "tests/unit/proto/encoder_fixtures.h"

namespace weir::export_template_test {
namespace {

using namespace test;

template <typename Encoder, typename Options>
std::string encoded(const Options& options, const FlowRecord& record) {
  Encoder encoder(options);
  EXPECT_TRUE(encoder.add(record, kBase));
  return hex(encoder.finish(kBase));
}

TEST(ExportTemplate, WritesTheSameOctetsWhetherChosenAtRunTimeOrByTheCompiler) {
  std::mt19937_64 random(20);
  for (int i = 0; i < 200; ++i) {
    const FlowRecord record = random_flow(random);
    for (const bool biflow : {false, true}) {
      Netflow9Options netflow9;
      netflow9.biflow = biflow;
      netflow9.start_ns = kBase;
      IpfixOptions ipfix;
      ipfix.biflow = biflow;
      const std::string usual9 = encoded<Netflow9Encoder>(netflow9, record);
      const std::string usual10 = encoded<IpfixEncoder>(ipfix, record);
      for (const ExportField& field : export_fields()) {  // all of them, by name
        netflow9.fields.push_back(field.name);
        ipfix.fields.push_back(field.name);
      }
      ASSERT_EQ(encoded<Netflow9Encoder>(netflow9, record), usual9);
      ASSERT_EQ(encoded<IpfixEncoder>(ipfix, record), usual10);
    }
  }
}

TEST(ExportTemplate, WritesTheFieldsThatWereChosenAndNoOthers) {
  IpfixOptions options;
  options.fields = {"packets", "dst_port", "src_addr"};
  IpfixEncoder encoder(options);
  ASSERT_TRUE(encoder.add(ipv4_flow(), kBase));
  // 10.0.0.1, 3 packets, port 443; two octets of padding.
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(32),
            "01000014"
            "0a000001"
            "0000000000000003"
            "01bb"
            "0000");
}

/// The field of this element in a record of weir's, with another length.
ListedField field_of(std::uint16_t element, std::uint16_t octets, std::uint32_t enterprise = 0,
                     std::uint32_t sections = 0) {
  const TemplateForm form{ExportProfile::rfc, Dialect::ipfix, Family::ipv4, RecordKind::uniflow};
  for (const FieldList& list : {base_fields(form), section_fields(form, sections)}) {
    for (ListedField field : list) {
      if (field.wire.element != element || field.wire.enterprise != enterprise) continue;
      field.wire.octets = octets;
      return field;
    }
  }
  ADD_FAILURE() << "weir does not send " << enterprise << ':' << element;
  return {};
}

TEST(ExportTemplate, CutsIntegersToTheLengthOfTheTemplateAndLengthensThemWithZeros) {
  const ListedField fields[] = {field_of(ie::kOctetDeltaCount, 3), field_of(ie::kVlanId, 4),
                                field_of(ie::kProtocolIdentifier, 2)};
  const auto form = ExportTemplate::compile(400, fields);
  ASSERT_TRUE(form);
  EXPECT_EQ(form->record_octets(), 9U);
  std::uint8_t out[9 + CopyProgram::kSlack];
  const FlowRecord record = ipv4_flow();
  form->write<RecordKind::uniflow, kForward>(out, record, 0);
  EXPECT_EQ(hex({out, 9}),
            "010203"
            "0000002a"
            "0006");
}

TEST(ExportTemplate, IsNotMadeOfLengthsThatAFieldDoesNotHave) {
  const auto made = [](const ListedField& field) { return ExportTemplate::compile(256, {&field, 1}).has_value(); };
  EXPECT_TRUE(made(field_of(ie::kOctetDeltaCount, 8)));
  EXPECT_FALSE(made(field_of(ie::kOctetDeltaCount, 0)));
  EXPECT_FALSE(made(field_of(ie::kOctetDeltaCount, 9)));
  EXPECT_FALSE(made(field_of(ie::kSourceIpv4Address, 3)));
  EXPECT_FALSE(ExportTemplate::compile(256, {}));
  constexpr std::uint32_t kLayer2 = kSectionBit<Layer2Section>;
  const auto made_of_section = [&](std::uint16_t octets) {
    const ListedField mac = field_of(56, octets, 0, kLayer2);
    return ExportTemplate::compile(256, {}, {&mac, 1}, kLayer2).has_value();
  };
  EXPECT_TRUE(made_of_section(6));
  EXPECT_FALSE(made_of_section(8)) << "an address is no number";
}

TEST(ExportTemplate, TakesAHandfulOfCopiesForTheUsualRecord) {
  const auto fields =
      choose_fields(base_fields({ExportProfile::rfc, Dialect::netflow9, Family::ipv4, RecordKind::uniflow}),
                    {ExportProfile::rfc, Dialect::netflow9, {}});
  const auto form = ExportTemplate::compile(256, fields);
  ASSERT_TRUE(form);
  // Addresses 2, octets, packets, times, interface to EtherType, ICMP to version: what copy_program.h says.
  EXPECT_EQ(form->operations(), 7U);
}

TEST(ExportProfiles, DifferInWhatCollectorsWant) {
  const auto has = [](ExportProfile profile, Dialect dialect, std::uint16_t element, Family family = Family::ipv4) {
    for (const ListedField& field : base_fields({profile, dialect, family, RecordKind::uniflow})) {
      if (field.wire.element == element) return true;
    }
    return false;
  };
  for (const ExportProfile profile : {ExportProfile::rfc, ExportProfile::nfdump, ExportProfile::goflow2,
                                      ExportProfile::akvorado, ExportProfile::pmacct}) {
    EXPECT_TRUE(has(profile, Dialect::ipfix, ie::kFlowStartMilliseconds));
    EXPECT_TRUE(has(profile, Dialect::ipfix, ie::kSamplingInterval)) << "some drop flows without a rate";
    EXPECT_TRUE(has(profile, Dialect::netflow9, ie::kVlanId));
    EXPECT_EQ(has(profile, Dialect::netflow9, ie::kFlowStartSysUpTime),
              !has(profile, Dialect::netflow9, ie::kFlowStartMilliseconds));
  }
  EXPECT_TRUE(has(ExportProfile::rfc, Dialect::netflow9, ie::kFlowStartSysUpTime));
  EXPECT_TRUE(has(ExportProfile::pmacct, Dialect::netflow9, ie::kFlowStartMilliseconds));
  EXPECT_TRUE(has(ExportProfile::nfdump, Dialect::ipfix, ie::kIcmpTypeCodeIpv4, Family::ipv6));
  EXPECT_TRUE(has(ExportProfile::rfc, Dialect::ipfix, ie::kIcmpTypeCodeIpv6, Family::ipv6));
  EXPECT_EQ(export_profile("akvorado"), ExportProfile::akvorado);
  EXPECT_FALSE(export_profile("ntop"));
}

}  // namespace
}  // namespace weir::export_template_test
