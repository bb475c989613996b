#include "control/export/template_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "proto/base/similar.h"
#include "proto/base/split.h"

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;

}  // namespace

OptionResult TemplateOptions::check() const {
  if (own_elements.value_or(true)) return {};
  for (const ExportField& field : export_fields()) {
    if (field.own_element && std::find(fields.begin(), fields.end(), field.name) != fields.end()) {
      return Error(
          fmt::format("fields names '{}', which only an element of weir's own carries; leave it out, or "
                      "own_elements=0",
                      field.name));
    }
  }
  return {};
}

OptionResult TemplateOptions::check_without_lists() const {
  for (const ExportField& field : export_fields()) {
    if (field.list && std::find(fields.begin(), fields.end(), field.name) != fields.end()) {
      return Error(
          fmt::format("fields names '{}', which is a list, and NetFlow v9 has none; leave it out, or use "
                      "ipfix: instead",
                      field.name));
    }
  }
  return check();
}

OptionResult set_template_refresh(TemplateOptions& options, std::string_view name, std::string_view value) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return set_option(options.template_refresh_ns, option_duration_ns(name, value, kSecond, 24 * 3600 * kSecond));
}

OptionResult set_profile(TemplateOptions& options, std::string_view name, std::string_view value) {
  const auto profile = export_profile(value);
  if (!profile)
    return Error(fmt::format("{} '{}' is unknown; expected one of {}", name, value, export_profile_names()));
  options.profile = *profile;
  return {};
}

OptionResult set_fields(TemplateOptions& options, std::string_view name, std::string_view value) {
  const std::span<const ExportField> known = export_fields();
  bool in_every_record = false;
  for (const std::string_view field : split(value, ',')) {
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const ExportField& one) { return one.name == field; });
    if (found == known.end()) {
      std::vector<std::string_view> names;
      for (const ExportField& one : known) names.push_back(one.name);
      return Error(fmt::format("no field '{}'{}; there are {}", field, did_you_mean(field, names), joined(names, ",")));
    }
    if (std::find(options.fields.begin(), options.fields.end(), found->name) != options.fields.end()) {
      return Error(fmt::format("{} names '{}' twice", name, field));
    }
    options.fields.push_back(found->name);
    in_every_record = in_every_record || found->always();
  }
  if (!in_every_record) {
    return Error(
        fmt::format("{} names nothing that every record of one direction has, such as src_addr,packets", name));
  }
  return {};
}

}  // namespace weir
