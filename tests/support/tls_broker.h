// A TLS door before a Kafka broker that speaks in the clear, as librdkafka's mock cluster does.
//
// A client finds the brokers to send to by the addresses in Metadata answers, which are the real broker's. So the door
// puts its own port into each answer that has the broker's address, and the client comes back to the door.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proto/base/unique_fd.h"
#include "tests/support/tls_collector.h"

struct ssl_ctx_st;

namespace weir::test {

class TlsBroker {
 public:
  /// Before the broker at 127.0.0.1:`broker_port`. `clients`: the file of the authority that clients must have a
  /// certificate of; empty: they need none.
  TlsBroker(const CertificateFiles& own, std::uint16_t broker_port, const std::string& clients = {});
  TlsBroker(const TlsBroker&) = delete;
  TlsBroker& operator=(const TlsBroker&) = delete;
  ~TlsBroker();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Handshakes that both sides went through with, and those that ended before.
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] int refusals() const { return refusals_; }

 private:
  struct Delete {
    void operator()(ssl_ctx_st* context) const;
  };
  void serve();
  void pass(UniqueFd client);

  std::unique_ptr<ssl_ctx_st, Delete> context_;
  std::uint16_t broker_port_;
  std::uint16_t port_ = 0;
  UniqueFd listener_;
  std::atomic<bool> over_{false};
  std::atomic<int> connections_{0};
  std::atomic<int> refusals_{0};
  std::thread acceptor_;
  std::vector<std::thread> passers_;  ///< the acceptor's; joined after it
};

}  // namespace weir::test
