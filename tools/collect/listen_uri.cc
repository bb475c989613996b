#include "tools/collect/listen_uri.h"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace weir {
namespace {

constexpr std::array<std::string_view, 9> kSchemes = {"netflow1", "netflow5",  "netflow7",     "netflow9",     "sflow5",
                                                      "ipfix",    "ipfix+tcp", "protobuf+tcp", "protobuf+unix"};
static_assert(kSchemes.size() == static_cast<std::size_t>(ListenUri::Kind::protobuf_unix) + 1);

}  // namespace

std::string_view scheme_name(ListenUri::Kind kind) {
  return kSchemes[static_cast<std::size_t>(kind)];
}

tl::expected<ListenUri, std::string> parse_listen_uri(std::string_view uri) {
  const auto wrong = [&](std::string_view what) { return tl::make_unexpected(fmt::format("'{}': {}", uri, what)); };
  const std::size_t colon = uri.find("://");
  const auto* const scheme = std::find(kSchemes.begin(), kSchemes.end(), uri.substr(0, colon));
  ListenUri result;
  if (scheme == kSchemes.end() || colon == std::string_view::npos) {
    return wrong(
        "not one of netflow9://HOST:PORT, netflow5://, netflow7://, netflow1://, ipfix://, sflow5://, ipfix+tcp://, "
        "protobuf+tcp://HOST:PORT, protobuf+unix:///PATH");
  }
  result.kind = static_cast<ListenUri::Kind>(scheme - kSchemes.begin());
  std::string_view rest = uri.substr(colon + 3);

  if (result.kind == ListenUri::Kind::protobuf_unix) {
    constexpr std::size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;
    if (rest.size() < 2 || rest.front() != '/') return wrong("the path must be absolute: protobuf+unix:///run/x.sock");
    if (rest.size() > kLongestPath) return wrong(fmt::format("a socket's path has at most {} octets", kLongestPath));
    if (rest.find('\0') != std::string_view::npos) return wrong("the path holds a zero octet");
    result.path = rest;
    return result;
  }

  const std::size_t last_colon = rest.rfind(':');
  if (last_colon == std::string_view::npos) return wrong("the port is missing: HOST:PORT, [IPV6]:PORT");
  std::string_view host = rest.substr(0, last_colon);
  const std::string_view port = rest.substr(last_colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return wrong("an IPv6 address needs brackets: [::1]:9995");
  }
  if (host.empty()) return wrong("the host is missing; 0.0.0.0 is every IPv4 address of this machine, [::] all");
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), result.port);
  if (error != std::errc() || end != port.data() + port.size()) return wrong("the port must be a number up to 65535");
  result.host = host;
  return result;
}

}  // namespace weir
