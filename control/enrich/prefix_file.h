// A prefix file of any form, read whole: weir's text, the one-line form of bgpdump, or a MaxMind database.
//
// The form is told by the content: a file with an octet 0 among its first ones is a database, one whose first line
// begins with TABLE_DUMP is of bgpdump.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/enrich/route_map_builder.h"

namespace weir {

/// The prefixes of the file, sorted. Error: one line, "FILE: ..." or "FILE:LINE: ...".
tl::expected<FilePrefixes, std::string> read_prefix_file(const std::string& file, RouteMapBuilder& builder);

/// The same of a database (maxmind_file.cc).
tl::expected<FilePrefixes, std::string> read_maxmind_file(const std::string& file, RouteMapBuilder& builder);

}  // namespace weir
