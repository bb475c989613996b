#include "control/config/sourced_config.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir {

SourcedConfig merge(SourcedConfig base, const SourcedConfig& over) {
  const auto* type = v1::Config::descriptor();
  const auto* reflection = v1::Config::GetReflection();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    const bool set =
        field->is_repeated() ? reflection->FieldSize(over.config, field) > 0 : reflection->HasField(over.config, field);
    if (!set) continue;
    reflection->ClearField(&base.config, field);
    std::erase_if(base.places, [&](const auto& entry) {
      const std::string& path = entry.first.first;
      return path == field->name() || path.starts_with(field->name() + "[");
    });
  }
  base.config.MergeFrom(over.config);
  base.places.insert(over.places.begin(), over.places.end());
  return base;
}

std::string option_of(std::string_view field) {
  std::string option = "--" + std::string(field);
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

std::string place_of(const Places& places, const std::string& path, int index) {
  const auto found = places.find({path, index});
  return found == places.end() ? option_of(path) : found->second;
}

tl::unexpected<ConfigError> value_error(const std::string& place, const std::string& value, const std::string& what,
                                        bool in_quotes) {
  const bool quoted = in_quotes || value.empty() || value.find_first_of(" :") != std::string::npos;
  return tl::make_unexpected(
      ConfigError{fmt::format("{} {}{}{}: {}", place, quoted ? "'" : "", value, quoted ? "'" : "", what), 2});
}

}  // namespace weir
