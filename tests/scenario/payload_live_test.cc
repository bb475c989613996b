// Payload that one worker receives and another one counts (`--rss ports`): the metrics of payload say in a live run
// with two workers what `weir read` says of the same packets. All packets arrive at the first worker; times are the
// live run's own and are not compared.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/support/exporters.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

using nlohmann::json;

const std::string kWeir = std::string(WEIR_BIN) + "/weir";
const std::string kCaptures = WEIR_CAPTURES;

/// A capture file of Ethernet without packets.
constexpr std::array<std::uint8_t, 24> kNoPackets = {0xd4, 0xc3, 0xb2, 0xa1, 2,    0,    4, 0, 0, 0, 0, 0,
                                                     0,    0,    0,    0,    0xff, 0xff, 0, 0, 1, 0, 0, 0};

/// Of each record its addresses, ports and protocol, and what the metrics of payload say but for times.
std::multiset<std::string> facts(const std::vector<json>& records) {
  std::multiset<std::string> all;
  for (const json& record : records) {
    if (!record.contains("src_addr")) continue;  // options
    json kept;
    for (const auto& [name, value] : record.items()) {
      bool keep = false;
      for (const char* prefix : {"src_", "dst_", "proto", "tls_", "http_", "dns_", "quic_"}) {
        keep = keep || name.rfind(prefix, 0) == 0;
      }
      if (keep && !name.ends_with("_ns")) kept[name] = value;
    }
    all.insert(kept.dump());
  }
  return all;
}

TEST(MetricsOfPayload, SayTheSameOfPacketsThatAnotherWorkerReceives) {
  std::uint64_t handed_over = 0;
  unsigned captures = 0;
  for (const std::string name : {"basic/ndpi_android.pcap", "basic/ndpi_zoom.pcap", "quic/ndpi_quic_0RTT.pcap"}) {
    SCOPED_TRACE(name);
    const std::string capture = kCaptures + "/" + name;
    if (!std::filesystem::exists(capture)) continue;
    ++captures;
    const TemporaryFolder folder;
    write_file(folder.path("empty.pcap"), kNoPackets);
    const auto whole_flows = [](std::vector<std::string> command) {
      for (const char* option :
           {"--metrics", "dns,tls,http,quic", "--idle-timeout", "72h", "--active-timeout", "72h"}) {
        command.emplace_back(option);
      }
      return run(command);
    };
    const std::string port = "net_pcap0,rx_pcap=" + capture + ",rx_pcap=" + folder.path("empty.pcap");
    const Finished read = whole_flows({kWeir, "read", "--export", "json:" + folder.path("read"), capture});
    ASSERT_EQ(read.exit_code, 0) << read.err;
    expect_balanced(read);
    const Finished live =
        whole_flows({kWeir, "run", "--port", port, "--workers", "2", "--rss", "ports", "--duration", "1s", "--export",
                     "json:" + folder.path("live"), "--ledger", folder.path("ledger")});
    ASSERT_EQ(live.exit_code, 0) << live.err;
    const json ledger = json::parse(contents(folder.path("ledger")));
    EXPECT_EQ(ledger.at("balanced"), true);
    for (const json& worker : ledger.at("workers")) {
      handed_over += worker.at("handed_over").at("packets").get<std::uint64_t>();
    }
    EXPECT_EQ(facts(json_lines(contents(folder.path("live")))), facts(json_lines(contents(folder.path("read")))));
  }
  if (captures == 0) GTEST_SKIP() << "no captures";
  EXPECT_GT(handed_over, 100U) << "else nothing was compared";
}

}  // namespace
}  // namespace weir::test
