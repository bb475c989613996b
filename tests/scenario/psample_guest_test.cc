// Packets that a real kernel samples: `weir run --input psample` in a QEMU guest (psample_guest, beside this file).
// Where QEMU or the kernel's package is absent the test is skipped, and says why.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/scenario/live_rig.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace weir::test {
namespace {

TEST(PsampleGuest, MakesFlowsOfWhatItsKernelSamplesAndSurvivesAnOverrun) {
  const TemporaryFolder folder;
  const std::string out = folder.path("out");
  const Finished done = run({std::string(WEIR_SCENARIOS) + "/psample_guest", kBin + "/weir", out}, seconds(1000));
  if (done.exit_code == 77) GTEST_SKIP() << done.out;
  ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  const std::string log = contents(out + "/weir.err");
  ASSERT_EQ(contents(out + "/weir.code"), "0\n") << log;
  EXPECT_EQ(contents(out + "/none.code"), "1\n");
  EXPECT_NE(contents(out + "/none.err").find("this kernel has no psample: the module is not loaded"), std::string::npos)
      << contents(out + "/none.err");

  // "4: va@vb: ..."
  std::map<std::string, std::uint32_t> interfaces;
  std::istringstream links(contents(out + "/links"));
  for (std::string line; std::getline(links, line);) {
    const std::string name = line.substr(line.find(": ") + 2, 2);
    interfaces[name] = static_cast<std::uint32_t>(std::stoul(line));
  }
  const json ledger = json::parse(contents(out + "/ledger.json"));
  EXPECT_TRUE(ledger.at("balanced"));
  const json& input = ledger.at("input");
  EXPECT_GE(input.at("overruns"), 1) << input;
  EXPECT_EQ(input.value("malformed", 0), 0);
  std::map<std::uint32_t, json> groups;
  for (const json& group : input.at("groups")) groups[group.at("group")] = group;
  ASSERT_EQ(groups.size(), 2U) << input;
  for (const auto& [number, group] : groups) EXPECT_GT(group.at("missing"), 0) << number;

  // Of the first 20 pings and the last 5 none is lost; what the socket held of the 4000 came, too. An IP packet of N
  // octets of a ping has 28 more.
  std::map<std::uint32_t, std::uint64_t> packets;
  for (const json& flow : json_lines(out + "/flows.json")) {
    if (flow.at("src_addr") != "10.9.0.1") continue;
    const std::uint32_t group = flow.at("psample_group");
    packets[group] += flow.at("packets").get<std::uint64_t>();
    EXPECT_EQ(flow.at("sampling_rate"), 1);
    EXPECT_EQ(group == 7 ? flow.at("in_if") : flow.at("out_if"), interfaces.at(group == 7 ? "vb" : "va"));
    EXPECT_NEAR(flow.at("time_flow_start_ns").get<double>(), static_cast<double>(flow.at("time_flow_end_ns")), 300e9);
  }
  for (const std::uint32_t group : {7U, 9U}) {
    const auto missing = groups.at(group).at("missing").get<std::uint64_t>();
    EXPECT_EQ(packets[group], 20 + 4000 + 5 - missing) << input;
  }
}

}  // namespace
}  // namespace weir::test
