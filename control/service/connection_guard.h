// ConnectionGuard: takes connections on a unix socket and passes their octets on to the gRPC server, so that a client
// can make weir hold only so much, whatever it does.
//
// gRPC has no bound of its own for a client that asks and never reads: each call that waits costs 10 KB, and the limits
// of HTTP/2 (streams, pings) hold only for a client that acknowledges them (RFC 9113 section 6.5.3). So its requests go
// through here, and wait:
// - they pass only while the client has taken every answer so far, and at most kAhead octets of them before one comes;
// - a client that has kMostUnread octets of answers to read, or takes none for kPatience, is cut off;
// - of more than kMostConnections the one goes that was silent longest.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <thread>

#include "proto/base/unique_fd.h"

namespace weir {

class ConnectionGuard {
 public:
  static constexpr std::size_t kAhead = 4096;
  static constexpr std::size_t kMostUnread = std::size_t{1} << 20;
  static constexpr std::chrono::seconds kPatience{5};
  static constexpr std::size_t kMostConnections = 16;

  /// `listening` does not block. `serve` is told the client's socket and takes the other end of each connection, which
  /// is a stream socket that does not block; it is called by the guard's thread.
  ConnectionGuard(UniqueFd listening, std::function<void(UniqueFd, int)> serve);
  ConnectionGuard(const ConnectionGuard&) = delete;
  ConnectionGuard& operator=(const ConnectionGuard&) = delete;
  ~ConnectionGuard();  ///< cuts all connections off

 private:
  using Clock = std::chrono::steady_clock;
  struct Connection {
    UniqueFd client;
    UniqueFd server;
    std::string to_client;    ///< answers on their way
    std::string to_server;    ///< requests on their way
    std::size_t ahead = 0;    ///< octets of requests since the last answer
    std::size_t unread = 0;   ///< what the client had to read when that was last looked at
    Clock::time_point heard;  ///< something passed
    Clock::time_point taken;  ///< the client read something, or had nothing to read
  };

  void run();
  void accept_clients();
  /// Passes on what can be. False: the connection is over.
  static bool pass(Connection& connection, Clock::time_point now);
  static bool pass_answers(Connection& connection, Clock::time_point now);
  static bool pass_requests(Connection& connection, Clock::time_point now);
  [[nodiscard]] static bool may_ask(const Connection& connection);

  UniqueFd listening_;
  UniqueFd stop_;  ///< an eventfd
  std::function<void(UniqueFd, int)> serve_;
  std::list<Connection> connections_;  ///< the thread's
  std::thread thread_;
};

}  // namespace weir
