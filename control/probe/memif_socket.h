// The socket file of a memif port that weir serves.
//
// A memif server binds a unix socket. Where that is a file, it stays when weir is killed, and the next start would fail
// with "Address already in use"; so weir makes way for it first (control/stale_socket.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// The file that `device` (--port) will bind; nothing where it is no memif server, or its socket is abstract.
std::optional<std::string> memif_server_file(std::string_view device);
/// `device` is a memif whose socket is abstract (unix(7)), as it is unless it says otherwise: no file, no permissions.
bool memif_is_abstract(std::string_view device);

}  // namespace weir
