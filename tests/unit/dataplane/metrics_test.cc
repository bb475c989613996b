// What the metrics layer2 and tcp (as far as single segments tell; the rest: tcp_metric_test.cc) tell of flows of known
// frames, when their values begin anew, which sections records have, and that nothing of the ledger changes with them.
#include "dataplane/metric/metrics.h"

#include <gtest/gtest.h>

#include <string>

#include "dataplane/packet/parser.h"
#include "tests/support/meter.h"
#include "tests/support/packet_builder.h"

namespace weir::test::metrics_test {
namespace {

constexpr std::uint32_t kLayer2Bit = kSectionBit<Layer2Section>;
constexpr std::uint32_t kTcpBit = kSectionBit<TcpSection>;
constexpr std::uint32_t kStackBit = kSectionBit<LabelStackSection>;
constexpr std::uint32_t kLabelBit = kSectionBit<LabelSection>;

const Metrics kNone;
const Metrics kLayer2Only(1);
const Metrics kTcpOnly(2);
const Metrics kBoth(3);

/// A shard with metrics, fed frames.
class FrameMeter : public Meter {
 public:
  explicit FrameMeter(const Metrics& metrics = kBoth, const FlowTimeouts& timeouts = {}, std::uint32_t capacity = 1024,
                      std::size_t ring_records = 1U << 12, WhenFull when_full = WhenFull::evict)
      : Meter(capacity, timeouts, ring_records, RingFull::lose, when_full, {1, 2, 3, 4, 5, 6}, metrics) {}

  void see(const PacketBuilder& builder, std::uint64_t offset_ns) {
    const Bytes frame = builder.bytes();
    ParsedPacket packet{};
    PacketFacts facts;
    ASSERT_EQ(parser.parse(view_of(frame, kEpochNs + offset_ns), packet, &facts), Reject::none);
    packet.effective_ns = packet.time_ns;
    if (shard.metrics().any()) {
      add(packet, facts);
    } else {
      add(packet);
    }
  }
  /// The only record that came out since the last call.
  OwnedRecord record() {
    const RecordBatch taken = batch();
    EXPECT_EQ(taken.size(), 1U);
    return taken.empty() ? OwnedRecord() : OwnedRecord(taken[0]);
  }

  Parser parser;
};

template <typename S>
const S& section(const OwnedRecord& record) {
  const S* found = record.view().find<S>();
  EXPECT_NE(found, nullptr);
  static constexpr S kAbsent{};
  return found == nullptr ? kAbsent : *found;
}

template <typename T>
std::pair<unsigned long long, unsigned long long> both(const T (&values)[2]) {
  return {values[kForward], values[kReverse]};
}
using Two = std::pair<unsigned long long, unsigned long long>;

/// A client and a server; which of the two addresses is the greater one must not matter to any value.
struct Ends {
  const char* client;
  const char* server;

  [[nodiscard]] PacketBuilder ask() const { return packet().eth(0xc, 0x5).ipv4(client, server); }
  [[nodiscard]] PacketBuilder answer() const { return packet().eth(0x5, 0xc).ipv4(server, client); }
  [[nodiscard]] PacketBuilder ask_tcp(unsigned flags) const { return ask().tcp(40000, 80).flags(flags); }
  [[nodiscard]] PacketBuilder answer_tcp(unsigned flags) const { return answer().tcp(80, 40000).flags(flags); }
};
constexpr Ends kInitiatorLow{"10.0.0.1", "10.0.0.2"};
constexpr Ends kInitiatorHigh{"10.0.0.2", "10.0.0.1"};

class OfBothEnds : public ::testing::TestWithParam<Ends> {};
INSTANTIATE_TEST_SUITE_P(Initiator, OfBothEnds, ::testing::Values(kInitiatorLow, kInitiatorHigh),
                         [](const auto& which) { return which.index == 0 ? "IsLow" : "IsHigh"; });

TEST_P(OfBothEnds, TcpTellsFlagsWindowsOptionsAndPayloadOfEachDirection) {
  const Ends ends = GetParam();
  FrameMeter meter;
  const Bytes client_options = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7};
  meter.see(ends.ask_tcp(kSyn).window(64240).tcp_options(client_options), 0);
  meter.see(ends.answer_tcp(kSyn | kAck).window(65160).tcp_options({2, 4, 0x05, 0x78, 1, 3, 3, 9}), 1_ms);
  meter.see(ends.ask_tcp(kAck).window(502), 2_ms);
  meter.see(ends.ask_tcp(kAck | kPsh).window(503).tcp_options({34, 2, 1, 1}).payload(100), 3_ms);
  meter.see(ends.answer_tcp(kAck).window(0).payload(1000), 4_ms);
  meter.see(ends.answer_tcp(kAck).window(0), 5_ms);
  meter.see(ends.ask_tcp(kFin | kAck).window(501).payload(1), 6_ms);
  meter.see(ends.answer_tcp(kRst).window(0), 7_ms);
  meter.see(ends.answer_tcp(kRst).window(0), 8_ms);
  meter.drain(1_s);
  const OwnedRecord record = meter.record();
  EXPECT_EQ(record->sections, kLayer2Bit | kTcpBit);
  EXPECT_EQ(record->ports[kForward], 40000);
  const auto& tcp = section<TcpSection>(record);
  EXPECT_EQ(both(tcp.payload_octets), Two(101, 1000));
  EXPECT_EQ(both(tcp.options),
            Two(1U << 1 | 1U << 2 | 1U << 3 | 1U << 4 | 1U << 8 | 1ULL << 34, 1U << 1 | 1U << 2 | 1U << 3));
  EXPECT_EQ(both(tcp.zero_windows), Two(0, 2)) << "an RST's window means nothing";
  EXPECT_EQ(both(tcp.syn_count), Two(1, 1));
  EXPECT_EQ(both(tcp.fin_count), Two(1, 0));
  EXPECT_EQ(both(tcp.rst_count), Two(0, 2));
  EXPECT_EQ(both(tcp.initial_window), Two(64240, 65160));
  EXPECT_EQ(both(tcp.max_window), Two(64240, 65160));
  EXPECT_EQ(both(tcp.mss), Two(1460, 1400));
  EXPECT_EQ(both(tcp.syn_octets), Two(60, 48));
  EXPECT_EQ(both(tcp.initial_flags), Two(kSyn, kSyn | kAck));
  EXPECT_EQ(both(tcp.window_scale), Two(7, 9));
  EXPECT_EQ(both(tcp.sack_permitted), Two(1, 0));
  EXPECT_EQ(both(tcp.timestamps), Two(1, 0));
  meter.expect_balanced();
}

TEST_P(OfBothEnds, WhatIsSaidOfTheInitiatorIsSaidOfTheReceiverOfASynAckThatIsSeenFirst) {
  const Ends ends = GetParam();
  FlowTimeouts timeouts;
  timeouts.active_ns = 20_s;
  FrameMeter meter(kBoth, timeouts);
  meter.see(ends.answer().ttl(50).tcp(80, 40000).flags(kSyn | kAck).window(1000).tcp_options({2, 4, 5, 180}), 0);
  OwnedRecord record;
  meter.see(ends.answer_tcp(kAck).window(1001).payload(7), 25_s);  // reports the SYN/ACK: nothing of the client yet
  record = meter.record();
  EXPECT_EQ(record->ports[kForward], 40000);
  EXPECT_EQ(both(record->packets), Two(0, 1));
  EXPECT_EQ(both(section<TcpSection>(record).mss), Two(0, 1460));
  EXPECT_EQ(both(section<TcpSection>(record).initial_flags), Two(0, kSyn | kAck));
  EXPECT_EQ(both(section<Layer2Section>(record).ttl), Two(0, 50));
  EXPECT_EQ(mac_text(section<Layer2Section>(record).source_mac), "02:00:00:00:00:0c");
  EXPECT_EQ(mac_text(section<Layer2Section>(record).destination_mac), "02:00:00:00:00:05");
  meter.see(ends.ask().ttl(60).tcp(40000, 80).flags(kAck).window(2000).payload(100), 26_s);
  meter.drain(27_s);
  record = meter.record();
  EXPECT_EQ(record->ports[kForward], 40000);
  EXPECT_EQ(both(record->packets), Two(1, 1));
  EXPECT_EQ(both(section<TcpSection>(record).payload_octets), Two(100, 7));
  EXPECT_EQ(both(section<TcpSection>(record).initial_window), Two(2000, 1001));
  EXPECT_EQ(both(section<Layer2Section>(record).ttl), Two(60, 64));
  EXPECT_EQ(mac_text(section<Layer2Section>(record).source_mac), "02:00:00:00:00:0c");
  EXPECT_EQ(mac_text(section<Layer2Section>(record).destination_mac), "02:00:00:00:00:05");
  meter.expect_balanced();
}

TEST_P(OfBothEnds, Layer2TellsAddressesTtlsLabelsAndFragmentsOfEachDirection) {
  const Ends ends = GetParam();
  FrameMeter meter;
  const auto ask = [&] { return packet().eth(0xc, 0x5).qinq(100).vlan(7).ipv4(ends.client, ends.server); };
  const auto answer = [&] { return packet().eth(0x5, 0xc).qinq(100).vlan(7).ipv4(ends.server, ends.client); };
  meter.see(ask().ttl(60).udp(1, 2).payload(10), 0);
  meter.see(ask().ttl(63).udp(1, 2).payload(10), 1);
  meter.see(ask().ttl(59).udp(1, 2).payload(10), 2);
  meter.see(ask().ttl(61).fragment(0, true, 7).udp(1, 2).payload(16), 3);
  meter.see(answer().ttl(120).udp(2, 1), 4);
  meter.see(answer().ttl(0).udp(2, 1), 5);
  meter.drain(1_s);
  const OwnedRecord record = meter.record();
  EXPECT_EQ(record->sections, kLayer2Bit) << "UDP has nothing of tcp";
  const auto& layer2 = section<Layer2Section>(record);
  EXPECT_EQ(mac_text(layer2.source_mac), "02:00:00:00:00:0c");
  EXPECT_EQ(mac_text(layer2.destination_mac), "02:00:00:00:00:05");
  EXPECT_EQ(record->vlan_id, 100);
  EXPECT_EQ(layer2.inner_vlan_id, 7);
  EXPECT_EQ(both(layer2.ttl), Two(60, 120));
  EXPECT_EQ(both(layer2.ttl_min), Two(59, 0));
  EXPECT_EQ(both(layer2.ttl_max), Two(63, 120));
  EXPECT_EQ(both(layer2.fragments), Two(1, 0));
  EXPECT_EQ(both(layer2.flow_label), Two(0, 0));
  EXPECT_EQ(both(layer2.outer_octets), Two(3 * 38 + 44, 2 * 28));
  meter.expect_balanced();
}

TEST_P(OfBothEnds, ADirectionWithoutPacketsHasOnlyZeros) {
  const Ends ends = GetParam();
  FrameMeter meter;
  meter.see(ends.ask_tcp(kSyn).window(9), 0);
  meter.drain(1_s);
  const OwnedRecord record = meter.record();
  const auto& tcp = section<TcpSection>(record);
  EXPECT_EQ(both(tcp.initial_window), Two(9, 0));
  EXPECT_EQ(both(tcp.syn_count), Two(1, 0));
  EXPECT_EQ(both(tcp.initial_flags), Two(kSyn, 0));
  const auto& layer2 = section<Layer2Section>(record);
  EXPECT_EQ(both(layer2.ttl), Two(64, 0));
  EXPECT_EQ(both(layer2.ttl_min), Two(64, 0));
  EXPECT_EQ(both(layer2.ttl_max), Two(64, 0));
  EXPECT_EQ(both(layer2.outer_octets), Two(40, 0));
  meter.expect_balanced();
}

TEST_P(OfBothEnds, AfterAnActiveTimeoutValuesBeginAnewAndKeepTheirDirectionWhoeverSendsFirst) {
  const Ends ends = GetParam();
  for (const bool by_timer : {false, true}) {
    SCOPED_TRACE(by_timer ? "a timer ended the first record" : "a packet ended it");
    FlowTimeouts timeouts;
    timeouts.active_ns = 10_s;
    FrameMeter meter(kBoth, timeouts);
    meter.see(ends.ask_tcp(kSyn).window(100).payload(3), 0);
    meter.see(packet().eth(0x5, 0xc).ipv4(ends.server, ends.client).ttl(99).tcp(80, 40000).window(200).payload(4), 1_s);
    if (by_timer) meter.pass(10_s + 2 * TimerWheel::kTickNs);
    meter.see(packet().eth(0x6, 0xd).ipv4(ends.server, ends.client).ttl(30).tcp(80, 40000).window(50).payload(20),
              11_s);
    const OwnedRecord first = meter.record();
    EXPECT_EQ(first->end_reason, EndReason::active_timeout);
    EXPECT_EQ(both(section<TcpSection>(first).payload_octets), Two(3, 4));
    EXPECT_EQ(both(section<Layer2Section>(first).ttl_max), Two(64, 99));

    meter.pass(21_s + 2 * TimerWheel::kTickNs);
    const OwnedRecord second = meter.record();
    EXPECT_EQ(second->ports[kForward], 40000);
    EXPECT_EQ(second->packets[kForward], 0U);
    const auto& tcp = section<TcpSection>(second);
    EXPECT_EQ(both(tcp.payload_octets), Two(0, 20));
    EXPECT_EQ(both(tcp.syn_count), Two(0, 0));
    EXPECT_EQ(both(tcp.initial_window), Two(0, 50)) << "of the record, not of the connection";
    EXPECT_EQ(both(tcp.max_window), Two(0, 50));
    const auto& layer2 = section<Layer2Section>(second);
    EXPECT_EQ(both(layer2.ttl_max), Two(0, 30));
    EXPECT_EQ(mac_text(layer2.source_mac), "02:00:00:00:00:0d") << "the initiator's, as the responder addressed it";
    EXPECT_EQ(mac_text(layer2.destination_mac), "02:00:00:00:00:06");

    // The responder opens the third record, and the initiator sends in it, too: its own frame tells the addresses.
    meter.see(packet().eth(0x6, 0xd).ipv4(ends.server, ends.client).tcp(80, 40000), 22_s);
    meter.see(packet().eth(0xe, 0x7).ipv4(ends.client, ends.server).tcp(40000, 80), 23_s);
    meter.drain(24_s);
    const OwnedRecord third = meter.record();
    EXPECT_EQ(third->packets[kForward], 1U);
    EXPECT_EQ(mac_text(section<Layer2Section>(third).source_mac), "02:00:00:00:00:0e");
    EXPECT_EQ(mac_text(section<Layer2Section>(third).destination_mac), "02:00:00:00:00:07");
    meter.expect_balanced();
  }
}

TEST(Metrics, BeginAnewWithANewConversationOnTheSameKey) {
  FrameMeter meter;
  const Ends ends = kInitiatorLow;
  meter.see(ends.ask_tcp(kSyn).window(1000).tcp_options({2, 4, 0x05, 0xb4}), 0);
  meter.see(ends.answer_tcp(kRst | kAck).window(0), 1);
  // The other end connects now: it is the next record's initiator.
  meter.see(ends.answer_tcp(kSyn).window(7).payload(2), 2);
  const OwnedRecord first = meter.record();
  EXPECT_EQ(first->end_reason, EndReason::end_of_flow);
  EXPECT_EQ(both(section<TcpSection>(first).mss), Two(1460, 0));
  EXPECT_EQ(both(section<TcpSection>(first).rst_count), Two(0, 1));
  meter.pass(31_s);
  const OwnedRecord second = meter.record();
  EXPECT_EQ(second->ports[kForward], 80);
  const auto& tcp = section<TcpSection>(second);
  EXPECT_EQ(both(tcp.mss), Two(0, 0));
  EXPECT_EQ(both(tcp.rst_count), Two(0, 0));
  EXPECT_EQ(both(tcp.options), Two(0, 0));
  EXPECT_EQ(both(tcp.syn_count), Two(1, 0));
  EXPECT_EQ(both(tcp.max_window), Two(7, 0));
  EXPECT_EQ(both(tcp.payload_octets), Two(2, 0));
  meter.expect_balanced();
}

TEST(Metrics, ASynThatIsSentAgainCountsAndChangesNothingElse) {
  FrameMeter meter(kTcpOnly);
  const Ends ends = kInitiatorHigh;
  meter.see(ends.ask_tcp(kSyn).window(100).tcp_options({2, 4, 0x05, 0xb4, 4, 2, 1, 1}), 0);
  meter.see(ends.ask_tcp(kSyn).window(300).tcp_options({2, 4, 0x02, 0x00, 1, 3, 3, 5, 1, 1, 1, 1}), 1_s);
  meter.see(ends.ask_tcp(kSyn).window(200), 3_s);
  meter.drain(4_s);
  const OwnedRecord record = meter.record();
  const auto& tcp = section<TcpSection>(record);
  EXPECT_EQ(both(tcp.syn_count), Two(3, 0));
  EXPECT_EQ(both(tcp.mss), Two(1460, 0));
  EXPECT_EQ(both(tcp.syn_octets), Two(48, 0));
  EXPECT_EQ(both(tcp.window_scale), Two(0, 0));
  EXPECT_EQ(both(tcp.sack_permitted), Two(1, 0));
  EXPECT_EQ(both(tcp.initial_window), Two(100, 0));
  EXPECT_EQ(both(tcp.max_window), Two(300, 0));
  EXPECT_EQ(both(tcp.options), Two(1U << 1 | 1U << 2 | 1U << 3 | 1U << 4, 0)) << "kinds of all segments";
  meter.expect_balanced();
}

TEST(Metrics, InitialFlagsAreOfTheFirstSegmentWithAHeaderAndFragmentsCountTheirPayload) {
  FrameMeter meter;
  Parser& parser = meter.parser;
  const auto from_first = [&](std::uint64_t at) {
    // As the fragment cache leaves a later fragment: with the ports of the first.
    const Bytes frame =
        packet().eth().ipv4("10.0.0.1", "10.0.0.2").protocol(6).fragment(800, false, 3).payload(50).bytes();
    ParsedPacket later{};
    PacketFacts facts;
    ASSERT_EQ(parser.parse(view_of(frame, kEpochNs + at), later, &facts), Reject::none);
    later.effective_ns = later.time_ns;
    later.key.port_low = 40000;
    later.key.port_high = 80;
    meter.add(later, facts);
  };
  from_first(0);
  meter.see(kInitiatorLow.ask_tcp(kAck | kPsh).window(77).payload(800), 1);
  meter.drain(1_s);
  const OwnedRecord record = meter.record();
  EXPECT_EQ(record->packets[kForward], 2U);
  const auto& tcp = section<TcpSection>(record);
  EXPECT_EQ(both(tcp.initial_flags), Two(kAck | kPsh, 0));
  EXPECT_EQ(both(tcp.initial_window), Two(77, 0));
  EXPECT_EQ(both(tcp.zero_windows), Two(0, 0)) << "a later fragment announces no window";
  EXPECT_EQ(both(tcp.payload_octets), Two(850, 0));
  EXPECT_EQ(both(section<Layer2Section>(record).fragments), Two(1, 0));
  meter.expect_balanced();
}

TEST(Metrics, OuterOctetsAreRightAlsoWhereAnInnerHeaderClaimsMore) {
  FrameMeter meter(kLayer2Only);
  const auto tunnel = [] { return packet().eth().ipv4("192.0.2.1", "192.0.2.2").gre().ipv4("10.0.0.1", "10.0.0.2"); };
  meter.see(tunnel().udp(1, 2).payload(100), 0);  // 20 + 4 + 20 + 8 + 100
  meter.see(tunnel().ip_total_length(60000).udp(1, 2).payload(10), 1);
  meter.drain(1_s);
  const OwnedRecord record = meter.record();
  EXPECT_EQ(record->octets[kForward], 128U + 60000);
  EXPECT_EQ(both(section<Layer2Section>(record).outer_octets), Two(152 + 62, 0));
  EXPECT_EQ(record->sections, kLayer2Bit | kSectionBit<TunnelSection>);
  meter.expect_balanced();
}

TEST(Metrics, FlowLabelsAreOfEachDirectionsFirstPacket) {
  FrameMeter meter(kLayer2Only);
  meter.see(packet().eth().ipv6("2001:db8::1", "2001:db8::2").flow_label(0xabcde).udp(1, 2), 0);
  meter.see(packet().eth().ipv6("2001:db8::1", "2001:db8::2").flow_label(1).udp(1, 2), 1);
  meter.see(packet().eth().ipv6("2001:db8::2", "2001:db8::1").flow_label(0x12345).udp(2, 1), 2);
  meter.drain(1_s);
  EXPECT_EQ(both(section<Layer2Section>(meter.record()).flow_label), Two(0xabcde, 0x12345));
  meter.expect_balanced();
}

TEST(Metrics, RecordsHaveExactlyTheSectionsThatTheirFlowsAndMetricsCallFor) {
  const auto ip = [] { return packet().eth().ipv4("10.0.0.1", "10.0.0.2"); };
  const auto labelled = [] { return packet().eth().mpls(16, 3).mpls(17).ipv4("10.0.0.1", "10.0.0.2"); };
  const auto tunnelled = [&] { return ip().gre().ipv4("10.0.0.3", "10.0.0.4"); };
  constexpr std::uint32_t kTunnelBit = kSectionBit<TunnelSection>;
  constexpr std::uint32_t kEspBit = kSectionBit<EspSection>;
  struct Case {
    const char* what;
    PacketBuilder frame;
    std::uint32_t none, layer2, tcp, all;
  };
  const Case cases[] = {
      {"TCP", ip().tcp(1, 2), 0, kLayer2Bit, kTcpBit, kLayer2Bit | kTcpBit},
      {"UDP", ip().udp(1, 2), 0, kLayer2Bit, 0, kLayer2Bit},
      {"ICMP", ip().icmp(8, 0), 0, kLayer2Bit, 0, kLayer2Bit},
      {"ESP", ip().protocol(50).payload(8), kEspBit, kEspBit | kLayer2Bit, kEspBit, kEspBit | kLayer2Bit},
      {"labels", labelled().tcp(1, 2), kLabelBit, kStackBit | kLayer2Bit, kLabelBit | kTcpBit,
       kStackBit | kLayer2Bit | kTcpBit},
      {"tunnel", tunnelled().tcp(1, 2), kTunnelBit, kTunnelBit | kLayer2Bit, kTunnelBit | kTcpBit,
       kTunnelBit | kLayer2Bit | kTcpBit},
      {"labels in a tunnel", ip().gre().mpls(18).ipv4("10.0.0.3", "10.0.0.4").udp(1, 2), kTunnelBit | kLabelBit,
       kTunnelBit | kStackBit | kLayer2Bit, kTunnelBit | kLabelBit, kTunnelBit | kStackBit | kLayer2Bit},
  };
  for (const Case& one : cases) {
    const std::pair<const Metrics*, std::uint32_t> expected[] = {
        {&kNone, one.none}, {&kLayer2Only, one.layer2}, {&kTcpOnly, one.tcp}, {&kBoth, one.all}};
    for (const auto& [metrics, sections] : expected) {
      FrameMeter meter(*metrics);
      meter.see(one.frame, 0);
      meter.drain(1_s);
      EXPECT_EQ(meter.record()->sections, sections) << one.what << " with metrics " << metrics->enabled();
      meter.expect_balanced();
    }
  }
}

TEST(Metrics, TheLabelStackKeepsTheTwentyFourBitsOfEachLabel) {
  FrameMeter meter;
  meter.see(packet().eth().mpls(16, 3).mpls(17, 5).ipv4("10.0.0.1", "10.0.0.2").udp(1, 2), 0);
  meter.see(packet().eth().mpls(99).ipv4("10.0.0.1", "10.0.0.2").udp(1, 2), 1);
  meter.drain(1_s);
  const OwnedRecord record = meter.record();
  const auto& stack = section<LabelStackSection>(record);
  ASSERT_EQ(stack.count, 2U) << "of the first packet";
  EXPECT_EQ(stack.labels[0], 16U << 4 | 3U << 1);
  EXPECT_EQ(stack.labels[1], 17U << 4 | 5U << 1 | 1U);
  for (unsigned i = 2; i < LabelStackSection::kMost; ++i) EXPECT_EQ(stack.labels[i], 0U);
  meter.expect_balanced();
}

TEST(Metrics, AFlowThatTakesAnEntryAfterAnotherFindsNothingOfIt) {
  FrameMeter meter(kBoth, {}, 1024);
  meter.see(
      packet().eth(1, 2).qinq(1).mpls(5).ipv4("10.0.0.1", "10.0.0.2").ttl(1).tcp(1, 2).tcp_options({2, 4, 5, 0xb4}), 0);
  meter.pass(40_s);
  EXPECT_EQ(meter.batch().size(), 1U);
  meter.see(packet().eth(3, 4).ipv4("10.0.0.8", "10.0.0.9").ttl(77).tcp(5, 6), 41_s);
  meter.drain(42_s);
  const OwnedRecord record = meter.record();
  EXPECT_EQ(record->sections, kLayer2Bit | kTcpBit);
  EXPECT_EQ(both(section<Layer2Section>(record).ttl_min), Two(77, 0));
  EXPECT_EQ(mac_text(section<Layer2Section>(record).source_mac), "02:00:00:00:00:03");
  EXPECT_EQ(both(section<TcpSection>(record).options), Two(0, 0));
  meter.expect_balanced();
}

TEST(Metrics, FlowsThatAreEvictedReportTheirOwnValuesAndTheOnesAfterThemBeginAtZero) {
  FrameMeter meter(kBoth, {}, 16);
  constexpr unsigned kFlows = 200;
  for (unsigned i = 0; i < kFlows; ++i) {
    for (unsigned more = 0; more <= i % 3; ++more) {
      meter.see(packet().eth().ipv4("10.0.0.1", "10.0.0.2").ttl(i).tcp(1000 + i, 80).window(i).payload(i),
                i * 1_ms + more);
    }
  }
  meter.expect_balanced();
  EXPECT_GE(meter.counters.evictions, kFlows - 16);
  meter.drain(2_s);
  unsigned records = 0;
  for (const RecordView view : meter.batch()) {
    const OwnedRecord record(view);
    const unsigned i = record->ports[kForward] - 1000;
    EXPECT_EQ(record->sections, kLayer2Bit | kTcpBit);
    EXPECT_EQ(both(section<Layer2Section>(record).ttl_min), Two(i, 0));
    EXPECT_EQ(both(section<Layer2Section>(record).ttl_max), Two(i, 0));
    EXPECT_EQ(both(section<TcpSection>(record).payload_octets), Two((1 + i % 3) * i, 0));
    EXPECT_EQ(both(section<TcpSection>(record).max_window), Two(i, 0));
    ++records;
  }
  EXPECT_EQ(records, kFlows);
  meter.expect_balanced();
}

TEST(Metrics, APacketThatFindsTheTableFullLeavesWithoutThem) {
  FrameMeter meter(kBoth, {}, 4, 1U << 12, WhenFull::overflow);
  for (unsigned i = 0; i < 10; ++i) {
    meter.see(packet().eth().mpls(7).ipv4("10.0.0.1", "10.0.0.2").tcp(1000 + i, 80).payload(1), i);
  }
  ASSERT_GT(meter.counters.overflowed, 0U);
  unsigned overflows = 0;
  for (const RecordView record : meter.batch()) {
    EXPECT_EQ(record->sections, FlowRecord::kOverflowMark | kLabelBit);
    EXPECT_EQ(record.find<LabelSection>()->label, 7U);
    ++overflows;
  }
  EXPECT_EQ(overflows, meter.counters.overflowed);
  meter.drain(1_s);
  for (const RecordView record : meter.batch()) EXPECT_EQ(record->sections, kStackBit | kLayer2Bit | kTcpBit);
  meter.expect_balanced();
}

TEST(Metrics, ARingWithoutRoomForALongRecordMakesATimerWaitAndTakesAShorterOne) {
  // 16 lines. A TCP record has 6 of them (128 + 64 + 168 octets), a UDP record 3.
  FrameMeter meter(kBoth, {}, 1024, 8);
  const auto tcp = [](unsigned port) { return packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(port, 80).payload(5); };
  const auto udp = [](unsigned port) { return packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(port, 80).payload(5); };
  meter.see(tcp(1), 0);
  meter.see(udp(2), 1_s);
  meter.see(udp(3), 2_s);
  meter.see(tcp(4), 3_s);
  meter.see(udp(5), 4_s);
  for (unsigned second = 30; second <= 40; ++second) meter.pass(second * 1_s);  // one after the other
  // 6 + 3 + 3 lines; four are left, in which port 4 finds no room and port 5 does.
  const WorkerCounters& counters = meter.counters;
  EXPECT_GT(counters.late_expiries, 0U);
  EXPECT_EQ(counters.emitted.records, 4U);
  EXPECT_EQ(counters.in_table, (RecordTotals{1, 1, 45}));
  EXPECT_EQ(counters.lost[static_cast<std::size_t>(Loss::ring_full)], RecordTotals{}) << "late, not lost";
  meter.expect_balanced();
  std::vector<unsigned> ports;
  for (const RecordView record : meter.batch()) ports.push_back(record->ports[kForward]);
  EXPECT_EQ(ports, (std::vector<unsigned>{1, 2, 3, 5}));
  meter.pass(50_s);
  const OwnedRecord late = meter.record();
  EXPECT_EQ(late->ports[kForward], 4);
  EXPECT_EQ(both(section<TcpSection>(late).payload_octets), Two(5, 0));
  meter.expect_balanced();
}

TEST(Metrics, ARecordWhoseEntryIsNeededAtOnceIsLostByNameWhereTheRingHasTooFewLines) {
  FrameMeter meter(kBoth, {}, 1024, 8);  // 16 lines: two TCP records, and four lines are left
  const auto tcp = [](unsigned port) { return packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(port, 80).payload(5); };
  for (unsigned port = 1; port <= 3; ++port) meter.see(tcp(port), port * 1_ms);
  meter.see(tcp(1), 40_s);
  meter.see(tcp(2), 40_s);
  EXPECT_EQ(meter.counters.lost[static_cast<std::size_t>(Loss::ring_full)], RecordTotals{});
  meter.see(tcp(3).payload(2), 40_s);
  EXPECT_EQ(meter.counters.lost[static_cast<std::size_t>(Loss::ring_full)], (RecordTotals{1, 1, 45}));
  meter.expect_balanced();
  EXPECT_EQ(meter.batch().size(), 2U);
  unsigned records = 0;
  for (unsigned second = 70; second <= 80; ++second) {
    meter.pass(second * 1_s);
    for (const RecordView view : meter.batch()) {
      ++records;
      const OwnedRecord record(view);
      // Each payload() adds to the one before. Nothing of the lost record is in the one of port 3.
      EXPECT_EQ(both(section<TcpSection>(record).payload_octets), Two(record->ports[kForward] == 3 ? 7 : 5, 0));
    }
  }
  EXPECT_EQ(records, 3U);
  meter.expect_balanced();
}

TEST(Metrics, ABurstIsCountedAsItsPacketsOneByOneAre) {
  constexpr std::size_t kPackets = 3 * FlowShard::kBurst;
  FrameMeter one_by_one;
  FrameMeter bursts;
  ParsedPacket packets[kPackets]{};
  PacketFacts facts[kPackets];
  for (unsigned i = 0; i < kPackets; ++i) {
    // Few flows, so that a burst holds new ones, closed ones and the next conversation on their key.
    const unsigned flags = i % 7 == 3 ? kRst : i % 5 == 0 ? kSyn : kAck;
    const Ends& ends = i % 2 == 0 ? kInitiatorLow : kInitiatorHigh;
    const Bytes frame = packet()
                            .eth()
                            .ipv4(ends.client, ends.server)
                            .ttl(i)
                            .tcp(80 + i / 2 % 4, 80 + i / 2 % 4)
                            .flags(flags)
                            .window(i)
                            .payload(i)
                            .bytes();
    ASSERT_EQ(bursts.parser.parse(view_of(frame, kEpochNs + i), packets[i], &facts[i]), Reject::none);
    packets[i].effective_ns = packets[i].time_ns;
    one_by_one.add(packets[i], facts[i]);
  }
  bursts.shard.prepare(packets);
  for (std::size_t at = 0; at < kPackets; at += FlowShard::kBurst) {
    bursts.shard.process({packets + at, FlowShard::kBurst}, facts + at);
  }
  one_by_one.drain(1_s);
  bursts.drain(1_s);
  const RecordBatch a = one_by_one.batch();
  const RecordBatch b = bursts.batch();
  ASSERT_EQ(a.size(), b.size());
  EXPECT_GT(a.size(), 8U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].size(), b[i].size());
    EXPECT_EQ(std::memcmp(a[i].octets(), b[i].octets(), a[i].size()), 0) << "record " << i;
  }
  one_by_one.expect_balanced();
  bursts.expect_balanced();
}

}  // namespace
}  // namespace weir::test::metrics_test
