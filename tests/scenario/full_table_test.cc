// `weir read` with more conversations than the table holds, under each policy: every packet is in a record, or in the
// ledger under a name.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace weir::test {
namespace {

using nlohmann::json;

const std::string kBin = WEIR_BIN;
constexpr std::uint64_t kPackets = 100'000;

struct Outcome {
  json ledger;
  std::uint64_t records = 0;
  std::uint64_t packets = 0;
  std::uint64_t estimate = 0;  ///< packets times their record's sampling rate
  std::uint64_t octets = 0;
};

class FullTable : public ::testing::Test {
 protected:
  void SetUp() override {
    const Finished made = run({kBin + "/weir-gen", "--write", folder_.path("a.pcap"), "--flows", "10000", "--packets",
                               std::to_string(kPackets), "--rate", "50000"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  Outcome read(const std::vector<std::string>& options) {
    std::vector<std::string> command{kBin + "/weir",
                                     "read",
                                     "--max-flows",
                                     "1024",
                                     "--export",
                                     "json:" + folder_.path("out.json"),
                                     "--ledger",
                                     folder_.path("ledger.json"),
                                     folder_.path("a.pcap")};
    command.insert(command.end(), options.begin(), options.end());
    const Finished done = run(command);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    Outcome outcome;
    std::ifstream(folder_.path("ledger.json")) >> outcome.ledger;
    EXPECT_EQ(outcome.ledger.at("balanced"), true) << outcome.ledger.at("violations");
    EXPECT_EQ(outcome.ledger.at("received").at("packets"), kPackets);
    EXPECT_EQ(outcome.ledger.at("in_overflow").at("packets"), 0);
    std::ifstream in(folder_.path("out.json"));
    for (std::string line; std::getline(in, line);) {
      const json record = json::parse(line);
      const std::uint64_t packets =
          record.at("packets").get<std::uint64_t>() + record.at("rev_packets").get<std::uint64_t>();
      ++outcome.records;
      outcome.packets += packets;
      outcome.estimate += packets * record.at("sampling_rate").get<std::uint64_t>();
      outcome.octets += record.at("bytes").get<std::uint64_t>() + record.at("rev_bytes").get<std::uint64_t>();
    }
    return outcome;
  }

  TemporaryFolder folder_;
};

TEST_F(FullTable, EvictionExportsEveryPacket) {
  for (const char* workers : {"1", "2"}) {
    const Outcome outcome = read({"--workers", workers});
    EXPECT_EQ(outcome.packets, kPackets);
    EXPECT_GT(outcome.records, 40'000U) << "flows come back, and make a record each time";
  }
}

TEST_F(FullTable, TheOverflowAccounterExportsEveryPacketInFewRecords) {
  for (const char* workers : {"1", "2"}) {
    const Outcome outcome = read({"--when-full", "overflow", "--workers", workers});
    EXPECT_EQ(outcome.packets, kPackets);
    EXPECT_EQ(outcome.octets, outcome.ledger.at("counted_ip").at("octets"));
    // 10000 conversations, of which some 9000 make a record a direction.
    EXPECT_LT(outcome.records, 20'000U);
    EXPECT_EQ(outcome.ledger.at("counted").at("packets"), kPackets);
  }
}

TEST_F(FullTable, AnAccounterThatIsTooSmallLosesByName) {
  const Outcome outcome = read({"--when-full", "overflow", "--overflow-entries", "500"});
  const std::uint64_t lost = outcome.ledger.at("lost").at("overflow_full").at("packets");
  EXPECT_GT(lost, 10'000U);
  EXPECT_EQ(outcome.packets + lost, kPackets);
}

TEST_F(FullTable, SamplingExportsFewFlowsThatStandForAll) {
  const Outcome outcome = read({"--when-full", "sample"});
  const std::uint64_t sampled_out = outcome.ledger.at("sampled_out").at("packets");
  EXPECT_EQ(outcome.packets + sampled_out, kPackets);
  EXPECT_GT(sampled_out, kPackets / 2);
  EXPECT_LE(outcome.records, 1024U);
  // 768 flows at rate 1, then 16 at each of 2, 4, ... 512: a standard deviation of sqrt(16 x 4/3) x 512 of 10000 flows,
  // 24 %. The unit test has the mean over many seeds.
  EXPECT_NEAR(static_cast<double>(outcome.estimate), kPackets, 4 * 0.24 * kPackets);
}

}  // namespace
}  // namespace weir::test
