// monitor { ... } blocks: two monitors on a live wire, one of every flow with metrics to a file, one of /24 pairs to
// NetFlow v5 and v9 with what prefixes say of them, as nfdump reads it; and what `weir read` makes of the same
// configuration at any number of workers.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/scenario/live_rig.h"
#include "tests/support/capture_file.h"
#include "tests/support/collectors.h"
#include "tests/support/packet_builder.h"

namespace weir::test {
namespace {

/// 10.1.2.3 as 10.1.2.0
std::string net24(const std::string& address) {
  return address.substr(0, address.rfind('.')) + ".0";
}

using Pair = std::pair<std::string, std::string>;

class Monitors : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { setenv("TZ", "UTC", 1); }  // nfdump prints local time
  std::string path(const std::string& name) const { return folder_.path(name); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }

  TemporaryFolder folder_;
};

/// The ledger balances now, each monitor's by itself, and each was offered what both were.
void expect_each_balanced(const json& ledger) {
  EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
  ASSERT_EQ(ledger.at("monitors").size(), 2U);
  for (const json& monitor : ledger.at("monitors")) {
    EXPECT_EQ(monitor.at("balanced"), true) << monitor.at("name");
    EXPECT_EQ(packets_of(monitor.at("offered")),
              packets_of(monitor.at("counted")) + packets_of(monitor.at("sampled_out")) +
                  packets_of(monitor.at("filtered_out")) + packets_of(monitor.at("handover_full")) +
                  packets_of(monitor.at("in_handover")));
  }
}

/// Of pairs of networks: each has the AS and the next hop of the prefix file, the interface that it came in by, and the
/// masks of the key, which are longer than the file's. (Of NetFlow v5 nfdump 1.7.1 shows no masks.)
void expect_routes(const json& flows, bool masks) {
  for (const json& flow : flows) {
    const bool out = flow.at("src4_addr").get<std::string>().starts_with("10.");
    ASSERT_EQ(flow.at("src_as"), out ? 64'500 : 64'510) << flow;
    ASSERT_EQ(flow.at("dst_as"), out ? 64'510 : 64'500) << flow;
    ASSERT_EQ(flow.at("ip4_next_hop"), out ? "192.0.2.4" : "192.0.2.1") << flow;
    ASSERT_EQ(flow.at("input_snmp"), 1) << flow;
    if (!masks) continue;
    ASSERT_EQ(flow.at("src_mask"), 24) << flow;
    ASSERT_EQ(flow.at("dst_mask"), 24) << flow;
  }
}

/// Two monitors: every flow with metrics to the JSON file, pairs of networks to both versions of NetFlow.
std::string two_monitors(const std::string& json_file, const Nfcapd& version5, const Nfcapd& version9) {
  return "export: \"json:" + json_file +
         "?name=flows\"\n"
         "export: \"" +
         version5.uri("netflow5", "&name=pairs") +
         "\"\n"
         "export: \"" +
         version9.uri("netflow9", "&name=pairs9") +
         "\"\n"
         "monitor {\n"
         "  name: \"all\"\n"
         "  metrics: \"tcp,layer2\"\n"
         "  export: \"flows\"\n"
         "}\n"
         "monitor {\n"
         "  name: \"pairs\"\n"
         "  key: \"src_addr/24,dst_addr/24,in_if\"\n"
         "  idle_timeout: \"60s\"\n"
         "  active_timeout: \"60s\"\n"
         "  max_flows: 5000\n"
         "  export: \"pairs\"\n"
         "  export: \"pairs9\"\n"
         "}\n";
}

/// Packets of each direction between two networks, as the generator counted them.
std::map<Pair, std::uint64_t> pairs_of(const std::string& manifest) {
  std::map<Pair, std::uint64_t> expected;
  for (const json& biflow : json_lines(manifest)) {
    const std::string source = net24(biflow.at("src_addr"));
    const std::string destination = net24(biflow.at("dst_addr"));
    if (biflow.at("packets") != 0) expected[{source, destination}] += biflow.at("packets").get<std::uint64_t>();
    if (biflow.at("rev_packets") != 0) expected[{destination, source}] += biflow.at("rev_packets").get<std::uint64_t>();
  }
  return expected;
}

TEST_F(Monitors, OnALiveWireEachCountsWhatWasSentAndReportsItItsOwnWay) {
  if (!installed("nfcapd")) GTEST_SKIP() << "no nfcapd";
  Nfcapd collector;
  Nfcapd version9;
  write("prefixes.txt", "10.0.0.0/8 as=64500 next_hop=192.0.2.1\n172.16.0.0/12 as=64510 next_hop=192.0.2.4\n");
  const Wire wire = memif();
  write("weir.conf", two_monitors(path("flows.json"), collector, version9));
  Probe probe(folder_, wire,
              {"--config", path("weir.conf"), "--workers", "2", "--rss", "ports", "--prefixes", path("prefixes.txt")});
  const Finished sent = run(generator(wire, {"--flows", "500", "--rate", "10000", "--packets", "10000", "--tcp", "50",
                                             "--queues", "2", "--manifest", path("manifest.jsonl")}),
                            seconds(60));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  EXPECT_TRUE(eventually([&] {
    const json ledger = probe.ask_json("ledger");
    expect_each_balanced(ledger);
    return packets_of(ledger.at("received")) == 10'000;
  }));
  const json status = probe.ask_json("status");
  ASSERT_EQ(status.at("monitors").size(), 2U);
  EXPECT_EQ(status.at("monitors").at(0).at("name"), "all");
  EXPECT_EQ(status.at("monitors").at(1).at("key"), "src_addr/24,dst_addr/24,in_if");
  EXPECT_EQ(status.at("monitors").at(1).at("capacity"), 5000);
  EXPECT_EQ(status.at("monitors").at(1).at("packets"), 10'000);
  const std::string lines = probe.ask({"monitors"}).out;
  EXPECT_NE(lines.find("pairs    src_addr/24,dst_addr/24,in_if"), std::string::npos) << lines;
  EXPECT_NE(probe.ask({"ledger"}).out.find("monitor pairs: balanced"), std::string::npos);
  probe.stop();

  const json& ledger = probe.ledger();
  expect_each_balanced(ledger);
  for (const json& monitor : ledger.at("monitors")) {
    EXPECT_EQ(packets_of(monitor.at("counted")), 10'000U) << monitor.at("name");
    expect_no_loss(monitor.at("lost"));
  }
  for (const json& exporter : ledger.at("exporters")) expect_no_loss(exporter.at("lost"));

  expect_manifest(path("manifest.jsonl"), path("flows.json"));
  std::size_t measured = 0;
  for (const json& record : json_lines(path("flows.json"))) {
    EXPECT_EQ(record.at("monitor"), "all");
    EXPECT_TRUE(record.contains("src_mac")) << record;
    measured += record.contains("tcp_initial_flags") ? 1U : 0U;
  }
  EXPECT_GT(measured, 100U);

  const std::map<Pair, std::uint64_t> expected = pairs_of(path("manifest.jsonl"));
  collector.finish();
  std::map<Pair, std::uint64_t> seen;
  const json flows = collector.flows();
  for (const json& flow : flows) {
    seen[{flow.at("src4_addr"), flow.at("dst4_addr")}] += flow.at("in_packets").get<std::uint64_t>();
  }
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(flows.size(), expected.size()) << "no pair was split between the workers";
  expect_routes(flows, false);
  version9.finish();
  EXPECT_EQ(version9.flows().size(), expected.size());
  expect_routes(version9.flows(), true);
}

/// 40 hosts of four networks talk to two servers; every third packet is TCP.
std::vector<CapturedFrame> traffic() {
  std::vector<CapturedFrame> frames;
  std::uint64_t at_ns = 1'700'000'000'000'000'000;
  for (unsigned i = 0; i < 900; ++i) {
    const std::string host = "10.0." + std::to_string(i % 4) + "." + std::to_string(1 + i / 4 % 10);
    const std::string server = i % 2 == 0 ? "192.0.2.1" : "198.51.100.1";
    const bool back = i % 5 == 0;
    PacketBuilder frame = packet().eth().ipv4(back ? server : host, back ? host : server);
    const unsigned port = 40000 + i % 7;
    i % 3 == 0 ? frame.tcp(back ? 443 : port, back ? port : 443) : frame.udp(back ? 53 : port, back ? port : 53);
    frames.push_back({at_ns += 10'000'000, frame.payload(i % 50).bytes()});
  }
  return frames;
}

TEST_F(Monitors, OfACaptureAreTheSameAtAnyNumberOfWorkers) {
  write_capture(path("a.pcap"), traffic());
  const std::string monitors =
      "monitor { name: \"all\" metrics: \"layer2,tcp\" }\n"
      "monitor { name: \"nets\" key: \"src_addr/24,dst_addr/24\" filter: \"udp\" idle_timeout: \"2s\" }\n"
      "monitor { name: \"few\" sample: \"flows=1:3\" active_timeout: \"3s\" }\n";
  std::map<std::string, std::vector<std::string>> first;
  for (const unsigned workers : {1U, 2U, 4U}) {
    write("w.conf", monitors + "workers: " + std::to_string(workers) + "\nexport: \"json:" + path("a.json") +
                        "\"\nledger: \"" + path("ledger.json") + "\"\n");
    const Finished read = run({kBin + "/weir", "read", "--config", path("w.conf"), path("a.pcap")});
    ASSERT_EQ(read.exit_code, 0) << read.err;
    EXPECT_NE(read.err.find("900 packets: 0 rejected; all: 900 counted in "), std::string::npos) << read.err;
    EXPECT_NE(read.err.find("nets: 600 counted in "), std::string::npos) << read.err;
    std::map<std::string, std::vector<std::string>> lines;
    std::map<std::string, std::uint64_t> packets;
    for (const json& line : json_lines(path("a.json"))) {
      const std::string monitor = line.at("monitor");
      packets[monitor] += line.at("packets").get<std::uint64_t>() + line.at("rev_packets").get<std::uint64_t>();
      lines[monitor].push_back(line.dump());
    }
    for (auto& [name, of_monitor] : lines) std::sort(of_monitor.begin(), of_monitor.end());
    EXPECT_EQ(packets.at("all"), 900U);
    EXPECT_EQ(packets.at("nets"), 600U) << "those of UDP";
    const json ledger = json::parse(contents(path("ledger.json")));
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
    ASSERT_EQ(ledger.at("monitors").size(), 3U);
    EXPECT_EQ(packets_of(ledger.at("monitors").at(2).at("counted")), packets.at("few"));
    EXPECT_EQ(packets_of(ledger.at("monitors").at(2).at("sampled_out")), 900 - packets.at("few"));
    EXPECT_EQ(packets_of(ledger.at("monitors").at(1).at("filtered_out")), 300U);
    if (first.empty()) first = lines;
    EXPECT_EQ(lines, first) << workers;
  }
}

TEST_F(Monitors, ABlockMakesTheRecordsThatTheSameOptionsMake) {
  write_capture(path("a.pcap"), traffic());
  write(
      "w.conf",
      "monitor { name: \"all\" }\n"
      "monitor { name: \"nets\" key: \"src_addr/24,dst_addr/24\" filter: \"udp\" idle_timeout: \"2s\" export: \"n\" }\n"
      "export: \"json:" +
          path("n.json") + "?name=n\"\n");
  const Finished both = run({kBin + "/weir", "read", "--config", path("w.conf"), path("a.pcap")});
  ASSERT_EQ(both.exit_code, 0) << both.err;
  const Finished alone = run({kBin + "/weir", "read", "--key", "src_addr/24,dst_addr/24", "--filter", "udp",
                              "--idle-timeout", "2s", "--export", "json:" + path("o.json"), path("a.pcap")});
  ASSERT_EQ(alone.exit_code, 0) << alone.err;
  std::vector<json> of_block;
  for (json& line : json_lines(path("n.json"))) {
    if (line.at("monitor") != "nets") continue;
    line.erase("monitor");
    of_block.push_back(line);
  }
  EXPECT_EQ(of_block, json_lines(path("o.json")));
  EXPECT_GT(of_block.size(), 3U);
}

TEST_F(Monitors, AreCheckedAndPrintedWithWhatTheOptionsSay) {
  write("w.conf", "monitor { name: \"wide\" key: \"src_addr/24\" export: \"core\" }\n");
  const Finished wrong = run({kBin + "/weir", "check", "--config", path("w.conf")});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.err.find(path("w.conf") + ":1:43: export 'core': no exporter has this name"), std::string::npos)
      << wrong.err;
  const Finished right =
      run({kBin + "/weir", "check", "--config", path("w.conf"), "--export", "netflow9://192.0.2.1:2055?name=core"});
  EXPECT_EQ(right.exit_code, 0) << right.err;
  EXPECT_NE(right.out.find("monitor {\n  name: \"wide\"\n  key: \"src_addr/24\"\n  # filter: as the option filter\n"),
            std::string::npos)
      << right.out;
}

}  // namespace
}  // namespace weir::test
