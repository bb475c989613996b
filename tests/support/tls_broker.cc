#include "tests/support/tls_broker.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "control/export/blocked_signals.h"
#include "proto/base/byte_order.h"

namespace weir::test {
namespace {

constexpr int kStepMs = 20;  // how soon a thread sees that the test is over

sockaddr_in at_loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

/// A broker's address as answers have it: the host's name, and the port as 32 bits.
std::string kafka_address(std::uint16_t port) {
  std::array<std::uint8_t, 4> octets{};
  store_be<std::uint32_t>(octets.data(), port);
  return "127.0.0.1" + std::string(octets.begin(), octets.end());
}

/// Takes the whole answers from the front of `from` (each has its length in 32 bits before it), with `before` replaced
/// by `after`, which is as long.
std::string whole_answers(std::string& from, std::string_view before, std::string_view after) {
  std::size_t end = 0;
  while (from.size() - end >= 4) {
    const std::size_t length = load_be<std::uint32_t>(reinterpret_cast<const std::uint8_t*>(from.data() + end));
    if (from.size() - end - 4 < length) break;
    end += 4 + length;
  }
  std::string answers = from.substr(0, end);
  from.erase(0, end);
  for (std::size_t at = answers.find(before); at != std::string::npos; at = answers.find(before, at + before.size())) {
    answers.replace(at, before.size(), after);
  }
  return answers;
}

bool send_all(int fd, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t sent = ::send(fd, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

void TlsBroker::Delete::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

TlsBroker::TlsBroker(const CertificateFiles& own, std::uint16_t broker_port, const std::string& clients)
    : context_(SSL_CTX_new(TLS_server_method())),
      broker_port_(broker_port),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context_.get(), own.cert.c_str()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_.get(), own.key.c_str(), SSL_FILETYPE_PEM), 1);
  if (!clients.empty()) {
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    EXPECT_EQ(SSL_CTX_load_verify_locations(context_.get(), clients.c_str(), nullptr), 1);
  }
  sockaddr_in address = at_loopback(0);
  socklen_t length = sizeof address;
  EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  EXPECT_EQ(listen(listener_.get(), 8), 0);
  EXPECT_EQ(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  port_ = ntohs(address.sin_port);
  const AllSignalsBlocked blocked;  // a client that went away is no SIGPIPE
  acceptor_ = std::thread([this] { serve(); });
}

TlsBroker::~TlsBroker() {
  over_ = true;
  acceptor_.join();
  for (std::thread& passer : passers_) passer.join();
}

void TlsBroker::serve() {
  while (!over_) {
    pollfd wanted{listener_.get(), POLLIN, 0};
    if (poll(&wanted, 1, kStepMs) <= 0) continue;
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.valid()) continue;
    passers_.emplace_back([this, client = std::move(client)]() mutable { pass(std::move(client)); });
  }
}

void TlsBroker::pass(UniqueFd client) {
  const timeval patience{5, 0};  // of a client that says nothing
  setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), &SSL_free);
  SSL_set_fd(ssl.get(), client.get());
  ERR_clear_error();
  if (SSL_accept(ssl.get()) != 1) {
    ++refusals_;
    return;
  }
  ++connections_;
  const UniqueFd broker(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = at_loopback(broker_port_);
  if (connect(broker.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  const std::string before = kafka_address(broker_port_);
  const std::string after = kafka_address(port_);
  std::array<char, 65536> part;
  std::string answers;
  while (!over_) {
    std::array<pollfd, 2> sides{pollfd{client.get(), POLLIN, 0}, pollfd{broker.get(), POLLIN, 0}};
    if (SSL_pending(ssl.get()) == 0 && poll(sides.data(), sides.size(), kStepMs) <= 0) continue;
    if (SSL_pending(ssl.get()) != 0 || sides[0].revents != 0) {
      const int got = SSL_read(ssl.get(), part.data(), static_cast<int>(part.size()));
      if (got <= 0 || !send_all(broker.get(), {part.data(), static_cast<std::size_t>(got)})) return;
    }
    if (sides[1].revents == 0) continue;
    const ssize_t got = ::recv(broker.get(), part.data(), part.size(), 0);
    if (got <= 0) return;
    answers.append(part.data(), static_cast<std::size_t>(got));
    const std::string whole = whole_answers(answers, before, after);
    if (!whole.empty() && SSL_write(ssl.get(), whole.data(), static_cast<int>(whole.size())) <= 0) return;
  }
}

}  // namespace weir::test
