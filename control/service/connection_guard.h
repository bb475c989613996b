// ConnectionGuard: takes connections on a unix socket and passes their octets on to the gRPC server, so that a client
// can make weir hold only so much, whatever it does.
//
// gRPC has no bound of its own for a client that asks and never reads: each call that waits costs 10 KB, and the limits
// of HTTP/2 (streams, pings) hold only for a client that acknowledges them (RFC 9113 section 6.5.3). So its requests go
// through here, and wait:
// - they pass only while the client has taken every answer so far, and at most kAhead octets of them before one comes;
// - a client that has kMostUnread octets of answers to read, or takes none for kPatience, is cut off;
// - beyond kMostConnections a client waits for its turn, in the backlog of the socket. A connection that was silent for
//   kSilence gives way at once, and after kTurn the one that was silent longest does, however short that was. So 200
//   clients that come at once are all served, and clients that talk all the time do not keep others out.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <thread>

#include "proto/base/unique_fd.h"

namespace weir {

/// Who connected, as the kernel says (SO_PEERCRED, unix(7)).
struct Peer {
  unsigned user = 0;
  int process = 0;  ///< 0: not known, which is so of another PID namespace
};

class ConnectionGuard {
 public:
  /// Takes the other end of a connection, which is a stream socket that does not block.
  using Serve = std::function<void(UniqueFd end, Peer peer)>;

  static constexpr std::size_t kAhead = 4096;
  static constexpr std::size_t kMostUnread = std::size_t{1} << 20;
  static constexpr std::chrono::seconds kPatience{5};
  static constexpr std::size_t kMostConnections = 16;
  static constexpr std::chrono::seconds kSilence{3};
  static constexpr std::chrono::seconds kTurn{1};

  /// `listening` does not block. `serve` is called by the guard's thread.
  ConnectionGuard(UniqueFd listening, Serve serve);
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
  void accept_clients(Clock::time_point now);
  [[nodiscard]] bool make_room(Clock::time_point now);
  /// Passes on what can be. False: the connection is over.
  static bool pass(Connection& connection, Clock::time_point now);
  static bool pass_answers(Connection& connection, Clock::time_point now);
  static bool pass_requests(Connection& connection, Clock::time_point now);
  [[nodiscard]] static bool may_ask(const Connection& connection);

  UniqueFd listening_;
  UniqueFd stop_;  ///< an eventfd
  Serve serve_;
  std::list<Connection> connections_;             ///< the thread's
  std::optional<Clock::time_point> waits_since_;  ///< likewise: a client waits for its turn
  std::thread thread_;
};

}  // namespace weir
