// --sample packets=1:100 on ten million packets: totals, times the rate, are off by no more than theory gives, and the
// records are the same at any number of workers.
//
// Of each 100 packets one is taken, so of 10 million n = 100 000 are. How many of them belong to a part of the traffic
// with the share p is about binomial, with the standard deviation sqrt(n p (1 - p)); times 100 it is the deviation of
// the scaled total. Five of them are exceeded once in 1.7 million parts, and the seed is fixed besides.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/scenario/live_rig.h"

namespace weir::test {
namespace {

constexpr double kPackets = 10'000'000;
constexpr double kOneIn = 100;
constexpr std::size_t kParts = 32;

/// Scaled packets of each part: flows whose ports added up leave the same remainder. (Of a sampled flow, either end may
/// be the source.)
using Parts = std::array<double, kParts>;

Parts parts_of(const std::vector<json>& records, double rate) {
  Parts parts{};
  for (const json& record : records) {
    EXPECT_EQ(record.at("sampling_rate"), rate);
    const auto ports = record.at("src_port").get<std::size_t>() + record.at("dst_port").get<std::size_t>();
    parts[ports % kParts] += rate * (record.at("packets").get<double>() + record.at("rev_packets").get<double>());
  }
  return parts;
}

TEST(SampledMillions, StandForTheWholeWithinFiveStandardDeviationsAtAnyNumberOfWorkers) {
  const TemporaryFolder folder;
  const std::string capture = folder.path("a.pcap");
  const Finished made = run({kBin + "/weir-gen", "--write", capture, "--flows", "20000", "--packets", "10000000",
                             "--rate", "1M", "--zipf", "1"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const auto read = [&](const Arguments& options) {
    const Finished done =
        run(Arguments{kBin + "/weir", "read", "--export", "json:" + folder.path("out"), capture} + options);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    expect_balanced(done);
    std::vector<json> records = json_lines(folder.path("out"));
    std::sort(records.begin(), records.end());
    return records;
  };
  const Parts whole = parts_of(read({}), 1);
  const std::vector<json> sampled = read({"--sample", "packets=1:100"});
  const Parts scaled = parts_of(sampled, kOneIn);
  double total = 0;
  double squares = 0;  // of the deviations, in standard deviations
  for (std::size_t i = 0; i < kParts; ++i) {
    const double share = whole[i] / kPackets;
    const double deviation = kOneIn * std::sqrt(kPackets / kOneIn * share * (1 - share));
    EXPECT_NEAR(scaled[i], whole[i], 5 * deviation) << "part " << i << " with a share of " << share;
    squares += std::pow((scaled[i] - whole[i]) / deviation, 2);
    total += scaled[i];
  }
  EXPECT_EQ(total, kPackets) << "one of each hundred, so that all together are exact";
  // Chi-squared with about 31 degrees of freedom has the mean 31 and the standard deviation sqrt(62).
  EXPECT_GT(squares, 31 - 3 * std::sqrt(62)) << "too good to be random";
  EXPECT_LT(squares, 31 + 5 * std::sqrt(62));
  for (const std::string workers : {"2", "4"}) {
    EXPECT_TRUE(sampled == read({"--sample", "packets=1:100", "--workers", workers})) << workers;
  }
}

}  // namespace
}  // namespace weir::test
