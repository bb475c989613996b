// Endpoint: a socket address, and how a name becomes some.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace weir {

struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;

  [[nodiscard]] int family() const { return address.ss_family; }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

/// All addresses of `host`, in the order in which the system prefers them; `socket_type` is SOCK_DGRAM or SOCK_STREAM.
/// Names are resolved when an exporter is opened and never again: a lookup may take longer than a shutdown may.
tl::expected<std::vector<Endpoint>, std::string> resolve(const std::string& host, std::uint16_t port, int socket_type);

/// `path` has at most sizeof(sun_path) - 1 octets.
Endpoint unix_endpoint(const std::string& path);

/// What errno says, as text.
std::string error_text(int error);

}  // namespace weir
