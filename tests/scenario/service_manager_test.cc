// What systemd hears of a probe, from a stand-in for it: that packets are received, that every worker polls, that it
// stops. A worker whose thread is held is named, and the watchdog is not fed until it polls again; no packet is lost.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "proto/base/unique_fd.h"
#include "tests/scenario/held_thread.h"
#include "tests/scenario/live_rig.h"

namespace weir::test {
namespace {

/// Takes what sd_notify() sends.
class Manager {
 public:
  explicit Manager(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  /// All lines that have come, in their order.
  const std::vector<std::string>& lines() {
    char text[4096];
    for (ssize_t got = 0; (got = ::recv(socket_.get(), text, sizeof text, 0)) > 0;) {
      std::istringstream message(std::string(text, static_cast<std::size_t>(got)));
      for (std::string line; std::getline(message, line);) lines_.push_back(line);
    }
    return lines_;
  }
  bool hears(const std::string& line, std::size_t from = 0) { return place_of(line, from) < lines_.size(); }
  /// Of the first line that begins so; lines().size(): there is none yet.
  std::size_t place_of(const std::string& line, std::size_t from = 0) {
    const auto& all = lines();
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(std::min(from, all.size()));
    return static_cast<std::size_t>(
        std::find_if(begin, all.end(), [&](const std::string& one) { return one.starts_with(line); }) - all.begin());
  }

 private:
  UniqueFd socket_;
  std::vector<std::string> lines_;
};

TEST(ServiceManager, IsFedWhileEveryWorkerPollsAndHearsWhichOneDoesNot) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: it holds a thread of weir";
  const TemporaryFolder folder;
  Manager manager(folder.path("notify"));
  Wire wire = memif();
  wire.weir_prefix = {"env", "NOTIFY_SOCKET=" + folder.path("notify")};
  Probe probe(folder, wire, {});
  ASSERT_TRUE(eventually([&] { return manager.hears("READY=1"); }));
  ASSERT_TRUE(eventually([&] { return manager.hears("WATCHDOG=1"); }));
  const pid_t thread = worker_thread(probe.pid());
  ASSERT_GT(thread, 0);

  std::size_t named = 0;
  Process sender(generator(wire, {"--packets", "800", "--rate", "100", "--flows", "10"}));
  EXPECT_TRUE(eventually([&] { return probe.received() != 0; }));
  {
    const HeldThread held(thread);
    ASSERT_TRUE(eventually([&] { return manager.hears("STATUS=worker 0 does not poll"); }));
    named = manager.place_of("STATUS=worker 0 does not poll");
    const json status = probe.ask_json("status");
    EXPECT_GE(status.at("workers").at(0).at("silent_seconds").get<double>(), 2);
    EXPECT_NE(probe.ask({"status"}).out.find("worker 0 HAS NOT POLLED for "), std::string::npos);
    EXPECT_TRUE(probe.wait_for_error_text("worker 0 has not polled", seconds(1)));
    EXPECT_EQ(probe.ask_json("ledger").at("balanced"), true) << "of the last moment that all workers told of";
    EXPECT_FALSE(manager.hears("WATCHDOG=1", named));
  }
  EXPECT_TRUE(eventually([&] { return manager.hears("WATCHDOG=1", named); }));
  EXPECT_TRUE(probe.wait_for_error_text("polls again", seconds(20)));
  EXPECT_EQ(sender.wait().exit_code, 0);
  EXPECT_TRUE(eventually([&] { return probe.received() == 800; })) << "some waited in the ring";
  EXPECT_TRUE(manager.hears("WATCHDOG=1"));  // takes all lines, so that there is room for the last ones
  probe.stop();
  EXPECT_TRUE(manager.hears("STOPPING=1"));
  EXPECT_EQ(packets_of(probe.ledger().at("counted")), 800U);
}

}  // namespace
}  // namespace weir::test
