// A reader of standard error that has stopped holds up nothing: weir starts, counts, answers and stops in time. One of
// standard output costs the ledger that was to go there.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "proto/base/unique_fd.h"
#include "tests/support/capture_file.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

const std::string kBin = WEIR_BIN;

class StalledLog : public ::testing::Test {
 protected:
  StalledLog() {
    EXPECT_EQ(mkfifo(fifo_.c_str(), 0600), 0);
    pipe_ = UniqueFd(::open(fifo_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    const std::string block(4096, '.');
    while (write(pipe_.get(), block.data(), block.size()) > 0) {
    }
  }
  /// weir run with the pipe as its standard error.
  std::vector<std::string> weir(const std::vector<std::string>& options) {
    std::vector<std::string> all{
        "sh",
        "-c",
        "exec \"$@\" 2>" + fifo_,
        "sh",
        kBin + "/weir",
        "run",
        "--port",
        "net_memif0,role=server,socket=weir-log-" + std::to_string(getpid()) + ",socket-abstract=yes",
        "--socket",
        socket_,
        "--ledger",
        folder_.path("ledger.json"),
        "--stop-timeout",
        "4s"};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }
  bool runs() {
    const auto limit = Clock::now() + seconds(40);
    while (Clock::now() < limit) {
      const Finished answer = run({kBin + "/weirctl", "--socket", socket_, "-o", "json", "status"});
      const json status = json::parse(answer.out, nullptr, false);
      if (answer.exit_code == 0 && status.is_object() && status.at("phase") == "running") return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  [[nodiscard]] std::string read_pipe() const {
    std::string text;
    char part[65536];
    for (ssize_t got = 0; (got = read(pipe_.get(), part, sizeof part)) > 0;) {
      text.append(part, static_cast<std::size_t>(got));
    }
    return text;
  }

  const TemporaryFolder folder_;
  const std::string fifo_ = folder_.path("error");
  const std::string socket_ = folder_.path("weir.sock");
  UniqueFd pipe_;
};

TEST_F(StalledLog, EndsAtSigtermWithinStopTimeout) {
  Process process(weir({"--export", "json:" + folder_.path("a.json")}));
  ASSERT_TRUE(runs()) << "it starts, though nobody reads";
  process.signal(SIGHUP);  // makes it log
  const auto begin = Clock::now();
  process.signal(SIGTERM);
  const Finished ended = process.wait(seconds(30));
  EXPECT_FALSE(ended.timed_out);
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_LT(Clock::now() - begin, seconds(8)) << "4 s, and some for a machine that is busy";
  EXPECT_EQ(json::parse(contents(folder_.path("ledger.json"))).at("balanced"), true);
}

TEST_F(StalledLog, IsSaidAsSoonAsSomebodyReadsAgain) {
  Process process(weir({}));
  ASSERT_TRUE(runs());
  std::string text;
  const auto limit = Clock::now() + seconds(20);
  while (text.find("control socket") == std::string::npos && Clock::now() < limit) text += read_pipe();
  EXPECT_NE(text.find("control socket"), std::string::npos) << "what was kept comes";
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(seconds(30)).exit_code, 0);
  EXPECT_NE((text + read_pipe()).find("stopping; every flow"), std::string::npos);
}

TEST_F(StalledLog, OnStandardOutputCostsTheLedgerAndNotTheEnd) {
  const std::string capture = folder_.path("one.pcap");
  write_capture(capture, {{1'700'000'000'000'000'000, packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).bytes()}});
  const Finished ended =
      run({"sh", "-c", "exec \"$@\" >" + fifo_, "sh", kBin + "/weir", "read", "--ledger", "-", capture}, seconds(20));
  EXPECT_FALSE(ended.timed_out);
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_NE(ended.err.find("--ledger -: nobody reads the pipe"), std::string::npos) << ended.err;
}

}  // namespace
}  // namespace weir::test
