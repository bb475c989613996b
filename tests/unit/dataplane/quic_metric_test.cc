// What the metric `quic` says of flows by their packets' headers, and which packets it keeps for the control side.
// These are opened elsewhere; here they are octets.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dataplane/metric/quic.h"
#include "tests/support/payload_meter.h"
#include "tests/support/quic_packets.h"

namespace weir::test::quic_metric_test {
namespace {

const std::string kClient = "client-1", kServer = "server";  // connection IDs
const std::string kFirst = "original";                       // the server's in the client's first packet

MetricParameters of_2017(std::uint16_t port = 0, bool measured = false) {
  MetricParameters parameters;
  parameters.quic_options = Quic2017::kHeader;
  if (measured) parameters.quic_options |= Quic2017::kMeasurementByte;
  parameters.quic_2017_port = port;
  return parameters;
}

class QuicMeter : public PayloadMeter {
 public:
  explicit QuicMeter(const MetricParameters& parameters = {}, std::uint32_t capacity = 1024,
                     const FlowTimeouts& timeouts = {})
      : PayloadMeter(only_metric("quic", parameters), capacity, timeouts) {}

  bool client(const std::string& datagram, std::uint64_t at = 1_s, std::size_t captured = 100'000,
              std::uint16_t port = 1000) {
    return sent(flow_packet().from("10.0.0.2", port).to("10.0.0.1", 443), datagram, at, captured);
  }
  bool server(const std::string& datagram, std::uint64_t at = 1_s, std::size_t captured = 100'000) {
    return sent(flow_packet().from("10.0.0.1", 443).to("10.0.0.2", 1000), datagram, at, captured);
  }
  /// The record of the only flow.
  OwnedRecord record() {
    drain(1000_s);
    const RecordBatch records = batch();
    EXPECT_EQ(records.size(), 1U);
    expect_balanced();
    EXPECT_EQ(shard.pool().in_use(), 0U);
    return records.size() == 1 ? OwnedRecord(records[0]) : OwnedRecord();
  }
  QuicSection quic() {
    const OwnedRecord made = record();
    const auto* const section = made.view().find<QuicSection>();
    if (section == nullptr) ADD_FAILURE() << "no section";
    return section == nullptr ? QuicSection{} : *section;
  }

 private:
  bool sent(FlowPacket packet, const std::string& datagram, std::uint64_t at, std::size_t captured) {
    return see(packet.udp().octets(static_cast<std::uint32_t>(28 + datagram.size())).at(at), PacketFacts{}, datagram,
               captured);
  }
};

std::string initial(std::size_t octets = 40) {
  return quic_long(kQuicInitial, 1, kFirst, kClient, octets);
}
std::string server_hello() {
  return quic_long(kQuicInitial, 1, kClient, kServer) + quic_long(kQuicHandshake, 1, kClient, kServer);
}
std::string handshake() {
  return quic_long(kQuicHandshake, 1, kServer, kClient);
}

TEST(QuicMetric, CountsTheTypesOfAllPacketsOfADatagram) {
  for (const std::uint32_t version : {0x1U, 0x6b3343cfU, 0xff00001dU}) {
    QuicMeter meter;
    meter.client(quic_long(kQuicInitial, version, kFirst, kClient) + quic_long(kQuicZeroRtt, version, kFirst, kClient));
    meter.server(quic_long(kQuicInitial, version, kClient, kServer) +
                 quic_long(kQuicHandshake, version, kClient, kServer) +
                 quic_long(kQuicHandshake, version, kClient, kServer) + quic_short(kClient));
    meter.client(quic_long(kQuicInitial, version, kServer, kClient) +
                 quic_long(kQuicHandshake, version, kServer, kClient) + quic_short(kServer));
    meter.client(quic_short(kServer));
    const QuicSection quic = meter.quic();
    EXPECT_EQ(quic.version, version);
    EXPECT_EQ(quic.initial[kForward], 2U);
    EXPECT_EQ(quic.initial[kReverse], 1U);
    EXPECT_EQ(quic.zero_rtt, 1U);
    EXPECT_EQ(quic.handshake[kForward], 1U);
    EXPECT_EQ(quic.handshake[kReverse], 2U);
    EXPECT_EQ(quic.short_header[kForward], 2U);
    EXPECT_EQ(quic.short_header[kReverse], 1U);
    EXPECT_EQ(quic.retry, 0U);
    EXPECT_EQ(quic.source_id_octets[kForward], kClient.size());
    EXPECT_EQ(quic.source_id_octets[kReverse], kServer.size());
    EXPECT_EQ(quic.destination_id_octets[kForward], kFirst.size());
    EXPECT_EQ(quic.destination_id_octets[kReverse], kClient.size());
    EXPECT_EQ(quic.id_changes[kForward], 0U);
  }
}

TEST(QuicMetric, ReadsPacketsWithoutTheFixedBitAndNotWhatFillsADatagram) {
  const auto greased = [](std::string packet) {
    packet[0] = static_cast<char>(packet[0] & ~0x40);
    return packet;
  };
  QuicMeter meter;
  meter.client(greased(initial()) + std::string(100, '\0'));
  meter.server(greased(quic_long(kQuicHandshake, 1, kClient, kServer)) + greased(quic_short(kClient)));
  meter.server(quic_long(kQuicHandshake, 1, kClient, kServer) + '\x47' + std::string(60, 'r'));
  meter.server(greased(quic_short(kClient)));
  const QuicSection quic = meter.quic();
  EXPECT_EQ(quic.initial[kForward], 1U);
  EXPECT_EQ(quic.short_header[kForward], 0U) << "zeros";
  EXPECT_EQ(quic.handshake[kReverse], 2U);
  EXPECT_EQ(quic.short_header[kReverse], 2U) << "another connection ID is none of the datagram's";
}

TEST(QuicMetric, BeginsWithALongHeaderOfAKnownVersion) {
  QuicMeter meter;
  meter.client(quic_short(kServer));
  EXPECT_FALSE(meter.client(quic_long(kQuicInitial, 0x12345678, kFirst, kClient)));
  EXPECT_TRUE(meter.client(quic_short(kServer))) << "a receiver does not know";
  meter.drain(2_s);
  const RecordBatch records = meter.batch();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].find<QuicSection>(), nullptr);

  QuicMeter other;
  other.client(quic_short(kServer));
  other.client(initial());
  other.client(quic_short(kServer));
  EXPECT_EQ(other.quic().short_header[kForward], 1U) << "those before do not count";
}

TEST(QuicMetric, WantsLittleOfShortHeadersAndNothingOfOtherPackets) {
  QuicMeter meter;
  EXPECT_FALSE(meter.client("\x01\x02"));
  EXPECT_FALSE(meter.client(quic_short(kServer, false, 5))) << "too short to be one";
  EXPECT_FALSE(meter.client("\xc0"));
  std::vector<StreamWatch> watches(Metrics::kCount, StreamWatch(KeyHash({1, 2, 3, 4, 5, 6}), false));
  for (const auto& [datagram, octets] : {std::pair(quic_short(kServer, false, 1200), 21U),
                                         std::pair(initial(1000), static_cast<unsigned>(initial(1000).size()))}) {
    PacketFacts facts{};
    facts.payload = {reinterpret_cast<const std::uint8_t*>(datagram.data()),
                     static_cast<std::uint32_t>(datagram.size()), static_cast<std::uint32_t>(datagram.size()), 0};
    only_metric("quic").choose_payload(flow_packet().udp().packet(), facts, watches);
    EXPECT_EQ(facts.payload.captured, octets);
  }
}

TEST(QuicMetric, SaysWhatAServerNegotiatesAndRetries) {
  QuicMeter meter;
  meter.client(quic_long(kQuicInitial, 0xbabababa, kFirst, kClient));
  meter.server(quic_negotiation(kClient, kFirst, {0x1, 0xff00001d, 0x1a2a3a4a}));
  meter.client(initial());
  meter.server(quic_long(kQuicRetry, 1, kClient, "retry-id", 0, "token"));
  meter.client(quic_long(kQuicInitial, 1, "retry-id", kClient, 40, "token"));
  const OwnedRecord record = meter.record();
  const auto& quic = *record.view().find<QuicSection>();
  EXPECT_EQ(quic.version, 1U) << "the reserved version was not meant";
  EXPECT_EQ(quic.initial[kForward], 3U);
  EXPECT_EQ(quic.version_negotiation, 1U);
  EXPECT_EQ(quic.retry, 1U);
  const auto& hello = *record.view().find<QuicHelloSection>();
  ASSERT_EQ(hello.offered_versions, 3U);
  EXPECT_EQ(hello.offered_cut, 0U);
  EXPECT_EQ(hello.offered[1], 0xff00001dU);
}

TEST(QuicMetric, KeepsNoMoreThanEightOfferedVersions) {
  QuicMeter meter;
  meter.server(quic_negotiation(kClient, kFirst, std::vector<std::uint32_t>(300, 1)));
  meter.server(quic_negotiation(kClient, kFirst, {0x1}));
  const OwnedRecord record = meter.record();
  EXPECT_EQ(record.view().find<QuicSection>()->version_negotiation, 2U);
  EXPECT_EQ(record.view().find<QuicHelloSection>()->offered_versions, 8U);
  EXPECT_EQ(record.view().find<QuicHelloSection>()->offered_cut, 1U);
}

std::string kept_of(const OwnedRecord& record) {
  const auto* const hello = record.view().find<QuicHelloSection>();
  return hello == nullptr ? "" : std::string(reinterpret_cast<const char*>(hello->octets), hello->packet_octets);
}
std::string after_length(const std::string& packet) {
  return quic_number(packet.size(), 2) + packet;
}

TEST(QuicMetric, KeepsTheClientsInitialsUntilTheServerHasThem) {
  QuicMeter meter;
  meter.client(initial(100) + quic_long(kQuicZeroRtt, 1, kFirst, kClient));
  meter.client(initial(77));
  meter.server(quic_long(kQuicInitial, 1, kClient, kServer));
  meter.client(initial(50));
  meter.server(server_hello());
  meter.client(initial(60) + handshake());
  const OwnedRecord record = meter.record();
  EXPECT_EQ(kept_of(record), after_length(initial(100)) + after_length(initial(77)) + after_length(initial(50)));
  EXPECT_NE(record.view().find<TlsSection>(), nullptr) << "room for what the control side finds";
}

TEST(QuicMetric, KeepsNoPacketThatIsNotWholeAndNoneBeyondItsBounds) {
  QuicMeter meter;
  meter.client(initial(500), 1_s, 400);
  for (unsigned i = 0; i < 4; ++i) meter.client(initial(1300));  // the last one is too much
  meter.client(initial(60));                                     // has room
  const std::string kept = after_length(initial(1300));
  EXPECT_EQ(kept_of(meter.record()), kept + kept + kept + after_length(initial(60)));

  QuicMeter many;
  for (unsigned i = 0; i < 20; ++i) many.client(initial(20));
  const OwnedRecord record = many.record();
  EXPECT_EQ(kept_of(record).size(), QuicHelloSection::kMostPackets * after_length(initial(20)).size());
  EXPECT_EQ(record.view().find<QuicSection>()->initial[kForward], 20U);
}

TEST(QuicMetric, LeavesAPacketOutWhereThePoolIsEmptyAndCountsThat) {
  Quic::State state{};
  Quic::Slot slot{};
  LinePool pool(30);
  const MetricParameters parameters;
  const auto see = [&](const std::string& datagram) {
    PacketFacts facts{};
    facts.payload = {reinterpret_cast<const std::uint8_t*>(datagram.data()),
                     static_cast<std::uint32_t>(datagram.size()), static_cast<std::uint32_t>(datagram.size()), 1};
    (void)Quic::update(state, slot, {flow_packet().udp().packet(), facts, 0, false, 0, pool, parameters});
    return pool.in_use();
  };
  const std::size_t octets = after_length(initial(1300)).size();
  EXPECT_EQ(see(initial(1300)), (octets + 59) / 60);
  EXPECT_EQ(see(initial(1300)), (octets + 59) / 60) << "what there was of the second one went back";
  EXPECT_EQ(slot.packet_octets, octets);
  EXPECT_EQ(pool.missing()[static_cast<std::size_t>(MissingFact::quic_initial_cut)], 1U);
  EXPECT_EQ(see(initial(60)), (octets + after_length(initial(60)).size() + 59) / 60) << "there is room for a small one";
  EXPECT_EQ(slot.ends[0].initial, 3U) << "all of them count";
  EXPECT_EQ(see(initial(1300)), (octets + after_length(initial(60)).size() + 59) / 60);
  Quic::release(state, slot, pool);
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(QuicMetric, CountsChangesOfTheConnectionIdInShortHeaders) {
  QuicMeter meter;
  meter.client(initial());
  meter.server(server_hello());
  for (const char* id : {"server", "server", "SERVER", "SERVER", "sErvEr"}) meter.client(quic_short(id));
  for (const char* id : {"client-1", "client-2"}) meter.server(quic_short(id));
  const QuicSection quic = meter.quic();
  EXPECT_EQ(quic.id_changes[kForward], 2U);
  EXPECT_EQ(quic.id_changes[kReverse], 1U);
}

TEST(QuicMetric, TimesTheHandshakeFromTheFirstInitialToTheClientsHandshakePacket) {
  QuicMeter meter;
  meter.client(initial(), 1_s);
  meter.client(initial(), 1_s + 5_ms);
  meter.server(server_hello(), 1_s + 30_ms);
  meter.client(handshake(), 1_s + 42_ms);
  meter.client(handshake(), 1_s + 90_ms);
  const QuicSection quic = meter.quic();
  EXPECT_EQ(quic.known, QuicSection::kHandshake);
  EXPECT_EQ(quic.handshake_ns, 42_ms);
}

TEST(QuicMetric, TimesTheHandshakeFromTheInitialAfterARetry) {
  QuicMeter meter;
  meter.client(initial(), 1_s);
  meter.server(quic_long(kQuicRetry, 1, kClient, "retry-id", 0, "token"), 1_s + 20_ms);
  meter.client(quic_long(kQuicInitial, 1, "retry-id", kClient, 40, "token"), 1_s + 40_ms);
  meter.server(server_hello(), 1_s + 60_ms);
  meter.client(handshake(), 1_s + 80_ms);
  EXPECT_EQ(meter.quic().handshake_ns, 40_ms);
}

TEST(QuicMetric, KnowsNoTimeOfAHandshakeThatItDidNotSeeWhole) {
  QuicMeter late;
  late.client(handshake(), 1_s);
  late.server(server_hello(), 1_s + 1_ms);
  late.client(handshake(), 1_s + 2_ms);
  EXPECT_EQ(late.quic().known, 0U);
  QuicMeter answer_first;
  answer_first.server(server_hello(), 1_s);
  answer_first.client(quic_long(kQuicInitial, 1, kServer, kClient) + handshake(), 1_s + 12_ms);
  answer_first.server(quic_long(kQuicHandshake, 1, kClient, kServer), 1_s + 40_ms);
  answer_first.client(handshake(), 1_s + 52_ms);
  EXPECT_EQ(answer_first.quic().known, 0U);
}

/// A client 12 ms and a server 30 ms away, one packet each way per half turn of the spin bit.
void spin(QuicMeter& meter, unsigned turns, std::uint64_t from) {
  bool bit = false;
  for (unsigned i = 0; i < turns; ++i) {
    meter.client(quic_short(kServer, bit), from);
    meter.server(quic_short(kClient, bit), from + 30_ms);
    from += 42_ms;
    bit = !bit;
  }
}

TEST(QuicMetric, TimesTheSpinBitAndTheHalfOfEachEnd) {
  QuicMeter meter;
  meter.client(initial(), 1_s);
  meter.server(server_hello(), 1_s + 30_ms);
  meter.client(handshake(), 1_s + 42_ms);
  spin(meter, 6, 2_s);
  const QuicSection quic = meter.quic();
  for (const Direction direction : {kForward, kReverse}) {
    // The first value is no edge, the first edge no sample.
    EXPECT_EQ(quic.spin_samples[direction], 4U);
    EXPECT_EQ(quic.spin_min_ns[direction], 42_ms);
    EXPECT_EQ(quic.spin_mean_ns[direction], 42_ms);
  }
  EXPECT_EQ(quic.spin_half_min_ns[kForward], 12_ms) << "the client answers the server's edge";
  EXPECT_EQ(quic.spin_half_min_ns[kReverse], 30_ms);
}

TEST(QuicMetric, TimesTheSpinBitOfOneDirectionAlone) {
  QuicMeter meter;
  meter.client(initial(), 1_s);
  for (unsigned i = 0; i < 5; ++i) meter.client(quic_short(kServer, (i & 1) != 0), 2_s + i * 20_ms);
  const QuicSection quic = meter.quic();
  EXPECT_EQ(quic.spin_samples[kForward], 3U);
  EXPECT_EQ(quic.spin_min_ns[kForward], 20_ms);
  EXPECT_EQ(quic.spin_half_min_ns[kForward], 0U);
}

TEST(QuicMetric, OverlooksEdgesOfReorderedPacketsAndOfRandomBits) {
  QuicMeter meter;
  meter.client(initial(), 1_s);
  meter.server(server_hello(), 1_s + 30_ms);
  meter.client(handshake(), 1_s + 42_ms);
  meter.client(quic_short(kServer, false), 2_s);
  meter.client(quic_short(kServer, true), 2_s + 1_ms);
  meter.client(quic_short(kServer, false), 2_s + 2_ms);  // came late
  meter.client(quic_short(kServer, true), 2_s + 3_ms);
  meter.client(quic_short(kServer, false), 2_s + 41_ms);
  QuicSection quic = meter.quic();
  EXPECT_EQ(quic.spin_samples[kForward], 1U);
  EXPECT_EQ(quic.spin_min_ns[kForward], 40_ms);

  QuicMeter random;
  random.client(initial(), 1_s);
  random.server(server_hello(), 1_s + 30_ms);
  random.client(handshake(), 1_s + 42_ms);
  for (unsigned i = 0; i < 100; ++i) random.client(quic_short(kServer, (i & 1) != 0), 2_s + i * 1_ms);
  quic = random.quic();
  EXPECT_GE(quic.spin_min_ns[kForward], 42_ms / 8);
}

TEST(QuicMetric, MakesNoSampleOfAPauseOfTheApplication) {
  QuicMeter meter;
  meter.client(initial(), 1_s);
  meter.server(server_hello(), 1_s + 30_ms);
  meter.client(handshake(), 1_s + 42_ms);
  meter.client(quic_short(kServer, false), 2_s);
  meter.client(quic_short(kServer, true), 2_s + 40_ms);
  meter.client(quic_short(kServer, false), 9_s);
  meter.client(quic_short(kServer, true), 9_s + 50_ms);
  const QuicSection quic = meter.quic();
  EXPECT_EQ(quic.spin_samples[kForward], 1U);
  EXPECT_EQ(quic.spin_min_ns[kForward], 50_ms);
}

TEST(QuicMetric, GoesOnAfterAnActiveTimeout) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 10_s;
  timeouts.idle_ns = 100_s;
  QuicMeter meter({}, 1024, timeouts);
  meter.client(initial(), 1_s);
  meter.server(server_hello(), 1_s + 30_ms);
  meter.client(handshake(), 1_s + 42_ms);
  meter.client(quic_short(kServer), 5_s);
  meter.pass(12_s);
  meter.client(quic_short(kServer), 13_s);
  meter.client(quic_short("other!"), 13_s);
  meter.drain(14_s);
  const RecordBatch records = meter.batch();
  ASSERT_EQ(records.size(), 2U);
  const auto* const first = records[0].find<QuicSection>();
  const auto* const second = records[1].find<QuicSection>();
  ASSERT_TRUE(first != nullptr && second != nullptr);
  EXPECT_EQ(first->known, QuicSection::kHandshake);
  EXPECT_EQ(first->short_header[kForward], 1U);
  EXPECT_EQ(second->version, 1U);
  EXPECT_EQ(second->known, 0U) << "reported already";
  EXPECT_EQ(second->initial[kForward], 0U);
  EXPECT_EQ(second->short_header[kForward], 2U);
  EXPECT_EQ(second->id_changes[kForward], 1U);
  EXPECT_EQ(second->source_id_octets[kForward], kClient.size());
  EXPECT_NE(records[0].find<QuicHelloSection>(), nullptr);
  EXPECT_EQ(records[1].find<QuicHelloSection>(), nullptr);
  EXPECT_EQ(meter.shard.pool().in_use(), 0U);
}

TEST(QuicMetric, CountsNoMoreThanSixteenPacketsOfADatagram) {
  QuicMeter meter;
  std::string datagram;
  for (unsigned i = 0; i < 100; ++i) datagram += quic_long(kQuicHandshake, 1, "", "", 1);
  meter.client(datagram);
  EXPECT_EQ(meter.quic().handshake[kForward], Quic::kMostPackets);
}

TEST(QuicMetric, ReadsTheHeaderOf2017OnlyWhereAskedTo) {
  QuicMeter off;
  EXPECT_FALSE(off.client(quic_2017_long(0x82, 1)));
  off.drain(2_s);
  EXPECT_EQ(off.batch()[0].find<QuicSection>(), nullptr);

  QuicMeter meter(of_2017());
  meter.client(quic_2017_long(0x82, 100), 1_s);
  meter.client(quic_2017_long(0x85, 101), 1_s + 1_ms);  // nothing of the server's yet
  meter.server(quic_2017_long(0x84, 8000), 1_s + 30_ms);
  meter.client(quic_2017_long(0x85, 102), 1_s + 50_ms);
  meter.client(quic_2017_long(0x85, 103), 1_s + 60_ms);
  meter.client(std::string("\x41") + "connect." + '\x68', 1_s + 70_ms);
  meter.server(std::string("\x22\x1f\x42"), 1_s + 80_ms);
  const OwnedRecord record = meter.record();
  const auto& quic = *record.view().find<QuicSection>();
  EXPECT_EQ(quic.version, 0xff000007U);
  EXPECT_EQ(quic.initial[kForward], 1U);
  EXPECT_EQ(quic.handshake[kForward], 3U);
  EXPECT_EQ(quic.handshake[kReverse], 1U);
  EXPECT_EQ(quic.short_header[kForward], 1U);
  EXPECT_EQ(quic.short_header[kReverse], 1U);
  EXPECT_EQ(quic.handshake_ns, 50_ms);
  EXPECT_EQ(quic.destination_id_octets[kForward], 8U);
  const auto& then = *record.view().find<Quic2017Section>();
  EXPECT_EQ(then.packet_number[kForward], 104U) << "0x68 nearest to 104";
  EXPECT_EQ(then.packet_number[kReverse], 8002U) << "0x1f42 nearest to 8001";
  EXPECT_EQ(then.key_phase[kForward], 0U);
  EXPECT_EQ(then.key_phase[kReverse], 1U);
  EXPECT_EQ(then.measurement_byte[kForward], 0U);
  EXPECT_EQ(then.truncated + then.unknown_types, 0U);
}

TEST(QuicMetric, Of2017HasNoKeyPhaseWithoutAShortHeader) {
  QuicMeter meter(of_2017());
  meter.client(quic_2017_long(0x81, 1, quic_number(1, 4) + quic_number(0xff000007, 4)));
  const OwnedRecord record = meter.record();
  EXPECT_EQ(record.view().find<Quic2017Section>()->key_phase[kForward], Quic2017Section::kNoKeyPhase);
  EXPECT_EQ(record.view().find<QuicSection>()->version_negotiation, 1U);
  EXPECT_EQ(record.view().find<QuicHelloSection>()->offered_versions, 2U);
}

TEST(QuicMetric, Of2017WithAPortReadsThatPortAloneAndCountsErrors) {
  QuicMeter meter(of_2017(443, true));
  meter.client(std::string("\x41") + "connect." + '\x07' + '\x99');
  meter.client(std::string("\x41") + "connect.");  // no packet number
  meter.client("\xff\x01");
  meter.client("\x82");
  const OwnedRecord record = meter.record();
  const auto& then = *record.view().find<Quic2017Section>();
  EXPECT_EQ(then.packet_number[kForward], 7U);
  EXPECT_EQ(then.measurement_byte[kForward], 0x99U);
  EXPECT_EQ(then.truncated, 2U);
  EXPECT_EQ(then.unknown_types, 1U);

  QuicMeter other(of_2017(4433));
  EXPECT_FALSE(other.client(quic_2017_long(0x82, 1))) << "a wrong port is not QUIC";
  other.client(initial());
  EXPECT_EQ(other.quic().initial[kForward], 1U) << "today's is read on all others";
}

}  // namespace
}  // namespace weir::test::quic_metric_test
