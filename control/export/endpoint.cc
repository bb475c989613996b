#include "control/export/endpoint.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace weir {

tl::expected<std::vector<Endpoint>, std::string> resolve(const std::string& host, std::uint16_t port, int socket_type,
                                                         Names names) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = socket_type;
  hints.ai_flags = AI_NUMERICSERV | (names == Names::refused ? AI_NUMERICHOST : 0);
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) {
    const std::string why = code == EAI_SYSTEM ? error_text(errno) : gai_strerror(code);
    return tl::unexpected(fmt::format("cannot resolve host '{}': {}", host, why));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, &freeaddrinfo);
  std::vector<Endpoint> endpoints;
  for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
    Endpoint endpoint;
    if (info->ai_addrlen > sizeof endpoint.address) continue;
    std::memcpy(&endpoint.address, info->ai_addr, info->ai_addrlen);
    endpoint.length = info->ai_addrlen;
    endpoints.push_back(endpoint);
  }
  if (endpoints.empty()) return tl::unexpected(fmt::format("cannot resolve host '{}': no address", host));
  return endpoints;
}

Endpoint unix_endpoint(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  Endpoint endpoint;
  std::memcpy(&endpoint.address, &address, sizeof address);
  endpoint.length = sizeof address;
  return endpoint;
}

std::string error_text(int error) {
  return std::generic_category().message(error);
}

}  // namespace weir
