#include "control/service/tls_port.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "proto/base/unique_fd.h"

namespace weir {

tl::expected<void, std::string> add_tls_port(grpc::ServerBuilder& builder, const ControlAddress& address, int& port) {
  constexpr int kHandshakeMs = 5000;
  auto keys = read_control_keys(address);
  if (!keys) return tl::unexpected("--control " + address.title() + ": " + keys.error());
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = keys->ca;
  options.pem_key_cert_pairs.push_back({keys->key, keys->cert});
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // two instances would share the port
  builder.AddListeningPort(address.host_port, grpc::SslServerCredentials(options), &port);
  return {};
}

std::string why_no_tls_port(const ControlAddress& address) {
  const std::size_t colon = address.host_port.rfind(':');
  std::string host = address.host_port.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), address.host_port.c_str() + colon + 1, &hints, &found); error != 0) {
    return fmt::format("--control {}: {}", address.title(), gai_strerror(error));
  }
  const UniqueFd fd(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const bool bound = bind(fd.get(), found->ai_addr, found->ai_addrlen) == 0 && listen(fd.get(), 1) == 0;
  const int error = errno;
  freeaddrinfo(found);
  if (!bound) return fmt::format("--control {}: {}; use another ADDR:PORT", address.title(), std::strerror(error));
  return fmt::format("--control {}: cert={}, key={} and ca={} are not a certificate, its key and certificates",
                     address.title(), address.cert, address.key, address.ca);
}

}  // namespace weir
