// Tunnels, labels and SPIs from `weir read` by NetFlow v9, IPFIX and protobuf to weir-collect, and through a second
// hop: the same fields under the same names as in weir's own JSON, and never a second time under an element's name.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/exporters.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

using nlohmann::json;

const std::string kBin = WEIR_BIN;
const std::string kCaptures = WEIR_CAPTURES;

/// The tunnel, label and SPI of each record with its key, sorted.
std::vector<std::string> section_lines(const std::vector<json>& records) {
  std::vector<std::string> lines;
  for (const json& record : records) {
    if (!record.contains("src_addr")) continue;
    json line;
    for (const char* name :
         {"src_addr", "dst_addr", "src_port", "dst_port", "proto", "packets", "rev_packets", "tunnel_type", "tunnel_id",
          "tunnel_depth", "tunnel_src_addr", "tunnel_dst_addr", "mpls_label", "esp_spi"}) {
      if (record.contains(name)) line[name] = record.at(name);
    }
    EXPECT_EQ(record.dump().find("weirTunnel"), std::string::npos) << record;
    lines.push_back(line.dump());
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST(TunnelRecords, ArriveUnderTheirOwnNamesInEveryFormatThatHasThem) {
  const TemporaryFolder folder;
  std::size_t tunnels = 0, labels = 0, spis = 0;
  for (const std::string name :
       {"tunnels/ndpi_vxlan.pcap", "tunnels/ndpi_6in4tunnel.pcap", "tunnels/synthetic_tunnel-mix.pcap",
        "vlan/synthetic_mpls-deep.pcap", "ipv6/ndpi_esp.pcapng"}) {
    SCOPED_TRACE(name);
    const std::string capture = kCaptures + "/" + name;
    if (!std::filesystem::exists(capture)) continue;
    WeirCollect last(kBin, "ipfix"), middle(kBin, "ipfix", {"--export", "ipfix://" + last.address() + "?uniflow=0"}),
        ipfix(kBin, "ipfix"), netflow9(kBin, "netflow9");
    const Finished read =
        run({kBin + "/weir", "read", "--export", "json:" + folder.path("own"), "--export",
             "ipfix://" + ipfix.address() + "?uniflow=0", "--export", "netflow9://" + netflow9.address() + "?uniflow=0",
             "--export", "ipfix://" + middle.address() + "?uniflow=0", "--export", "protobuf:" + folder.path("pb"),
             capture});
    ASSERT_EQ(read.exit_code, 0) << read.err;
    expect_balanced(read);
    const auto expected = section_lines(json_lines(contents(folder.path("own"))));
    for (const std::string& line : expected) {
      tunnels += line.find("tunnel_type") != std::string::npos;
      labels += line.find("mpls_label") != std::string::npos;
      spis += line.find("esp_spi") != std::string::npos;
    }
    EXPECT_EQ(section_lines(ipfix.finish().lines), expected);
    EXPECT_EQ(section_lines(netflow9.finish().lines), expected);
    EXPECT_EQ(section_lines(json_lines(run({kBin + "/weir-collect", "--json", folder.path("pb")}).out)), expected);
    static_cast<void>(middle.finish());
    EXPECT_EQ(section_lines(last.finish().lines), expected) << "through a second hop";
  }
  if (tunnels == 0) GTEST_SKIP() << "no captures";
  EXPECT_GT(tunnels, 30U);
  EXPECT_GT(labels, 0U);
  EXPECT_GT(spis, 0U);
}

}  // namespace
}  // namespace weir::test
