// Signals that must not kill weir with packets unrecorded, files that are moved away, and the start after a kill.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/process.h"

namespace weir::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using Arguments = std::vector<std::string>;

const std::string kBin = WEIR_BIN;

class Signals : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path(name); }
  [[nodiscard]] std::string memif(const std::string& role) const {
    return "net_memif0,role=" + role + ",socket=" + path("memif.sock") + ",socket-abstract=no,rsize=11";
  }
  Arguments weir() {
    return {kBin + "/weir",   "run",
            "--port",         memif("server"),
            "--socket",       path("weir.sock"),
            "--ledger",       path("ledger.json"),
            "--idle-timeout", "1s",
            "--export",       "json:" + path("flows.json")};
  }
  /// Sends 2000 packets in 200 flows.
  void send() {
    const Finished sent = run({kBin + "/weir-gen", "--port", memif("client"), "--json", "--flows", "200", "--tcp", "0",
                               "--packets", "2000", "--rate", "20000"});
    ASSERT_EQ(sent.exit_code, 0) << sent.err;
  }
  [[nodiscard]] std::size_t records_in(const std::string& file) const {
    const std::string text = contents(path(file));
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  bool comes_to(const std::string& file, std::size_t records) {
    const auto limit = std::chrono::steady_clock::now() + seconds(30);
    while (records_in(file) != records) {
      if (std::chrono::steady_clock::now() > limit) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  static void ready(Process& process) {
    ASSERT_TRUE(process.wait_for_error_text("control socket", seconds(40))) << process.error_text();
  }
  void expect_all_recorded(const Finished& ended, std::uint64_t packets) {
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    const json ledger = json::parse(contents(path("ledger.json")));
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
    EXPECT_EQ(ledger.at("counted").at("packets"), packets);
    EXPECT_EQ(ledger.at("exporters").at(0).at("exported").at("packets"), packets);
  }

  TemporaryFolder folder_;
};

TEST_F(Signals, ThatAreNotForWeirDoNotEndIt) {
  Process process(weir());
  ready(process);
  send();
  for (const int number : {SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGPOLL, SIGPIPE, SIGXFSZ, SIGRTMIN + 5}) {
    process.signal(number);
  }
  const Finished answer = run({kBin + "/weirctl", "--socket", path("weir.sock"), "ledger"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  process.signal(SIGQUIT);
  expect_all_recorded(process.wait(), 2000);
}

TEST_F(Signals, SighupOpensAFileThatWasMovedAwayAnew) {
  Process process(weir());
  ready(process);
  send();
  ASSERT_TRUE(comes_to("flows.json", 200)) << records_in("flows.json");
  std::filesystem::rename(path("flows.json"), path("flows.json.1"));
  process.signal(SIGHUP);
  ASSERT_TRUE(process.wait_for_error_text("SIGHUP: the files of --export are opened again")) << process.error_text();
  send();
  ASSERT_TRUE(comes_to("flows.json", 200)) << records_in("flows.json");
  process.signal(SIGTERM);
  expect_all_recorded(process.wait(), 4000);
  EXPECT_EQ(records_in("flows.json.1"), 200U);
}

TEST_F(Signals, AWeirThatWasKilledDoesNotKeepTheNextOneFromStarting) {
  {
    Process process(weir());
    ready(process);
    process.signal(SIGKILL);
    process.wait();
  }
  ASSERT_TRUE(std::filesystem::exists(path("memif.sock"))) << "what makes the difference";
  Process process(weir());
  ready(process);
  send();

  // While it lives its file and its sockets are its own.
  ASSERT_TRUE(comes_to("flows.json", 200)) << records_in("flows.json");
  Arguments second = weir();
  second[5] = path("second.sock");
  const Finished locked = run(second, seconds(40));
  EXPECT_EQ(locked.exit_code, 1);
  EXPECT_NE(locked.err.find("flows.json': another program writes to the file"), std::string::npos) << locked.err;
  EXPECT_EQ(records_in("flows.json"), 200U) << "nor is it emptied";
  second.back() = "json:" + path("second.json");
  const Finished refused = run(second, seconds(40));
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find(path("memif.sock") + " belongs to another program"), std::string::npos) << refused.err;
  process.signal(SIGTERM);
  expect_all_recorded(process.wait(), 2000);
}

}  // namespace
}  // namespace weir::test
