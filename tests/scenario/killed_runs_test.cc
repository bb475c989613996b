// weir is killed (SIGKILL) and started again while packets come, again and again. Each start is ready soon, whatever
// the killed one has left; it says what that one lost; and the last one, which ends in order, counts what was sent to
// it. WEIR_KILLS: how often (3), on a machine that does nothing else: then most starts are ready within a second.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/scenario/live_rig.h"
#include "tests/scenario/veth_pair.h"
#include "tests/support/process.h"

namespace weir::test::killed_runs_test {
namespace {

unsigned kills() {
  const char* const wanted = std::getenv("WEIR_KILLS");
  return wanted == nullptr ? 3 : static_cast<unsigned>(std::stoul(wanted));
}

class KilledRuns : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path(name); }
  [[nodiscard]] Arguments options(unsigned run_number) const {
    return {"--state",          path("state"),
            "--export",         "json:" + path("flows" + std::to_string(run_number) + ".json"),
            "--active-timeout", "300ms"};
  }
  /// The last ledger that a killed run has written.
  [[nodiscard]] json last_ledger() const { return json::parse(contents(path("state/ledger.json")), nullptr, false); }
  [[nodiscard]] std::uint64_t received_so_far(int pid) const {
    const json run = last_ledger();
    if (run.is_discarded() || run.at("pid") != pid) return 0;
    return packets_of(run.at("ledger").at("received"));
  }
  /// Packets of the records in a file whose last line may have been cut.
  [[nodiscard]] std::uint64_t packets_in(const std::string& file) const {
    std::uint64_t packets = 0;
    std::istringstream in(contents(path(file)));
    for (std::string line; std::getline(in, line);) {
      const json record = json::parse(line, nullptr, false);
      if (record.is_discarded()) continue;
      packets += record.at("packets").get<std::uint64_t>() + record.at("rev_packets").get<std::uint64_t>();
    }
    return packets;
  }
  void expect_says_what_was_lost(Probe& next, int killed_pid, const std::string& killed_file);

  TemporaryFolder folder_;
};

void KilledRuns::expect_says_what_was_lost(Probe& next, int killed_pid, const std::string& killed_file) {
  json before;
  ASSERT_TRUE(eventually([&] {
    before = json::parse(contents(path("state/ledger-before.json")), nullptr, false);
    return !before.is_discarded() && before.at("pid") == killed_pid;
  })) << before;
  const json& ledger = before.at("ledger");
  EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
  const std::uint64_t in_table = packets_of(ledger.at("in_table"));
  EXPECT_GT(in_table, 0U) << "packets came until it was killed";
  EXPECT_TRUE(next.wait_for_error_text("the run before (pid " + std::to_string(killed_pid) + ", since ", seconds(5)));
  EXPECT_TRUE(next.wait_for_error_text("had received " + std::to_string(packets_of(ledger.at("received"))) +
                                           " packets and counted " + std::to_string(packets_of(ledger.at("counted"))) +
                                           " in flows; lost are the records that had not been exported (" +
                                           std::to_string(in_table) + " packets in ",
                                       seconds(5)));
  // What that ledger calls exported was not lost with the process.
  EXPECT_GE(packets_in(killed_file), packets_of(ledger.at("exporters").at(0).at("exported")));
}

TEST_F(KilledRuns, EachNextOneStartsSoonAndSaysWhatWasLost) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root for network namespaces and net_af_packet";
  if (!installed("ip")) GTEST_SKIP() << "ip (iproute2) is not installed";
  const VethPair veth;
  if (!veth.ok()) GTEST_SKIP() << "no network namespaces here";
  const Wire wire = veth.wire();
  Process load(generator(wire, {"--flows", "2000", "--rate", "20000", "--duration", "10m"}));

  std::vector<Clock::duration> starts;
  int killed_pid = 0;
  std::vector<int> killed;
  for (unsigned number = 0; number < kills(); ++number) {
    SCOPED_TRACE(number);
    const Clock::time_point began = Clock::now();
    Probe probe(folder_, wire, options(number));
    starts.push_back(Clock::now() - began);
    if (number != 0) expect_says_what_was_lost(probe, killed_pid, "flows" + std::to_string(number - 1) + ".json");
    ASSERT_TRUE(eventually([&] { return received_so_far(probe.pid()) > 5000; })) << last_ledger();
    killed_pid = probe.pid();
    killed.push_back(killed_pid);
  }  // which kills it
  std::sort(starts.begin(), starts.end());
  // The limit is for most starts, since other programs may have the CPUs for a while. Among other tests it only tells
  // whether a start waits for something that the killed one has left.
  const seconds limit(std::getenv("WEIR_KILLS") == nullptr ? 5 : 1);
  EXPECT_LT(std::chrono::duration_cast<milliseconds>(starts[starts.size() / 2]), limit);
  load.signal(SIGINT);
  load.wait();

  Probe probe(folder_, wire, options(kills()));
  expect_says_what_was_lost(probe, killed_pid, "flows" + std::to_string(kills() - 1) + ".json");
  const Finished sent = run(generator(wire, {"--flows", "500", "--rate", "20000", "--packets", "10000"}));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  EXPECT_TRUE(eventually([&] { return probe.received() == 10000; })) << probe.received();
  probe.stop();
  EXPECT_EQ(packets_of(probe.ledger().at("received")), 10000U);
  EXPECT_EQ(packets_of(probe.ledger().at("exporters").at(0).at("exported")), 10000U);
  expect_no_loss(probe.ledger().at("lost"));
  EXPECT_FALSE(std::filesystem::exists(path("state/ledger.json"))) << "it ended in order";
  for (const int pid : killed) EXPECT_FALSE(std::filesystem::exists("/run/dpdk/weir-" + std::to_string(pid))) << pid;
}

}  // namespace
}  // namespace weir::test::killed_runs_test
