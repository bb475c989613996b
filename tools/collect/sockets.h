// The sockets that weir-collect listens on, each closed (and a unix socket's file removed) when its owner goes.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "proto/base/unique_fd.h"
#include "tools/collect/listen_uri.h"

namespace weir {

/// The file of a bound unix socket; removed when its owner goes.
class SocketFile {
 public:
  SocketFile() = default;
  explicit SocketFile(std::string path) : path_(std::move(path)) {}
  SocketFile(SocketFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  SocketFile& operator=(SocketFile&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;
  ~SocketFile();

 private:
  std::string path_;
};

struct ListeningSocket {
  ListenUri::Kind kind = ListenUri::Kind::netflow9_udp;
  [[nodiscard]] bool udp() const { return kind <= ListenUri::Kind::ipfix_udp; }
  UniqueFd descriptor;
  SocketFile file;
  std::string address;                ///< with the port that the system chose
  std::vector<std::string> warnings;  ///< what was asked for and not had
};

/// The receive buffer that is asked for on a UDP socket.
inline constexpr int kReceiveBufferOctets = 64 << 20;

/// Error: one line that names the address and what is wrong.
tl::expected<ListeningSocket, std::string> open_listening_socket(const ListenUri& uri);

/// "127.0.0.1:9995", "[::1]:9995"; "unix" for a socket without a name.
std::string socket_address_text(const sockaddr_storage& address, socklen_t length);

/// How many packets the kernel dropped at this socket; 0 where it does not say.
std::uint64_t kernel_drops_of(int descriptor);

}  // namespace weir
