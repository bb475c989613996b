#include "control/export/exporter_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "proto/base/similar.h"

namespace weir {

std::string ExporterKind::option_names() const {
  std::string names;
  for (const ExportOption& option : options) names.append(option.name).append(", ");
  for (const ExportOption& option : kCommonOptions) {
    names.append(option.name).append(&option == &kCommonOptions.back() ? "" : ", ");
  }
  return names;
}

OptionResult parse_query(const ExporterKind& kind, std::string_view query,
                         const std::function<OptionResult(std::size_t index, std::string_view value)>& set) {
  using Error = tl::unexpected<std::string>;
  std::vector<std::string_view> seen;
  while (!query.empty()) {
    const std::size_t ampersand = query.find('&');
    const std::string_view option = query.substr(0, ampersand);
    query = ampersand == std::string_view::npos ? std::string_view{} : query.substr(ampersand + 1);
    const std::size_t equals = option.find('=');
    const std::string_view name = option.substr(0, equals);
    if (equals == std::string_view::npos) {
      return Error(fmt::format("option '{}' has no value; expected NAME=VALUE with NAME one of {}", option,
                               kind.option_names()));
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return Error(fmt::format("option '{}' is given twice", name));
    }
    seen.push_back(name);
    const auto known = std::find_if(kind.options.begin(), kind.options.end(),
                                    [&](const ExportOption& one) { return one.name == name; });
    if (known == kind.options.end()) {
      std::vector<std::string_view> names;
      names.reserve(kCommonOptions.size() + kind.options.size());
      for (const ExportOption& one : kCommonOptions) names.push_back(one.name);
      for (const ExportOption& one : kind.options) names.push_back(one.name);
      return Error(fmt::format("no option '{}'{}; {} has {}", name, did_you_mean(name, names), kind.scheme,
                               kind.option_names()));
    }
    const auto index = static_cast<std::size_t>(known - kind.options.begin());
    if (OptionResult good = set(index, option.substr(equals + 1)); !good) return good;
  }
  return {};
}

}  // namespace weir
