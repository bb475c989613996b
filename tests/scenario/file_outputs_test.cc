// Output files of the real programs: a start that fails changes none of them, append=1 keeps what they hold, and what
// happens to them while weir runs is mended, with a ledger that balances at every poll.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "proto/base/unique_fd.h"
#include "tests/support/process.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using Arguments = std::vector<std::string>;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

const std::string kBin = WEIR_BIN;

class FileOutputs : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path(name); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }
  Arguments weir(const Arguments& options) {
    Arguments all{kBin + "/weir",    "run",      "--port",           "net_memif0,role=server" + memif_, "--socket",
                  path("weir.sock"), "--ledger", path("ledger.json")};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }
  /// Sends `flows` flows of 10 packets.
  void send(unsigned flows) {
    const Finished sent =
        run({kBin + "/weir-gen", "--port", "net_memif0,role=client" + memif_, "--json", "--flows",
             std::to_string(flows), "--tcp", "0", "--packets", std::to_string(10 * flows), "--rate", "20000"});
    ASSERT_EQ(sent.exit_code, 0) << sent.err;
  }
  static void ready(Process& process) {
    ASSERT_TRUE(process.wait_for_error_text("control socket", seconds(40))) << process.error_text();
  }
  /// The ledger of now, which balances.
  json ledger() {
    const Finished answer = run({kBin + "/weirctl", "--socket", path("weir.sock"), "-o", "json", "ledger"});
    EXPECT_EQ(answer.exit_code, 0) << answer.out << answer.err;
    const json ledger = json::parse(answer.out, nullptr, false);
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
    return ledger;
  }
  bool ledger_comes_to(const std::function<bool(const json&)>& condition) {
    const auto limit = Clock::now() + seconds(30);
    while (!condition(ledger().at("exporters").at(0))) {
      if (Clock::now() > limit) return false;
    }
    return true;
  }
  static std::uint64_t exported(const json& exporter) {
    return exporter.at("exported").at("records").get<std::uint64_t>();
  }
  static std::string state(const json& exporter) { return exporter.at("state").get<std::string>(); }
  [[nodiscard]] std::size_t lines_in(const std::string& file) const {
    const std::string text = contents(path(file));
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  void expect_all_recorded(const Finished& ended, std::uint64_t packets) {
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    const json ledger = json::parse(contents(path("ledger.json")));
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
    EXPECT_EQ(ledger.at("exporters").at(0).at("exported").at("packets"), packets);
  }

  TemporaryFolder folder_;
  const std::string memif_ = ",socket=weir-files-" + std::to_string(getpid()) + ",socket-abstract=yes,rsize=11";
};

TEST_F(FileOutputs, AreAsTheyWereAfterAStartThatFails) {
  write("flows.json", "precious\n");
  write("flows.part.json.part", "left over");
  const Arguments exports{"--export", "json:" + path("flows.json"),
                          "--export", "json:" + path("flows.part.json") + "?rotate_size=1M",
                          "--export", "protobuf:" + path("new.pb")};
  const auto fails = [&](Arguments command, const std::string& why) {
    command.insert(command.end(), exports.begin(), exports.end());
    const Finished ended = run(command, seconds(60));
    EXPECT_EQ(ended.exit_code, 1) << ended.err;
    EXPECT_NE(ended.err.find(why), std::string::npos) << ended.err;
    EXPECT_EQ(contents(path("flows.json")), "precious\n") << why;
    EXPECT_EQ(contents(path("flows.part.json.part")), "left over") << why;
    EXPECT_FALSE(fs::exists(path("new.pb"))) << why;
  };
  Arguments wrong_port = weir({});
  wrong_port[3] = "net_af_packet0,iface=weir-is-not-there";
  fails(wrong_port, "weir-is-not-there");
  fails(weir({"--max-flows", "2147483648", "--workers", "2", "--metrics", "all"}), "would fit");
  const Process other(weir({}));
  ASSERT_TRUE(const_cast<Process&>(other).wait_for_error_text("control socket", seconds(40)));
  fails(weir({}), "is served by process");
}

TEST_F(FileOutputs, AreKeptWithAppend) {
  ASSERT_EQ(run({kBin + "/weir-gen", "--write", path("in.pcap"), "--packets", "500", "--flows", "50"}).exit_code, 0);
  const auto read = [&](const std::string& uri) {
    const Finished ended = run({kBin + "/weir", "read", "--export", uri, path("in.pcap")});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    expect_balanced(ended);
  };
  const std::string file = "json:" + path("a.json");
  read(file);
  const std::size_t once = lines_in("a.json");
  ASSERT_GT(once, 0U);
  read(file);
  EXPECT_EQ(lines_in("a.json"), once) << "emptied";
  read(file + "?append=1");
  EXPECT_EQ(lines_in("a.json"), 2 * once);
  if (!installed("zstd")) return;
  const std::string compressed = "json:" + path("a.zst") + "?compression=zstd&append=1";
  read(compressed);
  read(compressed);
  const Finished plain = run({"zstd", "-dc", path("a.zst")});
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_EQ(static_cast<std::size_t>(std::count(plain.out.begin(), plain.out.end(), '\n')), 2 * once);
}

TEST_F(FileOutputs, SayWhatDoesNotGoTogether) {
  for (const auto& [uri, why] : std::vector<std::pair<std::string, std::string>>{
           {"json:a?append=1&rotate=1h", "a rotating output overwrites no file that exists"},
           {"json:-?append=1", "standard output is never emptied"},
           {"json:c-%Y.json", "'%Y' in a file's name stands for the time only with rotate="}}) {
    const Finished refused = run({kBin + "/weir", "check", "--export", uri});
    EXPECT_EQ(refused.exit_code, 2) << uri;
    EXPECT_NE(refused.err.find(why), std::string::npos) << refused.err;
  }
  EXPECT_EQ(run({kBin + "/weir", "check", "--export", "json:100%.json"}).exit_code, 0) << "no time is in it";
}

TEST_F(FileOutputs, ThatAreDeletedWithTheirFolderWaitForItAndLoseNothing) {
  fs::create_directory(path("out"));
  Process process(weir({"--idle-timeout", "1s", "--export", "json:" + path("out/flows.json")}));
  ready(process);
  send(200);
  ASSERT_TRUE(ledger_comes_to([&](const json& one) { return exported(one) == 200; }));
  fs::remove_all(path("out"));
  ASSERT_TRUE(ledger_comes_to([&](const json& one) {
    return state(one) == "connecting: cannot write file '" + path("out/flows.json") + "': No such file or directory";
  }));
  send(200);
  ASSERT_TRUE(
      ledger_comes_to([&](const json& one) { return one.at("queued").at("records").get<std::uint64_t>() == 200; }));
  fs::create_directory(path("out"));
  ASSERT_TRUE(ledger_comes_to([&](const json& one) { return exported(one) == 400 && state(one) == "up"; }));
  process.signal(SIGTERM);
  expect_all_recorded(process.wait(), 4000);
  EXPECT_EQ(lines_in("out/flows.json"), 200U);
}

TEST_F(FileOutputs, OnADiskThatIsFullSayItAndGoOnWhenThereIsRoom) {
  // In a mount namespace of this thread's own, which the programs that it starts are in, too.
  fs::create_directory(path("disk"));
  bool may_mount = false;
  std::thread([&] {
    may_mount = unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                mount("weir-test", path("disk").c_str(), "tmpfs", 0, "size=64k") == 0;
    if (!may_mount) return;
    Process process(weir({"--idle-timeout", "1s", "--export", "json:" + path("disk/flows.json")}));
    ready(process);
    send(2000);
    EXPECT_TRUE(ledger_comes_to([&](const json& one) {
      return state(one) == "connecting: " + path("disk/flows.json") + ": No space left on device";
    }));
    const std::size_t whole = lines_in("disk/flows.json");
    EXPECT_GT(whole, 0U);
    EXPECT_EQ(whole, exported(ledger().at("exporters").at(0)));
    EXPECT_EQ(mount("none", path("disk").c_str(), "tmpfs", MS_REMOUNT, "size=8m"), 0);
    EXPECT_TRUE(ledger_comes_to([&](const json& one) { return exported(one) == 2000 && state(one) == "up"; }));
    process.signal(SIGTERM);
    expect_all_recorded(process.wait(), 20'000);
    EXPECT_EQ(lines_in("disk/flows.json"), 2000U);
  }).join();
  if (!may_mount) GTEST_SKIP() << "no right to mount a tmpfs";
}

TEST_F(FileOutputs, OfWeirCollectAreMadeAnewAtSighupWhichDoesNotEndIt) {
  const std::string uri = "netflow9://127.0.0.1:" + std::to_string(free_udp_port());
  Process collector({kBin + "/weir-collect", "--quiet", "--listen", uri, "--export", "json:" + path("out.json")});
  ASSERT_TRUE(collector.wait_for_error_text("127.0.0.1", seconds(20))) << collector.error_text();
  const auto comes = [&](const std::string& file) {
    const auto limit = Clock::now() + seconds(20);
    while (!fs::exists(path(file)) && Clock::now() < limit) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return fs::exists(path(file));
  };
  ASSERT_TRUE(comes("out.json"));
  fs::rename(path("out.json"), path("out.json.1"));
  collector.signal(SIGHUP);
  EXPECT_TRUE(comes("out.json"));
  collector.signal(SIGTERM);
  const Finished ended = collector.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_NE(ended.err.find("0 records"), std::string::npos) << ended.err;
}

/// What bash says of a program whose standard output nobody reads any more.
Finished without_reader(const Arguments& command) {
  Arguments all{"bash", "-c", "exec 3> >(:); wait $!; exec \"$@\" >&3", "bash"};
  all.insert(all.end(), command.begin(), command.end());
  return run(all);
}

TEST_F(FileOutputs, StandardOutputWhoseReaderHasHadEnoughIsNoError) {
  if (!installed("bash")) GTEST_SKIP() << "bash is not installed";
  ASSERT_EQ(run({kBin + "/weir-gen", "--write", path("in.pcap"), "--packets", "500", "--flows", "50"}).exit_code, 0);
  const std::vector<Arguments> commands{{kBin + "/weir", "fields"},
                                        {kBin + "/weir", "--help"},
                                        {kBin + "/weir", "read", path("in.pcap")},
                                        {kBin + "/weir", "read", "--export", "protobuf:-", path("in.pcap")}};
  for (const Arguments& command : commands) {
    const Finished ended = without_reader(command);
    EXPECT_EQ(ended.exit_code, 0) << command[1];
    EXPECT_EQ(ended.err, "") << command[1];
  }
  const Finished both =
      without_reader({kBin + "/weir", "read", "--export", "json:-", "--export", "protobuf:" + path("all.pb"),
                      "--ledger", path("ledger.json"), path("in.pcap")});
  EXPECT_EQ(both.exit_code, 0) << both.err;
  const json ledger = json::parse(contents(path("ledger.json")));
  EXPECT_EQ(ledger.at("balanced"), true);
  EXPECT_EQ(ledger.at("exporters").at(1).at("exported").at("packets"), 500U) << "the file is whole";
}

TEST_F(FileOutputs, AreNotTouchedByAReadingThatIsInterruptedBeforeTheFirstByte) {
  write("flows.json", "precious\n");
  ASSERT_EQ(mkfifo(path("in").c_str(), 0600), 0);
  const UniqueFd writer(::open(path("in").c_str(), O_RDWR | O_CLOEXEC));
  Process process({"sh", "-c", "exec \"$@\" < " + path("in"), "sh", kBin + "/weir", "read", "--export",
                   "json:" + path("flows.json"), "-"});
  // Until it waits for the pipe with a handler for SIGINT (bit 1 of SigCgt; proc(5)).
  const auto waits = [&] {
    const std::string status = contents("/proc/" + std::to_string(process.pid()) + "/status");
    const std::size_t caught = status.find("SigCgt:");
    if (caught == std::string::npos || status.find("State:\tS") == std::string::npos) return false;
    return (std::stoull(status.substr(caught + 7), nullptr, 16) & 2) != 0;
  };
  const auto limit = Clock::now() + seconds(20);
  while (!waits() && Clock::now() < limit) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  process.signal(SIGINT);
  const Finished ended = process.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_NE(ended.err.find("interrupted before the first packet"), std::string::npos) << ended.err;
  EXPECT_EQ(contents(path("flows.json")), "precious\n");
}

}  // namespace
}  // namespace weir::test
