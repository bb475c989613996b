#include "proto/encode/export_template.h"

#include <algorithm>

#include "proto/encode/field_sources.h"

namespace weir {
namespace {

constexpr std::uint16_t kLongestInteger = 8;

bool append(std::vector<OctetSource>& octets, const TemplateField& field, Direction way) {
  const std::size_t at = find_source(field);
  if (at == kFieldSourceCount) return false;
  const FieldSource* const found = &kFieldSources[at];
  const std::uint16_t offset = found->offset[way];
  if (!found->number) {
    if (field.octets != found->octets) return false;
    for (std::uint16_t i = 0; i < field.octets; ++i) {
      octets.push_back({found->base, static_cast<std::uint16_t>(offset + i)});
    }
    return true;
  }
  if (field.octets == 0 || field.octets > kLongestInteger) return false;
  for (std::uint16_t left = field.octets; left-- > 0;) {  // the most significant first
    octets.push_back(left < found->octets ? OctetSource{found->base, static_cast<std::uint16_t>(offset + left)}
                                          : OctetSource{});
  }
  return true;
}

}  // namespace

std::optional<ExportTemplate> ExportTemplate::compile(std::uint16_t id, std::span<const TemplateField> fields) {
  ExportTemplate result;
  result.id_ = id;
  result.fields_.assign(fields.begin(), fields.end());
  for (const Direction way : {kForward, kReverse}) {
    std::vector<OctetSource> octets;
    for (const TemplateField& field : fields) {
      if (!append(octets, field, way)) return std::nullopt;
    }
    if (octets.empty()) return std::nullopt;
    result.record_octets_ = static_cast<std::uint32_t>(octets.size());
    result.programs_[way] = CopyProgram(octets, {sizeof(FlowRecord), sizeof(RecordValues)});
  }
  return result;
}

}  // namespace weir
