// What is computed for the fields of a record's sections, and the sections themselves in the form that a template
// wants.
//
// Nearly all fields of sections are plain members, which a template copies from where they lie. The few others (IPv4
// addresses in 16 octets, a label shifted into place, a segment id) are computed before, each into a slot of its own,
// by the WireRule of its row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "proto/encode/copy_program.h"
#include "proto/encode/record_values.h"
#include "proto/encode/template_fields.h"
#include "proto/record/sections.h"

namespace weir {
namespace wire_detail {

/// The length of a row's slot; 0: its value lies in the section.
constexpr std::size_t slot_octets(const FieldRow& row) {
  if (row.section == Section::base) return 0;
  switch (row.field.wire.rule) {
    case WireRule::mapped:
      return 16;
    case WireRule::tunnel_id:  // of Part::segment; the id itself is a plain member
      return 8;
    case WireRule::label:
      return 4;
    case WireRule::histogram:  // of Part::list; a bin is a plain member
      return kHistogramListOctets;
    case WireRule::plain:
      return row.field.place.octets == 0 ? 8 : 0;
    default:
      return 0;
  }
}

constexpr std::size_t slots_of(const FieldRow& row) {
  return row.field.sides == Sides::sided ? 2 : 1;
}

/// Where the slots of a row begin; of all rows: their end.
constexpr std::size_t slot_offset(std::size_t row) {
  std::size_t offset = 0;
  for (std::size_t i = 0; i < row; ++i) offset += slot_octets(kFieldRows[i]) * slots_of(kFieldRows[i]);
  return offset;
}

inline constexpr std::size_t kSlotsOctets = (slot_offset(kFieldRows.size()) + 15) / 16 * 16;

}  // namespace wire_detail

struct alignas(16) SectionValues {
  std::array<std::uint8_t, wire_detail::kSlotsOctets> slots;
};

namespace wire_detail {

/// The value of the slot of row kRow whose section is `section`: that of direction kSide, for a field of direction kOf.
template <std::size_t kRow, Direction kSide, Direction kOf>
inline void put_slot(std::uint8_t* out, const void* section) {
  constexpr Field kField = kFieldRows[kRow].field;
  if constexpr (kField.wire.rule == WireRule::mapped) {
    const std::uint8_t* const address = static_cast<const std::uint8_t*>(section) + kField.place.offset[kSide];
    const std::uint8_t version = address_version(kFieldRows[kRow].section, section);
    if (version == 6) {
      std::memcpy(out, address, 16);
      return;
    }
    std::memset(out, 0, 16);
    if (version != 4) return;
    out[10] = out[11] = 0xff;  // RFC 4291 section 2.5.5.2
    std::memcpy(out + 12, address, 4);
  } else if constexpr (kField.wire.rule == WireRule::tunnel_id) {
    // IANA 351: the encapsulation in the first octet (1: VXLAN), the segment in the last ones. A GRE key is an NVGRE
    // segment only where Ethernet is inside, which the record does not say.
    const bool vxlan = static_cast<const TunnelSection*>(section)->type == TunnelType::vxlan;
    const std::uint64_t value = vxlan ? std::uint64_t{1} << 56 | field_number<kRow, kSide>(section) : 0;
    std::memcpy(out, &value, sizeof value);
  } else if constexpr (kField.wire.rule == WireRule::histogram) {
    put_histogram_list(out, kField.wire.element + (kOf == kReverse ? kWeirReverseElements : 0),
                       static_cast<const std::uint8_t*>(section) + kField.place.offset[kSide]);
  } else if constexpr (kField.wire.rule == WireRule::label) {
    // RFC 3032 section 2.1 without the TTL: label, 3 bits, bottom of stack.
    const auto value = static_cast<std::uint32_t>(field_number<kRow, kSide>(section) << 4);
    std::memcpy(out, &value, sizeof value);
  } else {
    const std::uint64_t value = field_number<kRow, kSide>(section);
    std::memcpy(out, &value, sizeof value);
  }
}

template <std::size_t kRow, Direction kWay>
inline void put_slots(SectionValues& values, const std::uint8_t* image, std::uint32_t sections) {
  constexpr const FieldRow& kOf = kFieldRows[kRow];
  if constexpr (slot_octets(kOf) != 0) {
    if ((sections & section_bit(kOf.section)) == 0) return;
    const std::uint8_t* const section = image + sections_octets(sections & (section_bit(kOf.section) - 1));
    std::uint8_t* const out = values.slots.data() + std::integral_constant<std::size_t, slot_offset(kRow)>::value;
    put_slot<kRow, kWay, kForward>(out, section);
    if constexpr (kOf.field.sides == Sides::sided) {
      put_slot<kRow, kWay == kForward ? kReverse : kForward, kReverse>(out + slot_octets(kOf), section);
    }
  }
}

}  // namespace wire_detail

/// Writes the slots of `sections`, which lie one after the other at `image`.
template <Direction kWay>
inline void compute_section_values(SectionValues& values, const std::uint8_t* image, std::uint32_t sections) {
  [&]<std::size_t... kRow>(std::index_sequence<kRow...>) {
    (wire_detail::put_slots<kRow, kWay>(values, image, sections), ...);
  }
  (std::make_index_sequence<kFieldRows.size()>{});
}

/// Where a field of a template for `sections` has its octets.
constexpr FieldSource section_source(const ListedField& field, std::uint32_t sections) {
  const FieldRow& row = field.row();
  const WireRule rule = row.field.wire.rule;
  const bool computed = rule == WireRule::tunnel_id   ? field.part == Part::segment
                        : rule == WireRule::histogram ? field.part == Part::list
                                                      : wire_detail::slot_octets(row) != 0;
  if (!computed) return member_source(field, sections_octets(sections & (section_bit(row.section) - 1)));
  const std::size_t octets = wire_detail::slot_octets(row);
  const auto offset = static_cast<std::uint16_t>(wire_detail::slot_offset(kColumns[field.column].row) +
                                                 (field.side() == kReverse ? octets : 0));
  return {
      1, {offset, offset}, static_cast<std::uint16_t>(octets), rule != WireRule::mapped && rule != WireRule::histogram};
}

/// Octets that may be read where the sections lie: records lie in whole lines.
constexpr std::size_t section_image_octets(std::uint32_t sections) {
  return record_lines(sections) * kRecordLineOctets - sizeof(FlowRecord);
}

/// The sections that a template wants, one after the other: those of the record, where it has exactly these, else a
/// copy of them with zeros for those that it does not have.
class SectionImage {
 public:
  SectionImage(RecordView record, std::uint32_t sections) {
    if ((record->sections & kAllSections) == sections) [[likely]] {
      at_ = record.octets() + sizeof(FlowRecord);
      return;
    }
    at_ = copy_.data();
    std::uint8_t* to = copy_.data();
    for (std::size_t i = 1; i < kSectionCount; ++i) {
      const auto section = static_cast<Section>(i);
      if ((sections & section_bit(section)) == 0) continue;
      const void* const from = record.find(section);
      if (from != nullptr) {
        std::memcpy(to, from, kSectionOctets[i]);
      } else {
        std::memset(to, 0, kSectionOctets[i]);
      }
      to += kSectionOctets[i];
    }
  }
  SectionImage(const SectionImage&) = delete;
  SectionImage& operator=(const SectionImage&) = delete;

  [[nodiscard]] const std::uint8_t* data() const { return at_; }
  /// To be changed: a copy, since the record is others', too.
  [[nodiscard]] std::uint8_t* changed(std::uint32_t sections) {
    if (at_ != copy_.data()) std::memcpy(copy_.data(), at_, sections_octets(sections));
    at_ = copy_.data();
    return copy_.data();
  }

 private:
  const std::uint8_t* at_;
  // Written where it is wanted only.
  alignas(16) std::array<std::uint8_t, section_image_octets(kAllSections)> copy_;
};

}  // namespace weir
