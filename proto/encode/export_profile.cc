#include "proto/encode/export_profile.h"

#include <algorithm>
#include <string>

namespace weir {

std::optional<ExportProfile> export_profile(std::string_view name) {
  const auto* const found = std::find(kExportProfileNames.begin(), kExportProfileNames.end(), name);
  if (found == kExportProfileNames.end()) return std::nullopt;
  return static_cast<ExportProfile>(found - kExportProfileNames.begin());
}

std::string_view export_profile_names() {
  static const std::string names = [] {
    std::string text;
    for (const std::string_view name : kExportProfileNames) text.append(text.empty() ? "" : ", ").append(name);
    return text;
  }();
  return names;
}

bool profile_wants_uniflow(ExportProfile profile, Dialect dialect) {
  return profile != ExportProfile::akvorado || dialect == Dialect::netflow9;
}

bool profile_wants_own_elements(ExportProfile profile) {
  return profile == ExportProfile::rfc;
}

bool profile_wants_selectors(ExportProfile profile) {
  return profile == ExportProfile::akvorado;
}

std::span<const ExportField> export_fields() {
  static const std::vector<ExportField> fields = [] {
    std::vector<ExportField> made;
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      const FieldRow& row = kFieldRows[kColumns[i].row];
      if (row.field.wire.rule != WireRule::none) {
        const bool own = row.field.wire.enterprise == kOwnElement && row.field.wire.rule != WireRule::tunnel_id;
        made.push_back({wire_detail::kNames[i].view(), row.section, kColumns[i].side, own,
                        row.field.wire.rule == WireRule::packet_lists});
      }
    }
    return made;
  }();
  return fields;
}

std::vector<ListedField> choose_fields(const FieldList& list, const TemplateChoice& choice) {
  std::vector<ListedField> fields;
  std::copy_if(list.begin(), list.end(), std::back_inserter(fields), [&](const ListedField& field) {
    if (field.own_element() && !choice.own_elements) return false;
    return choice.fields.empty() ||
           std::find(choice.fields.begin(), choice.fields.end(), export_name(field)) != choice.fields.end();
  });
  return fields;
}

}  // namespace weir
