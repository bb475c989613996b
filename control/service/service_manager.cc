#include "control/service/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <string_view>

#include "proto/base/unique_fd.h"

namespace weir::service_manager {
namespace {

/// Sends a datagram to $NOTIFY_SOCKET: a path, or, after an @, an abstract name.
void notify(std::string_view message) {
  const char* const name = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string_view path = name == nullptr ? std::string_view() : name;
  if (path.size() < 2 || path.size() >= sizeof address.sun_path) return;
  path.copy(address.sun_path, path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';
  const auto octets = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return;
  static_cast<void>(::sendto(socket.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), octets));
}

}  // namespace

void tell_running() {
  notify("READY=1\nSTATUS=running");
}

void tell_emptying(bool stops) {
  notify(std::string(stops ? "STOPPING=1\n" : "") + "STATUS=exporting all flows");
}

void tell_status(const std::string& line) {
  notify("STATUS=" + line);
}

void feed_watchdog() {
  notify("WATCHDOG=1");
}

}  // namespace weir::service_manager
