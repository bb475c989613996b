// Where the peer of an exporter is, as a URI names it: a host and a port, or a unix socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/export/option_values.h"

namespace weir {

struct HostPort {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;

  /// HOST:PORT, for messages.
  [[nodiscard]] std::string text() const { return host + ':' + std::to_string(port); }
};

struct SocketPath {
  std::string path;
};

/// HOST:PORT, an IPv6 address in brackets. `form` is that of the whole URI, for the error.
OptionResult parse_target(HostPort& peer, std::string_view target, std::string_view form);

/// An absolute path that fits into a sockaddr_un.
OptionResult parse_target(SocketPath& peer, std::string_view target, std::string_view form);

}  // namespace weir
