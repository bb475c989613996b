// Every section can be sent, whatever the profile, and on an Ethernet nothing stays out.
#include "proto/encode/template_room.h"

#include <gtest/gtest.h>

#include <initializer_list>

#include "proto/encode/template_set.h"

namespace weir::template_room_test {
namespace {

/// The sections that do not fit, a bit each.
std::uint32_t too_long_alone(const TemplateForm& form) {
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < kSectionCount; ++i) {
    const std::uint32_t bit = section_bit(static_cast<Section>(i));
    const bool classic = (bit & TemplateSet::kClassicSections) != 0;
    if (!fits_in_form(form, classic ? TemplateSet::kClassicSections : bit, kMinPayload)) found |= bit;
  }
  return found;
}

TEST(TemplateRoom, OfTheSmallestMessageIsEnoughForEachSectionAloneInEveryForm) {
  for (std::size_t profile = 0; profile < kExportProfileNames.size(); ++profile) {
    for (std::size_t form = 0; form < kTemplateForms; ++form) {
      EXPECT_EQ(too_long_alone(template_form(static_cast<ExportProfile>(profile), form)), 0U)
          << kExportProfileNames[profile] << ", form " << form;
    }
  }
}

TEST(TemplateRoom, OfTheSmallestMessageIsTooLittleForAllSections) {
  for (std::size_t form = 0; form < kTemplateForms; ++form) {
    EXPECT_FALSE(fits_in_form(template_form(ExportProfile::rfc, form), kAllSections, kMinPayload)) << "form " << form;
  }
}

/// Places in TemplateSet::kGroups.
enum Group : unsigned { tcp, dns, on_tcp, on_udp };

/// All that a record may have whose sections that go with a protocol are of these groups. What --prefixes adds is sent
/// where there is room beside what metrics say.
std::uint32_t sections_of(std::initializer_list<Group> groups) {
  std::uint32_t some = 0;
  for (const Group group : groups) some |= TemplateSet::kGroups[group];
  return TemplateSet::wider_sections(some) & ~(kSectionBit<RoutingSection> | kSectionBit<AsNamesSection> |
                                               kSectionBit<DirectionSection> | kSectionBit<InterfaceNamesSection>);
}

TEST(TemplateRoom, OfAnEthernetIsEnoughForAllThatARecordMayHave) {
  constexpr std::uint32_t kEthernetPayload = 1400;
  for (const std::uint32_t sections : {sections_of({tcp, on_tcp}), sections_of({tcp, dns}), sections_of({dns, on_udp}),
                                       sections_of({on_tcp, on_udp})}) {
    for (std::size_t form = 0; form < kTemplateForms; ++form) {
      EXPECT_TRUE(fits_in_form(template_form(ExportProfile::rfc, form), sections, kEthernetPayload))
          << std::hex << sections << ", form " << form;
    }
  }
}

}  // namespace
}  // namespace weir::template_room_test
