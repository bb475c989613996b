// HttpDoor: takes TCP connections for the HTTP service, so that no thread ever waits for a client.
//
// One thread looks after all connections. It collects the head of a request, hands the whole head on, and sends the
// answer when that has come, from whichever thread. A connection has one request. What clients can make weir hold:
// - kMostConnections; when one more comes, the one goes that has not asked for longest, else the oldest;
// - kMostHead octets of a request, which must be there within kPatience;
// - kMostUnread octets of answers that wait for clients; beyond that the oldest connections are cut off;
// - an answer must be taken within kPatience, or at least go on; after kLongest the connection is over.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "proto/base/unique_fd.h"

namespace weir {

class HttpDoor {
 public:
  static constexpr std::size_t kMostConnections = 256;
  static constexpr std::size_t kMostHead = 8192;
  static constexpr std::size_t kMostUnread = std::size_t{32} << 20;
  static constexpr std::chrono::seconds kPatience{5};
  static constexpr std::chrono::seconds kLongest{30};

  /// A whole head has come. Called by the door's thread, so it must not take long.
  using Ask = std::function<void(std::uint64_t connection, std::string head)>;

  /// `listening` does not block. Nobody is let in before open().
  HttpDoor(UniqueFd listening, Ask ask);
  HttpDoor(const HttpDoor&) = delete;
  HttpDoor& operator=(const HttpDoor&) = delete;
  ~HttpDoor() { close(); }

  void open();
  /// Cuts all connections off. Nothing is asked any more, and answers go nowhere.
  void close();

  /// The whole answer to what `connection` asked; after it the connection ends. From any thread. A connection that is
  /// gone takes none.
  void answer(std::uint64_t connection, std::string octets);

 private:
  using Clock = std::chrono::steady_clock;
  enum class Doing : std::uint8_t { asking, waiting, reading, leaving };
  struct Connection {
    UniqueFd fd;
    std::uint64_t number = 0;
    Doing doing = Doing::asking;
    Clock::time_point came;
    Clock::time_point moved;  ///< something passed
    std::string head;
    std::string answer;
    std::size_t sent = 0;  ///< octets of the answer
  };

  void run();
  void drop_gone(const std::vector<pollfd>& watched);
  void accept_clients(Clock::time_point now);
  void make_room();
  void take_answers(Clock::time_point now);
  /// Passes on what can be. False: the connection is over.
  bool pass(Connection& connection, Clock::time_point now);
  bool take_head(Connection& connection, Clock::time_point now);
  [[nodiscard]] static bool send_answer(Connection& connection, Clock::time_point now);

  UniqueFd listening_;
  UniqueFd wake_;  ///< an eventfd
  Ask ask_;
  std::list<Connection> connections_;  ///< the thread's, as `next_` and `accepting_`; oldest first
  std::uint64_t next_ = 1;
  bool accepting_ = true;

  std::mutex mutex_;  ///< guards what follows
  bool over_ = false;
  std::vector<std::pair<std::uint64_t, std::string>> answers_;

  std::thread thread_;
};

}  // namespace weir
