#include "tools/collect/sockets.h"

#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace weir {
namespace {

tl::unexpected<std::string> failed(const std::string& where, const char* what) {
  return tl::make_unexpected(fmt::format("{}: {}: {}", where, what, std::strerror(errno)));
}

/// True if some process accepts connections on this path.
bool is_served(const sockaddr_un& address) {
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return probe.get() >= 0 && ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

tl::expected<ListeningSocket, std::string> open_unix(const ListenUri& uri) {
  ListeningSocket result;
  result.kind = uri.kind;
  result.address = uri.path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, uri.path.data(), uri.path.size());  // its length was checked with the URI
  result.descriptor = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (result.descriptor.get() < 0) return failed(uri.path, "socket");

  struct stat existing {};
  if (::lstat(uri.path.c_str(), &existing) == 0) {
    if (!S_ISSOCK(existing.st_mode)) return tl::make_unexpected(fmt::format("{}: exists and is no socket", uri.path));
    if (is_served(address)) {
      return tl::make_unexpected(fmt::format("{}: in use: another process listens there", uri.path));
    }
    ::unlink(uri.path.c_str());  // left behind by a process that was killed
  }
  const mode_t before = ::umask(0117);  // 0660: the group may send
  const int bound = ::bind(result.descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int why = errno;
  ::umask(before);
  errno = why;
  if (bound != 0) return failed(uri.path, "cannot listen");
  result.file = SocketFile(uri.path);
  if (::listen(result.descriptor.get(), 64) != 0) return failed(uri.path, "cannot listen");
  return result;
}

/// 64 MiB, beyond net.core.rmem_max if this process may (CAP_NET_ADMIN).
void ask_for_receive_buffer(ListeningSocket& socket) {
  const int descriptor = socket.descriptor.get();
  const int wanted = kReceiveBufferOctets;
  if (::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) != 0) {
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
  }
  int got = 0;
  socklen_t length = sizeof got;
  ::getsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &got, &length);
  got /= 2;  // the kernel doubles what was asked for, for its own overhead (socket(7))
  if (got < wanted) {
    socket.warnings.push_back(
        fmt::format("{}: receive buffer of {} KiB instead of {} KiB; 'sysctl -w net.core.rmem_max={}' allows it",
                    socket.address, got / 1024, wanted / 1024, wanted));
  }
}

tl::expected<ListeningSocket, std::string> open_inet(const ListenUri& uri) {
  const bool udp = uri.udp();
  const std::string where = uri.host.find(':') == std::string::npos ? fmt::format("{}:{}", uri.host, uri.port)
                                                                    : fmt::format("[{}]:{}", uri.host, uri.port);
  addrinfo hints{};
  hints.ai_socktype = udp ? SOCK_DGRAM : SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(uri.host.c_str(), fmt::format("{}", uri.port).c_str(), &hints, &list);
  if (code != 0) return tl::make_unexpected(fmt::format("{}: {}", uri.host, ::gai_strerror(code)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);

  ListeningSocket result;
  result.kind = uri.kind;
  result.descriptor = UniqueFd(::socket(list->ai_family, list->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int descriptor = result.descriptor.get();
  if (descriptor < 0) return failed(where, "socket");
  if (!udp) {
    // A port whose last connections wait for their end may be listened on again.
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (::bind(descriptor, list->ai_addr, list->ai_addrlen) != 0) {
    if (errno == EADDRINUSE) {
      return tl::make_unexpected(
          fmt::format("{}: in use: another process listens on this {} port", where, udp ? "UDP" : "TCP"));
    }
    return failed(where, "cannot listen");
  }
  if (!udp && ::listen(descriptor, 64) != 0) return failed(where, "cannot listen");
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &length);
  result.address = socket_address_text(bound, length);
  if (udp) ask_for_receive_buffer(result);
  return result;
}

}  // namespace

SocketFile::~SocketFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

tl::expected<ListeningSocket, std::string> open_listening_socket(const ListenUri& uri) {
  return uri.kind == ListenUri::Kind::protobuf_unix ? open_unix(uri) : open_inet(uri);
}

std::string socket_address_text(const sockaddr_storage& address, socklen_t length) {
  if (address.ss_family == AF_UNIX) return "unix";
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "unknown";
  }
  return address.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::uint64_t kernel_drops_of(int descriptor) {
  // SO_MEMINFO also tells drops after the last datagram that was received; the control message SO_RXQ_OVFL, which
  // comes with a datagram, cannot.
  std::uint32_t info[SK_MEMINFO_VARS] = {};
  socklen_t length = sizeof info;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, info, &length) != 0) return 0;
  return info[SK_MEMINFO_DROPS];
}

}  // namespace weir
