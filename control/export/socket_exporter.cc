#include "control/export/socket_exporter.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proto/base/counts.h"

namespace weir {
namespace {

/// How often an idle connection is looked at.
constexpr std::chrono::seconds kLookEvery{1};
/// How often the kernel is asked what was acknowledged while something is not.
constexpr std::chrono::milliseconds kAcknowledgementEvery{10};
/// The same while the buffer is full, or there is nothing else to wait for.
constexpr std::chrono::milliseconds kRoomEvery{2};
/// A write is worth it.
constexpr std::size_t kWriteOctets = std::size_t{256} * 1024;
/// What may wait in the kernel without being on its way.
constexpr int kMostNotSent = 128 * 1024;
/// What TLS may have made that the socket has not taken: more is encrypted when this is gone.
constexpr std::size_t kMostEncrypted = std::size_t{64} * 1024;

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

SocketExporter::SocketExporter(Lookup lookup, std::string peer, const SocketOptions& options, ExportQueue& books,
                               std::unique_ptr<StreamBuffer> buffer)
    : lookup_(std::move(lookup)),
      peer_(std::move(peer)),
      options_(options),
      books_(books),
      buffer_(std::move(buffer)),
      backoff_(options.first_backoff) {
  books_.set_connected(false);
}

tl::expected<void, std::string> SocketExporter::connect_now() {
  do {
    start_attempt(ExportClock::now());
    while (state_ == State::looking_up) continue_lookup(ExportClock::now(), kLongestBlock);
    while (state_ == State::connecting) continue_attempt(ExportClock::now());
    while (state_ == State::handshaking) continue_handshake(ExportClock::now());
  } while (state_ != State::connected && endpoint_ != 0);
  if (state_ == State::connected) return {};
  return tl::unexpected(last_failure_);
}

void SocketExporter::start_attempt(ExportTime now) {
  if (endpoint_ != 0) return connect_to(endpoints_[endpoint_], now);
  lookup_.start();
  state_ = State::looking_up;
  continue_lookup(now, std::chrono::milliseconds(0));
}

void SocketExporter::continue_lookup(ExportTime now, std::chrono::milliseconds limit) {
  auto answer = lookup_.answer(limit);
  if (!answer) return;
  if (!*answer) {
    last_failure_ = answer->error();
    books_.set_connected(false, last_failure_);
    return wait_for_next_round(now);
  }
  endpoints_ = std::move(**answer);
  connect_to(endpoints_[0], now);
}

void SocketExporter::connect_to(const Endpoint& endpoint, ExportTime now) {
  is_unix_ = endpoint.family() == AF_UNIX;
  socket_ = UniqueFd(socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_.valid()) return attempt_failed(error_text(errno), now);
  if (auto prepared = is_unix_ ? tl::expected<void, std::string>() : options_.outgoing.apply(socket_.get(), endpoint);
      !prepared) {
    return attempt_failed(prepared.error(), now, false);
  }
  if (connect(socket_.get(), endpoint.get(), endpoint.length) == 0) return connected(now);
  if (errno != EINPROGRESS && errno != EINTR) return attempt_failed(error_text(errno), now);
  state_ = State::connecting;
  attempt_ends_ = now + options_.connect_timeout;
}

void SocketExporter::continue_attempt(ExportTime now) {
  pollfd waits{socket_.get(), POLLOUT, 0};
  if (poll(&waits, 1, static_cast<int>(kLongestBlock.count())) <= 0) {
    if (now >= attempt_ends_) attempt_failed(error_text(ETIMEDOUT), now);
    return;
  }
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error == 0) return connected(now);
  attempt_failed(error_text(error), now);
}

void SocketExporter::connected(ExportTime now) {
  if (connected_to_itself(socket_.get())) return attempt_failed(error_text(ECONNREFUSED), now);
  if (!is_unix_) {
    const int octets = kMostNotSent;
    setsockopt(socket_.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &octets, sizeof octets);
  }
  sent_octets_ = acknowledged_octets_ = 0;
  unread_is_unknown_ = false;
  if (!options_.tls) return begin_stream(now);
  auto tls = TlsClient::make(*options_.tls, options_.host);
  if (!tls) return attempt_failed(tls.error(), now, false);
  tls_ = std::move(*tls);
  state_ = State::handshaking;
  attempt_ends_ = now + options_.connect_timeout;
  continue_handshake(now);
}

void SocketExporter::continue_handshake(ExportTime now) {
  int error = 0;
  const bool there = receive(error);
  const TlsClient::State state = tls_->advance();
  while (!tls_->pending().empty()) {
    const std::span<const std::uint8_t> pending = tls_->pending();
    const ssize_t sent = send(socket_.get(), pending.data(), pending.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) break;  // a broken connection shows when something is received from it
    tls_->sent(static_cast<std::size_t>(sent));
    sent_octets_ += static_cast<std::uint64_t>(sent);
  }
  if (state == TlsClient::State::failed) return attempt_failed(tls_->error(), now, false);
  if (!there) {
    const std::string why = error == 0 ? "the collector closed the connection" : error_text(error);
    return attempt_failed("TLS handshake: " + why, now, false);
  }
  if (state == TlsClient::State::open) return begin_stream(now);
  if (now >= attempt_ends_) return attempt_failed("TLS handshake: " + error_text(ETIMEDOUT), now, false);
  pollfd waits{socket_.get(), static_cast<short>(tls_->pending().empty() ? POLLIN : POLLIN | POLLOUT), 0};
  poll(&waits, 1, static_cast<int>(kLongestBlock.count()));
}

void SocketExporter::begin_stream(ExportTime now) {
  state_ = State::connected;
  buffer_->begin_stream();
  room_at_ = ExportTime::min();
  plan(now);
  books_.connection_began();
}

void SocketExporter::attempt_failed(const std::string& why, ExportTime now, bool away) {
  last_failure_ = fmt::format("cannot connect to {}: {}{}", peer_, why, away ? "; start the collector first" : "");
  books_.set_connected(false, why);
  socket_.reset();
  tls_.reset();
  state_ = State::waiting;
  next_attempt_ = now;
  if (++endpoint_ >= endpoints_.size()) wait_for_next_round(now);
}

void SocketExporter::wait_for_next_round(ExportTime now) {
  state_ = State::waiting;
  endpoint_ = 0;
  next_attempt_ = now + backoff_;
  backoff_ = std::min(2 * backoff_, options_.greatest_backoff);
}

void SocketExporter::broken(int error, ExportTime now) {
  if (error == ECONNRESET && is_unix_) unread_is_unknown_ = true;
  broken(error == 0 ? "the collector closed the connection" : error_text(error), now);
}

void SocketExporter::broken(const std::string& why, ExportTime now) {
  settle(0, 0);
  const RecordTotals unacknowledged = buffer_->in_flight();
  socket_.reset();
  tls_.reset();
  buffer_->rewind();
  wait_for_next_round(now);
  books_.connection_ended(unacknowledged, why);
  if (!options_.reconnect) fail(fmt::format("{}: {}", peer_, why), ExportLoss::not_connected);
}

bool SocketExporter::receive(int& error) {
  std::array<std::uint8_t, 4096> came;
  while (true) {
    const ssize_t got = recv(socket_.get(), came.data(), came.size(), MSG_DONTWAIT);
    if (got > 0) {
      if (tls_ != nullptr) tls_->received(std::span(came).first(static_cast<std::size_t>(got)));
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    error = got == 0 ? 0 : errno;
    return got < 0 && (error == EAGAIN || error == EWOULDBLOCK);
  }
}

bool SocketExporter::peer_is_there(ExportTime now) {
  int error = 0;
  const bool there = receive(error);
  if (tls_ != nullptr && tls_->advance() != TlsClient::State::open) {
    const bool failed = tls_->state() == TlsClient::State::failed;
    broken(failed ? tls_->error() : std::string("the collector closed the connection"), now);
    return false;
  }
  if (!there) broken(error, now);
  return there;
}

bool SocketExporter::nothing_to_send() const {
  return buffer_->empty() && (tls_ == nullptr || tls_->pending().empty());
}

std::span<const std::uint8_t> SocketExporter::next_octets() {
  if (tls_ == nullptr) return buffer_->pending();
  while (!buffer_->empty() && tls_->pending().size() < kMostEncrypted) {
    const std::size_t taken = tls_->write(buffer_->pending());
    if (taken == 0) break;
    buffer_->sent(taken);
  }
  return tls_->pending();
}

void SocketExporter::say_goodbye() {
  if (tls_ == nullptr) return;
  tls_->close();
  const std::span<const std::uint8_t> last = tls_->pending();
  if (!last.empty()) (void)send(socket_.get(), last.data(), last.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::uint64_t SocketExporter::acknowledged_octets() {
  int outstanding = 0;
  if (ioctl(socket_.get(), SIOCOUTQ, &outstanding) != 0 || outstanding < 0) return acknowledged_octets_;
  if (is_unix_) {
    // Ask after SIOCOUTQ: the kernel drops what the peer leaves unread only after it has set this error.
    // The kernel tells it once.
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) unread_is_unknown_ = true;
    if (unread_is_unknown_) return acknowledged_octets_;
  }
  return std::max(acknowledged_octets_, without(sent_octets_, static_cast<std::uint64_t>(outstanding)));
}

void SocketExporter::settle(std::uint64_t writes, std::uint64_t octets) {
  const std::uint64_t acknowledged = acknowledged_octets();
  const std::uint64_t more = acknowledged - acknowledged_octets_;
  acknowledged_octets_ = acknowledged;
  if (more == 0 && writes == 0) return;
  const std::size_t of_stream = tls_ == nullptr ? static_cast<std::size_t>(more) : tls_->acknowledged(acknowledged);
  const RecordTotals done = buffer_->acknowledged(of_stream);
  books_.exported(done, writes, octets, buffer_->take_lateness());
  // Octets of a handshake do not count: after it a collector may still refuse weir's certificate, by TLS 1.3.
  if (of_stream != 0) backoff_ = options_.first_backoff;
}

void SocketExporter::plan(ExportTime now) {
  flush_at_ = nothing_to_send() ? ExportTime::max() : now;
  plan_look(now);
}

void SocketExporter::plan_look(ExportTime now) {
  look_at_ = now + (sent_octets_ == acknowledged_octets_ ? kLookEvery : kAcknowledgementEvery);
}

void SocketExporter::look(ExportTime now) {
  if (!peer_is_there(now)) return;
  settle(0, 0);
  plan_look(now);
}

void SocketExporter::flush(ExportTime now) {
  if (!peer_is_there(now)) return;
  std::uint64_t writes = 0;
  std::uint64_t octets = 0;
  int error = 0;
  while (!nothing_to_send()) {
    const std::span<const std::uint8_t> pending = next_octets();
    if (pending.empty()) break;  // TLS takes nothing more
    const ssize_t sent = send(socket_.get(), pending.data(), pending.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      tls_ == nullptr ? buffer_->sent(static_cast<std::size_t>(sent)) : tls_->sent(static_cast<std::size_t>(sent));
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
  sent_octets_ += octets;
  const bool tls_failed = tls_ != nullptr && tls_->state() == TlsClient::State::failed;
  if (error != 0 || tls_failed) {
    books_.exported({}, writes, octets);
    return tls_failed ? broken(tls_->error(), now) : broken(error, now);
  }
  settle(writes, octets);
  plan(now);
}

std::size_t SocketExporter::take(RecordSpan records, ExportTime now) {
  if (nothing_to_send()) flush_at_ = now + kFlushAfter;
  const std::size_t count = buffer_->append(records);
  if (count < records.size() || buffer_->pending_octets() >= kWriteOctets) flush(now);
  // Everything is sent and not yet acknowledged; no event tells when that changes, so look again later.
  room_at_ = count == 0 && buffer_->empty() ? now + kRoomEvery : ExportTime::min();
  return count;
}

ExportTime SocketExporter::ready() const {
  return state_ == State::connected ? room_at_ : ExportTime::max();
}

ExportTime SocketExporter::due() const {
  switch (state_) {
    case State::waiting:
      return next_attempt_;
    case State::looking_up:
    case State::connecting:
    case State::handshaking:
      return ExportTime::min();  // to go on with it waits by itself
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
    case State::looking_up:
      continue_lookup(now, kLongestBlock);
      break;
    case State::connecting:
      continue_attempt(now);
      break;
    case State::handshaking:
      continue_handshake(now);
      break;
    case State::connected:
      // Before it is time to flush, only look at the acknowledgements: records that wait for more keep waiting.
      now >= flush_at_ ? flush(now) : look(now);
      break;
  }
}

bool SocketExporter::drain(ExportTime now) {
  if (!ended_ && state_ == State::connected) buffer_->end_stream();
  ended_ = true;
  if (state_ == State::connected && !buffer_->settled()) flush(now);
  if (failure()) return false;
  if (!buffer_->settled()) {
    if (state_ == State::connected && buffer_->empty()) {
      pollfd closed{socket_.get(), POLLIN, 0};
      poll(&closed, 1, static_cast<int>(kRoomEvery.count()));
    }
    return false;
  }
  if (state_ == State::connected) {
    say_goodbye();
    books_.connection_ended({}, {});
  }
  socket_.reset();
  tls_.reset();
  return true;
}

void SocketExporter::abandon(ExportLoss loss) {
  const bool had_connection = state_ == State::connected;
  if (had_connection) {
    settle(0, 0);
    books_.connection_ended(buffer_->in_flight(), {});
  }
  socket_.reset();
  tls_.reset();
  state_ = State::waiting;
  const RecordTotals once_sent = buffer_->once_sent();
  books_.lost(once_sent, had_connection ? loss : ExportLoss::connection_lost);
  books_.lost(buffer_->clear() - once_sent, loss);
}

ExportLoss SocketExporter::leftover() const {
  return state_ == State::connected ? ExportLoss::shutdown : ExportLoss::not_connected;
}

namespace {

tl::expected<std::unique_ptr<Exporter>, std::string> open_with(Lookup lookup, std::string peer, SocketOptions options,
                                                               const ExportContext& context, ExportQueue& books,
                                                               std::unique_ptr<StreamBuffer> buffer) {
  options.reconnect = reconnects(context.mode);
  auto exporter =
      std::make_unique<SocketExporter>(std::move(lookup), std::move(peer), options, books, std::move(buffer));
  if (needs_peer_at_start(context.mode)) {
    if (auto connected = exporter->connect_now(); !connected) return tl::unexpected(std::move(connected.error()));
  }
  return exporter;
}

}  // namespace

tl::expected<std::unique_ptr<Exporter>, std::string> open_socket_exporter(Lookup lookup, std::string peer,
                                                                          const ExportContext& context,
                                                                          ExportQueue& books,
                                                                          std::unique_ptr<StreamBuffer> buffer,
                                                                          const OutgoingOptions& outgoing) {
  SocketOptions options;
  options.outgoing = outgoing;
  return open_with(std::move(lookup), std::move(peer), std::move(options), context, books, std::move(buffer));
}

tl::expected<std::unique_ptr<Exporter>, std::string> open_tls_exporter(Lookup lookup, const HostPort& peer,
                                                                       const ExportContext& context, ExportQueue& books,
                                                                       std::unique_ptr<StreamBuffer> buffer,
                                                                       const OutgoingOptions& outgoing,
                                                                       const TlsOptions& tls) {
  if (auto files = TlsClient::make(tls, peer.host); !files) return tl::unexpected(std::move(files.error()));
  SocketOptions options;
  options.outgoing = outgoing;
  options.tls = tls;
  options.host = peer.host;
  return open_with(std::move(lookup), peer.text(), std::move(options), context, books, std::move(buffer));
}

}  // namespace weir
