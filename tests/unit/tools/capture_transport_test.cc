// Flow export in captures that is not one datagram a frame: IP fragments, and IPFIX over TCP. Frames are written by the
// packet builder, and put out of order, lost, cut and sent again as links do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/hex.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"
#include "tools/collect/capture_datagrams.h"

namespace weir::capture_transport_test {
namespace {

using test::Bytes;
using test::CapturedFrame;
using test::hex;
using test::joined;
using test::packet;
using test::put;

constexpr std::uint64_t kStartNs = 1'700'000'000'000'000'000;
constexpr std::uint64_t kMs = 1'000'000;

Bytes part_of(const Bytes& octets, std::size_t from, std::size_t count) {
  const auto begin = octets.begin() + static_cast<std::ptrdiff_t>(from);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

/// NetFlow v5 with so many records.
Bytes netflow5(unsigned records) {
  Bytes out = hex("0005");
  put(out, records, 2);
  out = joined(out, hex("00000001 6553f100 00000000 00000001 0000 0000"));
  for (unsigned i = 0; i < records * 48; ++i) out.push_back(static_cast<std::uint8_t>(i));
  return out;
}

/// IPFIX with one data set of `octets` octets, which hold `fill`.
Bytes ipfix(std::size_t octets, std::uint8_t fill = 0xab) {
  Bytes out = hex("000a");
  put(out, 16 + 4 + octets, 2);
  out = joined(out, hex("6553f100 00000000 00000001 0100"));
  put(out, 4 + octets, 2);
  out.resize(out.size() + octets, fill);
  return out;
}

struct Found {
  std::vector<std::string> exporters;
  std::vector<std::uint64_t> sessions;
  std::vector<std::uint64_t> ends;  ///< sessions that ended
  std::vector<Bytes> messages;
  CaptureDatagrams::Counts counts;
};

Found find(const std::vector<CapturedFrame>& frames) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("frames.pcap");
  test::write_capture(path, frames);
  Found found;
  auto capture = CaptureDatagrams::open(std::fopen(path.c_str(), "rb"), path);
  EXPECT_TRUE(capture.has_value());
  if (!capture) return found;
  CaptureDatagrams::Datagram datagram;
  while (capture->next(datagram)) {
    if (datagram.session_ended()) {
      found.ends.push_back(datagram.session);
      continue;
    }
    found.exporters.push_back(datagram.exporter);
    found.sessions.push_back(datagram.session);
    found.messages.emplace_back(datagram.octets.begin(), datagram.octets.end());
  }
  EXPECT_EQ(capture->error(), "");
  found.counts = capture->counts();
  return found;
}

/// One frame a millisecond.
Found find(const std::vector<Bytes>& frames) {
  std::vector<CapturedFrame> captured;
  for (const Bytes& frame : frames) captured.push_back({kStartNs + captured.size() * kMs, frame});
  return find(captured);
}

// --- IP fragments ---

/// The payload as a UDP datagram from port 40000 to 2055.
Bytes udp(const Bytes& payload) {
  Bytes out = hex("9c40 0807");
  put(out, payload.size() + 8, 2);
  put(out, 0, 2);
  return joined(out, payload);
}

/// The datagram in fragments of at most `size` octets, in order.
std::vector<Bytes> fragments(bool v4, const Bytes& datagram, std::size_t size, unsigned id) {
  std::vector<Bytes> frames;
  for (std::size_t at = 0; at < datagram.size(); at += size) {
    const std::size_t octets = std::min(size, datagram.size() - at);
    const auto offset = static_cast<unsigned>(at);
    auto builder = packet().eth();
    v4 ? builder.ipv4("192.0.2.1", "192.0.2.2") : builder.ipv6("2001:db8::1", "2001:db8::2");
    builder.fragment(offset, at + octets < datagram.size(), id).protocol(17).payload(part_of(datagram, at, octets));
    frames.push_back(builder.bytes());
  }
  return frames;
}

TEST(CaptureFragments, AreADatagramInWhateverOrderTheyCome) {
  const Bytes netflow9 = hex("0009 0001 00000001 6553f100 00000001 00000001 0100 0008 00000000");
  for (const Bytes& message : {netflow5(30), netflow5(1), netflow9, ipfix(2000)}) {
    for (const bool v4 : {true, false}) {
      std::vector<Bytes> frames = fragments(v4, udp(message), 24, 7);
      std::mt19937 random(1);
      for (unsigned turn = 0; turn < 4; ++turn) {
        SCOPED_TRACE(message.size());
        const Found found = find(frames);
        ASSERT_EQ(found.messages.size(), 1U);
        EXPECT_EQ(found.messages[0], message);
        EXPECT_EQ(found.exporters[0], v4 ? "192.0.2.1:40000" : "[2001:db8::1]:40000");
        EXPECT_EQ(found.sessions[0], 0U);
        EXPECT_EQ(found.counts.fragments, 0U);
        EXPECT_EQ(found.counts.datagrams, 1U);
        std::shuffle(frames.begin(), frames.end(), random);
      }
    }
  }
}

TEST(CaptureFragments, OfTwoDatagramsAreToldApart) {
  const std::vector<Bytes> one = fragments(true, udp(ipfix(100, 1)), 48, 1),
                           two = fragments(true, udp(ipfix(100, 2)), 48, 2);
  std::vector<Bytes> frames;
  for (std::size_t i = 0; i < one.size(); ++i) frames.insert(frames.end(), {two[i], one[i]});
  const Found found = find(frames);
  ASSERT_EQ(found.messages.size(), 2U);
  EXPECT_EQ(found.messages[0], ipfix(100, 2));
  EXPECT_EQ(found.messages[1], ipfix(100, 1));
}

TEST(CaptureFragments, ThatComeTwiceCountOnce) {
  const std::vector<Bytes> frames = fragments(true, udp(ipfix(100)), 48, 1);
  const Found found = find({frames[0], frames[0], frames[2], frames[1]});
  ASSERT_EQ(found.messages.size(), 1U);
  EXPECT_EQ(found.messages[0], ipfix(100));
}

TEST(CaptureFragments, OfADatagramThatIsNotWholeAreCounted) {
  const std::vector<Bytes> frames = fragments(true, udp(ipfix(100)), 48, 1);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(find({frames[0], frames[2]}).counts.fragments, 2U) << "one is missing";
  EXPECT_EQ(find({frames[0], frames[1]}).counts.fragments, 2U) << "the last is missing";
  Bytes cut = frames[1];
  cut.resize(cut.size() - 1);
  const Found found = find({frames[0], cut, frames[2]});
  EXPECT_TRUE(found.messages.empty()) << "the snapshot length cut it";
  EXPECT_EQ(found.counts.fragments, 3U);
  // More than 60 s apart.
  const Found late = find({{kStartNs, frames[0]}, {kStartNs, frames[1]}, {kStartNs + 61'000 * kMs, frames[2]}});
  EXPECT_TRUE(late.messages.empty());
  EXPECT_EQ(late.counts.fragments, 3U);
}

TEST(CaptureFragments, ThatOverlapMakeNoDatagram) {
  const Bytes datagram = udp(ipfix(100));
  std::vector<Bytes> frames = fragments(true, datagram, 48, 1);
  frames.insert(frames.begin() + 1, packet()
                                        .eth()
                                        .ipv4("192.0.2.1", "192.0.2.2")
                                        .fragment(40, true, 1)
                                        .protocol(17)
                                        .payload(part_of(datagram, 40, 16))
                                        .bytes());
  const Found found = find(frames);
  EXPECT_TRUE(found.messages.empty());
  EXPECT_EQ(found.counts.fragments, 4U);
}

TEST(CaptureFragments, AreHeldToABound) {
  // First fragments of more datagrams than are put together at a time, then the rest of the first and of the last one.
  std::vector<Bytes> frames;
  std::vector<Bytes> of_first, of_last;
  const auto most = static_cast<unsigned>(FragmentAssembly::kMostPackets);
  for (unsigned id = 0; id <= most; ++id) {
    const std::vector<Bytes> pieces = fragments(true, udp(ipfix(20)), 32, id);
    frames.push_back(pieces[0]);
    if (id == 0) of_first = pieces;
    if (id == most) of_last = pieces;
  }
  frames.insert(frames.end(), {of_first[1], of_last[1]});
  const Found found = find(frames);
  EXPECT_EQ(found.messages.size(), 1U);
  EXPECT_EQ(found.counts.fragments, most + 1) << "of the first one both";
}

// --- IPFIX over TCP ---

/// One end of a connection that sends.
struct Sender {
  unsigned port = 40'000;
  std::uint32_t sequence = 0xffff'ff00;  // wraps soon
  std::string source = "192.0.2.1";

  [[nodiscard]] Bytes segment(std::uint32_t at, const Bytes& data, unsigned flags = test::kAck) const {
    return packet()
        .eth()
        .ipv4(source, "192.0.2.2")
        .tcp(port, 4739)
        .flags(flags)
        .sequence(at)
        .payload(data)
        .pad_to(60)
        .bytes();
  }
  [[nodiscard]] Bytes syn() const { return segment(sequence, {}, test::kSyn); }
  /// The octets as segments of at most `size` octets, which begin right after the SYN.
  [[nodiscard]] std::vector<Bytes> segments(const Bytes& octets, std::size_t size) const {
    std::vector<Bytes> frames;
    for (std::size_t at = 0; at < octets.size(); at += size) {
      frames.push_back(segment(sequence + 1 + static_cast<std::uint32_t>(at),
                               part_of(octets, at, std::min(size, octets.size() - at))));
    }
    return frames;
  }
  [[nodiscard]] Bytes fin(std::size_t octets) const {
    return segment(sequence + 1 + static_cast<std::uint32_t>(octets), {}, test::kFin | test::kAck);
  }
  /// The receiver's acknowledgement of the first so many octets. The builder has no word for its number.
  [[nodiscard]] Bytes acknowledgement(std::size_t octets) const {
    Bytes frame = packet().eth().ipv4("192.0.2.2", source).tcp(4739, port).flags(test::kAck).sequence(500).bytes();
    Bytes number;
    put(number, sequence + 1 + static_cast<std::uint32_t>(octets), 4);
    std::copy(number.begin(), number.end(), frame.begin() + 14 + 20 + 8);
    return frame;
  }
};

/// Messages of several lengths, and all of them together.
const std::vector<Bytes>& messages() {
  static const std::vector<Bytes> made{ipfix(100, 1), ipfix(3000, 2), ipfix(4, 3), ipfix(700, 4), ipfix(60'000, 5)};
  return made;
}
Bytes all_of(const std::vector<Bytes>& octets) {
  return std::accumulate(octets.begin(), octets.end(), Bytes(), [](Bytes a, const Bytes& b) { return joined(a, b); });
}

TEST(CaptureTcp, FindsMessagesHoweverTheyLieInSegments) {
  const Sender sender;
  const Bytes stream = all_of(messages());
  for (const std::size_t size : {std::size_t{7}, std::size_t{536}, std::size_t{1460}, std::size_t{9000}}) {
    SCOPED_TRACE(size);
    std::vector<Bytes> frames{sender.syn()};
    for (const Bytes& segment : sender.segments(stream, size)) frames.push_back(segment);
    frames.push_back(sender.fin(stream.size()));
    const Found found = find(frames);
    EXPECT_EQ(found.messages, messages());
    EXPECT_EQ(found.exporters, std::vector<std::string>(5, "192.0.2.1:40000"));
    EXPECT_EQ(found.sessions, std::vector<std::uint64_t>(5, 1));
    EXPECT_EQ(found.ends, std::vector<std::uint64_t>{1});
    EXPECT_EQ(found.counts.messages, 5U);
    EXPECT_EQ(found.counts.tcp.holes, 0U);
    EXPECT_EQ(found.counts.tcp.skipped_octets, 0U);
  }
}

TEST(CaptureTcp, SegmentsOutOfOrderAndSentAgainMakeNoDifference) {
  const Sender sender;
  const Bytes stream = all_of(messages());
  std::vector<Bytes> segments = sender.segments(stream, 1000);
  const std::vector<Bytes> larger = sender.segments(stream, 1700);  // a sender may cut anew what it sends again
  segments.insert(segments.end(), larger.begin(), larger.end());
  std::mt19937 random(2);
  for (unsigned turn = 0; turn < 8; ++turn) {
    std::shuffle(segments.begin(), segments.end(), random);
    std::vector<Bytes> frames{sender.syn()};
    frames.insert(frames.end(), segments.begin(), segments.end());
    const Found found = find(frames);
    EXPECT_EQ(found.messages, messages());
    EXPECT_EQ(found.counts.tcp.holes, 0U);
  }
}

TEST(CaptureTcp, ConnectionsThatInterleaveAreToldApart) {
  const Sender one{.port = 1001}, two{.port = 1002}, other{.port = 1003},
      elsewhere{.port = 1001, .source = "192.0.2.3"};
  const Bytes stream = all_of(messages());
  std::vector<Bytes> frames{one.syn(), two.syn(), other.syn(), elsewhere.syn()};
  const auto a = one.segments(stream, 1460), b = two.segments(stream, 1460), d = elsewhere.segments(stream, 1460);
  const auto c = other.segments(Bytes(20'000, 'G'), 1460);
  for (std::size_t i = 0; i < a.size(); ++i) {
    frames.insert(frames.end(), {a[i], b[i], d[i]});
    if (i < c.size()) frames.push_back(c[i]);
  }
  const Found found = find(frames);
  ASSERT_EQ(found.messages.size(), 15U);
  for (const char* exporter : {"192.0.2.1:1001", "192.0.2.1:1002", "192.0.2.3:1001"}) {
    EXPECT_EQ(std::count(found.exporters.begin(), found.exporters.end(), exporter), 5) << exporter;
  }
  EXPECT_EQ(found.counts.tcp.streams, 3U);
  EXPECT_EQ(found.ends.size(), 3U) << "with the capture they end";
}

TEST(CaptureTcp, AConnectionJoinedMidwayBeginsWithItsNextWholeMessage) {
  const Sender sender;
  const Bytes stream = all_of(messages());
  const std::vector<Bytes> segments = sender.segments(stream, 1460);
  // From the second segment on, which begins within the second message.
  const Found found = find(std::vector<Bytes>(segments.begin() + 1, segments.end()));
  EXPECT_EQ(found.messages, std::vector<Bytes>(messages().begin() + 2, messages().end()));
  EXPECT_EQ(found.counts.tcp.skipped_octets, 120U + 3020U - 1460U);
  EXPECT_EQ(found.counts.tcp.out_of_step, 0U);
}

TEST(CaptureTcp, WhatTheCaptureLacksIsSaidAndTheNextMessageIsFound) {
  const Sender sender;
  const Bytes stream = all_of(messages());
  const std::vector<Bytes> segments = sender.segments(stream, 100);
  std::vector<CapturedFrame> frames{{kStartNs, sender.syn()}};
  std::uint64_t now_ns = kStartNs;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (i != 5) frames.push_back({now_ns += kMs, segments[i]});  // within the second message
    if (i == 40) frames.push_back({now_ns += 2000 * kMs, sender.acknowledgement(3000)});
  }
  const Found found = find(frames);
  const std::vector<Bytes> expected{messages()[0], messages()[2], messages()[3], messages()[4]};
  EXPECT_EQ(found.messages, expected);
  EXPECT_EQ(found.counts.tcp.holes, 1U);
  EXPECT_EQ(found.counts.tcp.missing_octets, 100U);
  EXPECT_EQ(found.counts.tcp.skipped_octets, 3020U - 100U);
  EXPECT_EQ(found.sessions, std::vector<std::uint64_t>(4, 1)) << "its templates stay";
}

TEST(CaptureTcp, AHoleIsGivenUpAtTheEndWhereNothingIsAcknowledged) {
  const Sender sender;
  const Bytes stream = all_of(messages());
  std::vector<Bytes> frames{sender.syn()};
  const std::vector<Bytes> segments = sender.segments(stream, 100);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (i != 5) frames.push_back(segments[i]);
  }
  const Found found = find(frames);
  EXPECT_EQ(found.messages.size(), 4U);
  EXPECT_EQ(found.counts.tcp.holes, 1U);
}

TEST(CaptureTcp, WhatComesLateButBeforeItIsGivenUpFillsTheHole) {
  const Sender sender;
  const Bytes stream = all_of(messages());
  std::vector<Bytes> segments = sender.segments(stream, 100);
  const Bytes late = segments[5];
  segments.erase(segments.begin() + 5);
  std::vector<Bytes> frames{sender.syn()};
  frames.insert(frames.end(), segments.begin(), segments.end());
  frames.insert(frames.begin() + 100, sender.acknowledgement(stream.size()));  // within a second
  frames.push_back(late);
  const Found found = find(frames);
  EXPECT_EQ(found.messages, messages());
  EXPECT_EQ(found.counts.tcp.holes, 0U);
}

TEST(CaptureTcp, OctetsThatAreNoMessageAreSkipped) {
  const Sender sender;
  const Bytes stream = joined(joined(messages()[0], Bytes(50, 0xee)), joined(messages()[1], messages()[2]));
  std::vector<Bytes> frames{sender.syn()};
  for (const Bytes& segment : sender.segments(stream, 300)) frames.push_back(segment);
  const Found found = find(frames);
  EXPECT_EQ(found.messages, std::vector<Bytes>(messages().begin(), messages().begin() + 3));
  EXPECT_EQ(found.counts.tcp.out_of_step, 1U);
  EXPECT_EQ(found.counts.tcp.skipped_octets, 50U);
}

TEST(CaptureTcp, ANewConnectionOnTheSamePortIsAnotherSession) {
  const Sender first, second{.sequence = 77'000};
  const Bytes message = messages()[0];
  const Found found =
      find({first.syn(), first.segments(message, 1460)[0], second.syn(), second.segments(message, 1460)[0],
            second.fin(message.size()), second.segments(message, 1460)[0]});  // sent again after the end: nothing new
  EXPECT_EQ(found.sessions, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(found.ends, (std::vector<std::uint64_t>{1, 2}));
}

TEST(CaptureTcp, SegmentsThatTheSnapshotLengthCutAreHoles) {
  const Sender sender;
  Bytes cut = sender.segments(messages()[0], 1460)[0];
  cut.resize(cut.size() - 20);
  const Bytes next = sender.segment(sender.sequence + 1 + 120, messages()[2]);
  const Found found = find({sender.syn(), cut, next});
  EXPECT_EQ(found.messages, std::vector<Bytes>{messages()[2]});
}

TEST(CaptureTcp, InFragmentsIsFollowedToo) {
  const Sender sender;
  const Bytes whole = sender.segments(messages()[3], 1460)[0];
  const Bytes segment(whole.begin() + 34, whole.end());
  std::vector<Bytes> frames{sender.syn()};
  for (std::size_t at = 0; at < segment.size(); at += 160) {
    const std::size_t octets = std::min<std::size_t>(160, segment.size() - at);
    frames.push_back(packet()
                         .eth()
                         .ipv4("192.0.2.1", "192.0.2.2")
                         .fragment(static_cast<unsigned>(at), at + octets < segment.size(), 9)
                         .protocol(6)
                         .payload(part_of(segment, at, octets))
                         .bytes());
  }
  EXPECT_EQ(find(frames).messages, std::vector<Bytes>{messages()[3]});
}

TEST(CaptureTcp, ManyConnectionsOfOthersDoNotPushOutAnExporter) {
  const Sender sender;
  const Bytes stream = joined(messages()[0], messages()[2]);
  const std::vector<Bytes> segments = sender.segments(stream, 120);
  std::vector<Bytes> frames{sender.syn(), segments[0]};
  for (unsigned i = 0; i < TcpStreams::kMostOthers + 100; ++i) {
    const Sender other{.port = 1 + i % 60'000, .source = "198.51.100.7"};
    frames.push_back(other.segment(1, Bytes(10, 'x')));
  }
  frames.push_back(segments[1]);
  const Found found = find(frames);
  EXPECT_EQ(found.messages, (std::vector<Bytes>{messages()[0], messages()[2]}));
  EXPECT_EQ(found.counts.tcp.streams, 1U);
}

}  // namespace
}  // namespace weir::capture_transport_test
