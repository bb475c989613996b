// What a first user sees: `weir read CAPTURE` and nothing else prints the flows as a table.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

const std::string kBin = WEIR_BIN;
constexpr std::uint64_t kStartNs = 1'700'000'000'000'000'000;  // 2023-11-14T22:13:20Z

class ReadTable : public ::testing::Test {
 protected:
  /// A DNS question with its answer, and a TCP packet 1.5 s later.
  void SetUp() override {
    write_capture(
        capture_,
        {{kStartNs, packet().eth().ipv4("10.0.0.1", "192.0.2.53").udp(40000, 53).payload(32).bytes()},
         {kStartNs + 250'000'000, packet().eth().ipv4("192.0.2.53", "10.0.0.1").udp(53, 40000).payload(72).bytes()},
         {kStartNs + 1'500'000'000,
          packet().eth().ipv4("10.0.0.1", "198.51.100.7").tcp(50000, 443).flags(kSyn).bytes()}});
  }

  TemporaryFolder folder_;
  std::string capture_ = folder_.path("three.pcap");
};

// UDP: 20 + 8 + 32 and 20 + 8 + 72 octets of IP; TCP: 20 + 20.
TEST_F(ReadTable, PrintsTheFlowsWhereNoExporterIsGiven) {
  const Finished read = run({kBin + "/weir", "read", "--ledger", folder_.path("ledger"), capture_});
  EXPECT_EQ(read.exit_code, 0) << read.err;
  EXPECT_EQ(read.out,
            "time_flow_start_ns        src_addr  src_port  dst_addr      dst_port  proto  packets  bytes  rev_packets  "
            "rev_bytes\n"
            "2023-11-14T22:13:20.000Z  10.0.0.1     40000  192.0.2.53          53     17        1     60            1  "
            "      100\n"
            "2023-11-14T22:13:21.500Z  10.0.0.1     50000  198.51.100.7       443      6        1     40            0  "
            "        0\n");
  std::ifstream ledger(folder_.path("ledger"));
  EXPECT_TRUE(nlohmann::json::parse(ledger).at("balanced").get<bool>());
}

/// What `weir read` prints on a terminal of this width and of 24 lines; script(1) makes one.
std::vector<std::string> on_a_terminal(unsigned columns, const std::string& capture) {
  const std::string command =
      "stty cols " + std::to_string(columns) + " rows 24; " + kBin + "/weir read " + capture + " 2>/dev/null";
  const Finished done = run({"script", "-qec", command, "/dev/null"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  std::vector<std::string> lines;
  std::istringstream in(done.out);
  for (std::string line; std::getline(in, line);) lines.push_back(line.substr(0, line.find('\r')));
  return lines;
}

TEST_F(ReadTable, PrintsTheLargestFlowsFirstAsWideAndLongAsTheTerminal) {
  if (run({"which", "script"}).exit_code != 0) GTEST_SKIP() << "there is no script(1)";
  std::vector<CapturedFrame> frames;
  for (unsigned i = 0; i < 100; ++i) {
    frames.push_back(
        {kStartNs + i, packet()
                           .eth()
                           .ipv6("2001:db8:1111:2222:3333:4444:5555:6666", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff")
                           .udp(static_cast<std::uint16_t>(10'000 + i), 53)
                           .payload(i)
                           .bytes()});
  }
  write_capture(capture_, frames);
  for (const unsigned columns : {80U, 200U}) {
    const std::vector<std::string> lines = on_a_terminal(columns, capture_);
    ASSERT_GT(lines.size(), 10U);
    EXPECT_LE(lines.size(), 20U) << "24 less the command, the ledger's line and a prompt";
    std::string all;
    for (const std::string& line : lines) {
      EXPECT_LE(line.size(), columns) << line;
      all += line + "\n";
    }
    const auto largest = all.find("[2001:db8:1111:2222:3333:4444:5555:6666]:10099");
    const auto next = all.find("[2001:db8:1111:2222:3333:4444:5555:6666]:10098");
    EXPECT_LT(largest, next);
    EXPECT_NE(next, std::string::npos);
    EXPECT_NE(all.find("[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:53"), std::string::npos) << "IPv6 whole";
    EXPECT_NE(lines.back().find(" other flows, "), std::string::npos) << lines.back();
  }
  const Finished piped = run({kBin + "/weir", "read", capture_});
  EXPECT_EQ(std::count(piped.out.begin(), piped.out.end(), '\n'), 101) << "all of them, and the heading";
}

TEST_F(ReadTable, PrintsNoneWhereStandardOutputIsTheLedgers) {
  const Finished read = run({kBin + "/weir", "read", "--ledger", "-", capture_});
  EXPECT_EQ(read.exit_code, 0) << read.err;
  const auto ledger = nlohmann::json::parse(read.out);
  EXPECT_TRUE(ledger.at("balanced").get<bool>());
  EXPECT_EQ(ledger.at("drained").at("records"), 2);
  EXPECT_NE(read.err.find("no --export: flow records are counted and go nowhere"), std::string::npos) << read.err;
}

TEST_F(ReadTable, PrintsNoneWhereAnExporterIsGiven) {
  const Finished read = run({kBin + "/weir", "read", "--export", "json:" + folder_.path("flows.json"), capture_});
  EXPECT_EQ(read.exit_code, 0) << read.err;
  EXPECT_EQ(read.out, "");
  expect_balanced(read);
  const std::string flows = contents(folder_.path("flows.json"));
  EXPECT_EQ(std::count(flows.begin(), flows.end(), '\n'), 2) << flows;
}

}  // namespace
}  // namespace weir::test
