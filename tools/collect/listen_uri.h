// Where weir-collect listens: netflow9://HOST:PORT, protobuf+tcp://HOST:PORT, protobuf+unix:///PATH.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace weir {

struct ListenUri {
  enum class Kind : std::uint8_t { netflow9_udp, protobuf_tcp, protobuf_unix };
  Kind kind = Kind::netflow9_udp;
  std::string host;        ///< a name or an address, IPv6 without its brackets; empty for a unix socket
  std::uint16_t port = 0;  ///< 0: the system chooses one
  std::string path;        ///< of a unix socket, absolute

  friend bool operator==(const ListenUri&, const ListenUri&) = default;
};

/// Error: one line that names the URI and what would be right.
tl::expected<ListenUri, std::string> parse_listen_uri(std::string_view uri);

}  // namespace weir
