// What weir says of records without metrics never changes by accident: JSON, protobuf, NetFlow v9 and IPFIX of a small
// capture, octet for octet as in golden/. The files there were made before records had sections and before encoders
// came from the field table.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

const std::string kBin = WEIR_BIN;
const std::filesystem::path kGolden = WEIR_GOLDEN;

/// Every form of a record that has no metrics: both IP versions, both directions, one direction alone, ICMP, a VLAN, a
/// tunnel, a label, an SPI, and all three together.
std::vector<CapturedFrame> frames() {
  std::vector<CapturedFrame> result;
  std::uint64_t time_ns = 1'700'000'000'123'456'789;
  const auto add = [&](const PacketBuilder& built) { result.push_back({time_ns += 7'654'321, built.bytes()}); };
  add(packet().eth().ipv4("10.0.0.1", "192.0.2.1").tos(184).tcp(40000, 443).flags(kSyn).payload(0));
  add(packet().eth().ipv4("192.0.2.1", "10.0.0.1").tos(8).tcp(443, 40000).flags(kSyn | kAck));
  add(packet().eth().ipv4("10.0.0.1", "192.0.2.1").tos(184).tcp(40000, 443).flags(kAck | kPsh).payload(517));
  add(packet().eth().ipv6("2001:db8::1", "2001:db8:0:1::2").tos(40).tcp(50000, 80).flags(kAck | kFin).payload(100));
  add(packet().eth().ipv6("2001:db8:0:1::2", "2001:db8::1").tcp(80, 50000).flags(kAck | kRst));
  add(packet().eth().vlan(300).ipv4("10.0.0.7", "10.0.0.8").udp(5353, 53).payload(64));
  add(packet().eth().ipv4("10.0.0.1", "10.0.0.2").icmp(8, 0).payload(56));
  add(packet().eth().ipv4("10.0.0.2", "10.0.0.1").icmp(0, 0).payload(56));
  add(packet().eth().ipv4("10.0.0.3", "10.0.0.2").icmp(3, 13).payload(28));
  add(packet().eth().ipv6("2001:db8::1", "2001:db8::9").icmpv6(128, 0).payload(40));
  add(packet().eth().ipv6("2001:db8::9", "2001:db8::1").icmpv6(129, 0).payload(40));
  add(packet()
          .eth()
          .ipv4("198.51.100.1", "198.51.100.2")
          .udp(55555, 4789)
          .vxlan(7000)
          .eth()
          .ipv4("172.16.0.1", "172.16.0.2")
          .udp(1000, 2000)
          .payload(30));
  add(packet()
          .eth()
          .ipv4("198.51.100.2", "198.51.100.1")
          .udp(55556, 4789)
          .vxlan(7000)
          .eth()
          .ipv4("172.16.0.2", "172.16.0.1")
          .udp(2000, 1000)
          .payload(31));
  add(packet()
          .eth()
          .ipv6("2001:db8:a::1", "2001:db8:a::2")
          .gre(99)
          .ipv4("172.16.1.1", "172.16.1.2")
          .tcp(7, 9)
          .flags(kAck)
          .payload(5));
  add(packet().eth().mpls(24001).mpls(17).ipv4("10.1.0.1", "10.1.0.2").udp(123, 123).payload(48));
  add(packet().eth().ipv4("10.2.0.1", "10.2.0.2").protocol(50).payload({0x12, 0x34, 0x56, 0x78, 0, 0, 0, 1}));
  add(packet()
          .eth()
          .mpls(18)
          .ipv6("2001:db8:b::1", "2001:db8:b::2")
          .gre()
          .ipv6("2001:db8:c::1", "2001:db8:c::2")
          .protocol(50)
          .payload({0x9a, 0xbc, 0xde, 0xf0, 0, 0, 0, 1}));
  add(packet().eth().ipv6("::ffff:10.9.8.7", "ff02::1").udp(1, 2).payload(1));
  return result;
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The octets in hex, 60 in a line, as the golden files have them.
std::string hex_lines(const std::string& octets) {
  std::string text;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const auto octet = static_cast<unsigned char>(octets[i]);
    text += "0123456789abcdef"[octet >> 4];
    text += "0123456789abcdef"[octet & 0xf];
    if (i % 60 == 59 || i + 1 == octets.size()) text += '\n';
  }
  return text;
}

class Golden : public ::testing::Test {
 protected:
  void SetUp() override { write_capture(folder_.path("a.pcap"), frames()); }
  void read(const std::string& uri) {
    const Finished done = run({kBin + "/weir", "read", "--export", uri, folder_.path("a.pcap")});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    expect_balanced(done);
  }
  /// The datagrams of a scheme with these options, one after the other, a blank line between two.
  std::string datagrams(const std::string& scheme, const std::string& options) {
    UdpSink sink;
    read(scheme + "://" + sink.address() + options);
    std::string text;
    for (const Bytes& datagram : sink.finish()) {
      text += (text.empty() ? "" : "\n") + hex_lines(std::string(datagram.begin(), datagram.end()));
    }
    return text;
  }

  TemporaryFolder folder_;
};

TEST_F(Golden, JsonIsAsItWas) {
  read("json:" + folder_.path("out"));
  EXPECT_EQ(content(folder_.path("out")), content(kGolden / "records.json"));
}

TEST_F(Golden, ProtobufIsAsItWas) {
  read("protobuf:" + folder_.path("out"));
  EXPECT_EQ(hex_lines(content(folder_.path("out"))), content(kGolden / "records.protobuf.hex"));
}

TEST_F(Golden, NetFlow9IsAsItWas) {
  EXPECT_EQ(datagrams("netflow9", ""), content(kGolden / "records.netflow9.hex"));
  EXPECT_EQ(datagrams("netflow9", "?uniflow=0"), content(kGolden / "records.netflow9.merged.hex"));
}

TEST_F(Golden, IpfixIsAsItWas) {
  EXPECT_EQ(datagrams("ipfix", ""), content(kGolden / "records.ipfix.hex"));
  EXPECT_EQ(datagrams("ipfix", "?uniflow=0"), content(kGolden / "records.ipfix.biflow.hex"));
  EXPECT_EQ(datagrams("ipfix", "?profile=akvorado"), content(kGolden / "records.ipfix.akvorado.hex"));
}

}  // namespace
}  // namespace weir::test
