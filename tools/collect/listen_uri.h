// Where weir-collect listens: netflow1://HOST:PORT, netflow5://, netflow7://, netflow9://, sflow5://, ipfix:// (UDP),
// ipfix+tcp://, protobuf+tcp://, protobuf+unix:///PATH.
//
// A UDP socket takes whatever version comes, since each datagram says its own: the scheme is how the port is meant, and
// exporters of several kinds may share one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace weir {

struct ListenUri {
  enum class Kind : std::uint8_t {
    netflow1_udp,
    netflow5_udp,
    netflow7_udp,
    netflow9_udp,
    sflow5_udp,
    ipfix_udp,
    ipfix_tcp,
    protobuf_tcp,
    protobuf_unix
  };
  Kind kind = Kind::netflow9_udp;
  std::string host;        ///< a name or an address, IPv6 without its brackets; empty for a unix socket
  std::uint16_t port = 0;  ///< 0: the system chooses one
  std::string path;        ///< of a unix socket, absolute

  [[nodiscard]] bool udp() const { return kind <= Kind::ipfix_udp; }
  friend bool operator==(const ListenUri&, const ListenUri&) = default;
};

/// "netflow9", "ipfix+tcp", ...
std::string_view scheme_name(ListenUri::Kind kind);

/// Error: one line that names the URI and what would be right.
tl::expected<ListenUri, std::string> parse_listen_uri(std::string_view uri);

}  // namespace weir
