#include "control/service/connection_guard.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include "control/service/receive.h"

namespace weir {
namespace {

/// How often a client that has something to read is looked at: no event tells that it did.
constexpr int kLookEveryMs = 5;
constexpr int kIdleLookMs = 1000;
/// How often it is looked whether a client that waits may come in.
constexpr int kTurnLookMs = 50;

/// Octets that were sent and that the peer has not read (unix(7) has SIOCOUTQ as tcp(7)).
std::size_t unread_by_peer(int fd) {
  int octets = 0;
  return ioctl(fd, SIOCOUTQ, &octets) == 0 && octets > 0 ? static_cast<std::size_t>(octets) : 0;
}

/// Sends what goes now. False: the peer is gone.
bool send_some(int fd, std::string& octets) {
  while (!octets.empty()) {
    const ssize_t sent = send(fd, octets.data(), octets.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      octets.erase(0, static_cast<std::size_t>(sent));
    } else if (errno != EINTR) {
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
  }
  return true;
}

Peer peer_of(int fd) {
  ucred credentials{};
  socklen_t octets = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &octets) != 0) return {};
  return {credentials.uid, credentials.pid};
}

}  // namespace

ConnectionGuard::ConnectionGuard(UniqueFd listening, Serve serve)
    : listening_(std::move(listening)), stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), serve_(std::move(serve)) {
  thread_ = std::thread([this] { run(); });
}

ConnectionGuard::~ConnectionGuard() {
  const std::uint64_t one = 1;
  static_cast<void>(write(stop_.get(), &one, sizeof one));
  thread_.join();
}

/// False: who waits has to go on waiting, or nobody does.
bool ConnectionGuard::make_room(Clock::time_point now) {
  if (connections_.size() < kMostConnections) return true;
  pollfd asks{listening_.get(), POLLIN, 0};
  if (poll(&asks, 1, 0) <= 0) {
    waits_since_.reset();
    return false;
  }
  if (!waits_since_) waits_since_ = now;
  const auto silent = std::min_element(connections_.begin(), connections_.end(),
                                       [](const auto& a, const auto& b) { return a.heard < b.heard; });
  if (now - silent->heard < kSilence && now - *waits_since_ < kTurn) return false;
  connections_.erase(silent);
  return true;
}

void ConnectionGuard::accept_clients(Clock::time_point now) {
  while (make_room(now)) {
    waits_since_.reset();
    UniqueFd client(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client.valid()) return;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return;
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    serve_(std::move(theirs), peer_of(client.get()));
    Connection connection;
    connection.client = std::move(client);
    connection.server = std::move(ours);
    connection.heard = connection.taken = now;
    connections_.push_back(std::move(connection));
  }
}

bool ConnectionGuard::pass_answers(Connection& connection, Clock::time_point now) {
  for (;;) {
    const Received received = receive_some(connection.server.get(), connection.to_client, kPiece);
    if (received == Received::end) {  // the server closed it: what it said before still goes out
      static_cast<void>(send_some(connection.client.get(), connection.to_client));
      return false;
    }
    if (!send_some(connection.client.get(), connection.to_client)) return false;
    if (received == Received::nothing) break;
    connection.ahead = 0;
    connection.heard = now;
    if (connection.to_client.size() > kMostUnread) return false;
  }
  const std::size_t unread = connection.to_client.size() + unread_by_peer(connection.client.get());
  if (unread == 0 || unread < connection.unread) connection.taken = now;
  connection.unread = unread;
  return now - connection.taken < kPatience;
}

bool ConnectionGuard::may_ask(const Connection& connection) {
  return connection.unread == 0 && connection.ahead < kAhead && connection.to_server.empty();
}

bool ConnectionGuard::pass_requests(Connection& connection, Clock::time_point now) {
  if (!send_some(connection.server.get(), connection.to_server)) return false;
  if (!may_ask(connection)) return true;
  const Received received = receive_some(connection.client.get(), connection.to_server, kAhead - connection.ahead);
  if (received == Received::end) return false;
  if (received == Received::nothing) return true;
  connection.ahead += connection.to_server.size();
  connection.heard = now;
  return send_some(connection.server.get(), connection.to_server);
}

bool ConnectionGuard::pass(Connection& connection, Clock::time_point now) {
  return pass_answers(connection, now) && pass_requests(connection, now);
}

void ConnectionGuard::run() {
  std::vector<pollfd> polled;
  for (;;) {
    const short arrivals = waits_since_ ? 0 : POLLIN;
    polled.assign({{stop_.get(), POLLIN, 0}, {listening_.get(), arrivals, 0}});
    int timeout_ms = waits_since_ ? kTurnLookMs : kIdleLookMs;
    for (const Connection& connection : connections_) {
      const short asks = may_ask(connection) ? POLLIN : 0;
      polled.push_back({connection.client.get(), asks, 0});
      const int to_server = connection.to_server.empty() ? POLLIN : POLLIN | POLLOUT;
      polled.push_back({connection.server.get(), static_cast<short>(to_server), 0});
      if (connection.unread != 0) timeout_ms = kLookEveryMs;  // the least of all
    }
    static_cast<void>(poll(polled.data(), polled.size(), timeout_ms));
    if (polled[0].revents != 0) return;
    const Clock::time_point now = Clock::now();
    std::size_t place = 2;
    connections_.remove_if([&](Connection& connection) {
      const bool left = (polled[place].revents & (POLLHUP | POLLERR)) != 0;
      place += 2;
      return left || !pass(connection, now);
    });
    if (polled[1].revents != 0 || waits_since_) accept_clients(now);
  }
}

}  // namespace weir
