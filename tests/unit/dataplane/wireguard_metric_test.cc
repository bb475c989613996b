// Which datagrams the metric `wireguard` takes for messages, and what it says of them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dataplane/metric/wireguard.h"
#include "tests/support/payload_meter.h"

namespace weir::test::wireguard_metric_test {
namespace {

class WireguardMeter : public PayloadMeter {
 public:
  explicit WireguardMeter(const FlowTimeouts& timeouts = {}, std::uint16_t port = 51820)
      : PayloadMeter(only_metric("wireguard"), 1024, timeouts), port_(port) {}

  /// `captured`: of the payload.
  void datagram(bool initiator, const std::string& payload, std::uint64_t at, std::size_t captured = 2048) {
    FlowPacket made = flow_packet().udp().octets(static_cast<std::uint32_t>(28 + payload.size())).at(at);
    made = initiator ? made.from("10.0.0.2", 1000).to("10.0.0.1", port_)
                     : made.from("10.0.0.1", port_).to("10.0.0.2", 1000);
    see(made, PacketFacts{}, payload, captured);
  }
  /// The section of the only record.
  WireguardSection section() {
    const RecordBatch records = batch();
    if (records.size() != 1 || records[0].find<WireguardSection>() == nullptr) {
      ADD_FAILURE() << records.size() << " records, or without WireGuard";
      return {};
    }
    return *records[0].find<WireguardSection>();
  }
  /// Whether the only record has the section.
  bool has_section() {
    const RecordBatch records = batch();
    EXPECT_EQ(records.size(), 1U);
    return records.size() == 1 && records[0].has(Section::wireguard);
  }

 private:
  std::uint16_t port_;
};

/// Octets as they are sent: the indexes little-endian.
std::string message(char type, std::size_t octets, const std::string& indexes) {
  std::string made = std::string{type, '\0', '\0', '\0'} + indexes;
  made.resize(octets, '\x5a');
  return made;
}
const std::string kFirst = "\x01\x02\x03\xf4";   // 0xf4030201
const std::string kSecond = "\x11\x12\x13\x14";  // 0x14131211
const std::string kInitiation = message(1, 148, kFirst);
const std::string kResponse = message(2, 92, kSecond + kFirst);
const std::string kCookie = message(3, 64, kFirst);
const std::string kKeepAlive = message(4, 32, kSecond);
const std::string kData = message(4, 1312, kFirst);

TEST(WireguardMetric, CountsMessagesByTypeAndKeepsTheIndexesOfTheHandshake) {
  WireguardMeter meter;
  meter.datagram(true, kInitiation, 0);
  meter.datagram(false, kResponse, 1_ms);
  meter.datagram(true, kKeepAlive, 2_ms);
  meter.datagram(false, kData, 3_ms);
  meter.datagram(false, kData, 4_ms, 12);  // captured in part
  meter.datagram(false, kCookie, 5_ms);
  meter.drain(1_s);
  const WireguardSection section = meter.section();
  EXPECT_EQ(section.sender, 0xf4030201U);
  EXPECT_EQ(section.receiver, 0x14131211U);
  EXPECT_EQ(section.known, WireguardSection::kSender | WireguardSection::kReceiver);
  EXPECT_EQ(section.initiations, 1U);
  EXPECT_EQ(section.responses, 1U);
  EXPECT_EQ(section.cookies, 1U);
  EXPECT_EQ(section.data, 3U);
  meter.expect_balanced();
}

TEST(WireguardMetric, TakesTheInitiationThatTheFirstResponseAnswers) {
  WireguardMeter meter;
  meter.datagram(true, message(1, 148, "old "), 0);  // lost, and sent again with another index
  meter.datagram(true, kInitiation, 5_s);
  meter.datagram(false, kResponse, 5_s);
  meter.datagram(false, message(1, 148, "next"), 6_s);  // keys are renewed, here by the other end
  meter.datagram(true, message(2, 92, "moreknow"), 6_s);
  meter.drain(7_s);
  const WireguardSection section = meter.section();
  EXPECT_EQ(section.sender, 0xf4030201U);
  EXPECT_EQ(section.receiver, 0x14131211U);
  EXPECT_EQ(section.initiations, 3U);
  EXPECT_EQ(section.responses, 2U);
}

TEST(WireguardMetric, SaysWhichIndexesAreKnown) {
  WireguardMeter lone;
  lone.datagram(true, kInitiation, 0);
  lone.drain(1_s);
  EXPECT_EQ(lone.section().known, WireguardSection::kSender);
  WireguardMeter running;
  running.datagram(true, kData, 0);
  running.drain(1_s);
  const WireguardSection section = running.section();
  EXPECT_EQ(section.known, 0U);
  EXPECT_EQ(section.data, 1U);
}

TEST(WireguardMetric, TakesDataOnOtherPortsOnlyAfterAHandshakeOfTheFlow) {
  WireguardMeter meter({}, 4000);
  meter.datagram(true, kData, 0);
  meter.datagram(true, kInitiation, 1_ms);
  meter.datagram(true, kData, 2_ms);
  meter.drain(1_s);
  EXPECT_EQ(meter.section().data, 1U);
  WireguardMeter other({}, 4000);
  other.datagram(true, kData, 0);
  other.drain(1_s);
  EXPECT_FALSE(other.has_section());
}

TEST(WireguardMetric, KnowsTheFlowAfterAnActiveTimeout) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 1_s;
  WireguardMeter meter(timeouts, 4000);
  meter.datagram(true, kInitiation, 0);
  meter.pass(1100_ms);
  EXPECT_EQ(meter.section().initiations, 1U);
  meter.datagram(true, kData, 1200_ms);
  meter.drain(2_s);
  const WireguardSection section = meter.section();
  EXPECT_EQ(section.data, 1U);
  EXPECT_EQ(section.initiations, 0U);
  EXPECT_EQ(section.known, 0U) << "the handshake is in the record before";
}

TEST(WireguardMetric, TakesNothingElseForAMessage) {
  for (const std::string& payload :
       {kInitiation + "x", kInitiation.substr(1), message(1, 147, kFirst), message(2, 148, kFirst),
        message(2, 93, kFirst), message(3, 63, kFirst), message(4, 31, kFirst), message(0, 148, kFirst),
        message(5, 64, kFirst), std::string("\1\0\1\0", 4) + kInitiation.substr(4), std::string("\1\0\0", 3)}) {
    WireguardMeter meter;
    meter.datagram(true, payload, 0);
    meter.drain(1_s);
    EXPECT_FALSE(meter.has_section()) << payload.size();
  }
  WireguardMeter cut;
  cut.datagram(true, kInitiation, 0, 11);
  cut.drain(1_s);
  EXPECT_FALSE(cut.has_section()) << "its indexes were not captured";
}

TEST(WireguardMetric, LooksAtUdpAlone) {
  const FlowPacket made = flow_packet().from("10.0.0.2", 1000).to("10.0.0.1", 51820);
  EXPECT_EQ(only_metric("wireguard").wanted_payload(FlowPacket(made).udp().packet()), 12U);
  EXPECT_EQ(only_metric("wireguard").wanted_payload(FlowPacket(made).tcp(kFlagAck).packet()), 0U);
}

TEST(MetricsOfPayload, SeeWhatTheyAskedForWhicheverOthersAreOn) {
  // A datagram whose octets several metrics could take for theirs; each says of it what it says alone.
  const std::string payload = message(1, 148, std::string("\0\1\0\0\0\0\0\0", 8));
  const auto seen = [&](std::uint32_t metrics) {
    const ParsedPacket packet = flow_packet().from("10.0.0.2", 1000).to("10.0.0.1", 5353).udp().packet();
    const auto size = static_cast<std::uint32_t>(payload.size());
    PacketFacts facts{};
    facts.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), size, size, 0};
    std::vector<StreamWatch> watches = Metrics(metrics).make_watches(KeyHash({1, 2, 3, 4, 5, 6}));
    Metrics(metrics).choose_payload(packet, facts, watches);
    return facts.payload;
  };
  const std::uint32_t wireguard = only_metric("wireguard").enabled();
  EXPECT_EQ(seen(wireguard).wanted_by, wireguard);
  EXPECT_EQ(seen(wireguard).captured, 12U);
  const std::uint32_t quic = only_metric("quic").enabled();
  EXPECT_EQ(seen(Metrics::kAll & ~quic).wanted_by, wireguard) << "port 5353 was not asked for";
  EXPECT_EQ(seen(Metrics::kAll & ~quic & ~wireguard), PacketPayload{});
  // A short header of QUIC has no more than a bit to be known by.
  EXPECT_EQ(seen(Metrics::kAll).wanted_by, wireguard | quic);
}

}  // namespace
}  // namespace weir::test::wireguard_metric_test
