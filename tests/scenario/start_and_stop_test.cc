// What a probe says while it starts and while it stops: asked again and again, by weirctl and over HTTP, it answers in
// time, says what it is doing, and never shows a ledger that does not balance.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using Arguments = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

const std::string kBin = WEIR_BIN;

/// A TCP port of loopback that nobody listens on.
class StartAndStop : public ::testing::Test {
 protected:
  Arguments weir(const Arguments& options) {
    Arguments all{kBin + "/weir",    "run",      "--port",           "net_memif0,role=server" + memif_, "--socket",
                  path("weir.sock"), "--ledger", path("ledger.json")};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }
  Arguments generator(const Arguments& options) {
    Arguments all{kBin + "/weir-gen", "--port", "net_memif0,role=client" + memif_, "--json"};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path(name); }
  Finished ask(const Arguments& what) {
    Arguments all{kBin + "/weirctl", "--socket", path("weir.sock")};
    all.insert(all.end(), what.begin(), what.end());
    return run(all, seconds(15));
  }
  std::string metrics() { return run({"curl", "-s", "-m", "10", "http://" + http_ + "/metrics"}, seconds(15)).out; }

  TemporaryFolder folder_;
  const std::string memif_ = ",socket=weir-start-" + std::to_string(getpid()) + ",socket-abstract=yes,rsize=11";
  const std::string http_ = "127.0.0.1:" + std::to_string(free_tcp_port());
};

/// The first number of `text` that only a subtraction below zero can have made: 2^63 and more. Empty: none.
std::string huge_number(const json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() >= std::uint64_t{1} << 63) return value.dump();
  if (!value.is_structured()) return {};
  for (const auto& [name, one] : value.items()) {
    if (const std::string found = huge_number(one); !found.empty()) return name + " " + found;
  }
  return {};
}

TEST_F(StartAndStop, AProbeThatStartsSaysWhatItIsDoing) {
  if (!installed("curl")) GTEST_SKIP() << "curl is not installed";
  // Memory of some hundred MB to touch: several questions fit into the start.
  Process weir_process(weir({"--max-flows", "4000000", "--workers", "2", "--prometheus", http_}));
  std::set<std::string> steps;
  bool running = false;
  bool seen_metric = false;
  bool seen_rss = false;
  const auto deadline = Clock::now() + seconds(120);
  while (!running && Clock::now() < deadline) {
    const Finished answer = ask({"-o", "json", "status"});
    if (answer.exit_code != 0) continue;  // the socket is not there yet
    const json status = json::parse(answer.out);
    running = status.at("phase") == "running";
    if (running) break;
    EXPECT_EQ(status.at("phase"), "starting");
    EXPECT_EQ(status.at("ledger"), "none");
    steps.insert(status.at("doing").get<std::string>());
    if (!seen_metric) seen_metric = metrics().find("weir_phase{phase=\"starting\",doing=\"") != std::string::npos;
    const Finished rss = ask({"rss"});
    if (rss.out.starts_with("no self-check: weir is starting: ")) {
      seen_rss = true;
      EXPECT_EQ(rss.exit_code, 1) << "a question without an answer";
    }
    EXPECT_EQ(rss.out.find("SPLIT"), std::string::npos) << rss.out;
  }
  ASSERT_TRUE(running) << weir_process.error_text();
  EXPECT_FALSE(steps.empty());
  EXPECT_TRUE(seen_metric);
  EXPECT_TRUE(seen_rss);
  for (const std::string& step : steps) {
    EXPECT_TRUE(step == "opening the exporters" || step == "starting the ports" ||
                step == "reserving the flow table's memory" || step.starts_with("touching the flow table's memory, "))
        << step;
  }
  EXPECT_NE(metrics().find("weir_phase{phase=\"running\",doing=\"\"} 1"), std::string::npos);
  EXPECT_EQ(ask({"rss"}).exit_code, 0);

  weir_process.signal(SIGTERM);
  const Finished ended = weir_process.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(json::parse(contents(path("ledger.json"))).at("balanced"), true);
}

TEST_F(StartAndStop, PacketsAndFlowsStayOutOfACoreDump) {
  Process process(weir({"--max-flows", "1000000"}));
  ASSERT_TRUE(process.wait_for_error_text("control socket", seconds(40))) << process.error_text();
  Process sending(generator({"--flows", "100", "--rate", "10000", "--duration", "10m"}));
  // What a peer brings is marked within a second.
  std::uint64_t dumped_kib = 0;
  std::uint64_t left_out_kib = 0;
  unsigned regions = 0;
  const auto look = [&] {
    dumped_kib = left_out_kib = regions = 0;
    std::ifstream maps("/proc/" + std::to_string(process.pid()) + "/smaps");
    std::string name;
    std::uint64_t resident_kib = 0;
    unsigned unmarked = 0;
    for (std::string line; std::getline(maps, line);) {
      std::istringstream words(line);
      std::string first;
      words >> first;
      if (first.back() != ':') name = line;
      if (first == "Rss:") words >> resident_kib;
      if (first != "VmFlags:") continue;
      const bool left_out = line.find(" dd") != std::string::npos;
      const bool of_file = name.find(" /") != std::string::npos && name.find("memfd:") == std::string::npos;
      if (!of_file) (left_out ? left_out_kib : dumped_kib) += resident_kib;
      if (name.find("/memfd:memif_region") == std::string::npos) continue;
      ++regions;
      unmarked += left_out ? 0 : 1;
    }
    return regions != 0 && unmarked == 0;
  };
  const auto limit = Clock::now() + seconds(20);
  while (!look() && Clock::now() < limit) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(look()) << regions << " regions of the memif";
  EXPECT_GT(left_out_kib, 120U << 10) << "a table of a million flows, and packet buffers";
  EXPECT_LT(dumped_kib, 48U << 10) << "what is left is weir's own";
  sending.signal(SIGINT);
  EXPECT_EQ(sending.wait(seconds(30)).exit_code, 0);
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(seconds(30)).exit_code, 0);
  EXPECT_EQ(json::parse(contents(path("ledger.json"))).at("balanced"), true);
}

TEST_F(StartAndStop, ASignalWhileMemoryIsTouchedIsHeardAndLeavesEveryFileAsItWas) {
  std::ofstream(path("flows.json")) << "precious\n";
  // A gigabyte to touch.
  Process weir_process(weir({"--max-flows", "8000000", "--export", "json:" + path("flows.json")}));
  std::string phase;
  std::string doing;
  const auto deadline = Clock::now() + seconds(120);
  while (phase != "running" && !doing.starts_with("touching") && Clock::now() < deadline) {
    const Finished answer = ask({"-o", "json", "status"});
    if (answer.exit_code != 0) continue;  // the socket is not there yet
    const json status = json::parse(answer.out);
    phase = status.at("phase");
    doing = status.at("doing");
  }
  weir_process.signal(SIGTERM);
  const Finished ended = weir_process.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(json::parse(contents(path("ledger.json"))).at("balanced"), true);
  if (ended.err.find("before a packet was received") == std::string::npos)
    GTEST_SKIP() << "it was too fast for the test";
  EXPECT_EQ(contents(path("flows.json")), "precious\n");
}

TEST_F(StartAndStop, WhileItStopsWithoutACollectorEveryLedgerBalances) {
  if (!installed("curl")) GTEST_SKIP() << "curl is not installed";
  // Nobody listens at the collector's port; a table that is full makes a record of each packet beside it.
  Process weir_process(weir({"--when-full", "overflow", "--max-flows", "2000", "--stop-timeout", "6s", "--prometheus",
                             http_, "--export", "protobuf+tcp://127.0.0.1:" + std::to_string(free_tcp_port())}));
  ASSERT_TRUE(weir_process.wait_for_error_text("control socket", seconds(40))) << weir_process.error_text();
  Process sender(generator({"--flows", "20000", "--rate", "50000", "--duration", "120s"}));
  const auto packets = [&] {
    const Finished answer = ask({"-o", "json", "ledger"});
    return answer.out.empty() ? 0 : json::parse(answer.out).at("received").at("packets").get<std::uint64_t>();
  };
  const auto limit = Clock::now() + seconds(60);
  while (packets() < 50'000 && Clock::now() < limit) std::this_thread::sleep_for(std::chrono::milliseconds(50));

  weir_process.signal(SIGTERM);
  ASSERT_TRUE(weir_process.wait_for_error_text("stopping; every flow", seconds(20)));
  unsigned stopping = 0;
  for (;;) {
    const Finished answer = ask({"-o", "json", "ledger"});
    if (answer.out.empty()) break;  // it has ended
    const json ledger = json::parse(answer.out);
    EXPECT_EQ(answer.exit_code, 0) << ledger.at("violations");
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
    EXPECT_NE(ledger.at("state"), "unbalanced");
    EXPECT_EQ(huge_number(ledger), "");
    if (ledger.at("doing").get<std::string>().starts_with("stopping: ")) ++stopping;
    const std::string page = metrics();
    if (page.empty()) break;
    EXPECT_NE(page.find("weir_ledger_balanced 1"), std::string::npos);
    EXPECT_EQ(page.find("e+18"), std::string::npos) << page;
    EXPECT_EQ(page.find("e+19"), std::string::npos) << page;
    const Finished status = ask({"-o", "json", "status"});
    if (status.out.empty()) break;
    EXPECT_EQ(huge_number(json::parse(status.out)), "");
  }
  EXPECT_GE(stopping, 3U) << "it answers while it waits for the collector";
  const Finished ended = weir_process.wait();
  EXPECT_EQ(ended.exit_code, 1) << "records were lost: " << ended.err;
  sender.signal(SIGINT);
  EXPECT_FALSE(sender.wait(seconds(30)).timed_out);
  const json ledger = json::parse(contents(path("ledger.json")));
  EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
  EXPECT_GE(ledger.at("received").at("packets").get<std::uint64_t>(), 50'000U);
}

/// A collector that takes the connection and never reads.
class Mute {
 public:
  Mute() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int little = 4096;
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = std::to_string(ntohs(address.sin_port));
  }
  Mute(const Mute&) = delete;
  Mute& operator=(const Mute&) = delete;
  ~Mute() { close(fd_); }
  [[nodiscard]] std::string uri() const { return "protobuf+tcp://127.0.0.1:" + port_; }

 private:
  int fd_;
  std::string port_;
};

TEST_F(StartAndStop, StopTimeoutBoundsTheWholeStopAndWeirctlIsAnsweredMeanwhile) {
  const Mute collector;
  Process weir_process(weir({"--max-flows", "200000", "--stop-timeout", "4s", "--export", collector.uri()}));
  ASSERT_TRUE(weir_process.wait_for_error_text("control socket", seconds(40))) << weir_process.error_text();
  // Some 60000 records of some 110 octets: more than the sockets' buffers take.
  const Finished sent = run(generator({"--flows", "60000", "--tcp", "0", "--rate", "60000", "--packets", "120000"}));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;

  const auto begin = Clock::now();
  weir_process.signal(SIGTERM);
  ASSERT_TRUE(weir_process.wait_for_error_text("stopping; every flow", seconds(20)));
  unsigned answers = 0;
  for (;;) {
    const Finished answer = ask({"-o", "json", "ledger"});
    if (answer.out.empty()) break;
    const json ledger = json::parse(answer.out);
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
    EXPECT_EQ(huge_number(ledger), "");
    ++answers;
  }
  const Finished ended = weir_process.wait(seconds(60));
  const auto took = Clock::now() - begin;
  EXPECT_FALSE(ended.timed_out);
  EXPECT_GE(took, seconds(2)) << "it did wait";
  EXPECT_LT(took, seconds(12)) << "4 s, and some for a machine that is busy; without the option 15 s";
  EXPECT_GE(answers, 2U);
  EXPECT_EQ(ended.exit_code, 1) << ended.err;
  EXPECT_NE(ended.err.find("the time to stop is over (--stop-timeout): "), std::string::npos) << ended.err;
  const json ledger = json::parse(contents(path("ledger.json")));
  EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
  const json& lost = ledger.at("exporters").at(0).at("lost");
  EXPECT_GT(lost.at("shutdown").at("records").get<std::uint64_t>(), 0U) << lost;
}

}  // namespace
}  // namespace weir::test
