// --filter on frames with tags, labels and tunnels: what counts is the header that makes the flow, at 1, 2 and 4
// workers alike.
#include "dataplane/packet/flow_filter.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "dataplane/input/pcap_filter.h"
#include "dataplane/offline_meter.h"
#include "dataplane/packet_front.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"

namespace weir::flow_filter_test {
namespace {

using test::Bytes;
using test::packet;
using test::PacketBuilder;
using test::take_records;
using test::view_of;

PcapFilter compiled(const std::string& expression) {
  auto program = PcapFilter::compile_for_flows(expression);
  if (!program) throw std::invalid_argument(expression + ": " + program.error());
  return std::move(*program);
}

/// What became of frames, all workers together.
struct Outcome {
  PacketCount counted;
  PacketCount filtered_out;
  PacketCount received;
  PacketCount rejected;
  std::size_t records = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome meter(const std::string& expression, const std::vector<PacketView>& views, unsigned workers,
              const ParserOptions& parser = ParserOptions::defaults(), const KeyFields& key = {}) {
  const PcapFlowFilter filter(compiled(expression));
  OfflineOptions options;
  options.parser = parser;
  options.key = key;
  options.workers = workers;
  options.max_flows = 1024;
  options.filter = &filter;
  OfflineMeter offline(options, KeyHash(KeyHash::random_seed()));
  for (const PacketView& view : views) offline.add(view);
  offline.finish();
  Outcome out;
  for (unsigned i = 0; i < workers; ++i) {
    const WorkerCounters counters = offline.counters(i);
    out.counted += counters.counted;
    out.filtered_out += counters.filtered_out;
    out.received += counters.received;
    for (const PacketCount& reject : counters.rejects) out.rejected += reject;
    out.records += take_records(offline.records(i)).size();
  }
  PacketCount accounted = out.counted;
  accounted += out.filtered_out;
  accounted += out.rejected;
  EXPECT_EQ(out.received, accounted);
  return out;
}

/// Whether the filter keeps the frame, which has an IP header.
bool keeps(const std::string& expression, const Bytes& frame, const ParserOptions& parser = ParserOptions::defaults()) {
  std::optional<Outcome> first;
  for (const unsigned workers : {1U, 2U, 4U}) {
    const Outcome outcome = meter(expression, {view_of(frame, 1)}, workers, parser);
    EXPECT_EQ(outcome.counted.packets + outcome.filtered_out.packets, 1U);
    EXPECT_EQ(outcome.received.octets, frame.size());
    EXPECT_EQ(first.value_or(outcome), outcome);
    first = outcome;
  }
  return first->counted.packets == 1;
}

PacketBuilder& https(PacketBuilder& outer) {
  return outer.ipv4("10.1.0.1", "10.1.0.2").ttl(17).tcp(40000, 443).flags(test::kSyn).payload(20);
}

TEST(FlowFilter, SeesTheHeaderThatMakesTheFlowWhateverIsAroundIt) {
  struct Case {
    const char* name;
    PacketBuilder outer;
  };
  const Case cases[] = {
      {"Ethernet", packet().eth()},
      {"VLAN", packet().eth().vlan(5)},
      {"QinQ", packet().eth().qinq(100).vlan(5)},
      {"three tags", packet().eth().qinq(1).tag(0x9100, 2).vlan(3)},
      {"MPLS", packet().eth().mpls(16).mpls(17)},
      {"PPPoE", packet().eth().pppoe().ppp()},
      {"GRE", packet().eth().ipv4("192.0.2.1", "192.0.2.2").gre(7)},
      {"IP in IP", packet().eth().ipv4("192.0.2.1", "192.0.2.2")},
      {"VXLAN", packet().eth().vlan(9).ipv4("192.0.2.1", "192.0.2.2").udp(5000, 4789).vxlan(11).eth()},
      {"VXLAN with a tag inside",
       packet().eth().ipv6("2001:db8::1", "2001:db8::2").udp(1, 4789).vxlan(11).eth().vlan(4)},
      {"GTP-U", packet().eth().ipv4("192.0.2.1", "192.0.2.2").udp(2152, 2152).gtp_u(99)},
      {"GENEVE with options", packet().eth().ipv4("192.0.2.1", "192.0.2.2").udp(1, 6081).geneve(3, 8).eth()},
      {"a tunnel in a tunnel", packet()
                                   .eth()
                                   .ipv4("192.0.2.1", "192.0.2.2")
                                   .gre()
                                   .ipv4("198.51.100.1", "198.51.100.2")
                                   .udp(1, 4789)
                                   .vxlan(1)
                                   .eth()},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    PacketBuilder outer = one.outer;
    const Bytes frame = https(outer).bytes();
    EXPECT_TRUE(keeps("tcp port 443", frame));
    EXPECT_FALSE(keeps("tcp port 80", frame));
    EXPECT_FALSE(keeps("udp", frame));
    EXPECT_TRUE(keeps("src host 10.1.0.1 and dst net 10.1.0.0/24 and ip[8] = 17", frame));
    EXPECT_FALSE(keeps("host 192.0.2.1", frame));
    EXPECT_TRUE(keeps("tcp[tcpflags] & tcp-syn != 0", frame));
    EXPECT_TRUE(keeps("len = 60", frame)) << "the octets of the IP packet: 20, 20 and 20";
  }
}

TEST(FlowFilter, SeesIpv6AndItsExtensionHeadersAsPcapDoes) {
  const Bytes plain = packet().eth().vlan(5).ipv6("2001:db8::1", "2001:db8::2").udp(53, 5353).bytes();
  EXPECT_TRUE(keeps("udp port 53", plain));
  EXPECT_TRUE(keeps("ip6 and host 2001:db8::2", plain));
  EXPECT_FALSE(keeps("ip", plain));
  const Bytes extended = packet().eth().ipv6("2001:db8::1", "2001:db8::2").hop_by_hop().udp(53, 5353).bytes();
  EXPECT_TRUE(keeps("ip6 protochain 17", extended));
  EXPECT_TRUE(keeps("not tcp", extended));
}

TEST(FlowFilter, SeesTheOutermostHeaderWhereThatMakesTheFlow) {
  ParserOptions outermost = ParserOptions::defaults();
  outermost.layer = Layer::outer;
  PacketBuilder outer = packet().eth().qinq(7).ipv4("192.0.2.1", "192.0.2.2").udp(5000, 4789).vxlan(11).eth();
  const Bytes frame = https(outer).bytes();
  EXPECT_TRUE(keeps("udp port 4789 and host 192.0.2.2", frame, outermost));
  EXPECT_FALSE(keeps("tcp port 443", frame, outermost));
}

TEST(FlowFilter, DoesNotSeeWhatComesAfterTheIpPacketNorWhatWasNotCaptured) {
  const Bytes padded = packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(2).pad_to(60, 0xff).bytes();
  EXPECT_TRUE(keeps("len = 30", padded)) << "20 and 8 and 2, and not the frame's 60";
  EXPECT_FALSE(keeps("ip[40] = 0xff", padded));
  const Bytes cut =
      packet().eth().vlan(5).ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 443).payload(200).cut(18 + 21).bytes();
  PacketView view = view_of(cut, 1, 18 + 240);
  for (const unsigned workers : {1U, 2U, 4U}) {
    EXPECT_EQ(meter("host 10.0.0.1", {view}, workers).counted.packets, 1U);
    EXPECT_EQ(meter("tcp port 443", {view}, workers).filtered_out, (PacketCount{1, 18 + 240}));
    EXPECT_EQ(meter("len = 240", {view}, workers).counted.packets, 1U) << "as long as the header says";
  }
}

TEST(FlowFilter, KeepsALaterFragmentIfItKeptTheFirst) {
  const auto part = [](unsigned id) {
    return packet().eth().vlan(5).ipv4("10.0.0.1", "10.0.0.2").fragment(0, true, id);
  };
  const auto rest = [](unsigned id) {
    return packet().eth().vlan(5).ipv4("10.0.0.1", "10.0.0.2").protocol(17).fragment(16, false, id).payload(8).bytes();
  };
  const std::vector<Bytes> frames = {part(1).udp(1000, 53).payload(8).bytes(), part(2).udp(2000, 99).payload(8).bytes(),
                                     rest(2), rest(1), rest(3)};
  std::vector<PacketView> views;
  for (const Bytes& frame : frames) views.push_back(view_of(frame, views.size()));
  const std::uint64_t first = 18 + 36;
  const std::uint64_t later = 18 + 28;
  for (const unsigned workers : {1U, 2U, 4U}) {
    const Outcome port = meter("udp port 53", views, workers);
    EXPECT_EQ(port.counted, (PacketCount{2, first + later}));
    EXPECT_EQ(port.filtered_out, (PacketCount{3, first + 2 * later})) << "the last one's first was not seen: no port";
    EXPECT_EQ(port.records, 1U);
    const Outcome others = meter("not udp port 53", views, workers);
    EXPECT_EQ(others.counted, (PacketCount{3, first + 2 * later}));
    EXPECT_EQ(others.filtered_out, (PacketCount{2, first + later}));
  }
}

TEST(FlowFilter, JudgesTheLaterFragmentsOfATunnelByTheHeaderThatMakesTheirFlow) {
  PacketBuilder outer = packet().eth().ipv4("192.0.2.1", "192.0.2.2").fragment(0, true, 9).gre();
  const std::vector<Bytes> frames = {
      https(outer).bytes(),
      packet().eth().ipv4("192.0.2.1", "192.0.2.2").protocol(47).fragment(64, false, 9).payload(64).bytes()};
  const std::vector<PacketView> views = {view_of(frames[0], 1), view_of(frames[1], 2)};
  for (const unsigned workers : {1U, 2U, 4U}) {
    EXPECT_EQ(meter("tcp port 443", views, workers).counted, (PacketCount{1, frames[0].size()}));
    EXPECT_EQ(meter("host 192.0.2.1", views, workers).counted, (PacketCount{1, frames[1].size()}));
  }
}

TEST(FlowFilter, SeesTheQuotedHeaderOfAnIcmpErrorThatCountsForIt) {
  ParserOptions quoted = ParserOptions::defaults();
  quoted.icmp_errors = IcmpErrors::quoted;
  const Bytes inside = packet().ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 443).bytes();
  const Bytes error = packet().eth().vlan(5).ipv4("10.9.0.9", "10.0.0.1").icmp(3, 1).payload(inside).bytes();
  EXPECT_TRUE(keeps("icmp and host 10.9.0.9", error));
  EXPECT_FALSE(keeps("tcp port 443", error));
  EXPECT_TRUE(keeps("tcp port 443", error, quoted));
  EXPECT_FALSE(keeps("icmp", error, quoted));
}

TEST(FlowFilter, JudgesThePacketBeforeTheKeyMasksIt) {
  PacketBuilder one = packet().eth().ipv4("192.0.2.1", "192.0.2.2").udp(5000, 4789).vxlan(1).eth();
  PacketBuilder two = packet().eth().ipv4("192.0.2.1", "192.0.2.2").udp(5000, 4789).vxlan(2).eth();
  const Bytes first = https(one).bytes();
  const Bytes second = https(two).bytes();
  KeyFields key;
  key.source_prefix4 = 8;
  key.tunnel_id = true;
  for (const unsigned workers : {1U, 2U, 4U}) {
    const Outcome outcome =
        meter("src host 10.1.0.1", {view_of(first, 1), view_of(second, 2)}, workers, ParserOptions::defaults(), key);
    EXPECT_EQ(outcome.counted.packets, 2U);
    EXPECT_EQ(outcome.records, 2U) << "a flow for each VNI";
  }
}

TEST(FlowFilter, LeavesARejectToItsName) {
  const Bytes arp = packet().eth().vlan(5).ether_type(0x0806).payload(46).bytes();
  for (const unsigned workers : {1U, 2U}) {
    const Outcome outcome = meter("tcp", {view_of(arp, 1)}, workers);
    EXPECT_EQ(outcome.rejected, (PacketCount{1, arp.size()}));
    EXPECT_EQ(outcome.filtered_out, PacketCount{});
  }
}

}  // namespace
}  // namespace weir::flow_filter_test
