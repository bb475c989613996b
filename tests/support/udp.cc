#include "tests/support/udp.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace weir::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

/// A socket with a port of the kernel's choice.
UniqueFd bound_socket(std::uint16_t& port, int type = SOCK_DGRAM) {
  UniqueFd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (!fd.valid() || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no socket on loopback");
  }
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

UdpSocketState udp_socket_state(std::uint16_t port) {
  UdpSocketState result;
  std::ifstream in("/proc/net/udp");
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    // sl local rem st tx:rx tr:tm retrnsmt uid timeout inode ref pointer drops
    std::istringstream words(line);
    std::vector<std::string> word{std::istream_iterator<std::string>(words), {}};
    if (word.size() < 13 || std::stoul(word[1].substr(word[1].find(':') + 1), nullptr, 16) != port) continue;
    result.found = true;
    result.unread += std::stoull(word[4].substr(word[4].find(':') + 1), nullptr, 16);
    result.drops += std::stoull(word[12]);
  }
  return result;
}

std::uint16_t free_udp_port() {
  std::uint16_t port = 0;
  bound_socket(port).reset();
  return port;
}

std::uint16_t free_tcp_port() {
  std::uint16_t port = 0;
  bound_socket(port, SOCK_STREAM).reset();
  return port;
}

UdpSource::UdpSource(std::uint16_t to_port) : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_in address = loopback(to_port);
  if (connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("no UDP socket on loopback");
  }
}

void UdpSource::send(const Bytes& octets) const {
  if (::send(fd_.get(), octets.data(), octets.size(), 0) != static_cast<ssize_t>(octets.size())) {
    throw std::runtime_error("a datagram was not sent");
  }
}

UdpSink::UdpSink() : fd_(bound_socket(port_)) {
  const int octets = 8 << 20;
  setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
  thread_ = std::thread([this] { receive(); });
}

UdpSink::~UdpSink() {
  finish();
}

const std::vector<Bytes>& UdpSink::finish() {
  stop_.store(true);
  if (thread_.joinable()) thread_.join();
  return datagrams_;
}

void UdpSink::receive() {
  Bytes octets(65'536);
  for (;;) {
    const bool stopping = stop_.load();
    pollfd one{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (poll(&one, 1, stopping ? 0 : 20) == 1) {
      const ssize_t size = recv(fd_.get(), octets.data(), octets.size(), 0);
      if (size >= 0) datagrams_.emplace_back(octets.begin(), octets.begin() + size);
    } else if (stopping) {
      return;
    }
  }
}

}  // namespace weir::test
