// --sample on a capture and on a live wire: what is counted stands for what was sent, within what theory gives; every
// packet is in a record or in the ledger; collectors learn the rate.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/scenario/live_rig.h"

namespace weir::test {
namespace {

constexpr std::uint64_t kPackets = 100'000;
constexpr unsigned kFlows = 3000;

/// What the records of a file say, each packet and octet times its record's rate.
struct Estimate {
  double packets = 0;
  double octets = 0;
  double tcp_packets = 0;
  std::uint64_t counted = 0;
  std::map<std::uint64_t, std::size_t> records_by_rate;
};

Estimate estimate_of(const std::string& file) {
  Estimate sum;
  for (const json& record : json_lines(file)) {
    const auto rate = record.at("sampling_rate").get<std::uint64_t>();
    const auto packets = record.at("packets").get<std::uint64_t>() + record.at("rev_packets").get<std::uint64_t>();
    const auto octets = record.at("bytes").get<std::uint64_t>() + record.at("rev_bytes").get<std::uint64_t>();
    sum.packets += static_cast<double>(packets * rate);
    sum.octets += static_cast<double>(octets * rate);
    if (record.at("proto") == 6) sum.tcp_packets += static_cast<double>(packets * rate);
    sum.counted += packets;
    ++sum.records_by_rate[rate];
  }
  return sum;
}

class SampledCapture : public ::testing::Test {
 protected:
  void SetUp() override {
    const Finished made = run({kBin + "/weir-gen", "--write", capture_, "--flows", std::to_string(kFlows), "--packets",
                               std::to_string(kPackets), "--rate", "50000"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    whole_ = read("whole", {});
    EXPECT_EQ(whole_.counted, kPackets);
  }
  Estimate read(const std::string& name, const Arguments& options) {
    const Finished done = run(Arguments{kBin + "/weir", "read", "--export", "json:" + folder_.path(name), "--ledger",
                                        folder_.path("ledger"), capture_} +
                              options);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    const json ledger = json::parse(contents(folder_.path("ledger")));
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
    const Estimate sum = estimate_of(folder_.path(name));
    EXPECT_EQ(packets_of(ledger.at("counted")), sum.counted);
    EXPECT_EQ(packets_of(ledger.at("counted")) + packets_of(ledger.at("sampled_out")), kPackets);
    return sum;
  }
  [[nodiscard]] std::vector<std::string> lines(const std::string& name) const {
    std::vector<std::string> all;
    for (const json& line : json_lines(folder_.path(name))) all.push_back(line.dump());
    std::sort(all.begin(), all.end());
    return all;
  }

  TemporaryFolder folder_;
  std::string capture_ = folder_.path("a.pcap");
  Estimate whole_;
};

TEST_F(SampledCapture, StandsForTheWholeWithinFiveStandardDeviations) {
  constexpr double kN = 100;
  for (const Arguments& kind : {Arguments{"packets=1:100"}, Arguments{"packets=1:100,deterministic"}}) {
    const Estimate sampled = read("sampled", Arguments{"--sample"} + kind);
    EXPECT_EQ(sampled.records_by_rate.size(), 1U);
    EXPECT_EQ(sampled.records_by_rate.begin()->first, 100U);
    // One packet of each hundred: the number is exact, and what a packet is varies. Of n draws the sum of a value with
    // the standard deviation s is off by N * s * sqrt(n). A frame has 46 to 1500 IP octets, so s is at most 727.
    EXPECT_EQ(sampled.packets, kPackets);
    const double draws = kPackets / kN;
    EXPECT_NEAR(sampled.octets, whole_.octets, 5 * kN * 727 * std::sqrt(draws));
    EXPECT_NEAR(sampled.tcp_packets, whole_.tcp_packets, 5 * kN * 0.5 * std::sqrt(draws));
  }
}

TEST_F(SampledCapture, HasTheSameRecordsAtAnyNumberOfWorkersAndEveryTime) {
  for (const std::string kind : {"packets=1:10", "flows=1:10", "rate=1000"}) {
    (void)read("one", {"--sample", kind});
    (void)read("two", {"--sample", kind, "--workers", "2"});
    EXPECT_EQ(lines("one"), lines("two")) << kind;
    EXPECT_FALSE(lines("one").empty());
  }
}

TEST_F(SampledCapture, ProbesWithOneKeyChooseTheSameFlows) {
  const Estimate first = read("first", {"--sample", "flows=1:8", "--sample-key", "00112233445566778899aabbccddeeff"});
  (void)read("again", {"--sample", "flows=1:8", "--sample-key", "00112233445566778899AABBCCDDEEFF"});
  (void)read("other", {"--sample", "flows=1:8", "--sample-key", "00112233445566778899aabbccddeefe"});
  EXPECT_EQ(lines("first"), lines("again"));
  EXPECT_NE(lines("first"), lines("other"));
  // A binomial of the flows.
  const double records = static_cast<double>(first.records_by_rate.at(8));
  const double flows = static_cast<double>(whole_.records_by_rate.at(1));
  EXPECT_NEAR(records, flows / 8, 5 * std::sqrt(flows * (1 / 8.0) * (7 / 8.0)));
}

TEST_F(SampledCapture, IsScaledByTheCollectorOnRequestOnly) {
  const std::string records = folder_.path("records.pb");
  const Finished done =
      run({kBin + "/weir", "read", "--sample", "packets=1:100", "--export", "protobuf:" + records, capture_});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const auto sums = [&](const Arguments& options) {
    const Finished collected = run(Arguments{kBin + "/weir-collect", "--quiet", "--summary", folder_.path("summary")} +
                                   options + Arguments{records});
    EXPECT_EQ(collected.exit_code, 0) << collected.err;
    return json::parse(contents(folder_.path("summary")));
  };
  const json plain = sums({});
  const json scaled = sums({"--scale"});
  EXPECT_EQ(plain.at("packets"), kPackets / 100);
  EXPECT_EQ(scaled.at("packets"), kPackets);
  EXPECT_EQ(scaled.at("octets"), 100 * plain.at("octets").get<std::uint64_t>());
  EXPECT_EQ(scaled.at("records"), plain.at("records"));
  const Finished by = run({kBin + "/weir-collect", "--scale", "--sum-by", "proto", records});
  const Finished one = run({kBin + "/weir-collect", "--sum-by", "proto", records});
  EXPECT_NE(by.out, one.out);
}

TEST_F(SampledCapture, SaysWhatIsWrongWithItsOptions) {
  const auto error = [&](const Arguments& options) {
    const Finished done = run(Arguments{kBin + "/weir", "check"} + options + Arguments{"--port", "net_null0"});
    EXPECT_EQ(done.exit_code, 2);
    return done.err + done.out;
  };
  EXPECT_NE(error({"--sample", "packets=100"}).find("expected 1:N with N from 1 to 65535, such as 1:100"),
            std::string::npos);
  EXPECT_NE(error({"--sample", "packets=1:65536"}).find("expected 1:N"), std::string::npos);
  EXPECT_NE(error({"--sample", "rate=0"}).find("expected packets per second"), std::string::npos);
  EXPECT_NE(error({"--sample", "every=10"}).find("expected none, packets=1:N"), std::string::npos);
  EXPECT_NE(error({"--sample", "flows=1:2", "--sample-key", "xyz"}).find("expected 16 to 64 hexadecimal digits"),
            std::string::npos);
  EXPECT_NE(error({"--sample-key", "0011223344556677"}).find("nothing is sampled; expected --sample"),
            std::string::npos);
  EXPECT_NE(error({"--sample", "rate=10", "--when-full", "overflow"}).find("has one rate"), std::string::npos);
  EXPECT_NE(error({"--sample", "packets=1:10", "--export", "netflow7://127.0.0.1:9"}).find("no place for the rate"),
            std::string::npos);
}

TEST(LiveSampling, CountsItsShareOnTwoWorkersThatHandOverAndTellsTheCollector) {
  const TemporaryFolder folder;
  const Wire wire = memif();
  Collect collect(folder.path("summary.json"));
  Probe probe(folder, wire,
              {"--workers", "2", "--rss", "ports", "--sample", "packets=1:10", "--export", collect.uri(), "--export",
               "json:" + folder.path("flows.json")});
  const Finished sent = run(
      generator(wire, {"--queues", "2", "--flows", "2000", "--packets", "200000", "--rate", "200000"}), seconds(60));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  EXPECT_TRUE(eventually([&] { return probe.received() == 200'000; })) << probe.received();
  const Finished status = probe.ask({"status"});
  EXPECT_NE(status.out.find("packets=1:10"), std::string::npos) << status.out;
  probe.stop();
  const std::uint64_t counted = packets_of(probe.ledger().at("counted"));
  EXPECT_EQ(counted + packets_of(probe.ledger().at("sampled_out")), 200'000U);
  // Each worker takes one of each ten of its own.
  EXPECT_NEAR(static_cast<double>(counted), 20'000.0, 2.0);
  const Estimate sampled = estimate_of(folder.path("flows.json"));
  EXPECT_EQ(sampled.counted, counted);
  EXPECT_EQ(sampled.records_by_rate.size(), 1U);
  EXPECT_EQ(sampled.records_by_rate.begin()->first, 10U);
  const json summary = collect.finish();
  EXPECT_EQ(summary.at("packets"), counted) << summary;
}

TEST(LiveSampling, ByRateFollowsTheTraffic) {
  const TemporaryFolder folder;
  const Wire wire = memif();
  Probe probe(folder, wire, {"--sample", "rate=5000", "--export", "json:" + folder.path("flows.json")});
  const Finished sent = run(generator(wire, {"--flows", "100", "--packets", "200000", "--rate", "50000"}), seconds(60));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  EXPECT_TRUE(eventually([&] { return probe.received() == 200'000; })) << probe.received();
  const auto rate = probe.ask_json("status").at("packet_sampling_rate").get<std::uint64_t>();
  // 50 000 / 16 is the first below 5000. The second in which the traffic begins is not whole, and what it gave is held.
  EXPECT_TRUE(rate == 2 || rate == 4 || rate == 8 || rate == 16) << rate;
  probe.stop();
  EXPECT_EQ(packets_of(probe.ledger().at("counted")) + packets_of(probe.ledger().at("sampled_out")), 200'000U);
  const Estimate sampled = estimate_of(folder.path("flows.json"));
  // A record of each flow at 1, and one at the other rate from its first packet after the change.
  EXPECT_EQ(sampled.records_by_rate.size(), 2U);
  EXPECT_EQ(sampled.records_by_rate.at(1), 100U);
  EXPECT_EQ(sampled.records_by_rate.at(rate), 100U);
  EXPECT_NEAR(sampled.packets, 200'000.0, 32.0);
}

}  // namespace
}  // namespace weir::test
