// `weir run --pair`: two ports play captures of the two directions of a tap, some packets of which both show. The
// records name both interfaces, what both ports show counts once, and the ledger balances.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/scenario/live_rig.h"
#include "tests/support/capture_file.h"

namespace weir::test {
namespace {

constexpr unsigned kConversations = 200;
constexpr unsigned kRounds = 5;

/// A UDP packet of conversation `number`, 10.0.0.1 to 10.0.1.N:53 or back; its identification tells it from others.
Bytes frame(unsigned number, unsigned round, bool back) {
  const unsigned client = 0x0a000001;
  const unsigned server = 0x0a000100 + number;
  Bytes octets = hex(back ? "020000000001 020000000002 0800" : "020000000002 020000000001 0800");
  put(octets, 0x45000020, 4);
  put(octets, round, 2);
  put(octets, 0, 2);
  put(octets, 0x4011, 2);
  put(octets, 0, 2);
  put(octets, back ? server : client, 4);
  put(octets, back ? client : server, 4);
  put(octets, back ? 53 : 1000 + number, 2);
  put(octets, back ? 1000 + number : 53, 2);
  put(octets, 12, 2);
  put(octets, 0, 2);
  put(octets, number, 4);
  return octets;
}

/// What one port sees: its direction of all conversations, and of every fourth one the other direction, too; of worker
/// `worker` of so many, each of which receives whole conversations, as by symmetric RSS.
std::vector<CapturedFrame> seen_by(bool back, unsigned worker, unsigned workers) {
  std::vector<CapturedFrame> frames;
  for (unsigned round = 0; round < kRounds; ++round) {
    for (unsigned number = worker; number < kConversations; number += workers) {
      for (const bool way : {false, true}) {
        if (way == back || number % 4 == 0) frames.push_back({1'700'000'000'000'000'000, frame(number, round, way)});
      }
    }
  }
  return frames;
}

class Pairs : public ::testing::TestWithParam<unsigned> {};

TEST_P(Pairs, ATapIsOneInterfacePairAndWhatBothPortsShowCountsOnce) {
  const unsigned workers = GetParam();
  const TemporaryFolder folder;
  std::string ports[2] = {"net_pcap0", "net_pcap1"};
  for (unsigned port = 0; port < 2; ++port) {
    for (unsigned worker = 0; worker < workers; ++worker) {
      const std::string file = folder.path("port" + std::to_string(port) + "-" + std::to_string(worker) + ".pcap");
      write_capture(file, seen_by(port == 1, worker, workers));
      ports[port] += ",rx_pcap=" + file;
    }
  }
  const std::string records = folder.path("records.json");
  Probe probe(folder, {ports[0], {}, {}, {}},
              {"--port", ports[1], "--pair", "net_pcap0,net_pcap1", "--key", "5tuple,in_if,out_if", "--workers",
               std::to_string(workers), "--export", "json:" + records});
  // 200 conversations of 5 rounds and both directions, and those of 50 once more at the other port.
  constexpr std::uint64_t kPackets = std::uint64_t{2} * kRounds * kConversations;
  constexpr std::uint64_t kDuplicates = kPackets / 4;
  EXPECT_TRUE(eventually([&] { return probe.received() == kPackets + kDuplicates; })) << probe.received();
  const json live = probe.ask_json("ledger");
  EXPECT_EQ(live.at("balanced"), true) << live;
  EXPECT_NE(probe.ask({"ledger"}).out.find("duplicate (--pair)"), std::string::npos);
  probe.stop();
  const json& ledger = probe.ledger();
  EXPECT_EQ(packets_of(ledger.at("duplicate")), kDuplicates);
  EXPECT_EQ(packets_of(ledger.at("counted")), kPackets);
  EXPECT_EQ(octets_of(ledger.at("received")), octets_of(ledger.at("counted")) + octets_of(ledger.at("duplicate")));

  std::map<Tuple, unsigned> seen;
  std::uint64_t packets = 0;
  for (const json& record : json_lines(records)) {
    const unsigned in = record.at("in_if"), out = record.at("out_if");
    EXPECT_EQ(in + out, 3U) << record;
    packets += record.at("packets").get<std::uint64_t>() + record.at("rev_packets").get<std::uint64_t>();
    const unsigned conversation = record.at("dst_port") == 53 ? record.at("src_port") : record.at("dst_port");
    if ((conversation - 1000) % 4 == 0) continue;  // a port that shows both directions may be the first to show either
    EXPECT_EQ(record.at("packets"), kRounds) << record;
    EXPECT_EQ(record.at("rev_packets"), kRounds) << record;
    EXPECT_EQ(in, record.at("dst_port") == 53 ? 1U : 2U) << "the client is at the first port: " << record;
    ++seen[tuple_of_record(record)];
  }
  EXPECT_EQ(packets, kPackets);
  EXPECT_EQ(seen.size(), kConversations * 3 / 4);
}

INSTANTIATE_TEST_SUITE_P(Workers, Pairs, ::testing::Values(1U, 2U),
                         [](const auto& one) { return "Of" + std::to_string(one.param); });

}  // namespace
}  // namespace weir::test
