// What a first user sees: `weir read CAPTURE` and nothing else prints the flows as a table.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

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
