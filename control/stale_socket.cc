#include "control/stale_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "proto/base/unique_fd.h"

namespace weir {
namespace {

std::string system_error(const std::string& what) {
  return fmt::format("{}: {}", what, std::strerror(errno));
}

enum class Served : std::uint8_t { no, yes, unknown };

/// Whether a socket of `type` listens at `address`. Sets errno.
Served served_as(int type, const sockaddr_un& address) {
  const UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return Served::unknown;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    // memif's server says hello at once, and DPDK 22.11 ends its program if nobody is there to hear it.
    constexpr int kHelloMs = 500;
    pollfd hello{fd.get(), POLLIN, 0};
    if (type == SOCK_SEQPACKET) static_cast<void>(::poll(&hello, 1, kHelloMs));
    return Served::yes;
  }
  if (errno == ECONNREFUSED || errno == ENOENT) return Served::no;
  return errno == EAGAIN ? Served::yes : Served::unknown;  // EAGAIN: its queue of connections is full
}

}  // namespace

tl::expected<void, std::string> remove_stale_socket(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return tl::unexpected(system_error(path));
  }
  if (!S_ISSOCK(info.st_mode)) return tl::unexpected(path + " exists and is not a socket; remove it");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return tl::unexpected(fmt::format("{}: too long for the path of a socket", path));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Served served = Served::unknown;
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    served = served_as(type, address);
    if (served == Served::unknown && errno == EPROTOTYPE) continue;  // another type of socket is there
    break;
  }
  if (served == Served::unknown) return tl::unexpected(system_error(path));
  if (served == Served::yes) return tl::unexpected(path + " belongs to another program");
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return tl::unexpected(system_error(path));
  return {};
}

}  // namespace weir
