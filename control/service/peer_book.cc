#include "control/service/peer_book.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <charconv>
#include <string_view>
#include <system_error>

namespace weir {

void PeerBook::note(int server, int client) {
  ucred peer{-1, static_cast<uid_t>(-1), static_cast<gid_t>(-1)};
  socklen_t size = sizeof peer;
  (void)getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  const std::lock_guard lock(mutex_);
  askers_[server] = {peer.uid, peer.pid};
}

Asker PeerBook::find(const std::string& peer) const {
  int server = -1;
  const std::string_view digits = std::string_view(peer).substr(peer.find_last_not_of("0123456789") + 1);
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), server);
  const std::lock_guard lock(mutex_);
  const auto found = askers_.find(server);
  const bool known = peer.starts_with("fd") && fault == std::errc() && found != askers_.end();
  return known ? found->second : Asker{static_cast<std::uint32_t>(-1), -1};
}

}  // namespace weir
