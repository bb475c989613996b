// Endpoint: a socket address, and how a name becomes some.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace weir {

struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;

  [[nodiscard]] int family() const { return address.ss_family; }
  friend bool operator==(const Endpoint& a, const Endpoint& b) {
    return a.length == b.length && std::memcmp(&a.address, &b.address, a.length) == 0;
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

/// Whether resolve() asks name servers, which may take long (see lookup.h), or takes addresses alone.
enum class Names : std::uint8_t { looked_up, refused };

/// All addresses of `host`, in the order in which the system prefers them; `socket_type` is SOCK_DGRAM or SOCK_STREAM.
tl::expected<std::vector<Endpoint>, std::string> resolve(const std::string& host, std::uint16_t port, int socket_type,
                                                         Names names);

/// `path` has at most sizeof(sun_path) - 1 octets.
Endpoint unix_endpoint(const std::string& path);

/// What errno says, as text.
std::string error_text(int error);

}  // namespace weir
