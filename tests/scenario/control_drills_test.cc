// Failure drills at the control socket while packets come: a worker that stands still, 200 clients at once, a client
// that never reads, one that is stopped, garbage, a user outside the group. The ledger is right at every poll, and weir
// stops as ever.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "proto/base/unique_fd.h"
#include "tests/scenario/held_thread.h"
#include "tests/scenario/live_rig.h"
#include "tests/support/http2_client.h"

namespace weir::test {
namespace {

UniqueFd connect_to(const std::string& path) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << std::strerror(errno);
  return fd;
}

/// False: weir has closed the connection.
bool give(const UniqueFd& fd, const std::string& octets) {
  return send(fd.get(), octets.data(), octets.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(octets.size());
}

/// Clients that connect all at once, then ask all at once; how many were answered within `limit`.
unsigned answered_of(const std::string& path, unsigned count, milliseconds limit) {
  std::vector<UniqueFd> clients;
  std::vector<std::string> answers(count);
  for (unsigned i = 0; i < count; ++i) clients.push_back(connect_to(path));
  for (const UniqueFd& client : clients) {
    EXPECT_TRUE(give(client, http2_preface() + grpc_request(1, "/weir.v1.Control/Ledger", "")));
  }
  unsigned answered = 0;
  const auto deadline = Clock::now() + limit;
  while (answered < count && Clock::now() < deadline) {
    std::vector<pollfd> polled;
    for (const UniqueFd& client : clients) polled.push_back({client.get(), POLLIN, 0});  // -1: passed over
    if (poll(polled.data(), polled.size(), 100) <= 0) continue;
    for (unsigned i = 0; i < count; ++i) {
      if (polled[i].revents == 0) continue;
      char octets[4096];
      const ssize_t got = recv(clients[i].get(), octets, sizeof octets, MSG_DONTWAIT);
      if (got > 0) answers[i].append(octets, static_cast<std::size_t>(got));
      const bool whole = has_whole_answer(answers[i]);
      answered += whole ? 1 : 0;
      if (whole || got == 0) clients[i] = UniqueFd();
    }
  }
  return answered;
}

/// Asks for the ledger again and again; every answer must balance.
class Polling {
 public:
  explicit Polling(Probe& probe)
      : thread_([this, &probe] {
          while (!over_) {
            const Finished answer = probe.ask({"-o", "json", "ledger"});
            EXPECT_EQ(answer.exit_code, 0) << answer.err << answer.out;
            const json ledger = json::parse(answer.out, nullptr, false);
            if (ledger.is_discarded()) continue;
            EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
            ++polls_;
            stale_ += ledger.at("state") == "stale" ? 1 : 0;
          }
        }) {}
  Polling(const Polling&) = delete;
  Polling& operator=(const Polling&) = delete;
  ~Polling() {
    over_ = true;
    thread_.join();
  }
  [[nodiscard]] unsigned polls() const { return polls_; }
  [[nodiscard]] unsigned stale() const { return stale_; }

 private:
  std::atomic<bool> over_{false};
  std::atomic<unsigned> polls_{0};
  std::atomic<unsigned> stale_{0};
  std::thread thread_;
};

class ControlDrills : public ::testing::Test {
 protected:
  void send_garbage(const std::string& socket) {
    std::mt19937 random(4711);
    for (unsigned i = 0; i < 20; ++i) {
      std::string octets = i % 2 == 0 ? std::string() : http2_preface();
      for (unsigned j = 0; j < 20'000; ++j) octets += static_cast<char>(random());
      give(connect_to(socket), octets);  // cut off in its midst or not
    }
  }
  /// As nobody, with a weirctl that nobody may run.
  void ask_as_a_stranger(const std::string& socket) {
    if (geteuid() != 0 || !installed("setpriv")) return;
    chmod(std::filesystem::path(socket).parent_path().c_str(), 0755);
    const std::string program = folder_.path("weirctl");
    // By a program: a copy that is open for writing here might be open in a child of another thread, too (ETXTBSY).
    ASSERT_EQ(run({"cp", kBin + "/weirctl", program}).exit_code, 0);
    chmod(program.c_str(), 0755);
    const Finished refused =
        run({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "--socket", socket, "stop"});
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_EQ(refused.err,
              "weirctl: " + socket + ": permission denied; only the user and the group of weir may ask it\n");
  }
  /// A worker stands still, as on SIGSTOP (which would stop the others, too).
  void hold_a_worker(Probe& probe, const Polling& polling) {
    const pid_t thread = worker_thread(probe.pid());
    ASSERT_GT(thread, 0);
    {
      const HeldThread held(thread);
      const Finished top = probe.ask({"top", "--by", "proto", "--timeout", "1"});
      EXPECT_EQ(top.exit_code, 1);
      EXPECT_NE(top.err.find("did not answer in time"), std::string::npos) << top.err;
      EXPECT_TRUE(eventually([&] { return polling.stale() != 0; })) << "the ledger says that it is old";
    }
    EXPECT_TRUE(eventually([&] { return probe.ask_json("ledger").at("state") == "balanced"; }));
  }

  TemporaryFolder folder_;
};

TEST_F(ControlDrills, LeaveTheLedgerRightAtEveryPollAndEveryRecordOnItsWay) {
  const Wire wire = memif();
  Probe probe(folder_, wire, {"--workers", "2", "--rss", "ports", "--export", "json:" + folder_.path("f.json")});
  Process sending(generator(wire, {"--flows", "400", "--rate", "10000", "--packets", "20000", "--queues", "2"}));
  {
    const Polling polling(probe);
    const UniqueFd deaf = connect_to(probe.socket());
    const std::string follow("\x20\x01", 2);  // TailRequest.follow = true
    EXPECT_TRUE(give(deaf, http2_preface() + grpc_request(1, "/weir.v1.Control/Tail", follow)));
    Process stopped({kBin + "/weirctl", "--socket", probe.socket(), "tail", "--follow"});
    stopped.signal(SIGSTOP);
    Process reader({kBin + "/weirctl", "--socket", probe.socket(), "-o", "json", "tail", "--follow"});

    EXPECT_EQ(answered_of(probe.socket(), 200, milliseconds(10'000)), 200U);
    send_garbage(probe.socket());
    ask_as_a_stranger(probe.socket());
    hold_a_worker(probe, polling);
    EXPECT_EQ(sending.wait(seconds(60)).exit_code, 0);
    EXPECT_TRUE(eventually([&] { return probe.received() == 20'000; }));
    const Finished drained = probe.ask({"drain"});
    EXPECT_EQ(drained.exit_code, 0) << drained.err;
    const Finished shown = reader.wait(seconds(20));
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_EQ(json_lines(folder_.path("f.json")).size(), 400U);
    EXPECT_EQ(std::count(shown.out.begin(), shown.out.end(), '\n'), 400) << "whoever read along lost nothing";
    EXPECT_GT(polling.polls(), 3U);
  }
  probe.stop();
}

}  // namespace
}  // namespace weir::test
