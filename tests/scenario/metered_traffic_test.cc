// A capture whose every field is known (tests/support/known_traffic.h), metered and sent by softflowd, nfpcapd with
// nfreplay, and pmacct's nfprobe, as weir-collect shows it.
//
// Where these programs are inexact themselves:
// - none of them reads a frame whose outer tag is 802.1ad (0x88a8), nor the traffic class of IPv6, nor SCTP's ports;
// - softflowd counts what an Ethernet link pads short frames with, so that here they are not padded; it keeps both
//   directions apart, with times of their own, only when it tracks VLANs, too; and its v9 header counts one record less
//   than the datagram holds;
// - nfprobe puts one pair of times on both directions, and the TOS on one of them only; so does softflowd in v5, and
// both count v5's uptime from their
//   own start, which an old capture lies decades before;
// - nfreplay sends no VLAN, TOS or IPFIX, and what nfpcapd stored has a flow for each ICMP packet.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "tests/support/exporters.h"
#include "tests/support/known_traffic.h"

namespace weir::test {
namespace {

const std::string kBin = WEIR_BIN;
constexpr Compared kVersion5{
    .ipv6 = false, .vlan = false, .sampling_rate = false, .other_ports = false, .times = false};

class MeteredTraffic : public ::testing::Test {
 protected:
  void SetUp() override {
    known_ = write_known_traffic(capture_, {.padded = false});
    std::erase_if(known_, [](const auto& entry) { return entry.second.vlan == 200; });  // 802.1ad
    for (auto& [tuple, flow] : known_) flow.tos = tuple.ip_version == 6 ? 0 : flow.tos;
  }

  void expect_known(const WeirCollect::Result& result, const Compared& compared) const {
    EXPECT_EQ(text_of(seen_flows(result.lines), compared), text_of(known_, compared));
    EXPECT_EQ(result.summary.at("sequence_gaps"), 0);
    EXPECT_EQ(result.summary.at("unknown_template"), 0);
    for (const auto& [name, count] : result.summary.at("malformed").items()) EXPECT_EQ(count, 0) << name;
  }

  TemporaryFolder folder_;
  std::string capture_ = folder_.path("known.pcap");
  SeenFlows known_;
};

TEST_F(MeteredTraffic, BySoftflowdIsShownAsItWas) {
  if (!installed("softflowd")) GTEST_SKIP() << "no softflowd";
  for (const std::string version : {"5", "9", "10"}) {
    SCOPED_TRACE("version " + version);
    WeirCollect collect(kBin, "netflow9");
    softflowd(capture_, collect.address(), version, {"-T", "vlan"});
    expect_known(collect.finish(), version == "5" ? kVersion5 : Compared{.sampling_rate = false, .other_ports = false});
  }
}

TEST_F(MeteredTraffic, ByNfpcapdIsShownAsItWas) {
  if (!installed("nfreplay")) GTEST_SKIP() << "no nfreplay";
  for (const std::string version : {"5", "9"}) {
    SCOPED_TRACE("version " + version);
    WeirCollect collect(kBin, "netflow9");
    nfreplay(capture_, collect.port(), version);
    expect_known(collect.finish(),
                 {.ipv6 = version != "5", .vlan = false, .sampling_rate = false, .tos = false, .other_ports = false});
  }
}

TEST_F(MeteredTraffic, ByNfprobeIsShownAsItWas) {
  if (!installed("pmacctd")) GTEST_SKIP() << "no pmacctd";
  // The times of a conversation; ICMP has none for it.
  for (auto& [tuple, flow] : known_) {
    if (tuple.protocol == 1) continue;
    Tuple back = tuple;
    std::swap(back.source, back.destination);
    std::swap(back.source_port, back.destination_port);
    const auto other = known_.find(back);
    if (other == known_.end()) continue;
    other->second.first_ms = flow.first_ms = std::min(flow.first_ms, other->second.first_ms);
    other->second.last_ms = flow.last_ms = std::max(flow.last_ms, other->second.last_ms);
  }
  for (const std::string version : {"5", "9", "10"}) {
    SCOPED_TRACE("version " + version);
    WeirCollect collect(kBin, "ipfix");
    nfprobe(capture_, collect.address(), version, ", vlan");
    expect_known(collect.finish(), {.ipv6 = version != "5",
                                    .vlan = version != "5",
                                    .sampling_rate = false,
                                    .tos = false,
                                    .other_ports = false,
                                    .times = version != "5"});
  }
}

}  // namespace
}  // namespace weir::test
