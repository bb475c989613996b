// weir-collect beside tshark on the same datagrams of sFlow v5 and NetFlow v1, live and from captures.
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/collectors.h"
#include "tests/support/exporters.h"
#include "tests/support/hex.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"
#include "tests/support/sflow.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

using nlohmann::json;

const std::string kBin = WEIR_BIN;
constexpr std::uint16_t kSflowPort = 6343;

/// Two agents' worth of everything that has a place in a record, and counters.
std::vector<Bytes> sflow_datagrams() {
  using namespace sflow;
  const Bytes tcp = packet()
                        .eth()
                        .vlan(100)
                        .ipv4("192.0.2.1", "198.51.100.2")
                        .tos(0x28)
                        .tcp(40000, 443)
                        .flags(kPsh | kAck)
                        .payload(1000)
                        .bytes();
  const Bytes udp = packet().eth().ipv6("2001:db8::1", "2001:db8::2").ttl(61).udp(53, 5353).payload(100).bytes();
  const auto first = [](const Bytes& frame) { return Bytes(frame.begin(), frame.begin() + 128); };
  const Bytes vlans = block(1001, words({10, 1, 20, 2}));
  const Bytes router = block(1002, words({1, 0xcb007109, 24, 22}));
  const Bytes gateway = block(1003, words({1, 0xcb00710a, 64500, 64501, 64502, 1, 2, 2, 64510, 64511, 0, 100}));
  const Bytes interface =
      block(1, words({3, 6, 2, 1410065408, 1, 3, 0, 123456, 1, 2, 3, 4, 5, 6, 0, 654321, 7, 8, 9, 10, 11, 0}));
  return {datagram(1, {flow_sample(1, {sampled_header(first(tcp), static_cast<std::uint32_t>(tcp.size() + 4)), vlans,
                                       router, gateway}),
                       counters_sample(1, {interface})}),
          datagram(2, {flow_sample(2, {sampled_header(first(udp), static_cast<std::uint32_t>(udp.size() + 4))})}),
          datagram(5, {flow_sample(3, {block(3, words({1400, 17, 0x0a000001, 0x0a000002, 1111, 53, 0, 0x10}))})})};
}

/// What tshark calls a field, what JSON does, and in which line, if not in all.
struct FieldNames {
  std::string tshark;
  std::string json;
  std::size_t line = SIZE_MAX;
};

/// Whether the values that tshark shows of each field, of all datagrams in order, stand in the lines.
void expect_same(const std::string& capture, const std::vector<FieldNames>& names, const std::vector<json>& lines) {
  std::vector<std::string> fields;
  for (const FieldNames& one : names) fields.push_back(one.tshark);
  std::vector<std::vector<std::string>> shown(names.size());
  for (const auto& row : tshark_fields(capture, "sflow || cflow", fields)) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::istringstream values(row[i]);
      for (std::string value; std::getline(values, value, ',');) shown[i].push_back(value);
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::vector<std::string> ours;
    for (std::size_t line = 0; line < lines.size(); ++line) {
      if (!lines[line].contains(names[i].json) || (names[i].line != SIZE_MAX && names[i].line != line)) continue;
      const json& value = lines[line].at(names[i].json);
      ours.push_back(value.is_string() ? value.get<std::string>() : value.dump());
    }
    EXPECT_FALSE(shown[i].empty()) << names[i].tshark;
    EXPECT_EQ(ours, shown[i]) << names[i].tshark;
  }
}

TEST(SampledStreams, sflow_is_received_live_with_its_packets_its_counters_and_its_gaps) {
  WeirCollect collect(kBin, "sflow5");
  const UdpSource source(static_cast<std::uint16_t>(std::stoul(collect.port())));
  for (const Bytes& one : sflow_datagrams()) source.send(one);
  const auto result = collect.finish();
  ASSERT_EQ(result.lines.size(), 4U);
  const json& tcp = result.lines[0];
  EXPECT_EQ(tcp.at("src_addr"), "192.0.2.1");
  EXPECT_EQ(tcp.at("dst_port"), 443);
  EXPECT_EQ(tcp.at("bytes"), 1040) << "IP octets, not the frame's";
  EXPECT_EQ(tcp.at("sampling_rate"), 512);
  EXPECT_EQ(tcp.at("vlan_id"), 100) << "the packet's tag, not the switch's 10";
  EXPECT_EQ(tcp.at("in_if"), 3);
  EXPECT_EQ(tcp.at("out_if"), 5);
  EXPECT_EQ(tcp.at("next_hop"), "203.0.113.9");
  EXPECT_EQ(tcp.at("dst_as"), 64511);
  EXPECT_EQ(tcp.at("sampler_address"), "192.0.2.99");
  EXPECT_EQ(tcp.at("observation_domain_id"), 7);
  EXPECT_EQ(result.lines[1].at("ifInOctets"), 123456);
  EXPECT_EQ(result.lines[1].at("ifSpeed"), 10'000'000'000);
  EXPECT_EQ(result.lines[2].at("ip_ttl"), 61);
  EXPECT_EQ(result.summary.at("sequence_gaps"), 1);
  EXPECT_EQ(result.summary.at("lost_datagrams"), 2) << "3 and 4";
  EXPECT_EQ(result.summary.at("kernel_drops"), 0);
  for (const auto& [name, count] : result.summary.at("malformed").items()) EXPECT_EQ(count, 0) << name;
}

TEST(SampledStreams, a_receiver_that_falls_behind_counts_what_the_kernel_dropped) {
  const TemporaryFolder folder;
  const std::uint16_t port = free_udp_port();
  Process collect({kBin + "/weir-collect", "--quiet", "--listen", "sflow5://127.0.0.1:" + std::to_string(port),
                   "--summary", folder.path("summary")});
  ASSERT_TRUE(collect.wait_for_error_text("listening on")) << collect.error_text();
  collect.signal(SIGSTOP);
  // 240 MB, of which a receive buffer of 64 MiB (Linux counts twice that, for its own part) holds the smaller one.
  constexpr std::uint64_t kSent = 30'000;
  const UdpSource source(port);
  const Bytes one = sflow::datagram(1, {sflow::block(4095, Bytes(8000))});
  for (std::uint64_t i = 0; i < kSent; ++i) source.send(one);
  collect.signal(SIGCONT);
  collect.signal(SIGINT);
  const Finished finished = collect.wait();
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  const json summary = json::parse(contents(folder.path("summary")));
  EXPECT_GT(summary.at("kernel_drops"), 0);
  EXPECT_EQ(summary.at("datagrams").get<std::uint64_t>() + summary.at("kernel_drops").get<std::uint64_t>(), kSent);
  EXPECT_NE(finished.err.find("dropped by the kernel: the receive buffer was full"), std::string::npos) << finished.err;
}

TEST(SampledStreams, tshark_reads_the_same_of_sflow_in_a_capture) {
  if (!installed("tshark")) GTEST_SKIP() << "no tshark";
  const TemporaryFolder folder;
  const std::string capture = folder.path("sflow.pcap");
  write_datagram_capture(capture, sflow_datagrams(), kSflowPort);
  const Finished decoded = run({kBin + "/weir-collect", "--json", "--options", capture});
  ASSERT_EQ(decoded.exit_code, 0) << decoded.err;
  const std::vector<json> lines = json_lines(decoded.out);
  ASSERT_EQ(lines.size(), 4U);
  // The first line is a packet of TCP over IPv4, the third one of UDP over IPv6.
  expect_same(capture,
              {{"tcp.dstport", "dst_port", 0},
               {"ipv6.src", "src_addr", 2},
               {"ipv6.hlim", "ip_ttl", 2},
               {"sflow_245.nexthop.src_mask", "src_net"},
               {"sflow_245.nexthop.dst_mask", "dst_net"},
               {"sflow_245.srcAS", "src_as"},
               {"sflow_245.as", "as"},
               {"sflow_245.peerAS", "prev_hop_as"},
               {"sflow_245.localpref", "localpref"},
               {"sflow_245.vlan.in", "src_vlan"},
               {"sflow_245.vlan.out", "dst_vlan"},
               {"sflow_245.ifindex", "ifIndex"},
               {"sflow_245.ifspeed", "ifSpeed"},
               {"sflow_245.ifinoct", "ifInOctets"},
               {"sflow_245.ifoutoct", "ifOutOctets"},
               {"sflow_245.ifoutbcast", "ifOutBroadcastPkts"},
               {"sflow_245.ifouterr", "ifOutErrors"}},
              lines);
}

TEST(SampledStreams, tshark_reads_the_same_of_netflow_v1) {
  if (!installed("tshark")) GTEST_SKIP() << "no tshark";
  // Two records: 192.0.2.1:1234 to 198.51.100.2:80 by 192.0.2.254, and an echo request.
  const Bytes datagram = hex(
      "0001 0002 00002710 6553f100 0ee6b280"
      "c0000201 c6336402 c00002fe 0003 0004 0000000a 000005dc 00000fa0 0000270f 04d2 0050 0000 06 28 1b 000000 00000000"
      "c0000207 c6336408 00000000 0001 0000 00000001 00000054 00002328 00002328 0000 0800 0000 01 00 00 000000 "
      "00000000");
  const TemporaryFolder folder;
  const std::string capture = folder.path("v1.pcap");
  write_datagram_capture(capture, {datagram}, kTsharkPort);
  const Finished decoded = run({kBin + "/weir-collect", "--json", capture});
  ASSERT_EQ(decoded.exit_code, 0) << decoded.err;
  const std::vector<json> lines = json_lines(decoded.out);
  ASSERT_EQ(lines.size(), 2U);
  expect_same(capture,
              {{"cflow.srcaddr", "src_addr"},
               {"cflow.dstaddr", "dst_addr"},
               {"cflow.packets", "packets"},
               {"cflow.octets", "bytes"},
               {"cflow.protocol", "proto"},
               {"cflow.inputint", "in_if"}},
              lines);
  EXPECT_EQ(lines[0].at("next_hop"), "192.0.2.254");
  EXPECT_EQ(lines[1].at("icmp_type"), 8);
}

}  // namespace
}  // namespace weir::test
