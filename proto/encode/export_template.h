// ExportTemplate: a template as it is announced, and the copy operations that write its data records.
//
// It has two parts. The base is what every record has; its octets come from the FlowRecord and from RecordValues. After
// it stand the fields of the sections that the template is for; theirs come from the sections and from SectionValues.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "proto/encode/copy_program.h"
#include "proto/encode/record_values.h"
#include "proto/encode/section_values.h"
#include "proto/encode/template_fields.h"
#include "proto/record/sections.h"

namespace weir {

class ExportTemplate {
 public:
  ExportTemplate() = default;
  /// `base` are fields of the base, `rest` fields of `sections`. The result is empty if there are no fields, if a field
  /// does not have a source, or if a length does not fit its field.
  static std::optional<ExportTemplate> compile(std::uint16_t id, std::span<const ListedField> base,
                                               std::span<const ListedField> rest = {}, std::uint32_t sections = 0);

  [[nodiscard]] std::uint16_t id() const { return id_; }
  [[nodiscard]] const std::vector<TemplateField>& fields() const { return fields_; }
  /// Of a record, texts and lists of variable length left out.
  [[nodiscard]] std::uint32_t record_octets() const { return record_octets_; }
  /// The texts and lists of variable length that the record ends with; 0: the template has none.
  [[nodiscard]] std::uint32_t tail_octets(RecordView record) const {
    return list_element_ == 0 && texts_.empty() ? 0 : tail_of(record).octets;
  }
  /// These take no more octets: the longest texts are cut, then those are empty that may not be, then there are fewer
  /// packets in lists.
  void limit_tail(std::uint32_t octets) { most_tail_octets_ = octets; }
  [[nodiscard]] bool has_sections() const { return sections_ != 0; }
  /// Copy operations of a record.
  [[nodiscard]] std::size_t operations() const {
    return base_programs_[kForward].operations() + section_programs_[kForward].operations();
  }

  /// Writes the data record of kind kKind and direction kWay; returns its end. `out` has room for record_octets(),
  /// tail_octets() and CopyProgram::kSlack.
  template <RecordKind kKind, Direction kWay>
  std::uint8_t* write(std::uint8_t* out, RecordView record, std::uint64_t boot_ms) const {
    out = write_base<kKind, kWay>(out, *record, boot_ms);
    return has_sections() ? write_sections<kWay>(out, record) : out;
  }
  /// The two parts of it.
  template <RecordKind kKind, Direction kWay>
  std::uint8_t* write_base(std::uint8_t* out, const FlowRecord& record, std::uint64_t boot_ms) const {
    RecordValues values;
    compute_values<kKind, kWay>(values, record, boot_ms);
    return base_programs_[kWay].run(out, reinterpret_cast<const std::uint8_t*>(&record),
                                    reinterpret_cast<const std::uint8_t*>(&values));
  }
  template <Direction kWay>
  std::uint8_t* write_sections(std::uint8_t* out, RecordView record) const {
    SectionImage image(record, sections_);
    if constexpr (kWay == kReverse) {
      if ((sections_ & kTurned) != 0) [[unlikely]]
        turn(image, record);
    }
    Tail tail;
    if (list_element_ != 0 || !texts_.empty()) [[unlikely]] {
      tail = tail_of(record);
      mark_cut(image, record, tail);
    }
    SectionValues values;
    compute_section_values<kWay>(values, image.data(), sections_);
    out = section_programs_[kWay].run(out, image.data(), values.slots.data());
    return list_element_ == 0 && texts_.empty() ? out : write_tail(out, record, tail);
  }

 private:
  /// A text of a section.
  struct TextSource {
    Section section;
    bool variable;
    bool whole;            ///< it may not be cut
    std::uint16_t octets;  ///< of its field, where that is not variable
    std::uint16_t place;   ///< in its section
    std::uint32_t image;   ///< its place among the template's sections

    [[nodiscard]] std::string_view of(RecordView record) const {
      const auto* const at = static_cast<const std::uint8_t*>(record.find(section));
      return at == nullptr ? std::string_view() : text_at(at + place);
    }
  };
  /// What a record ends with.
  struct Tail {
    std::uint32_t octets = 0;
    std::uint32_t most_text_octets = kMostTextOctets;  ///< of each text of variable length that may be cut
    bool whole_texts = true;                           ///< the others have room
    std::uint32_t packets = 0;                         ///< in each list
  };

  /// What the record has of a text of variable length.
  static std::string_view sent_of(const TextSource& text, RecordView record, const Tail& tail) {
    const std::string_view octets = text.of(record);
    return octets.substr(0, !text.whole ? tail.most_text_octets : tail.whole_texts ? octets.size() : 0);
  }
  /// Sections that say something of the way that packets take.
  static constexpr std::uint32_t kTurned =
      kSectionBit<EgressSection> | kSectionBit<DirectionSection> | kSectionBit<InterfaceNamesSection>;
  /// Makes what they say true of the reverse direction.
  void turn(SectionImage& image, RecordView record) const;
  [[nodiscard]] std::uint32_t texts_octets(RecordView record, const Tail& tail) const;
  [[nodiscard]] Tail tail_of(RecordView record) const;
  void mark_cut(SectionImage& image, RecordView record, const Tail& tail) const;
  std::uint8_t* write_tail(std::uint8_t* out, RecordView record, const Tail& tail) const;

  std::uint16_t id_ = 0;
  std::uint16_t list_element_ = 0;  ///< weir's own, of the first list of packets; 0: there are none
  std::uint32_t most_tail_octets_ = UINT32_MAX;
  std::uint32_t record_octets_ = 0;
  std::uint32_t sections_ = 0;
  std::vector<TemplateField> fields_;
  std::vector<TextSource> texts_;
  std::array<CopyProgram, 2> base_programs_;  ///< by direction
  std::array<CopyProgram, 2> section_programs_;
};

}  // namespace weir
