// GroupMembers: the names that the URI of a group lists, and whether all URIs together make sense of them.
//
// An exporter is a member of one group at most, and gets no records but its group's. A group is no member of another.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "control/export/export_uri.h"
#include "control/export/option_values.h"

namespace weir {

struct GroupMembers {
  std::vector<std::string> members;
};

/// Two names or more, separated by commas.
OptionResult parse_target(GroupMembers& group, std::string_view target, std::string_view form);

struct GroupFault {
  std::size_t uri;   ///< the place of the URI that is at fault
  std::string what;  ///< one line without it
};

/// For each URI the place of the group that it is a member of; nullopt: it is of none.
tl::expected<std::vector<std::optional<std::size_t>>, GroupFault> groups_of(std::span<const ExportUri> uris);

}  // namespace weir
