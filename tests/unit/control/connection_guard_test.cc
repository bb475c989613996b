// What stands between the clients of the control socket and gRPC: one that reads its answers is served, one that does
// not is not.
#include "control/service/connection_guard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace weir::connection_guard_test {
namespace {

constexpr int kLongMs = 10'000;

class ConnectionGuardTest : public testing::Test {
 protected:
  ConnectionGuardTest() {
    address_.sun_family = AF_UNIX;
    std::strcpy(address_.sun_path, folder_.path("s").c_str());
    UniqueFd listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EXPECT_EQ(bind(listening.get(), reinterpret_cast<const sockaddr*>(&address_), sizeof address_), 0);
    EXPECT_EQ(listen(listening.get(), 32), 0);
    guard_ = std::make_unique<ConnectionGuard>(std::move(listening), [this](UniqueFd fd, int) {
      const std::lock_guard lock(mutex_);
      served_.push_back(std::move(fd));
    });
  }
  UniqueFd client() {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address_), sizeof address_), 0);
    return fd;
  }
  /// The server's end of the connection number `i`.
  int server(std::size_t i) {
    for (int turn = 0; turn < kLongMs; ++turn) {
      {
        const std::lock_guard lock(mutex_);
        if (served_.size() > i) return served_[i].get();
      }
      usleep(1000);
    }
    return -1;
  }
  static bool readable(int fd, int timeout_ms = kLongMs) {
    pollfd waits{fd, POLLIN, 0};
    return poll(&waits, 1, timeout_ms) > 0;
  }
  static std::string take(int fd, std::size_t octets) {
    std::string text;
    char part[65536];
    while (text.size() < octets && readable(fd)) {
      const ssize_t got = recv(fd, part, std::min(sizeof part, octets - text.size()), 0);
      if (got <= 0) break;
      text.append(part, static_cast<std::size_t>(got));
    }
    return text;
  }
  static void give(int fd, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
      pollfd waits{fd, POLLOUT, 0};
      if (poll(&waits, 1, kLongMs) <= 0) break;
      const ssize_t sent = send(fd, text.data() + done, text.size() - done, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent <= 0) break;
      done += static_cast<std::size_t>(sent);
    }
  }
  /// Whether the other side closed it.
  static bool over(int fd) {
    char octet;
    while (readable(fd)) {
      if (recv(fd, &octet, 1, 0) <= 0) return true;
    }
    return false;
  }

  const test::TemporaryFolder folder_;
  sockaddr_un address_{};
  std::mutex mutex_;
  std::vector<UniqueFd> served_;
  std::unique_ptr<ConnectionGuard> guard_;
};

TEST_F(ConnectionGuardTest, PassesQuestionsAndAnswers) {
  const UniqueFd one = client();
  for (int round = 0; round < 100; ++round) {
    const std::string question(1 + 37 * static_cast<std::size_t>(round), 'q');
    give(one.get(), question);
    EXPECT_EQ(take(server(0), question.size()), question);
    const std::string answer(100 * question.size(), 'a');
    give(server(0), answer);
    EXPECT_EQ(take(one.get(), answer.size()), answer);
  }
}

TEST_F(ConnectionGuardTest, LetsFewQuestionsAheadOfAnAnswerAndNoneWhileThereIsOneToRead) {
  const UniqueFd one = client();
  give(one.get(), std::string(3 * ConnectionGuard::kAhead, 'q'));
  EXPECT_EQ(take(server(0), ConnectionGuard::kAhead).size(), ConnectionGuard::kAhead);
  EXPECT_FALSE(readable(server(0), 100)) << "the rest waits";
  give(server(0), "answer");
  EXPECT_TRUE(readable(one.get()));
  EXPECT_FALSE(readable(server(0), 100)) << "the client has not read it";
  EXPECT_EQ(take(one.get(), 6), "answer");
  EXPECT_EQ(take(server(0), ConnectionGuard::kAhead).size(), ConnectionGuard::kAhead);
}

TEST_F(ConnectionGuardTest, CutsOffAClientThatLetsAnswersPileUp) {
  const UniqueFd one = client();
  const int its_server = server(0);
  const std::string answer(4096, 'a');
  std::size_t given = 0;
  while (given < 8 * ConnectionGuard::kMostUnread) {
    pollfd waits{its_server, POLLOUT, 0};
    ASSERT_GT(poll(&waits, 1, kLongMs), 0) << "the server never waits for the client";
    const ssize_t sent = send(its_server, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) continue;
    if (sent <= 0) break;
    given += static_cast<std::size_t>(sent);
  }
  EXPECT_GE(given, ConnectionGuard::kMostUnread);
  EXPECT_LT(given, 8 * ConnectionGuard::kMostUnread);
}

TEST_F(ConnectionGuardTest, CutsOffAClientThatTakesNothingForItsPatience) {
  const UniqueFd one = client();
  const auto begin = std::chrono::steady_clock::now();
  give(server(0), "answer");
  EXPECT_TRUE(over(server(0)));
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, ConnectionGuard::kPatience - std::chrono::milliseconds(100));
  EXPECT_EQ(take(one.get(), 6), "answer") << "what it was sent stays its own";
}

TEST_F(ConnectionGuardTest, ClosesBothEndsWhenOneGoes) {
  {
    const UniqueFd one = client();
    give(one.get(), "q");
    EXPECT_EQ(take(server(0), 1), "q");
  }
  EXPECT_TRUE(over(server(0)));
  const UniqueFd two = client();
  ASSERT_GE(server(1), 0);
  {
    const std::lock_guard lock(mutex_);
    served_[1].reset();
  }
  EXPECT_TRUE(over(two.get()));
}

TEST_F(ConnectionGuardTest, LetsTheConnectionThatWasSilentLongestGoForANewOne) {
  std::vector<UniqueFd> clients;
  for (std::size_t i = 0; i < ConnectionGuard::kMostConnections; ++i) {
    clients.push_back(client());
    ASSERT_GE(server(i), 0);
  }
  give(clients[0].get(), "q");
  EXPECT_EQ(take(server(0), 1), "q");
  const UniqueFd newcomer = client();
  ASSERT_GE(server(ConnectionGuard::kMostConnections), 0);
  EXPECT_TRUE(over(clients[1].get()));
  give(clients[0].get(), "q");
  EXPECT_EQ(take(server(0), 1), "q") << "it spoke meanwhile";
}

}  // namespace
}  // namespace weir::connection_guard_test
