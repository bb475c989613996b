// PeerBook: which process is at the other end of a connection, for calls that are to say who asked.
//
// gRPC names the peer of a call by the descriptor that it was given ("fd:12"), whose other end is the guard's. The
// kernel says who connected to the guard (SO_PEERCRED, unix(7)); it is noted when the connection comes. A descriptor's
// number is used anew only after its connection is closed, and is then noted anew.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "control/service/change_source.h"

namespace weir {

class PeerBook {
 public:
  /// The connection whose server's end is `server` came from `client`, a unix socket.
  void note(int server, int client);
  /// Whom a call is from, by what gRPC calls its peer. Not known: uid and pid -1, as the kernel has it of nobody.
  [[nodiscard]] Asker find(const std::string& peer) const;

 private:
  mutable std::mutex mutex_;
  std::map<int, Asker> askers_;  ///< by the server's end
};

}  // namespace weir
