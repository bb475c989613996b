#include "control/export/socket_exporter.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weir {
namespace {

/// How often an idle connection is looked at.
constexpr std::chrono::seconds kLookEvery{1};

/// TCP may connect a socket to itself when the port called is the one that the kernel chose for the caller: nobody
/// listens there, and weir would take its own records.
bool connected_to_itself(int fd) {
  Endpoint local;
  Endpoint remote;
  local.length = sizeof local.address;
  remote.length = sizeof remote.address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&local.address), &local.length) != 0 ||
      getpeername(fd, reinterpret_cast<sockaddr*>(&remote.address), &remote.length) != 0) {
    return false;
  }
  if (local.family() != AF_INET && local.family() != AF_INET6) return false;
  return local.length == remote.length && std::memcmp(&local.address, &remote.address, local.length) == 0;
}

}  // namespace

SocketExporter::SocketExporter(std::vector<Endpoint> endpoints, std::string peer, const SocketOptions& options,
                               ExportQueue& books, std::unique_ptr<StreamBuffer> buffer)
    : endpoints_(std::move(endpoints)),
      peer_(std::move(peer)),
      options_(options),
      books_(books),
      buffer_(std::move(buffer)),
      backoff_(options.first_backoff) {
  books_.set_connected(false);
}

tl::expected<void, std::string> SocketExporter::connect_now() {
  std::size_t tried = 0;
  while (state_ != State::connected && tried < endpoints_.size()) {
    start_attempt(ExportClock::now());
    while (state_ == State::connecting) continue_attempt(ExportClock::now());
    ++tried;
  }
  if (state_ == State::connected) return {};
  return tl::unexpected(fmt::format("cannot connect to {}: {}", peer_, error_text(last_error_)));
}

void SocketExporter::start_attempt(ExportTime now) {
  const Endpoint& endpoint = endpoints_[endpoint_];
  socket_ = UniqueFd(socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_.valid()) return attempt_failed(errno, now);
  if (connect(socket_.get(), endpoint.get(), endpoint.length) == 0) return connected(now);
  if (errno != EINPROGRESS && errno != EINTR) return attempt_failed(errno, now);
  state_ = State::connecting;
  attempt_ends_ = now + options_.connect_timeout;
}

void SocketExporter::continue_attempt(ExportTime now) {
  pollfd waits{socket_.get(), POLLOUT, 0};
  if (poll(&waits, 1, static_cast<int>(kLongestBlock.count())) <= 0) {
    if (now >= attempt_ends_) attempt_failed(ETIMEDOUT, now);
    return;
  }
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error == 0) return connected(now);
  attempt_failed(error, now);
}

void SocketExporter::connected(ExportTime now) {
  if (connected_to_itself(socket_.get())) return attempt_failed(ECONNREFUSED, now);
  state_ = State::connected;
  buffer_->begin_stream();
  look_at_ = now + kLookEvery;
  flush_at_ = buffer_->empty() ? ExportTime::max() : now;
  books_.set_connected(true);
}

void SocketExporter::attempt_failed(int error, ExportTime now) {
  last_error_ = error;
  books_.set_connected(false, error_text(error));
  socket_.reset();
  state_ = State::waiting;
  next_attempt_ = now;
  if (++endpoint_ == endpoints_.size()) {
    endpoint_ = 0;
    next_attempt_ = now + backoff_;
    backoff_ = std::min(2 * backoff_, options_.greatest_backoff);
  }
}

void SocketExporter::broken(const std::string& why, ExportTime now) {
  socket_.reset();
  buffer_->rewind();
  if (!options_.reconnect) return fail(fmt::format("{}: {}", peer_, why), ExportLoss::not_connected);
  state_ = State::waiting;
  endpoint_ = 0;
  next_attempt_ = now + backoff_;
  backoff_ = std::min(2 * backoff_, options_.greatest_backoff);
  books_.set_connected(false, why);
}

bool SocketExporter::peer_is_there(ExportTime now) {
  char ignored[512];
  while (true) {
    const ssize_t got = recv(socket_.get(), ignored, sizeof ignored, MSG_DONTWAIT);
    if (got > 0) continue;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    broken(got == 0 ? "the collector closed the connection" : error_text(errno), now);
    return false;
  }
}

void SocketExporter::flush(ExportTime now) {
  if (!peer_is_there(now)) return;
  RecordTotals done;
  std::uint64_t writes = 0;
  std::uint64_t octets = 0;
  int error = 0;
  while (!buffer_->empty()) {
    const std::span<const std::uint8_t> pending = buffer_->pending();
    const ssize_t sent = send(socket_.get(), pending.data(), pending.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      done += buffer_->advance(static_cast<std::size_t>(sent));
      octets += static_cast<std::uint64_t>(sent);
      ++writes;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      error = errno;
      break;
    }
    if (writes != 0) break;
    pollfd waits{socket_.get(), POLLOUT, 0};
    poll(&waits, 1, static_cast<int>(kLongestBlock.count()));
    break;
  }
  if (writes != 0) {
    books_.exported(done, writes, octets, buffer_->take_lateness());
    backoff_ = options_.first_backoff;
  }
  look_at_ = now + kLookEvery;
  flush_at_ = buffer_->empty() ? ExportTime::max() : now;
  if (error != 0) broken(error_text(error), now);
}

std::size_t SocketExporter::take(RecordSpan records, ExportTime now) {
  if (buffer_->empty()) flush_at_ = now + kFlushAfter;
  const std::size_t count = buffer_->append(records);
  if (count < records.size()) flush(now);
  return count;
}

ExportTime SocketExporter::ready() const {
  return state_ == State::connected ? ExportTime::min() : ExportTime::max();
}

ExportTime SocketExporter::due() const {
  switch (state_) {
    case State::waiting:
      return next_attempt_;
    case State::connecting:
      return ExportTime::min();  // continue_attempt() waits by itself
    case State::connected:
      break;
  }
  return std::min(flush_at_, look_at_);
}

void SocketExporter::tick(ExportTime now) {
  switch (state_) {
    case State::waiting:
      start_attempt(now);
      break;
    case State::connecting:
      continue_attempt(now);
      break;
    case State::connected:
      flush(now);
      break;
  }
}

bool SocketExporter::drain(ExportTime now) {
  if (!ended_ && state_ == State::connected) buffer_->end_stream();
  ended_ = true;
  if (state_ == State::connected && !buffer_->empty()) flush(now);
  if (!buffer_->empty() || failure()) return false;
  // The kernel goes on delivering what it has after close().
  socket_.reset();
  return true;
}

void SocketExporter::abandon(ExportLoss loss) {
  socket_.reset();
  books_.lost(buffer_->clear(), loss);
}

ExportLoss SocketExporter::leftover() const {
  return state_ == State::connected ? ExportLoss::shutdown : ExportLoss::not_connected;
}

tl::expected<std::unique_ptr<Exporter>, std::string> open_socket_exporter(std::vector<Endpoint> endpoints,
                                                                          std::string peer,
                                                                          const ExportContext& context,
                                                                          ExportQueue& books,
                                                                          std::unique_ptr<StreamBuffer> buffer) {
  SocketOptions options;
  options.reconnect = reconnects(context.mode);
  auto exporter =
      std::make_unique<SocketExporter>(std::move(endpoints), std::move(peer), options, books, std::move(buffer));
  if (needs_peer_at_start(context.mode)) {
    if (const auto connected = exporter->connect_now(); !connected) {
      return tl::unexpected(connected.error() + "; start the collector first");
    }
  }
  return exporter;
}

}  // namespace weir
