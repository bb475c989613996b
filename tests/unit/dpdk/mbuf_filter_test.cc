// The filter of `run` against the filter of `read`: the same expression, converted to eBPF and compiled to machine
// code, interpreted, and run by libpcap, over every frame of the Ethernet captures.
#include "dataplane/dpdk/mbuf_filter.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/dpdk/eal.h"
#include "dataplane/input/capture_file.h"
#include "dataplane/input/pcap_filter.h"
#include "dataplane/packet/parser.h"
#include "tests/support/truth.h"

namespace weir::dpdk::mbuf_filter_test {
namespace {

/// One EAL a process: without huge pages and without devices but one that goes nowhere.
bool start_eal() {
  static const auto eal = [] {
    EalPlan plan;
    plan.program = "test";
    plan.file_prefix = "weir-filter-test-" + std::to_string(getpid());
    plan.devices = *parse_devices({"net_null0"});
    plan.memory_mib = 64;
    return Eal::start(plan);
  }();
  if (!eal) ADD_FAILURE() << eal.error();
  return eal.has_value();
}

constexpr const char* kExpressions[] = {"ip",
                                        "ip6",
                                        "arp",
                                        "tcp port 443",
                                        "udp and not port 53",
                                        "vlan",
                                        "vlan and ip",
                                        "host 10.0.0.1",
                                        "net 192.168.0.0/16 and tcp",
                                        "ip6 and udp",
                                        "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
                                        "greater 200",
                                        "ip[0] & 0xf != 5",
                                        "icmp or icmp6",
                                        "mpls",
                                        "pppoes",
                                        "ether multicast",
                                        "portrange 1000-2000",
                                        "ip[6:2] & 0x1fff != 0",
                                        "not (tcp or udp)"};

TEST(MbufFilter, says_what_libpcap_says_of_every_frame_of_the_captures) {
  if (!std::filesystem::exists(WEIR_CAPTURES)) GTEST_SKIP() << "no captures: the folder " WEIR_CAPTURES " is absent";
  ASSERT_TRUE(start_eal());
  struct Filters {
    const char* expression;
    PcapFilter pcap;
    MbufFilter code;
    MbufFilter interpreted;
    std::size_t matched = 0;
  };
  std::vector<Filters> filters;
  for (const char* expression : kExpressions) {
    auto pcap = PcapFilter::compile(expression, LinkType::ethernet);
    auto code = MbufFilter::make(expression);
    auto interpreted = MbufFilter::make(expression, false);
    ASSERT_TRUE(pcap) << expression << ": " << pcap.error();
    ASSERT_TRUE(code) << code.error();
    ASSERT_TRUE(interpreted) << interpreted.error();
    EXPECT_EQ(code->compiled(), !pcap->tests_bits_of_an_octet()) << expression;
    EXPECT_FALSE(interpreted->compiled());
    filters.push_back({expression, std::move(*pcap), std::move(*code), std::move(*interpreted)});
  }
  std::size_t frames = 0;
  for (const char* group : {"basic", "vlan", "tunnels", "ipv6", "fragments", "tcp", "quic", "malformed"}) {
    for (const auto& path : test::captures_of(WEIR_CAPTURES, group)) {
      auto file = CaptureFile::open(path);
      if (!file) continue;
      PacketView view{};
      while ((*file)->next(view) == CaptureFile::Result::packet) {
        if (view.link_type != LinkType::ethernet || view.captured_octets != view.frame_octets) continue;
        if (view.captured_octets > 65535) continue;
        ++frames;
        for (Filters& filter : filters) {
          const bool expected = filter.pcap.matches(view);
          EXPECT_EQ(filter.code.matches(view), expected) << filter.expression << ", " << path << ", frame " << frames;
          EXPECT_EQ(filter.interpreted.matches(view), expected) << filter.expression << ", " << path;
          filter.matched += expected ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GT(frames, 10'000u);
  for (const Filters& filter : filters) EXPECT_GT(filter.matched, 0u) << filter.expression;
}

TEST(MbufFlowFilter, says_what_libpcap_says_of_the_header_that_makes_the_flow) {
  if (!std::filesystem::exists(WEIR_CAPTURES)) GTEST_SKIP() << "no captures: the folder " WEIR_CAPTURES " is absent";
  ASSERT_TRUE(start_eal());
  struct Filters {
    const char* expression;
    PcapFlowFilter pcap;
    MbufFlowFilter code;
    std::size_t matched = 0;
  };
  std::vector<std::unique_ptr<Filters>> filters;
  for (const char* expression :
       {"ip", "ip6", "tcp port 443", "udp and not port 53", "net 192.168.0.0/16 and tcp", "ip6 and udp", "greater 200",
        "len = 52", "ip[0] & 0xf != 5", "icmp or icmp6", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
        "portrange 1000-2000", "ip[6:2] & 0x1fff != 0", "not (tcp or udp)", "ip[500] = 0"}) {
    auto program = PcapFilter::compile_for_flows(expression);
    auto code = MbufFilter::make_for_flows(expression);
    ASSERT_TRUE(program) << expression << ": " << program.error();
    ASSERT_TRUE(code) << code.error();
    EXPECT_EQ(code->compiled(), !program->tests_bits_of_an_octet()) << expression;
    filters.push_back(std::unique_ptr<Filters>(
        new Filters{expression, PcapFlowFilter(std::move(*program)), MbufFlowFilter(std::move(*code))}));
  }
  std::size_t headers = 0;
  std::size_t cut = 0;
  std::size_t inside = 0;
  Parser parser;
  for (const char* group : {"basic", "vlan", "tunnels", "ipv6", "fragments", "tcp", "quic", "malformed"}) {
    for (const auto& path : test::captures_of(WEIR_CAPTURES, group)) {
      auto file = CaptureFile::open(path);
      if (!file) continue;
      PacketView view{};
      while ((*file)->next(view) == CaptureFile::Result::packet) {
        ParsedPacket packet;
        if (parser.walk(view, packet, nullptr) != Reject::none) continue;
        const auto header = FlowHeader::at(view, {parser.flow_header_offset(), packet.ip_octets});
        ++headers;
        cut += header.captured_octets != header.ip_octets ? 1 : 0;
        inside += parser.flow_header_offset() > 14 ? 1 : 0;
        for (const auto& filter : filters) {
          const bool expected = filter->pcap.keeps({&header, 1}) != 0;
          EXPECT_EQ(filter->code.keeps({&header, 1}) != 0, expected)
              << filter->expression << ", " << path << ", header " << headers;
          filter->matched += expected ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GT(headers, 9'000u);
  EXPECT_GT(cut, 100u);
  EXPECT_GT(inside, 100u);
  for (const auto& filter : filters) EXPECT_GT(filter->matched, 0u) << filter->expression;
}

TEST(MbufFilter, an_expression_that_is_none_is_an_error_that_names_it) {
  ASSERT_TRUE(start_eal());
  const auto filter = MbufFilter::make("tcp prot 80");
  ASSERT_FALSE(filter.has_value());
  EXPECT_TRUE(filter.error().starts_with("filter 'tcp prot 80': ")) << filter.error();
}

}  // namespace
}  // namespace weir::dpdk::mbuf_filter_test
