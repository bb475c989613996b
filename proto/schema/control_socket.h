// Where weir's control socket is when nobody says: one rule for `weir run`, which makes it, and weirctl, which looks
// for it. And the version that both print.
//
// root                      /run/weir/weir.sock
// XDG_RUNTIME_DIR is set    $XDG_RUNTIME_DIR/weir.sock      (the user's own folder, made by the login)
// otherwise                 /tmp/weir-UID/weir.sock         (made with mode 0700, so that nobody else can put a
//                                                            socket there)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir {

/// The longest path of a unix socket: sockaddr_un.sun_path has 108 octets, one of them the closing zero.
inline constexpr std::size_t kMaxSocketPath = 107;

inline constexpr std::string_view kSystemSocket = "/run/weir/weir.sock";

/// The rule above for any user and environment; `runtime_dir` is empty where XDG_RUNTIME_DIR is not set.
std::string default_socket_path(unsigned user, std::string_view runtime_dir);

/// The rule above for this process.
std::string default_socket_path();

/// The socket as a gRPC target: "unix:" and the path, percent-encoded (RFC 3986 §2.1), since gRPC reads a URI.
std::string grpc_target(std::string_view socket_path);

/// The version of this build, as "0.1.0".
std::string_view version();

}  // namespace weir
