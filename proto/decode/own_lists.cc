#include "proto/decode/own_lists.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "proto/base/byte_order.h"
#include "proto/base/ipfix_list.h"
#include "proto/element/information_elements.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

/// A list as it came: values of one length.
struct OwnList {
  std::uint16_t element = 0;  ///< weir's own
  std::size_t value_octets = 0;
  Octets values;

  [[nodiscard]] std::size_t size() const { return values.size() / value_octets; }
  [[nodiscard]] std::uint64_t value(std::size_t index) const {
    return be_integer(values.subspan(index * value_octets, value_octets));
  }
  [[nodiscard]] bool all_up_to(std::uint64_t greatest) const {
    for (std::size_t i = 0; i < size(); ++i) {
      if (value(i) > greatest) return false;
    }
    return true;
  }
};

/// False: it is no list of integers of weir's own elements.
bool parse(Octets octets, OwnList& list) {
  EnterpriseListHeader header;
  if (octets.size() < sizeof header) return false;
  std::memcpy(&header, octets.data(), sizeof header);
  if ((header.element.host() & kIpfixEnterpriseBit) == 0 || header.enterprise.host() != kExampleEnterprise)
    return false;
  list.element = header.element.host() & static_cast<std::uint16_t>(~kIpfixEnterpriseBit);
  list.value_octets = header.value_octets.host();
  list.values = octets.subspan(sizeof header);
  return list.value_octets >= 1 && list.value_octets <= sizeof(std::uint64_t) &&
         list.values.size() % list.value_octets == 0;
}

std::uint8_t* section_at(ScratchRecord& scratch, Section section) {
  return scratch.sections + section_offset(kAllSections, section) - sizeof(FlowRecord);
}

bool take_histogram(const FieldRow& row, Direction side, const OwnList& list, ScratchRecord* scratch) {
  if (list.size() > kHistogramBins || !list.all_up_to(UINT32_MAX)) return false;
  if (scratch == nullptr) return true;
  std::uint8_t* const bins = section_at(*scratch, row.section) + row.field.place.offset[side];
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto count = static_cast<std::uint32_t>(list.value(i));
    std::memcpy(bins + i * sizeof count, &count, sizeof count);
  }
  return true;
}

bool take_packets(const ListedFact& fact, const OwnList& list, ScratchRecord* scratch) {
  if (list.size() > PacketsSection::kMost || !list.all_up_to(fact.greatest)) return false;
  if (scratch == nullptr) return true;
  auto& section = *reinterpret_cast<PacketsSection*>(section_at(*scratch, Section::packets));
  for (std::size_t i = 0; i < list.size(); ++i) fact.set(section.packets[i], list.value(i));
  section.count = std::max(section.count, static_cast<std::uint32_t>(list.size()));
  return true;
}

}  // namespace

bool may_be_own_list(FlowVersion version, const FieldSpec& field) {
  return version == FlowVersion::ipfix && field.element == ie::kBasicList && field.enterprise == 0 && !field.scope;
}

std::uint32_t own_list_sections() {
  std::uint32_t sections = 0;
  for (const FieldRow& row : kFieldRows) {
    const WireRule rule = row.field.wire.rule;
    if (rule == WireRule::histogram || rule == WireRule::packet_lists) sections |= section_bit(row.section);
  }
  return sections;
}

bool take_own_list(Octets octets, ScratchRecord* scratch) {
  OwnList list;
  if (!parse(octets, list)) return false;
  for (const FieldRow& row : kFieldRows) {
    const Wire& wire = row.field.wire;
    if (wire.rule == WireRule::histogram) {
      if (list.element == wire.element) return take_histogram(row, kForward, list, scratch);
      if (list.element == wire.element + kWeirReverseElements) return take_histogram(row, kReverse, list, scratch);
    } else if (wire.rule == WireRule::packet_lists && list.element >= wire.element &&
               list.element < wire.element + kListedFacts.size()) {
      return take_packets(kListedFacts[list.element - wire.element], list, scratch);
    }
  }
  return false;
}

}  // namespace weir
