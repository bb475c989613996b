#include "control/export/udp_socket.h"

#include <linux/errqueue.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace weir {
namespace {

/// Some 2000 datagrams: what a burst of flows that end together makes while the link is busy.
constexpr int kSendBufferOctets = 4 * 1024 * 1024;
constexpr std::size_t kMessages = 64;       // of one sendmmsg()
constexpr std::size_t kSegments = 64;       // of one run: UDP_MAX_SEGMENTS of older kernels
constexpr std::size_t kRunOctets = 64'000;  // a run is one packet of at most 65535 octets to the stack

}  // namespace

tl::expected<UdpSocket, std::string> UdpSocket::open(std::span<const Endpoint> endpoints, bool segments,
                                                     const OutgoingOptions& outgoing) {
  std::string error = error_text(EADDRNOTAVAIL);
  for (const Endpoint& endpoint : endpoints) {
    UniqueFd fd(socket(endpoint.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // If this machine has no route for the address family, a call fails and the next address is tried.
    if (!fd.valid()) {
      error = error_text(errno);
      continue;
    }
    if (auto prepared = outgoing.apply(fd.get(), endpoint); !prepared) {
      error = std::move(prepared.error());
      continue;
    }
    if (connect(fd.get(), endpoint.get(), endpoint.length) != 0) {
      error = error_text(errno);
      continue;
    }
    const int octets = kSendBufferOctets;
    if (setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof octets) != 0) {
      // Without CAP_NET_ADMIN the kernel grants at most net.core.wmem_max.
      setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &octets, sizeof octets);
    }
    const bool ipv6 = endpoint.family() == AF_INET6;
    const int on = 1;
    if (ipv6) {
      setsockopt(fd.get(), SOL_IPV6, IPV6_RECVERR, &on, sizeof on);
    } else {
      setsockopt(fd.get(), SOL_IP, IP_RECVERR, &on, sizeof on);
    }
    return UdpSocket(std::move(fd), endpoint, segments);
  }
  return tl::unexpected(error);
}

UdpSocket::Sent UdpSocket::send(std::span<const std::span<const std::uint8_t>> datagrams,
                                std::span<std::uint32_t> runs) {
  struct Control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> octets;
  };
  std::array<mmsghdr, kMessages> messages;
  std::array<iovec, kMessages * 4> parts;
  std::array<Control, kMessages> controls;
  std::array<std::size_t, kMessages> lengths;  // datagrams of each message

  Sent sent;
  while (sent.count < datagrams.size()) {
    std::size_t next = sent.count;
    std::size_t message_count = 0;
    std::size_t part_count = 0;
    while (next < datagrams.size() && message_count < kMessages && part_count < parts.size()) {
      // A run: datagrams of one length, and one more that may be shorter.
      const std::size_t length = datagrams[next].size();
      std::size_t end = next;
      std::size_t octets = 0;
      const std::size_t begin_part = part_count;
      while (end < datagrams.size() && part_count < parts.size()) {
        const std::size_t this_length = datagrams[end].size();
        if (end != next &&
            (!segments_ || this_length > length || end - next == kSegments || octets + this_length > kRunOctets)) {
          break;
        }
        parts[part_count++] = {const_cast<std::uint8_t*>(datagrams[end].data()), this_length};
        octets += this_length;
        runs[end] = run_;
        ++end;
        if (this_length < length) break;
      }
      ++run_;
      mmsghdr& message = messages[message_count];
      message = {};
      message.msg_hdr.msg_iov = &parts[begin_part];
      message.msg_hdr.msg_iovlen = part_count - begin_part;
      if (end - next > 1) {
        message.msg_hdr.msg_control = controls[message_count].octets.data();
        message.msg_hdr.msg_controllen = controls[message_count].octets.size();
        cmsghdr* const header = CMSG_FIRSTHDR(&message.msg_hdr);
        header->cmsg_level = SOL_UDP;
        header->cmsg_type = UDP_SEGMENT;
        header->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
        const auto segment = static_cast<std::uint16_t>(length);
        std::memcpy(CMSG_DATA(header), &segment, sizeof segment);
      }
      lengths[message_count++] = end - next;
      next = end;
    }
    const int taken = sendmmsg(fd_.get(), messages.data(), static_cast<unsigned>(message_count), MSG_NOSIGNAL);
    if (taken < 0) {
      if (errno == EINTR) continue;
      // A device or kernel without segmentation says EIO, EINVAL or EOPNOTSUPP: one by one from now on.
      if (segments_ && lengths[0] > 1 &&
          (errno == EIO || errno == EINVAL || errno == EOPNOTSUPP || errno == EMSGSIZE)) {
        segments_ = false;
        continue;
      }
      sent.error = errno;
      return sent;
    }
    for (int i = 0; i < taken; ++i) sent.count += lengths[static_cast<std::size_t>(i)];
    // sendmmsg() does not tell an error between two messages. Either it was ECONNREFUSED, and the next call succeeds,
    // or the buffer is full, and the next call says so.
    if (static_cast<std::size_t>(taken) < message_count) {
      sent.error = EAGAIN;
      return sent;
    }
  }
  return sent;
}

std::optional<UdpSocket::Refusal> UdpSocket::next_refusal() {
  while (fd_.valid()) {
    Refusal refusal;
    iovec part{refusal.head.data(), refusal.head.size()};
    alignas(cmsghdr) std::array<char, 512> control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = recvmsg(fd_.get(), &message, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (got < 0) return std::nullopt;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      const bool error = (header->cmsg_level == SOL_IP && header->cmsg_type == IP_RECVERR) ||
                         (header->cmsg_level == SOL_IPV6 && header->cmsg_type == IPV6_RECVERR);
      if (!error) continue;
      sock_extended_err what{};
      std::memcpy(&what, CMSG_DATA(header), sizeof what);
      // Datagrams that this machine refused were never sent; send() has reported them.
      if (what.ee_origin != SO_EE_ORIGIN_ICMP && what.ee_origin != SO_EE_ORIGIN_ICMP6) continue;
      refusal.octets = static_cast<std::size_t>(got);
      return refusal;
    }
  }
  return std::nullopt;
}

}  // namespace weir
