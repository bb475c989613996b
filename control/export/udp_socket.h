// UdpSocket: a connected UDP socket that sends datagrams in batches and learns which of them were refused.
//
// sendmmsg() sends many datagrams with one system call, and UDP segmentation (UDP_SEGMENT, Linux 4.18) sends a run of
// datagrams of one length through the stack as one. Both pay: on loopback a single datagram costs about 2 us, and one
// in a run about 0.2 us.
//
// ICMP port unreachable: a connected socket fails the next send with ECONNREFUSED without saying which datagram was
// refused, and sendmmsg() swallows an error between two datagrams. The error queue (IP_RECVERR) knows: it holds the
// beginning of the refused datagram, and with it the sequence number of its header. A router may quote only 8 octets
// (RFC 792); then the datagram sent last is taken. A segmented run is refused as a whole, so the caller says for each
// datagram which run it was in.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/export/endpoint.h"
#include "control/export/outgoing.h"
#include "proto/base/unique_fd.h"

namespace weir {

class UdpSocket {
 public:
  /// Connects to the first of `endpoints` that there is a route to, and that `outgoing` can be had with. `segments`: a
  /// run may leave as one packet. Error: why there is none.
  static tl::expected<UdpSocket, std::string> open(std::span<const Endpoint> endpoints, bool segments = true,
                                                   const OutgoingOptions& outgoing = {});
  /// Not open.
  UdpSocket() = default;

  /// Octets of IP and UDP headers.
  [[nodiscard]] std::uint32_t header_octets() const { return ipv6_ ? 40 + 8 : 20 + 8; }
  [[nodiscard]] bool valid() const { return fd_.valid(); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  void close() { fd_.reset(); }
  /// Where it sends to.
  [[nodiscard]] const Endpoint& peer() const { return peer_; }

  struct Sent {
    std::size_t count = 0;  ///< datagrams that the kernel took
    int error = 0;          ///< why it did not take the next one, 0: it took all
  };
  /// Sends leading datagrams, without waiting. `runs[i]` becomes a number that datagrams segmented together share.
  Sent send(std::span<const std::span<const std::uint8_t>> datagrams, std::span<std::uint32_t> runs);

  /// A datagram that did not arrive.
  struct Refusal {
    std::array<std::uint8_t, 24> head{};  ///< its first octets
    std::size_t octets = 0;               ///< how many of them are known
  };
  /// The oldest refusal that was not asked for yet.
  std::optional<Refusal> next_refusal();

 private:
  UdpSocket(UniqueFd fd, const Endpoint& peer, bool segments)
      : fd_(std::move(fd)), peer_(peer), ipv6_(peer.family() == AF_INET6), segments_(segments) {}

  UniqueFd fd_;
  Endpoint peer_;
  bool ipv6_ = false;
  bool segments_ = false;  ///< UDP_SEGMENT is wanted, and works as far as is known
  std::uint32_t run_ = 0;
};

}  // namespace weir
