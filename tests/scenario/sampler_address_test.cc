// --sampler-address and --interface: consumers learn which probe and which interface a record is from, in protobuf,
// JSON and what weir-collect makes of them. NetFlow and IPFIX have the interface; their collectors know the probe by
// the address that datagrams come from.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "proto/record/flow_protobuf.h"
#include "tests/support/capture_file.h"
#include "tests/support/exporters.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

using nlohmann::json;

const std::string kBin = WEIR_BIN;
constexpr std::uint64_t kStart_ns = 1'700'000'000'000'000'000;

class SamplerAddress : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto query = packet().eth().ipv4("10.0.0.1", "192.0.2.53").udp(40000, 53);
    const auto answer = packet().eth().ipv4("192.0.2.53", "10.0.0.1").udp(53, 40000);
    const auto six = packet().eth().ipv6("2001:db8::1", "2001:db8::53").udp(40000, 53);
    write_capture(capture_,
                  {{kStart_ns, query.bytes()}, {kStart_ns + 1, answer.bytes()}, {kStart_ns + 2, six.bytes()}});
  }

  void read(std::vector<std::string> options) {
    std::vector<std::string> words{kBin + "/weir", "read"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(capture_);
    const Finished done = run(words);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    expect_balanced(done);
  }
  /// What weir-collect shows of a file of records.
  [[nodiscard]] std::vector<json> collected(const std::string& file) const {
    const Finished done = run({kBin + "/weir-collect", "--json", folder_.path(file)});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return json_lines(done.out);
  }

  TemporaryFolder folder_;
  std::string capture_ = folder_.path("dns.pcap");
};

TEST_F(SamplerAddress, ArrivesInProtobufAndJsonAndThroughTheCollector) {
  for (const std::string address : {"192.0.2.200", "2001:db8::200"}) {
    read({"--sampler-address", address, "--interface", "300", "--export", "json:" + folder_.path("a.json"), "--export",
          "protobuf:" + folder_.path("a.pb"), "--export", "protobuf:" + folder_.path("one_way.pb") + "?uniflow=1"});
    const std::vector<json> lines = json_lines(contents(folder_.path("a.json")));
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(collected("a.pb"), lines);
    for (const json& line : lines) {
      EXPECT_EQ(line.at("sampler_address"), address);
      EXPECT_EQ(line.at("in_if"), 300);
    }
    const std::vector<json> one_way = collected("one_way.pb");
    EXPECT_EQ(one_way.size(), 3U);
    for (const json& line : one_way) EXPECT_EQ(line.at("sampler_address"), address);

    const std::string octets = contents(folder_.path("a.pb"));
    const DelimitedMessage first =
        next_delimited({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()});
    ASSERT_EQ(first.status, DelimitedStatus::complete);
    OwnedRecord record;
    IpAddress sampler;
    ASSERT_TRUE(decode_flow(first.message, record, &sampler));
    EXPECT_EQ(sampler.text(), address);
    EXPECT_EQ(record->ingress_interface, 300U);
  }
}

TEST_F(SamplerAddress, IsAKeyOfSums) {
  read({"--sampler-address", "192.0.2.200", "--export", "protobuf:" + folder_.path("a.pb")});
  const Finished sums = run({kBin + "/weir-collect", "--json", "--sum-by", "sampler_address", folder_.path("a.pb")});
  EXPECT_EQ(sums.exit_code, 0) << sums.err;
  const std::vector<json> lines = json_lines(sums.out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].at("sampler_address"), "192.0.2.200");
  EXPECT_EQ(lines[0].at("packets"), 3);
}

TEST_F(SamplerAddress, IsInNoRecordUnlessItIsGiven) {
  read({"--export", "json:" + folder_.path("a.json"), "--export", "protobuf:" + folder_.path("a.pb")});
  const std::vector<json> lines = json_lines(contents(folder_.path("a.json")));
  ASSERT_EQ(lines.size(), 2U);
  for (const json& line : lines) {
    EXPECT_FALSE(line.contains("sampler_address"));
    EXPECT_EQ(line.at("in_if"), 0);
  }
  EXPECT_EQ(collected("a.pb"), lines);
}

TEST_F(SamplerAddress, LeavesTheInterfaceToNetFlowAndIpfix) {
  for (const std::string scheme : {"netflow9", "ipfix", "ipfix+tcp"}) {
    WeirCollect collector(kBin, scheme);
    read(
        {"--sampler-address", "192.0.2.200", "--interface", "65535", "--export", scheme + "://" + collector.address()});
    unsigned records = 0;
    for (const json& line : collector.finish().lines) {
      if (!line.contains("src_addr")) continue;
      ++records;
      EXPECT_EQ(line.at("in_if"), 65535) << scheme;
      EXPECT_EQ(line.at("sampler_address"), "127.0.0.1") << scheme;
    }
    EXPECT_EQ(records, 3U) << scheme;
  }
}

}  // namespace
}  // namespace weir::test
