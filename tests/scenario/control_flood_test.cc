// Clients of the control socket that ask and never read: they cost weir no memory, and weirctl is answered all the
// same.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "proto/base/unique_fd.h"
#include "tests/support/http2_client.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

const std::string kBin = WEIR_BIN;

/// Asks and never reads.
class Asker {
 public:
  explicit Asker(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(fcntl(fd_.get(), F_SETFL, O_NONBLOCK), 0);
    to_send_ = http2_preface();
  }
  /// Sends up to `count` requests; false: the server has cut us off, or takes no more.
  bool ask(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      to_send_ += grpc_request(stream_, "/weir.v1.Control/Status", "");
      stream_ += 2;
      if (to_send_.size() >= 16'384 && !flush()) return false;
    }
    return flush();
  }

 private:
  bool flush() {
    while (!to_send_.empty()) {
      const ssize_t sent = send(fd_.get(), to_send_.data(), to_send_.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        to_send_.erase(0, static_cast<std::size_t>(sent));
        continue;
      }
      pollfd waits{fd_.get(), POLLOUT, 0};
      if (errno != EAGAIN || poll(&waits, 1, 300) <= 0) return false;
    }
    return true;
  }

  UniqueFd fd_;
  std::uint32_t stream_ = 1;
  std::string to_send_;
};

/// Resident memory in MB.
std::uint64_t memory_of(int process) {
  std::istringstream lines(contents("/proc/" + std::to_string(process) + "/status"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) / 1024;
  }
  return 0;
}

TEST(ControlFlood, OfClientsThatNeverReadCostsNoMemoryAndLocksNobodyOut) {
  const TemporaryFolder folder;
  const std::string socket = folder.path("weir.sock");
  Process weir({kBin + "/weir", "run", "--port",
                "net_memif0,role=server,socket=weir-flood-" + std::to_string(getpid()) + ",socket-abstract=yes",
                "--max-flows", "1000", "--socket", socket, "--ledger", folder.path("ledger.json")});
  ASSERT_TRUE(weir.wait_for_error_text("control socket", seconds(40))) << weir.error_text();
  const std::vector<std::string> ledger{kBin + "/weirctl", "--socket", socket, "ledger"};
  ASSERT_EQ(run(ledger).exit_code, 0);
  const std::uint64_t before = memory_of(weir.pid());

  std::vector<std::unique_ptr<Asker>> askers;
  for (int i = 0; i < 8; ++i) askers.push_back(std::make_unique<Asker>(socket));
  std::uint64_t most = 0;
  unsigned answers = 0;
  for (int round = 0; round < 20; ++round) {
    for (const auto& asker : askers) asker->ask(1000);
    most = std::max(most, memory_of(weir.pid()));
    if (run(ledger, seconds(20)).exit_code == 0) ++answers;
  }
  EXPECT_LT(most, before + 64) << "MB; it was " << before;
  EXPECT_EQ(answers, 20U);

  weir.signal(SIGTERM);
  const auto begin = Clock::now();
  const Finished ended = weir.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_LT(Clock::now() - begin, seconds(15)) << "--stop-timeout";
  EXPECT_EQ(nlohmann::json::parse(contents(folder.path("ledger.json"))).at("balanced"), true);
}

}  // namespace
}  // namespace weir::test
