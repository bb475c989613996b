// Which metrics see which packets' payload: what each says of its own packets, whatever the others say.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dataplane/metric/metric_set.h"
#include "dataplane/packet/stream_watch.h"
#include "tests/support/flow_packet.h"

namespace weir::test::payload_choice_test {
namespace {

struct SeenState {
  std::uint32_t seen;
};
struct NoSlot {};

/// Of UDP the first 4 octets, and of TCP 100.
struct Beginnings {
  [[maybe_unused]] static constexpr std::string_view kName = "beginnings";
  [[maybe_unused]] static constexpr std::string_view kMeaning = "";
  [[maybe_unused]] static constexpr std::uint32_t kSections = 0;
  using State = SeenState;
  using Slot = NoSlot;
  static std::uint32_t wanted_payload(const ParsedPacket& packet, const MetricParameters& /*parameters*/) {
    return packet.key.protocol == 17 ? 4 : 100;
  }
  static Verdict update(State& state, Slot& /*slot*/, const MetricInput& /*input*/) {
    ++state.seen;
    return Verdict::goes_on;
  }
};
/// What begins with an X.
struct Letters : Beginnings {
  static std::uint32_t wanted_payload(const ParsedPacket& /*packet*/, const MetricParameters& /*parameters*/) {
    return 10;
  }
  static bool recognises(const ParsedPacket& /*packet*/, const PacketFacts& facts) {
    return facts.payload.captured != 0 && facts.payload.octets[0] == 'X';
  }
};
/// Streams from their SYN on, up to the first octet that ends them.
template <char kLast>
struct Streams : Beginnings {
  static std::uint32_t wanted_payload(const ParsedPacket& packet, const MetricParameters& /*parameters*/) {
    return packet.key.protocol == 6 ? 50 : 0;
  }
  static bool recognises(const ParsedPacket& packet, const PacketFacts& facts, StreamWatch& watch) {
    if ((packet.tcp_flags & kFlagSyn) != 0) {
      watch.begin(packet, facts.sequence + 1);
      return true;
    }
    if (watch.distance(packet, facts.sequence) == StreamWatch::kNotWatched) return false;
    if (facts.payload.captured != 0 && facts.payload.octets[0] == kLast) watch.end(packet);
    return true;
  }
};
/// Sees every packet.
struct Plain {
  [[maybe_unused]] static constexpr std::string_view kName = "plain";
  [[maybe_unused]] static constexpr std::string_view kMeaning = "";
  [[maybe_unused]] static constexpr std::uint32_t kSections = 0;
  using State = SeenState;
  using Slot = NoSlot;
  static Verdict update(State& state, Slot& /*slot*/, const MetricInput& /*input*/) {
    ++state.seen;
    return Verdict::goes_on;
  }
};
using Chosen = MetricSet<Plain, Beginnings, Letters, Streams<'a'>, Streams<'b'>>;
constexpr std::uint32_t kBeginnings = 2, kLetters = 4, kStreamsA = 8, kStreamsB = 16;

const KeyHash kHash({1, 2, 3, 4, 5, 6});

/// A receiver's end of the choice: the bits of the metrics that see the payload, and how many octets they see.
class Receiver {
 public:
  explicit Receiver(std::uint32_t metrics) : metrics_(metrics), watches_(metrics_.make_watches(kHash)) {}

  std::uint32_t sees(const FlowPacket& made, const std::string& payload, std::uint32_t sequence = 0) {
    facts = {};
    facts.sequence = sequence;
    facts.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), static_cast<std::uint32_t>(payload.size()),
                     static_cast<std::uint32_t>(payload.size()), 0};
    metrics_.choose_payload(made.packet(), facts, watches_);
    return facts.payload.wanted_by;
  }
  PacketFacts facts{};

 private:
  Chosen metrics_;
  std::vector<StreamWatch> watches_;
};

FlowPacket datagram() {
  return flow_packet().from("10.0.0.2", 1000).to("10.0.0.1", 9).udp();
}
FlowPacket segment(std::uint8_t flags = kFlagAck) {
  return flow_packet().from("10.0.0.2", 1000).to("10.0.0.1", 9).tcp(flags);
}

TEST(PayloadChoice, NamesTheMetricsThatWantItAndCutsItToTheMostOctetsWanted) {
  Receiver receiver(Chosen::kAll);
  EXPECT_EQ(receiver.sees(datagram(), "some payload"), kBeginnings);
  EXPECT_EQ(receiver.facts.payload.captured, 4U);
  EXPECT_EQ(receiver.facts.payload.whole, 12U);
  EXPECT_EQ(receiver.sees(datagram(), "X and so on, and on"), kBeginnings | kLetters);
  EXPECT_EQ(receiver.facts.payload.captured, 10U);
}

TEST(PayloadChoice, LeavesNothingOfAPayloadThatNobodyWants) {
  Receiver receiver(kLetters | 1U);
  EXPECT_EQ(receiver.sees(datagram(), "some payload"), 0U);
  EXPECT_EQ(receiver.facts.payload.octets, nullptr);
  EXPECT_EQ(receiver.facts.payload.captured, 0U);
}

TEST(PayloadChoice, OfAMetricThatWatchesIsTheSameWhateverOthersWatch) {
  for (const std::uint32_t others : {0U, kStreamsA, Chosen::kAll}) {
    Receiver receiver(kStreamsB | others);
    EXPECT_EQ(receiver.sees(segment(), "x", 8) & kStreamsB, 0U) << "its SYN was not seen";
    EXPECT_EQ(receiver.sees(segment(kFlagSyn), "", 99) & kStreamsB, kStreamsB) << others;
    EXPECT_EQ(receiver.sees(segment(), "a", 100) & kStreamsB, kStreamsB) << others;
    EXPECT_EQ(receiver.sees(segment(), "x", 101) & (kStreamsA | kStreamsB), kStreamsB)
        << "the other one's stream ended, not this one's: " << others;
    EXPECT_EQ(receiver.sees(segment(), "b", 102) & kStreamsB, kStreamsB) << others;
    EXPECT_EQ(receiver.sees(segment(), "x", 103) & kStreamsB, 0U) << others;
  }
}

TEST(PayloadChoice, TellsAMetricOfPayloadOnlyOfPacketsThatItWants) {
  const Chosen metrics(Chosen::kAll);
  std::uint8_t line[Chosen::kMostLines * Chosen::kLineOctets] = {};
  LinePool pool;
  Receiver receiver(Chosen::kAll);
  for (const char* payload : {"some", "X", "other"}) {
    (void)receiver.sees(datagram(), payload);
    const ParsedPacket packet = datagram().packet();
    EXPECT_EQ(metrics.update(line, nullptr, {packet, receiver.facts, 0, false, 0, pool, metrics.parameters()}),
              Verdict::goes_on);
  }
  const auto seen = [&](std::size_t index) {
    std::uint32_t count;
    std::memcpy(&count, line + index * 8, sizeof count);
    return count;
  };
  EXPECT_EQ(seen(0), 3U);
  EXPECT_EQ(seen(1), 3U);
  EXPECT_EQ(seen(2), 1U);
  EXPECT_EQ(seen(3), 0U);
}

TEST(StreamWatch, TellsDirectionsApartAndForgetsWhatEnds) {
  StreamWatch watch(kHash, true);
  const ParsedPacket there = segment().packet();
  const ParsedPacket back = flow_packet().from("10.0.0.1", 9).to("10.0.0.2", 1000).tcp(kFlagAck).packet();
  EXPECT_EQ(watch.distance(there, 5), StreamWatch::kNotWatched);
  watch.begin(there, 0xffff'fff0);
  EXPECT_EQ(watch.distance(there, 5), 21U);
  EXPECT_EQ(watch.distance(back, 5), StreamWatch::kNotWatched);
  watch.end(back);
  EXPECT_EQ(watch.distance(there, 0xffff'fff0), 0U);
  watch.end(there);
  EXPECT_EQ(watch.distance(there, 5), StreamWatch::kNotWatched);
}

}  // namespace
}  // namespace weir::test::payload_choice_test
