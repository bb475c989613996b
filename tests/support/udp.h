// UDP on loopback as a collector's test needs it: a free port, what the kernel knows of a socket, and a receiver that
// keeps every datagram.
//
// The receiver is how a test sees datagrams: nobody needs the right to capture on loopback, and none is missing.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "proto/base/unique_fd.h"
#include "tests/support/hex.h"

namespace weir::test {

/// The sockets of a port by /proc/net/udp: what they have not read yet, and what they lost.
struct UdpSocketState {
  bool found = false;
  std::uint64_t unread = 0;
  std::uint64_t drops = 0;
};
UdpSocketState udp_socket_state(std::uint16_t port);

/// A UDP port of loopback that nobody has now.
std::uint16_t free_udp_port();
/// The same of TCP. Another program could take it before the one that is tested does; then that one says so.
std::uint16_t free_tcp_port();

/// An exporter of the test's own: datagrams from one socket to a port of loopback.
class UdpSource {
 public:
  explicit UdpSource(std::uint16_t to_port);
  void send(const Bytes& octets) const;

 private:
  UniqueFd fd_;
};

/// A UDP socket on loopback whose datagrams are kept.
class UdpSink {
 public:
  UdpSink();
  UdpSink(const UdpSink&) = delete;
  UdpSink& operator=(const UdpSink&) = delete;
  ~UdpSink();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  /// Everything that was sent by now.
  const std::vector<Bytes>& finish();

 private:
  void receive();

  std::uint16_t port_ = 0;  // before the socket, which fills it
  UniqueFd fd_;
  std::atomic<bool> stop_{false};
  std::vector<Bytes> datagrams_;
  std::thread thread_;
};

}  // namespace weir::test
