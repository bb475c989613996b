#include "proto/encode/export_template.h"

namespace weir {
namespace {

constexpr std::uint16_t kLongestInteger = 8;

bool append(std::vector<OctetSource>& octets, std::uint32_t field_octets, const FieldSource& source, Direction way) {
  const std::uint16_t offset = source.offset[way];
  if (source.octets == 0) return false;
  if (!source.number) {
    if (field_octets != source.octets) return false;
    for (std::uint32_t i = 0; i < field_octets; ++i) {
      octets.push_back({source.base, static_cast<std::uint16_t>(offset + i)});
    }
    return true;
  }
  if (field_octets == 0 || field_octets > kLongestInteger) return false;
  for (std::uint32_t left = field_octets; left-- > 0;) {  // the most significant first
    octets.push_back(left < source.octets ? OctetSource{source.base, static_cast<std::uint16_t>(offset + left)}
                                          : OctetSource{});
  }
  return true;
}

}  // namespace

std::optional<ExportTemplate> ExportTemplate::compile(std::uint16_t id, std::span<const ListedField> base,
                                                      std::span<const ListedField> rest, std::uint32_t sections) {
  if (base.empty() && rest.empty()) return std::nullopt;
  ExportTemplate result;
  result.id_ = id;
  result.sections_ = rest.empty() ? 0 : sections;
  for (const ListedField& field : base) result.fields_.push_back(field.wire);
  for (const ListedField& field : rest) result.fields_.push_back(field.wire);
  for (const Direction way : {kForward, kReverse}) {
    std::vector<OctetSource> base_octets;
    for (const ListedField& field : base) {
      if (!append(base_octets, field.record_octets(), base_source(field), way)) return std::nullopt;
    }
    std::vector<OctetSource> section_octets;
    for (const ListedField& field : rest) {
      if (field.packet_list()) {  // all of them are there, or none, since they have one name
        if (field.index == 0) result.list_element_ = field.row().field.wire.element;
        continue;
      }
      if (!append(section_octets, field.record_octets(), section_source(field, sections), way)) return std::nullopt;
    }
    result.record_octets_ = static_cast<std::uint32_t>(base_octets.size() + section_octets.size());
    result.base_programs_[way] = CopyProgram(base_octets, {sizeof(FlowRecord), sizeof(RecordValues)});
    result.section_programs_[way] =
        CopyProgram(section_octets, {section_image_octets(sections), sizeof(SectionValues)});
  }
  return result;
}

}  // namespace weir
