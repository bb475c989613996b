#include "control/export/peer.h"

#include <fmt/format.h>
#include <sys/un.h>

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;

}  // namespace

OptionResult parse_target(HostPort& peer, std::string_view target, std::string_view form) {
  std::string_view port;
  if (target.starts_with('[')) {
    const std::size_t close = target.find(']');
    if (close == std::string_view::npos) {
      return Error(fmt::format("'[' without ']'; expected {} with an IPv6 address in brackets", form));
    }
    peer.host = target.substr(1, close - 1);
    port = target.substr(close + 1);
    if (!port.empty() && !port.starts_with(':')) return Error(fmt::format("'{}' after ']'; expected {}", port, form));
  } else {
    const std::size_t colon = target.find(':');
    if (colon != std::string_view::npos && target.find(':', colon + 1) != std::string_view::npos) {
      return Error(
          fmt::format("more than one ':' in '{}'; an IPv6 address stands in brackets, as in [::1]:2055", target));
    }
    peer.host = target.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view{} : target.substr(colon);
  }
  if (peer.host.empty()) return Error(fmt::format("no host; expected {}", form));
  if (port.size() < 2) return Error(fmt::format("no port; expected {}", form));
  return set_option(peer.port, option_number("port", port.substr(1), 1, 65535));
}

OptionResult parse_target(SocketPath& peer, std::string_view target, std::string_view form) {
  if (!target.starts_with('/') || target.size() < 2) {
    return Error(fmt::format("'{}' is not an absolute path; expected {}", target, form));
  }
  constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (target.size() > kLongest) {
    return Error(fmt::format("the path has {} octets; a unix socket's has at most {}", target.size(), kLongest));
  }
  peer.path = target;
  return {};
}

}  // namespace weir
