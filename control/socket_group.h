// The group of --socket-group: who, besides weir's own user, may use the control socket.
#pragma once

#include <sys/types.h>

#include <string>
#include <tl/expected.hpp>

namespace weir {

/// Of chown(2): changes no group.
inline constexpr gid_t kNoGroup = static_cast<gid_t>(-1);

/// The number of a group, which is named or is a number already; kNoGroup where the text is empty. Error: one line.
tl::expected<gid_t, std::string> socket_group(const std::string& group);

}  // namespace weir
