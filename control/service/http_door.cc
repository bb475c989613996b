#include "control/service/http_door.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "control/service/http_request.h"
#include "control/service/receive.h"

namespace weir {
namespace {

constexpr int kFirstConnection = 2;  ///< in what is watched
constexpr int kLookEveryMs = 250;    ///< for limits of time, while there are connections
constexpr const char* kTooLong =
    "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

void wake(int fd) {
  const std::uint64_t one = 1;
  static_cast<void>(write(fd, &one, sizeof one));
}

}  // namespace

HttpDoor::HttpDoor(UniqueFd listening, Ask ask)
    : listening_(std::move(listening)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), ask_(std::move(ask)) {}

void HttpDoor::open() {
  thread_ = std::thread([this] { run(); });
}

void HttpDoor::close() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  wake(wake_.get());
  thread_.join();
  connections_.clear();
}

void HttpDoor::answer(std::uint64_t connection, std::string octets) {
  {
    const std::lock_guard lock(mutex_);
    answers_.emplace_back(connection, std::move(octets));
  }
  wake(wake_.get());
}

void HttpDoor::run() {
  std::vector<pollfd> watched;
  for (;;) {
    watched.assign({{wake_.get(), POLLIN, 0}, {accepting_ ? listening_.get() : -1, POLLIN, 0}});
    for (const Connection& connection : connections_) {
      const int events = connection.doing == Doing::waiting ? 0 : connection.doing == Doing::reading ? POLLOUT : POLLIN;
      watched.push_back({connection.fd.get(), static_cast<short>(events), 0});
    }
    poll(watched.data(), watched.size(), connections_.empty() && accepting_ ? -1 : kLookEveryMs);
    drop_gone(watched);
    std::uint64_t count = 0;
    static_cast<void>(read(wake_.get(), &count, sizeof count));
    const auto now = Clock::now();
    {
      const std::lock_guard lock(mutex_);
      if (over_) return;
    }
    take_answers(now);
    connections_.remove_if([&](Connection& connection) { return !pass(connection, now); });
    accept_clients(now);
  }
}

/// poll() tells of a client that is gone whether or not it is asked, so that one must not be watched again.
void HttpDoor::drop_gone(const std::vector<pollfd>& watched) {
  auto seen = watched.begin() + kFirstConnection;
  connections_.remove_if([&](const Connection&) { return ((seen++)->revents & (POLLERR | POLLHUP)) != 0; });
}

void HttpDoor::accept_clients(Clock::time_point now) {
  for (;;) {
    UniqueFd client(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client.valid()) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      // Descriptors ran out: not asked again before the next look, or this thread would only spin.
      accepting_ = errno == EAGAIN || errno == EWOULDBLOCK;
      return;
    }
    if (connections_.size() >= kMostConnections) make_room();
    Connection& connection = connections_.emplace_back();
    connection.fd = std::move(client);
    connection.number = next_++;
    connection.came = connection.moved = now;
  }
}

void HttpDoor::make_room() {
  const auto silent = std::find_if(connections_.begin(), connections_.end(),
                                   [](const Connection& one) { return one.doing == Doing::asking; });
  connections_.erase(silent == connections_.end() ? connections_.begin() : silent);
}

void HttpDoor::take_answers(Clock::time_point now) {
  std::vector<std::pair<std::uint64_t, std::string>> answers;
  {
    const std::lock_guard lock(mutex_);
    answers.swap(answers_);
  }
  if (answers.empty()) return;
  for (auto& [number, octets] : answers) {
    const auto asked = std::find_if(connections_.begin(), connections_.end(),
                                    [number = number](const Connection& one) { return one.number == number; });
    if (asked == connections_.end()) continue;
    asked->answer = std::move(octets);
    asked->doing = Doing::reading;
    asked->moved = now;
  }
  std::size_t unread = 0;
  for (const Connection& connection : connections_) unread += connection.answer.size();
  while (unread > kMostUnread) {
    const auto oldest = std::find_if(connections_.begin(), connections_.end(),
                                     [](const Connection& one) { return !one.answer.empty(); });
    unread -= oldest->answer.size();
    connections_.erase(oldest);
  }
}

bool HttpDoor::pass(Connection& connection, Clock::time_point now) {
  if (now - connection.came > kLongest) return false;
  if (connection.doing == Doing::waiting) return true;
  if (connection.doing == Doing::asking && now - connection.came > kPatience) return false;
  if (now - connection.moved > kPatience) return false;
  if (connection.doing == Doing::asking && !take_head(connection, now)) return false;
  if (connection.doing == Doing::reading && !send_answer(connection, now)) return false;
  if (connection.doing != Doing::leaving) return true;
  // What the client still sends is read and dropped: a close() would make the kernel take the answer back (RFC 9112
  // section 9.6).
  connection.head.clear();
  return receive_some(connection.fd.get(), connection.head, 4096) != Received::end;
}

bool HttpDoor::take_head(Connection& connection, Clock::time_point now) {
  const Received received = receive_some(connection.fd.get(), connection.head, 4096);
  if (received == Received::end) return false;
  if (received == Received::nothing) return true;
  const std::size_t length = http_head_length(connection.head);
  if (length > kMostHead || (length == 0 && connection.head.size() > kMostHead)) {
    connection.answer = kTooLong;
    connection.doing = Doing::reading;
    return true;
  }
  if (length == 0) return true;
  connection.head.resize(length);
  connection.doing = Doing::waiting;
  connection.moved = now;
  ask_(connection.number, std::move(connection.head));
  return true;
}

bool HttpDoor::send_answer(Connection& connection, Clock::time_point now) {
  while (connection.sent < connection.answer.size()) {
    const ssize_t sent = send(connection.fd.get(), connection.answer.data() + connection.sent,
                              connection.answer.size() - connection.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      connection.sent += static_cast<std::size_t>(sent);
      connection.moved = now;
    } else if (errno != EINTR) {
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
  }
  connection.answer = {};
  connection.doing = Doing::leaving;
  return shutdown(connection.fd.get(), SHUT_WR) == 0;
}

}  // namespace weir
