#include "proto/encode/export_profile.h"

#include <algorithm>
#include <string>

#include "proto/encode/profile_fields.h"

namespace weir {
namespace {

constexpr std::string_view kProfileNames[] = {
#define WEIR_X(name) #name,
    WEIR_EXPORT_PROFILES(WEIR_X)
#undef WEIR_X
};

}  // namespace

std::optional<ExportProfile> export_profile(std::string_view name) {
  const auto* const found = std::find(std::begin(kProfileNames), std::end(kProfileNames), name);
  if (found == std::end(kProfileNames)) return std::nullopt;
  return static_cast<ExportProfile>(found - std::begin(kProfileNames));
}

std::string_view export_profile_names() {
  static const std::string names = [] {
    std::string text;
    for (const std::string_view name : kProfileNames) text.append(text.empty() ? "" : ", ").append(name);
    return text;
  }();
  return names;
}

bool profile_wants_uniflow(ExportProfile profile, Dialect dialect) {
  if (profile == ExportProfile::nfdump) return false;
  return profile != ExportProfile::akvorado || dialect == Dialect::netflow9;
}

bool profile_wants_selectors(ExportProfile profile) {
  return profile == ExportProfile::akvorado;
}

const std::vector<std::string_view>& export_field_names() {
  static const std::vector<std::string_view> names{
      "src_addr",
      "dst_addr",
      "bytes",
      "packets",
      "time_flow_start_ns",
      "time_flow_end_ns",
      "in_if",
      "src_port",
      "dst_port",
      "vlan_id",
      "etype",
      "icmp_type",
      "proto",
      "ip_tos",
      "tcp_flags",
      "end_reason",
      "sampling_rate",
      "ip_version",
      "rev_bytes",
      "rev_packets",
      "rev_ip_tos",
      "rev_time_start_ns",
      "rev_time_end_ns",
      "rev_tcp_flags",
      "rev_icmp_type",
      "tunnel_src_addr",
      "tunnel_dst_addr",
      "tunnel_id",
      "esp_spi",
      "mpls_label",
      "tunnel_type",
      "tunnel_depth",
  };
  return names;
}

bool field_of_third_line(std::string_view name) {
  return name.starts_with("tunnel_") || name == "esp_spi" || name == "mpls_label";
}

ExportTemplate make_export_template(std::uint16_t id, const TemplateChoice& choice, Family family, RecordKind kind,
                                    bool third_line) {
  const auto compiled = [&](const std::vector<std::string_view>& chosen) {
    return ExportTemplate::compile(id,
                                   template_fields(choice.profile, choice.dialect, family, kind, chosen, third_line));
  };
  auto made = compiled(choice.fields);
  if (!made) made = compiled({});
  return *made;
}

bool wants_third_line(const TemplateChoice& choice) {
  return choice.fields.empty() || std::any_of(choice.fields.begin(), choice.fields.end(), field_of_third_line);
}

std::vector<TemplateField> template_fields(ExportProfile profile, Dialect dialect, Family family, RecordKind kind,
                                           const std::vector<std::string_view>& chosen, bool third_line) {
  const FieldList list = profile_fields(profile, dialect, family, kind, third_line);
  std::vector<TemplateField> fields;
  for (std::size_t i = 0; i < list.count; ++i) {
    const bool wanted = chosen.empty() || std::find(chosen.begin(), chosen.end(), list.names[i]) != chosen.end();
    if (wanted) fields.push_back(list.fields[i]);
  }
  return fields;
}

}  // namespace weir
