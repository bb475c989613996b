// A unix socket that a killed process left behind.
//
// The file of a socket stays when its process dies without unlinking it, and nobody can bind to its path again. Whether
// somebody serves it is found by connecting: refused means nobody.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace weir {

/// Makes way for a socket of ours at `path`: removes a socket file that nobody serves; nothing there is well, too.
/// Error: one line; something is there that is no socket, or somebody serves it, or it cannot be removed.
tl::expected<void, std::string> remove_stale_socket(const std::string& path);

}  // namespace weir
