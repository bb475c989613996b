#include "control/export/group_members.h"

#include <fmt/format.h>

#include <algorithm>

#include "proto/base/similar.h"

namespace weir {

OptionResult parse_target(GroupMembers& group, std::string_view target, std::string_view form) {
  using Error = tl::unexpected<std::string>;
  for (std::string_view rest = target;;) {
    const std::string_view name = rest.substr(0, rest.find(','));
    if (name.empty()) return Error(fmt::format("'{}' has an empty name; expected {}", target, form));
    if (std::find(group.members.begin(), group.members.end(), name) != group.members.end()) {
      return Error(fmt::format("{} is named twice; expected each member once", name));
    }
    group.members.emplace_back(name);
    if (name.size() == rest.size()) break;
    rest.remove_prefix(name.size() + 1);
  }
  if (group.members.size() < 2) return Error(fmt::format("a group has two members or more; expected {}", form));
  return {};
}

tl::expected<std::vector<std::optional<std::size_t>>, GroupFault> groups_of(std::span<const ExportUri> uris) {
  std::vector<std::optional<std::size_t>> groups(uris.size());
  const auto fault = [](std::size_t uri, std::string what) { return tl::unexpected(GroupFault{uri, std::move(what)}); };
  std::vector<std::string_view> names;
  for (const ExportUri& uri : uris) {
    if (uri.name != uri.text) names.push_back(uri.name);
  }
  for (std::size_t group = 0; group < uris.size(); ++group) {
    for (const std::string& name : uris[group].request->members()) {
      const auto found = std::find_if(uris.begin(), uris.end(), [&](const ExportUri& one) { return one.name == name; });
      if (found == uris.end()) {
        const std::string meant = did_you_mean(name, names);
        return fault(group, fmt::format("no exporter has the name {}{}", name,
                                        meant.empty() ? "; give one of them ?name=" + name : meant));
      }
      const auto member = static_cast<std::size_t>(found - uris.begin());
      if (!found->request->members().empty()) {
        return fault(group, fmt::format("{} is a group itself; expected names of other exporters", name));
      }
      if (groups[member]) {
        return fault(group, fmt::format("{} is a member of '{}', too; expected one group for each exporter", name,
                                        uris[*groups[member]].text));
      }
      groups[member] = group;
    }
  }
  return groups;
}

}  // namespace weir
