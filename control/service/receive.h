// receive_some(): takes what a client has sent, without waiting; for those who hold connections of clients.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

namespace weir {

enum class Received : std::uint8_t { octets, nothing, end };

/// The most octets that one call of receive_some() takes.
inline constexpr std::size_t kPiece = 16'384;

/// Appends to `to` at most `most` octets of what the stream socket has. `end`: nothing more comes, or the socket is
/// broken.
inline Received receive_some(int fd, std::string& to, std::size_t most = kPiece) {
  std::array<char, kPiece> piece;
  for (;;) {
    const ssize_t got = recv(fd, piece.data(), std::min(most, piece.size()), MSG_DONTWAIT);
    if (got > 0) {
      to.append(piece.data(), static_cast<std::size_t>(got));
      return Received::octets;
    }
    if (got == 0) return Received::end;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? Received::nothing : Received::end;
  }
}

}  // namespace weir
