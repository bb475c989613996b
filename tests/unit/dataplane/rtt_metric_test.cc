// What the metric rtt makes of handshakes, acknowledgments and timestamps. The expected times were counted by hand.
#include <gtest/gtest.h>

#include "dataplane/metric/rtt.h"
#include "tests/support/tcp_conversation.h"

namespace weir::test::rtt_metric_test {
namespace {

class RttOfBothEnds : public ::testing::TestWithParam<bool> {
 protected:
  TcpConversation talk{FlowTimeouts{}, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Client, RttOfBothEnds, ::testing::Bool(),
                         [](const auto& which) { return which.param ? "IsLow" : "IsHigh"; });

constexpr unsigned kHandshake = RttSection::kClientHalf | RttSection::kServerHalf;
constexpr unsigned kSamples = RttSection::kClientSamples | RttSection::kServerSamples;

TEST_P(RttOfBothEnds, TheHandshakeTellsTheTimeToEachEndAndTheirSum) {
  talk.shake_hands();
  talk.end();
  EXPECT_EQ(talk.rtt().known, kHandshake | kSamples);
  EXPECT_EQ(talk.rtt().handshake_server_ns, 20_ms);
  EXPECT_EQ(talk.rtt().handshake_client_ns, 5_ms);
  EXPECT_EQ(talk.rtt().handshake_ns, 25_ms);
  EXPECT_EQ(talk.rtt().server_samples, 1U) << "the SYN was answered";
  EXPECT_EQ(talk.rtt().server.min_ns, 20_ms);
  EXPECT_EQ(talk.rtt().client_samples, 1U) << "the SYN/ACK was answered";
  EXPECT_EQ(talk.rtt().client.last_ns, 5_ms);
  EXPECT_EQ(talk.rtt().by_timestamps, 0);
}

TEST_P(RttOfBothEnds, AHalfWhosePacketsWereNotSeenIsNotKnown) {
  {
    TcpConversation one({}, GetParam());
    one.client(0, {.flags = kSyn, .seq = 99});
    one.end();
    EXPECT_FALSE(one.has_rtt());
  }
  {
    TcpConversation one({}, GetParam());
    one.client(0, {.flags = kSyn, .seq = 99});
    one.server(20_ms, {.flags = kSyn | kAck, .seq = 499, .ack = 100});
    one.end();
    EXPECT_EQ(one.rtt().known, RttSection::kServerHalf | RttSection::kServerSamples);
    EXPECT_EQ(one.rtt().handshake_server_ns, 20_ms);
    EXPECT_EQ(one.rtt().handshake_ns, 0U);
  }
  {
    TcpConversation one({}, GetParam());
    one.server(20_ms, {.flags = kSyn | kAck, .seq = 499, .ack = 100});
    one.client(25_ms, {.seq = 100, .ack = 500});
    one.end();
    EXPECT_EQ(one.record->ports[kForward], 40000);
    EXPECT_EQ(one.rtt().known, RttSection::kClientHalf | RttSection::kClientSamples);
    EXPECT_EQ(one.rtt().handshake_client_ns, 5_ms);
  }
  {
    TcpConversation one({}, GetParam());  // from its middle on
    one.client(0, {.seq = 100, .ack = 500});
    one.server(1_ms, {.seq = 500, .ack = 100});
    one.end();
    EXPECT_FALSE(one.has_rtt());
  }
}

TEST_P(RttOfBothEnds, AHandshakeOfNoTimeAtAllIsKnown) {
  talk.client(0, {.flags = kSyn, .seq = 99});
  talk.server(0, {.flags = kSyn | kAck, .seq = 499, .ack = 100});
  talk.client(0, {.seq = 100, .ack = 500});
  talk.end();
  EXPECT_EQ(talk.rtt().known & kHandshake, kHandshake);
  EXPECT_EQ(talk.rtt().handshake_ns, 0U);
}

TEST_P(RttOfBothEnds, AnAmbiguousHandshakeTellsNothing) {
  const Segment syn{.flags = kSyn, .seq = 99};
  const Segment synack{.flags = kSyn | kAck, .seq = 499, .ack = 100};
  const Segment ack{.seq = 100, .ack = 500};
  {
    SCOPED_TRACE("the SYN came twice");
    TcpConversation one({}, GetParam());
    one.client(0, syn);
    one.client(1_s, syn);
    one.server(1020_ms, synack);
    one.client(1025_ms, ack);
    one.end();
    EXPECT_EQ(one.rtt().known, RttSection::kClientSamples) << "the client's answer is a sample nevertheless";
    EXPECT_EQ(one.rtt().client.max_ns, 5_ms);
  }
  {
    SCOPED_TRACE("the SYN/ACK came twice");
    TcpConversation one({}, GetParam());
    one.client(0, syn);
    one.server(20_ms, synack);
    one.server(220_ms, synack);
    one.client(225_ms, ack);
    one.end();
    EXPECT_EQ(one.rtt().known, RttSection::kServerSamples);
  }
  {
    SCOPED_TRACE("the SYN came once more after all was done");
    TcpConversation one({}, GetParam());
    one.shake_hands();
    one.client(30_ms, syn);
    one.end();
    EXPECT_EQ(one.rtt().known, kSamples);
  }
  {
    SCOPED_TRACE("the SYN came after the SYN/ACK");
    TcpConversation one({}, GetParam());
    one.server(20_ms, synack);
    one.client(21_ms, syn);
    one.client(25_ms, ack);
    one.end();
    EXPECT_EQ(one.rtt().known & kHandshake, 0);
  }
  {
    SCOPED_TRACE("both ends opened");
    TcpConversation one({}, GetParam());
    one.client(0, syn);
    one.server(1_ms, {.flags = kSyn, .seq = 499});
    one.client(20_ms, {.flags = kSyn | kAck, .seq = 99, .ack = 500});
    one.server(21_ms, {.flags = kSyn | kAck, .seq = 499, .ack = 100});
    one.client(40_ms, ack);
    one.end();
    EXPECT_EQ(one.rtt().known & kHandshake, 0);
  }
}

TEST_P(RttOfBothEnds, RunningSamplesAreTheTimesToTheAnswersOfEachEnd) {
  talk.shake_hands();                                                   // server 20 ms, client 5 ms
  talk.client(100_ms, {.seq = 100, .ack = 500, .payload = 100});        // waited for
  talk.client(101_ms, {.seq = 200, .ack = 500, .payload = 100});        // not: one at a time
  talk.server(115_ms, {.seq = 500, .ack = 150});                        // a part of it: no answer yet
  talk.server(116_ms, {.seq = 500, .ack = 200, .payload = 50});         // server 16 ms; and waited for itself
  talk.server(117_ms, {.seq = 550, .ack = 300});                        // answers what was not waited for
  talk.client(120_ms, {.seq = 300, .ack = 550, .payload = 10});         // client 4 ms
  talk.server(150_ms, {.seq = 550, .ack = 310});                        // server 30 ms
  talk.server(160_ms, {.flags = kAck | kFin, .seq = 550, .ack = 310});  // a FIN is waited for, too
  talk.client(169_ms, {.flags = kAck | kFin, .seq = 310, .ack = 551});  // client 9 ms
  talk.server(170_ms, {.seq = 551, .ack = 311});                        // server 1 ms
  talk.end();
  EXPECT_EQ(talk.rtt().server_samples, 4U);
  EXPECT_EQ(talk.rtt().server.min_ns, 1_ms);
  EXPECT_EQ(talk.rtt().server.max_ns, 30_ms);
  EXPECT_EQ(talk.rtt().server.mean_ns, (20_ms + 16_ms + 30_ms + 1_ms) / 4);
  EXPECT_EQ(talk.rtt().server.last_ns, 1_ms);
  EXPECT_EQ(talk.rtt().client_samples, 3U);
  EXPECT_EQ(talk.rtt().client.min_ns, 4_ms);
  EXPECT_EQ(talk.rtt().client.max_ns, 9_ms);
  EXPECT_EQ(talk.rtt().client.mean_ns, 6_ms);
  EXPECT_EQ(talk.rtt().client.last_ns, 9_ms);
  EXPECT_EQ(talk.rtt().by_timestamps, 0);
}

TEST_P(RttOfBothEnds, SamplesGoOnAcrossTheWrapOfTheNumbers) {
  talk.client(0, {.flags = kSyn, .seq = 0xffff'fffe});
  talk.server(10_ms, {.flags = kSyn | kAck, .seq = 0xffff'ffff, .ack = 0xffff'ffff});  // 10 ms
  talk.client(11_ms, {.seq = 0xffff'ffff, .ack = 0});                                  // client 1 ms
  talk.client(20_ms, {.seq = 0xffff'ffff, .ack = 0, .payload = 10});
  talk.server(50_ms, {.seq = 0, .ack = 9});  // 30 ms
  talk.end();
  EXPECT_EQ(talk.rtt().server_samples, 2U);
  EXPECT_EQ(talk.rtt().server.last_ns, 30_ms);
  EXPECT_EQ(talk.rtt().client_samples, 1U);
  EXPECT_EQ(talk.rtt().client.last_ns, 1_ms);
}

TEST_P(RttOfBothEnds, WhatWasSentAgainIsNotSampledUntilAllIsAcknowledged) {
  talk.shake_hands();
  talk.client(100_ms, {.seq = 100, .ack = 500, .payload = 100});
  talk.client(101_ms, {.seq = 200, .ack = 500, .payload = 100});
  talk.client(400_ms, {.seq = 100, .ack = 500, .payload = 100});  // again
  talk.server(410_ms, {.seq = 500, .ack = 200});                  // to which of the two?
  talk.client(411_ms, {.seq = 300, .ack = 500, .payload = 100});  // new, but behind what is in doubt
  talk.server(420_ms, {.seq = 500, .ack = 300});                  // now it is settled
  talk.server(421_ms, {.seq = 500, .ack = 400});
  talk.end();
  EXPECT_EQ(talk.rtt().server_samples, 1U) << "the handshake's";
  TcpConversation on({}, GetParam());
  on.shake_hands();
  on.client(100_ms, {.seq = 100, .ack = 500, .payload = 100});
  on.client(400_ms, {.seq = 100, .ack = 500, .payload = 100});
  on.server(410_ms, {.seq = 500, .ack = 200});
  on.client(500_ms, {.seq = 200, .ack = 500, .payload = 100});
  on.server(533_ms, {.seq = 500, .ack = 300});
  on.end();
  EXPECT_EQ(on.rtt().server_samples, 2U);
  EXPECT_EQ(on.rtt().server.last_ns, 33_ms);
}

TEST_P(RttOfBothEnds, AnAcknowledgmentOfWhatWasNeverSentIsNoAnswer) {
  talk.shake_hands();
  talk.client(100_ms, {.seq = 100, .ack = 500, .payload = 100});
  talk.server(100'001'000, {.seq = 500, .ack = 100'000});  // forged, a microsecond after
  talk.server(120_ms, {.seq = 500, .ack = 200});
  talk.client(200_ms, {.seq = 200, .ack = 500, .payload = 100});
  talk.server(230_ms, {.seq = 500, .ack = 300});
  talk.end();
  EXPECT_EQ(talk.rtt().server_samples, 2U);
  EXPECT_EQ(talk.rtt().server.min_ns, 20_ms);
  EXPECT_EQ(talk.rtt().server.last_ns, 30_ms);
}

TEST_P(RttOfBothEnds, TimeThatRunsBackIsNoSample) {
  talk.shake_hands();
  talk.client(100_ms, {.seq = 100, .ack = 500, .payload = 100});
  talk.server(99_ms, {.seq = 500, .ack = 200});
  talk.end();
  EXPECT_EQ(talk.rtt().server_samples, 1U);
}

/// The handshake with timestamps: the client's clock shows 1000, the server's 7000.
void shake_hands_with_stamps(TcpConversation& talk) {
  talk.client(0, {.flags = kSyn, .seq = 99, .stamp = 1000});
  talk.server(20_ms, {.flags = kSyn | kAck, .seq = 499, .ack = 100, .stamp = 7000, .echo = 1000});
  talk.client(25_ms, {.seq = 100, .ack = 500, .stamp = 1025, .echo = 7000});
}

TEST_P(RttOfBothEnds, WithTimestampsAnAnswerEchoesTheStampItself) {
  shake_hands_with_stamps(talk);
  talk.client(100_ms, {.seq = 100, .ack = 500, .payload = 10, .stamp = 1100, .echo = 7000});
  talk.server(130_ms, {.seq = 500, .ack = 110, .payload = 20, .stamp = 7110, .echo = 1100});  // server 30 ms
  talk.client(137_ms, {.seq = 110, .ack = 520, .stamp = 1137, .echo = 7110});                 // client 7 ms
  talk.client(200_ms, {.seq = 110, .ack = 520, .payload = 10, .stamp = 1200, .echo = 7110});
  talk.server(210_ms, {.seq = 520, .ack = 120, .stamp = 7190, .echo = 1150});  // of an older segment: no answer to this
  talk.end();
  EXPECT_EQ(talk.rtt().by_timestamps, 1);
  EXPECT_EQ(talk.rtt().server_samples, 2U);
  EXPECT_EQ(talk.rtt().server.last_ns, 30_ms);
  EXPECT_EQ(talk.rtt().client_samples, 2U);
  EXPECT_EQ(talk.rtt().client.last_ns, 7_ms);
  EXPECT_EQ(talk.rtt().client.min_ns, 5_ms);
}

TEST_P(RttOfBothEnds, TimestampsOfOneEndAloneAreNotUsed) {
  talk.client(0, {.flags = kSyn, .seq = 99, .stamp = 1000});
  talk.server(20_ms, {.flags = kSyn | kAck, .seq = 499, .ack = 100});
  talk.client(25_ms, {.seq = 100, .ack = 500});
  talk.client(100_ms, {.seq = 100, .ack = 500, .payload = 10});
  talk.server(111_ms, {.seq = 500, .ack = 110});
  talk.end();
  EXPECT_EQ(talk.rtt().by_timestamps, 0);
  EXPECT_EQ(talk.rtt().server.last_ns, 11_ms);
}

TEST_P(RttOfBothEnds, ForgedStampsCostASampleAndMakeNone) {
  shake_hands_with_stamps(talk);  // server 20 ms
  talk.client(100_ms, {.seq = 100, .ack = 500, .payload = 10, .stamp = 1100, .echo = 7000});
  talk.server(100'001'000, {.seq = 500, .ack = 110, .stamp = 7101, .echo = 1101});  // a stamp that nobody sent
  talk.client(200_ms, {.seq = 110, .ack = 500, .payload = 10, .stamp = 1200, .echo = 7101});
  talk.server(200'001'000, {.seq = 500, .ack = 120, .stamp = 7201, .echo = 0x8000'0000});            // far away
  talk.client(300_ms, {.seq = 120, .ack = 500, .payload = 10, .stamp = 0xf000'0000, .echo = 7201});  // the client's own
  talk.server(325_ms, {.seq = 500, .ack = 130, .stamp = 7301, .echo = 0xf000'0000});  // 25 ms: it was sent
  talk.client(400_ms, {.seq = 130, .ack = 500, .payload = 10, .stamp = 1400, .echo = 7301});
  talk.server(440_ms, {.seq = 500, .ack = 140, .stamp = 7401, .echo = 1400});  // 40 ms: the flow goes on as before
  talk.client(500_ms, {.seq = 140, .ack = 500, .payload = 10, .stamp = 1500, .echo = 7401});
  talk.server(510_ms, {.seq = 500, .ack = 150});  // without the option
  talk.end();
  EXPECT_EQ(talk.rtt().server_samples, 3U);
  EXPECT_EQ(talk.rtt().server.min_ns, 20_ms);
  EXPECT_EQ(talk.rtt().server.max_ns, 40_ms);
  EXPECT_EQ(talk.rtt().server.mean_ns, (20_ms + 25_ms + 40_ms) / 3);
}

TEST_P(RttOfBothEnds, StampsWrapLikeNumbers) {
  talk.client(0, {.flags = kSyn, .seq = 99, .stamp = 0xffff'fff0});
  talk.server(20_ms, {.flags = kSyn | kAck, .seq = 499, .ack = 100, .stamp = 5, .echo = 0xffff'fff0});
  talk.client(25_ms, {.seq = 100, .ack = 500, .stamp = 0xffff'fff9, .echo = 5});
  talk.client(40_ms, {.seq = 100, .ack = 500, .payload = 10, .stamp = 0x10, .echo = 5});
  talk.server(70_ms, {.seq = 500, .ack = 110, .stamp = 70, .echo = 0x10});
  talk.end();
  EXPECT_EQ(talk.rtt().server_samples, 2U);
  EXPECT_EQ(talk.rtt().server.last_ns, 30_ms);
}

TEST_P(RttOfBothEnds, TheApplicationsLatencyIsFromTheClientsFirstPayloadToTheServers) {
  talk.shake_hands();
  talk.client(100_ms, {.seq = 100, .ack = 500, .payload = 100});
  talk.client(101_ms, {.seq = 200, .ack = 500, .payload = 100});
  talk.server(120_ms, {.seq = 500, .ack = 300});
  talk.server(350_ms, {.seq = 500, .ack = 300, .payload = 1});
  talk.server(900_ms, {.seq = 501, .ack = 300, .payload = 1});
  talk.end();
  EXPECT_EQ(talk.rtt().application_latency_ns, 250_ms);
  EXPECT_NE(talk.rtt().known & RttSection::kApplicationLatency, 0);

  TcpConversation server_first({}, GetParam());  // a greeting answers nothing
  server_first.shake_hands();
  server_first.server(100_ms, {.seq = 500, .ack = 100, .payload = 10});
  server_first.client(120_ms, {.seq = 100, .ack = 510, .payload = 10});
  server_first.server(140_ms, {.seq = 510, .ack = 110, .payload = 10});
  server_first.end();
  EXPECT_EQ(server_first.rtt().known & RttSection::kApplicationLatency, 0);

  TcpConversation midstream({}, GetParam());  // nobody knows what the first payload was
  midstream.client(100_ms, {.seq = 100, .ack = 500, .payload = 10});
  midstream.server(140_ms, {.seq = 500, .ack = 110, .payload = 10});
  midstream.end();
  EXPECT_EQ(midstream.rtt().known, RttSection::kServerSamples);
}

TEST_P(RttOfBothEnds, AfterAnActiveTimeoutSamplesBeginAnewAndTheHandshakeIsNotToldTwice) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 10_s;
  TcpConversation long_talk(timeouts, GetParam());
  long_talk.shake_hands();
  long_talk.client(9_s, {.seq = 100, .ack = 500, .payload = 10});
  long_talk.server(11_s, {.seq = 500, .ack = 110, .payload = 5});  // in the next record
  long_talk.take();
  EXPECT_EQ(long_talk.rtt().known, kHandshake | kSamples);
  EXPECT_EQ(long_talk.rtt().server_samples, 1U);
  long_talk.end();
  EXPECT_EQ(long_talk.rtt().known, RttSection::kServerSamples | RttSection::kApplicationLatency);
  EXPECT_EQ(long_talk.rtt().server_samples, 1U);
  EXPECT_EQ(long_talk.rtt().server.min_ns, 2_s);
  EXPECT_EQ(long_talk.rtt().application_latency_ns, 2_s);
}

TEST_P(RttOfBothEnds, TheClientIsWhoSentTheSynEvenIfTheServerWasSeenFirst) {
  talk.server(0, {.flags = kAck, .seq = 77, .ack = 5});  // left over from a connection before
  talk.client(1_s, {.flags = kSyn, .seq = 99});
  talk.server(1020_ms, {.flags = kSyn | kAck, .seq = 499, .ack = 100});
  talk.client(1025_ms, {.seq = 100, .ack = 500});
  talk.end();
  EXPECT_EQ(talk.record->ports[kForward], 80);
  EXPECT_EQ(talk.rtt().handshake_server_ns, 20_ms);
  EXPECT_EQ(talk.rtt().server.min_ns, 20_ms);
  EXPECT_EQ(talk.rtt().client.min_ns, 5_ms);
}

TEST_P(RttOfBothEnds, AConnectionThatFollowsInTheSameRecordLeavesTheFirstOnesHandshake) {
  talk.shake_hands();
  talk.client(10_s, {.flags = kSyn, .seq = 9099});
  talk.server(10_s + 50_ms, {.flags = kSyn | kAck, .seq = 8499, .ack = 9100});
  talk.client(10_s + 90_ms, {.seq = 9100, .ack = 8500});
  talk.end();
  EXPECT_EQ(talk.rtt().handshake_server_ns, 20_ms);
  EXPECT_EQ(talk.rtt().handshake_client_ns, 5_ms);
  EXPECT_EQ(talk.rtt().server_samples, 2U);
  EXPECT_EQ(talk.rtt().server.max_ns, 50_ms);
  EXPECT_EQ(talk.rtt().client.max_ns, 40_ms);
}

TEST(Rtt, OfUdpThereIsNothing) {
  const Metrics metrics(Metrics::kAll);
  Meter meter(64, {}, 64, RingFull::lose, WhenFull::evict, {1, 2, 3, 4, 5, 6}, metrics);
  Parser parser;
  for (const std::uint64_t at : {1_ms, 2_ms, 3_ms}) {
    const Bytes frame = packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(0xffff, 0xffff).payload(100).bytes();
    ParsedPacket parsed{};
    PacketFacts facts;
    ASSERT_EQ(parser.parse(view_of(frame, kEpochNs + at), parsed, &facts), Reject::none);
    parsed.effective_ns = parsed.time_ns;
    meter.add(parsed, facts);
  }
  meter.drain(1_s);
  const RecordBatch taken = meter.batch();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_FALSE(taken[0].has(Section::rtt) || taken[0].has(Section::tcp));
  meter.expect_balanced();
}

}  // namespace
}  // namespace weir::test::rtt_metric_test
