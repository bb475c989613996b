// Live flows of a running weir: weirctl top, flows and flow against what the generator sent, while traffic comes and
// after it, and then against the records of the same flows.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/scenario/live_rig.h"

namespace weir::test {
namespace {

using Sums = std::map<std::string, std::uint64_t>;

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line, nullptr, false));
  return lines;
}

/// Bytes by who sent them.
Sums sent_by(const std::vector<json>& biflows) {
  Sums sums;
  for (const json& biflow : biflows) {
    if (biflow.at("bytes") != 0) sums[biflow.at("src_addr")] += biflow.at("bytes").get<std::uint64_t>();
    if (biflow.at("rev_bytes") != 0) sums[biflow.at("dst_addr")] += biflow.at("rev_bytes").get<std::uint64_t>();
  }
  return sums;
}

class LiveQueries : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path(name); }
  static std::vector<json> ask(Probe& probe, const Arguments& what) {
    const Finished answer = probe.ask(Arguments{"-o", "json"} + what);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    return lines_of(answer.out);
  }
  /// weir, and 400 flows that were sent to it.
  void send(Probe& probe, const Wire& wire) {
    const Finished sent = run(generator(wire, {"--flows", "400", "--rate", "20000", "--packets", "12000", "--tcp", "50",
                                               "--queues", "2", "--manifest", path("manifest.jsonl")}),
                              seconds(60));
    ASSERT_EQ(sent.exit_code, 0) << sent.err;
    ASSERT_TRUE(eventually([&] { return probe.received() == 12'000; }));
    manifest_ = json_lines(path("manifest.jsonl"));
    ASSERT_FALSE(manifest_.empty());
  }

  TemporaryFolder folder_;
  std::vector<json> manifest_;
};

TEST_F(LiveQueries, ShowWhatTheRecordsOfTheSameFlowsSayLater) {
  const Wire wire = memif();
  Probe probe(
      folder_, wire,
      {"--workers", "2", "--rss", "ports", "--metrics", "tcp,lengths", "--export", "json:" + path("flows.json")});
  send(probe, wire);

  const std::vector<json> flows = ask(probe, {"flows", "-n", "1000"});
  ASSERT_EQ(flows.size(), manifest_.size());
  std::uint64_t before = ~std::uint64_t{0};
  for (const json& flow : flows) {
    const std::uint64_t bytes = flow.at("bytes").get<std::uint64_t>() + flow.at("rev_bytes").get<std::uint64_t>();
    EXPECT_LE(bytes, before) << "the largest first";
    before = bytes;
  }
  Sums shown;
  const std::vector<json> senders = ask(probe, {"top", "--by", "src_addr", "-n", "1000"});
  for (const json& group : senders) shown[group.at("src_addr")] = group.at("bytes");
  EXPECT_EQ(shown, sent_by(manifest_));
  EXPECT_EQ(sent_by(flows), shown);

  const std::string name = flows.front().at("flow");
  const std::vector<json> one = ask(probe, {"flow", name});
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one.front().at("bytes"), flows.front().at("bytes"));
  EXPECT_TRUE(one.front().contains("length_max")) << one.front();
  EXPECT_FALSE(flows.front().contains("length_max")) << "a list has no metrics";
  const Finished nobody = probe.ask({"flow", "10.255.0.1:1-10.255.0.2:2/tcp"});
  EXPECT_EQ(nobody.exit_code, 1);
  EXPECT_NE(nobody.err.find("no live flow has this name"), std::string::npos) << nobody.err;
  const Finished table = probe.ask({"top", "--by", "proto", "--filter", "tcp"});
  EXPECT_NE(table.out.find("1 group with"), std::string::npos) << table.out;
  EXPECT_EQ(probe.ask({"top", "--by", "src_as"}).exit_code, 2);

  probe.stop();
  expect_manifest(path("manifest.jsonl"), path("flows.json"));
  EXPECT_EQ(sent_by(json_lines(path("flows.json"))), shown);
  EXPECT_EQ(json_lines(path("flows.json")).size(), flows.size());
}

TEST_F(LiveQueries, AnswerForTheMonitorThatIsNamedWhileTrafficComes) {
  const Wire wire = memif();
  const std::string conf = path("weir.conf");
  {
    std::FILE* const file = std::fopen(conf.c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fputs("monitor { name: \"all\" }\nmonitor { name: \"pairs\" key: \"src_addr/8,dst_addr/8\" }\n", file);
    std::fclose(file);
  }
  Probe probe(folder_, wire, {"--config", conf, "--workers", "2"});
  Process sending(generator(wire, {"--flows", "400", "--rate", "20000", "--packets", "30000", "--queues", "2"}));
  std::uint64_t most = 0;
  for (unsigned i = 0; i < 5; ++i) {
    std::uint64_t packets = 0;
    for (const json& group : ask(probe, {"top", "--by", "proto"})) packets += group.at("packets").get<std::uint64_t>();
    EXPECT_GE(packets, most) << "no flow ends meanwhile";
    EXPECT_LE(packets, probe.received());
    most = packets;
  }
  EXPECT_EQ(sending.wait(seconds(60)).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return probe.received() == 30'000; }));
  for (const char* monitor : {"all", "pairs"}) {
    std::uint64_t packets = 0;
    for (const json& group : ask(probe, {"top", "--by", "proto", "--monitor", monitor})) {
      packets += group.at("packets").get<std::uint64_t>();
    }
    EXPECT_EQ(packets, 30'000U) << monitor;
  }
  EXPECT_EQ(ask(probe, {"flows", "-n", "1000", "--monitor", "pairs"}).size(), 1U) << "10/8 and 172/8";
  EXPECT_EQ(probe.ask({"top", "--monitor", "pair"}).exit_code, 2);
  probe.stop();
}

}  // namespace
}  // namespace weir::test
