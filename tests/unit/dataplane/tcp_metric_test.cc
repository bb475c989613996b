// What the metric tcp makes of sequence and acknowledgment numbers: retransmissions, order, duplicate ACKs,
// keep-alives, zero windows. The expected values were counted by hand.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "dataplane/metric/tcp.h"
#include "tests/support/tcp_conversation.h"
#include "tests/support/tcp_random.h"

namespace weir::test::tcp_metric_test {
namespace {

using Two = std::pair<unsigned long long, unsigned long long>;

template <typename T>
Two both(const T (&values)[2]) {
  return {values[kForward], values[kReverse]};
}

class TcpOfBothEnds : public ::testing::TestWithParam<bool> {
 protected:
  TcpConversation talk{FlowTimeouts{}, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Client, TcpOfBothEnds, ::testing::Bool(),
                         [](const auto& which) { return which.param ? "IsLow" : "IsHigh"; });

TEST_P(TcpOfBothEnds, OctetsThatWereSeenAreRetransmittedAndThoseOfAGapAreOutOfOrder) {
  talk.shake_hands();
  talk.client(30_ms, {.seq = 100, .ack = 500, .payload = 100});
  talk.client(31_ms, {.seq = 100, .ack = 500, .payload = 100});  // again
  talk.server(40_ms, {.seq = 600, .ack = 200, .payload = 100});  // leaves a gap of 100
  talk.server(41_ms, {.seq = 500, .ack = 200, .payload = 100});  // which this fills
  talk.server(42_ms, {.seq = 650, .ack = 200, .payload = 100});  // 50 again, 50 new
  talk.end();
  EXPECT_EQ(both(talk.tcp().payload_octets), Two(200, 300));
  EXPECT_EQ(both(talk.tcp().stream_octets), Two(100, 250));
  EXPECT_EQ(both(talk.tcp().retransmitted), Two(1, 1));
  EXPECT_EQ(both(talk.tcp().retransmitted_octets), Two(100, 50));
  EXPECT_EQ(both(talk.tcp().out_of_order), Two(0, 2)) << "the gap's, and the one that is old and new";
  EXPECT_EQ(both(talk.tcp().keep_alives), Two(0, 0));
  EXPECT_EQ(both(talk.tcp().sequence_cut), Two(0, 0));
}

TEST_P(TcpOfBothEnds, SynAndFinAreOctetsOfTheNumberingAndNoneOfPayload) {
  talk.client(0, {.flags = kSyn, .seq = 99});
  talk.client(1_s, {.flags = kSyn, .seq = 99});  // again
  talk.server(1020_ms, {.flags = kSyn | kAck, .seq = 499, .ack = 100});
  talk.server(1220_ms, {.flags = kSyn | kAck, .seq = 499, .ack = 100});  // again
  talk.client(1230_ms, {.seq = 100, .ack = 500});
  talk.client(1231_ms, {.flags = kFin | kAck, .seq = 100, .ack = 500, .payload = 10});
  talk.client(1500_ms, {.flags = kFin | kAck, .seq = 110, .ack = 500});                 // the FIN again
  talk.client(1800_ms, {.flags = kFin | kAck, .seq = 100, .ack = 500, .payload = 10});  // all of it again
  talk.server(1810_ms, {.flags = kFin | kAck, .seq = 500, .ack = 111});
  talk.end();
  EXPECT_EQ(both(talk.tcp().retransmitted), Two(3, 1));
  EXPECT_EQ(both(talk.tcp().retransmitted_octets), Two(10, 0));
  EXPECT_EQ(both(talk.tcp().stream_octets), Two(10, 0));
  EXPECT_EQ(both(talk.tcp().out_of_order), Two(0, 0));
}

TEST_P(TcpOfBothEnds, NumbersWrapWithoutAnyoneNoticing) {
  const std::uint32_t isn = 0xffff'ff00;
  talk.client(0, {.flags = kSyn, .seq = isn});
  talk.server(1_ms, {.flags = kSyn | kAck, .seq = 0xffff'fffe, .ack = isn + 1});
  talk.client(2_ms, {.seq = isn + 1, .ack = 0xffff'ffff});
  talk.client(3_ms, {.seq = isn + 1, .ack = 0xffff'ffff, .payload = 200});
  talk.client(4_ms, {.seq = isn + 401, .ack = 0xffff'ffff, .payload = 200});  // 145 after 0; a gap over the border
  talk.client(5_ms, {.seq = isn + 201, .ack = 0xffff'ffff, .payload = 200});  // fills it
  talk.client(6_ms, {.seq = isn + 201, .ack = 0xffff'ffff, .payload = 300});  // again, all of it
  talk.server(7_ms, {.seq = 0xffff'ffff, .ack = isn + 601, .payload = 2});    // the two numbers around 0
  talk.server(8_ms, {.seq = 0, .ack = isn + 601, .payload = 2});              // one again, one new
  talk.end();
  EXPECT_EQ(both(talk.tcp().stream_octets), Two(600, 3));
  EXPECT_EQ(both(talk.tcp().retransmitted), Two(1, 1));
  EXPECT_EQ(both(talk.tcp().retransmitted_octets), Two(300, 1));
  EXPECT_EQ(both(talk.tcp().out_of_order), Two(1, 1));
}

TEST_P(TcpOfBothEnds, MoreThanFourGigabytesInOrderLeaveNothingToRetransmit) {
  talk.shake_hands();
  std::uint32_t seq = 100;
  talk.client(30_ms, {.seq = seq + 1000, .ack = 500, .payload = 1000});  // leaves a gap that nobody fills
  seq += 2000;
  // 2^32 octets and a bit more, in segments as long as IPv4 allows.
  const std::uint64_t segments = (std::uint64_t{1} << 32) / 65000 + 2;
  const auto long_segment = [&](std::uint32_t at) {
    return Segment{.seq = at, .ack = 500, .payload = 65000, .cut = true};
  };
  for (std::uint64_t i = 0; i < segments; ++i, seq += 65000) talk.client(31_ms, long_segment(seq));
  // Here the gap's numbers were, one round before.
  talk.client(32_ms, long_segment(seq - 65000));
  talk.end();
  EXPECT_EQ(talk.tcp().retransmitted[kForward], 1U);
  EXPECT_EQ(talk.tcp().out_of_order[kForward], 0U);
  EXPECT_EQ(talk.tcp().stream_octets[kForward], 1000 + segments * 65000);
}

TEST_P(TcpOfBothEnds, OverlappingSegmentsCountEachOctetOnce) {
  talk.shake_hands();
  talk.client(30_ms, {.seq = 200, .ack = 500, .payload = 100});  // [200,300), gap [100,200)
  talk.client(31_ms, {.seq = 400, .ack = 500, .payload = 100});  // [400,500), gap [300,400)
  talk.client(32_ms, {.seq = 150, .ack = 500, .payload = 300});  // [150,450): 50 of one gap, all of the other, 150 old
  talk.client(33_ms, {.seq = 120, .ack = 500, .payload = 10});   // splits what is left of the first
  talk.client(34_ms, {.seq = 100, .ack = 500, .payload = 500});  // everything: 40 of the gap, 360 old, 100 new
  talk.client(35_ms, {.seq = 100, .ack = 500, .payload = 500});  // all again
  talk.end();
  EXPECT_EQ(talk.tcp().payload_octets[kForward], 100U + 100 + 300 + 10 + 500 + 500);
  EXPECT_EQ(talk.tcp().stream_octets[kForward], 500U);
  EXPECT_EQ(talk.tcp().retransmitted[kForward], 3U);
  EXPECT_EQ(talk.tcp().retransmitted_octets[kForward], 150U + 360 + 500);
  EXPECT_EQ(talk.tcp().out_of_order[kForward], 3U);
}

TEST_P(TcpOfBothEnds, WhatComesBeforeTheFirstSegmentThatWasSeenIsOutOfOrder) {
  talk.client(0, {.seq = 1000, .ack = 500, .payload = 100});
  talk.client(1_ms, {.seq = 900, .ack = 500, .payload = 50});   // [900,950)
  talk.client(2_ms, {.seq = 940, .ack = 500, .payload = 80});   // 10 old, 50 of the gap, 20 old
  talk.client(3_ms, {.seq = 900, .ack = 500, .payload = 200});  // all again
  talk.end();
  EXPECT_EQ(talk.tcp().out_of_order[kForward], 2U);
  EXPECT_EQ(talk.tcp().retransmitted[kForward], 2U);
  EXPECT_EQ(talk.tcp().retransmitted_octets[kForward], 10U + 20 + 200);
  EXPECT_EQ(talk.tcp().stream_octets[kForward], 200U);
}

TEST_P(TcpOfBothEnds, EightGapsAreKeptAndTheNinthIsSaid) {
  for (const unsigned gaps : {8U, 9U}) {
    TcpConversation one({}, GetParam());
    one.shake_hands();
    for (unsigned i = 0; i < gaps; ++i) one.client(30_ms, {.seq = 110 + 20 * i, .ack = 500, .payload = 10});
    for (unsigned i = 0; i < gaps; ++i) one.client(31_ms, {.seq = 100 + 20 * i, .ack = 500, .payload = 10});
    one.end();
    EXPECT_EQ(one.tcp().sequence_cut[kForward], gaps == 9);
    EXPECT_EQ(one.tcp().out_of_order[kForward], 8U);
    EXPECT_EQ(one.tcp().retransmitted[kForward], gaps - 8) << "what fills a gap that was forgotten";
  }
}

TEST_P(TcpOfBothEnds, ASegmentFarAwayBeginsTheNumberingAnewAndSpoilsNothingAfterIt) {
  talk.shake_hands();
  talk.client(30_ms, {.seq = 100, .ack = 500, .payload = 100});
  talk.client(31_ms, {.seq = 0x8000'0000, .ack = 500, .payload = 100});  // forged
  talk.client(32_ms, {.seq = 200, .ack = 500, .payload = 100});
  talk.client(33_ms, {.seq = 300, .ack = 500, .payload = 100});
  talk.client(34_ms, {.seq = 300, .ack = 500, .payload = 100});  // again
  talk.end();
  EXPECT_EQ(talk.tcp().out_of_order[kForward], 0U);
  EXPECT_EQ(talk.tcp().retransmitted[kForward], 1U);
}

TEST_P(TcpOfBothEnds, KeepAlivesAreNoRetransmissions) {
  talk.shake_hands();
  talk.client(30_ms, {.seq = 100, .ack = 500, .payload = 1});
  talk.client(230_ms, {.seq = 100, .ack = 500, .payload = 1});  // nobody has acknowledged it: sent again
  talk.server(240_ms, {.seq = 500, .ack = 101});
  talk.client(10_s, {.seq = 100, .ack = 500, .payload = 1});  // a keep-alive with an octet
  talk.server(10_s + 1_ms, {.seq = 500, .ack = 101});
  talk.client(20_s, {.seq = 100, .ack = 500});                                             // one without
  talk.server(20_s + 1_ms, {.seq = 499, .ack = 101});                                      // the server's
  talk.client(20_s + 2_ms, {.flags = kFin | kAck, .seq = 100, .ack = 500, .payload = 1});  // FIN: part new
  talk.end();
  EXPECT_EQ(both(talk.tcp().keep_alives), Two(2, 1));
  EXPECT_EQ(both(talk.tcp().retransmitted), Two(2, 0));
  EXPECT_EQ(both(talk.tcp().retransmitted_octets), Two(2, 0));
  EXPECT_EQ(both(talk.tcp().stream_octets), Two(1, 0));
  EXPECT_EQ(both(talk.tcp().payload_octets), Two(4, 0));
  EXPECT_EQ(both(talk.tcp().duplicate_acks), Two(0, 0));
}

TEST_P(TcpOfBothEnds, ZeroWindowsAreCountedByPacketAndByEpisodeAndTheirProbesAreNoKeepAlives) {
  talk.shake_hands();
  talk.client(30_ms, {.seq = 100, .ack = 500, .payload = 100});
  talk.server(31_ms, {.seq = 500, .ack = 200, .window = 0});
  talk.client(231_ms, {.seq = 200, .ack = 500, .payload = 1});  // a probe: an octet that is new
  talk.server(232_ms, {.seq = 500, .ack = 200, .window = 0});
  talk.client(631_ms, {.seq = 200, .ack = 500, .payload = 1});  // the probe again
  talk.server(632_ms, {.seq = 500, .ack = 201, .window = 0});
  talk.client(1031_ms, {.seq = 200, .ack = 500, .payload = 1});  // and again, though it was acknowledged
  talk.server(1032_ms, {.seq = 500, .ack = 201, .window = 0});
  talk.server(1100_ms, {.seq = 500, .ack = 201, .window = 500});
  talk.client(1110_ms, {.seq = 201, .ack = 500, .payload = 100});
  talk.server(1120_ms, {.seq = 500, .ack = 301, .window = 0});
  talk.server(1130_ms, {.flags = kRst, .seq = 500, .window = 0});  // an RST's window means nothing
  talk.end();
  EXPECT_EQ(both(talk.tcp().zero_windows), Two(0, 5));
  EXPECT_EQ(both(talk.tcp().zero_window_episodes), Two(0, 2));
  EXPECT_EQ(both(talk.tcp().retransmitted), Two(2, 0));
  EXPECT_EQ(both(talk.tcp().keep_alives), Two(0, 0));
  EXPECT_EQ(both(talk.tcp().stream_octets), Two(201, 0));
}

TEST_P(TcpOfBothEnds, DuplicateAcksAreThoseOfRfc5681AndWithSackThoseOfRfc6675) {
  const Bytes sack = {1, 1, 5, 10, 0, 0, 1, 44, 0, 0, 1, 144};  // [300,400)
  talk.shake_hands();
  talk.client(26_ms, {.seq = 100, .ack = 500});  // nothing is outstanding: none
  talk.server(27_ms, {.seq = 500, .ack = 100, .payload = 100});
  talk.server(28_ms, {.seq = 600, .ack = 100, .payload = 100});
  talk.server(29_ms, {.seq = 700, .ack = 100, .payload = 100});
  talk.client(30_ms, {.seq = 100, .ack = 600});
  talk.client(31_ms, {.seq = 100, .ack = 600});                                   // 1
  talk.client(32_ms, {.seq = 100, .ack = 600, .window = 1200});                   // a window update
  talk.client(33_ms, {.seq = 100, .ack = 600, .window = 1200});                   // 2
  talk.client(34_ms, {.seq = 100, .ack = 600, .window = 1300, .options = sack});  // 3: SACK
  talk.client(35_ms, {.seq = 100, .ack = 600, .payload = 10, .window = 1300});    // payload
  talk.client(36_ms, {.flags = kAck | kFin, .seq = 110, .ack = 600, .window = 1300});
  talk.client(37_ms, {.seq = 111, .ack = 800, .window = 1300});
  talk.client(38_ms, {.seq = 111, .ack = 800, .window = 1300});  // nothing is outstanding
  talk.end();
  EXPECT_EQ(both(talk.tcp().duplicate_acks), Two(3, 0));
}

TEST_P(TcpOfBothEnds, AnRstTellsNothingOfTheStream) {
  talk.shake_hands();
  talk.client(30_ms, {.seq = 100, .ack = 500, .payload = 10});
  talk.server(31_ms, {.flags = kRst, .seq = 500, .payload = 20});
  talk.server(32_ms, {.flags = kRst, .seq = 500, .payload = 20});
  talk.server(33_ms, {.flags = kRst, .seq = 0, .payload = 0});
  talk.end();
  EXPECT_EQ(both(talk.tcp().payload_octets), Two(10, 40));
  EXPECT_EQ(both(talk.tcp().stream_octets), Two(10, 0));
  EXPECT_EQ(both(talk.tcp().retransmitted), Two(0, 0));
  EXPECT_EQ(both(talk.tcp().out_of_order), Two(0, 0));
}

TEST_P(TcpOfBothEnds, AfterAnActiveTimeoutCountsBeginAnewAndARetransmissionIsStillOne) {
  FlowTimeouts timeouts;
  timeouts.active_ns = 10_s;
  TcpConversation long_talk(timeouts, GetParam());
  long_talk.shake_hands();
  long_talk.client(1_s, {.seq = 200, .ack = 500, .payload = 100});
  long_talk.client(2_s, {.seq = 200, .ack = 500, .payload = 100});  // again
  long_talk.client(11_s, {.seq = 200, .ack = 500, .payload = 100});
  long_talk.take();
  EXPECT_EQ(long_talk.tcp().retransmitted[kForward], 1U);
  EXPECT_EQ(long_talk.tcp().stream_octets[kForward], 100U);
  long_talk.client(12_s, {.seq = 100, .ack = 500, .payload = 100});  // the gap of the record before
  long_talk.client(13_s, {.seq = 300, .ack = 500, .payload = 100});
  long_talk.end();
  EXPECT_EQ(long_talk.tcp().retransmitted[kForward], 1U);
  EXPECT_EQ(long_talk.tcp().out_of_order[kForward], 1U);
  EXPECT_EQ(long_talk.tcp().payload_octets[kForward], 300U);
  EXPECT_EQ(long_talk.tcp().stream_octets[kForward], 200U);
}

TEST_P(TcpOfBothEnds, ASynWithAnotherNumberIsANewConnectionAndNoRetransmission) {
  talk.shake_hands();
  talk.client(30_ms, {.seq = 100, .ack = 500, .payload = 1000});
  talk.client(10_s, {.flags = kSyn, .seq = 599});  // within what was sent before
  talk.server(10_s + 1_ms, {.flags = kSyn | kAck, .seq = 99, .ack = 600});
  talk.client(10_s + 2_ms, {.seq = 600, .ack = 100, .payload = 100});
  talk.client(10_s + 3_ms, {.seq = 600, .ack = 100, .payload = 100});  // again
  talk.end();
  EXPECT_EQ(both(talk.tcp().retransmitted), Two(1, 0));
  EXPECT_EQ(both(talk.tcp().out_of_order), Two(0, 0));
  EXPECT_EQ(both(talk.tcp().stream_octets), Two(1100, 0));
}

TEST(Tcp, AndRttSayTheSameWhicheverOthersAreOnAndTakeAsManyLinesAsTheyNeed) {
  constexpr std::uint32_t kLayer2Bit = 1, kTcpBit = 2, kRttBit = 4;
  struct Case {
    std::uint32_t enabled;
    std::size_t lines;
  };
  TcpConversation whole;
  const auto talk_on = [](TcpConversation& talk) {
    for (unsigned i = 0; i < 3; ++i) {  // the second and third find what the ones before left in memory
      const std::uint64_t at = i * 100_s;
      talk.client(at, {.flags = kSyn, .seq = 99});
      talk.server(at + 20_ms, {.flags = kSyn | kAck, .seq = 499, .ack = 100});
      talk.client(at + 25_ms, {.seq = 100, .ack = 500, .payload = 10});
      talk.client(at + 26_ms, {.seq = 100, .ack = 500, .payload = 10});
      talk.client(at + 27_ms, {.seq = 120, .ack = 500, .payload = 10});
      talk.server(at + 30_ms, {.seq = 500, .ack = 110, .payload = 7});
      talk.pass(at + 90_s);
      talk.take();
    }
  };
  talk_on(whole);
  EXPECT_EQ(whole.tcp().retransmitted[kForward], 1U);
  EXPECT_EQ(whole.rtt().handshake_ns, 25_ms);
  for (const auto& [enabled, lines] : {Case{kTcpBit, 1}, Case{kRttBit, 1}, Case{kLayer2Bit | kTcpBit, 1},
                                       Case{kTcpBit | kRttBit, 2}, Case{kLayer2Bit | kTcpBit | kRttBit, 2}}) {
    const Metrics metrics(enabled);
    EXPECT_EQ(metrics.lines(), lines);
    TcpConversation talk({}, true, metrics);
    talk_on(talk);
    EXPECT_EQ(talk.record.view().has(Section::tcp), (enabled & kTcpBit) != 0);
    EXPECT_EQ(talk.has_rtt(), (enabled & kRttBit) != 0);
    if ((enabled & kTcpBit) != 0) {
      EXPECT_EQ(std::memcmp(&talk.tcp(), &whole.tcp(), sizeof(TcpSection)), 0);
    }
    if ((enabled & kRttBit) != 0) {
      EXPECT_EQ(std::memcmp(&talk.rtt(), &whole.rtt(), sizeof(RttSection)), 0);
    }
    talk.expect_balanced();
  }
  EXPECT_EQ(Metrics().lines(), 0U);
}

TEST(Tcp, RandomSegmentsCountAsInASimpleModel) {
  std::mt19937 engine(20);
  unsigned exact = 0;
  for (unsigned round = 0; round < 4000; ++round) {
    std::vector<std::uint8_t> octets(8 * (1 + engine() % 60));
    for (std::uint8_t& octet : octets) octet = static_cast<std::uint8_t>(engine());
    exact += compare_with_model(octets);
  }
  EXPECT_GT(exact, 1000U) << "conversations whose every count was compared";
}

}  // namespace
}  // namespace weir::test::tcp_metric_test
