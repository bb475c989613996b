// When flows begin and end, as a user of `weir read` sees it: captures of known packets to JSON, at 1, 2 and 4 workers.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/exporters.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;

const std::string kWeir = WEIR_BIN "/weir";
constexpr std::uint64_t kStart = 1'700'000'000'000'000'000;
constexpr std::uint64_t kMs = 1'000'000;

/// A capture that is written packet by packet, its clock set by hand.
struct Capture {
  std::vector<CapturedFrame> frames;

  Capture& at(std::uint64_t ms, const PacketBuilder& built) {
    frames.push_back({kStart + ms * kMs, built.bytes()});
    return *this;
  }
};

struct Read {
  std::vector<json> records;
  json ledger;
  std::string said;  ///< standard error
};

/// Capture files through `weir read`: the same records at any number of workers, and a balanced ledger.
Read read_files(const std::vector<std::string>& files, const std::vector<std::string>& options = {}) {
  const TemporaryFolder folder;
  Read first;
  std::string text;
  for (const char* workers : {"1", "2", "4"}) {
    std::vector<std::string> command{kWeir,   "read",     "--max-flows", "4096",     "--workers",
                                     workers, "--export", "json:-",      "--ledger", folder.path("ledger")};
    command.insert(command.end(), options.begin(), options.end());
    command.insert(command.end(), files.begin(), files.end());
    const Finished done = run(command);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    expect_balanced(done);
    if (text.empty()) {
      text = done.out;
      first = {json_lines(done.out), json::parse(contents(folder.path("ledger"))), done.err};
      EXPECT_EQ(first.ledger.at("balanced"), true);
    }
    EXPECT_EQ(done.out, text) << workers << " workers";
  }
  return first;
}

Read read(const Capture& capture, const std::vector<std::string>& options = {}) {
  const TemporaryFolder folder;
  write_capture(folder.path("in.pcap"), capture.frames);
  return read_files({folder.path("in.pcap")}, options);
}

/// The columns of each record, separated by spaces.
Lines columns(const Read& read, const std::vector<std::string>& names) {
  Lines lines;
  for (const json& record : read.records) {
    std::string line;
    for (const std::string& name : names) {
      const json& value = record.at(name);
      line += (line.empty() ? "" : " ") + (value.is_string() ? value.get<std::string>() : value.dump());
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

PacketBuilder ask(unsigned flags) {
  return packet().eth(1, 2).ipv4("10.0.0.9", "10.0.0.2").tcp(40000, 80).flags(flags);
}
PacketBuilder answer(unsigned flags) {
  return packet().eth(2, 1).ipv4("10.0.0.2", "10.0.0.9").tcp(80, 40000).flags(flags);
}
PacketBuilder ask6(unsigned flags) {
  return packet().eth(1, 2).ipv6("2001:db8::1", "2001:db8::2").tcp(40000, 80).flags(flags);
}
PacketBuilder answer6(unsigned flags) {
  return packet().eth(2, 1).ipv6("2001:db8::2", "2001:db8::1").tcp(80, 40000).flags(flags);
}

const std::vector<std::string> kDirection = {"src_addr", "src_port", "dst_port", "packets", "rev_packets"};

TEST(FlowRules, TheReceiverOfASynAckThatIsSeenFirstIsTheSourceOfEveryRecordOfTheFlow) {
  Capture capture;
  capture.at(0, answer(kSyn | kAck)).at(0, answer6(kSyn | kAck));
  for (unsigned second = 1; second <= 25; ++second) {
    capture.at(1000 * second, second < 12 ? ask(kAck) : answer(kAck));
    capture.at(1000 * second, second < 12 ? ask6(kAck) : answer6(kAck));
  }
  EXPECT_EQ(columns(read(capture), kDirection), (Lines{"10.0.0.9 40000 80 11 15", "2001:db8::1 40000 80 11 15"}));
  EXPECT_EQ(
      columns(read(capture, {"--active-timeout", "10s", "--metrics", "all"}),
              {"src_addr", "packets", "rev_packets", "src_mac", "dst_mac"}),
      (Lines{"10.0.0.9 9 1 02:00:00:00:00:01 02:00:00:00:00:02", "2001:db8::1 9 1 02:00:00:00:00:01 02:00:00:00:00:02",
             "10.0.0.9 2 8 02:00:00:00:00:01 02:00:00:00:00:02", "2001:db8::1 2 8 02:00:00:00:00:01 02:00:00:00:00:02",
             "10.0.0.9 0 6 02:00:00:00:00:01 02:00:00:00:00:02",
             "2001:db8::1 0 6 02:00:00:00:00:01 02:00:00:00:00:02"}));
  // A prefix of both ends leaves the handshake's direction, one end alone makes each direction a flow of its sender.
  EXPECT_EQ(columns(read(capture, {"--key", "src_addr/30,dst_addr/30,src_addr6/127,dst_addr6/127,dst_port,src_port"}),
                    kDirection),
            (Lines{"10.0.0.8 40000 80 11 15", "2001:db8:: 40000 80 11 15"}));
  EXPECT_EQ(columns(read(capture, {"--key", "src_addr"}), {"src_addr", "dst_addr", "packets", "rev_packets"}),
            (Lines{"10.0.0.2 0.0.0.0 15 0", "2001:db8::2 :: 15 0", "10.0.0.9 0.0.0.0 11 0", "2001:db8::1 :: 11 0"}));
}

TEST(FlowRules, WhatTcpSendsAgainAfterTheCloseStaysInItsConversation) {
  for (const unsigned again : {unsigned{kFin | kAck}, unsigned{kAck | kPsh}, unsigned{kRst}}) {
    // The timeouts of RFC 6298 (1 s at least) and of common systems, which start lower.
    for (const unsigned first : {200U, 300U, 1000U, 1100U, 1900U}) {
      SCOPED_TRACE(first);
      Capture capture;
      capture.at(0, ask(kSyn)).at(1, answer(kSyn | kAck)).at(2, ask(kAck));
      capture.at(3, ask(kFin | kAck)).at(4, answer(kFin | kAck)).at(5, ask(kAck));
      unsigned at = 5;
      unsigned repeats = 0;
      for (unsigned gap = first; gap < 29'000; gap = 2 * gap + gap / 50) {
        capture.at(at += gap, answer(again));
        ++repeats;
      }
      // Long before the linger is over the client comes back from the same port.
      capture.at(at + 1000, ask(kSyn)).at(at + 1001, answer(kSyn | kAck));
      EXPECT_EQ(columns(read(capture), kDirection),
                (Lines{"10.0.0.9 40000 80 4 " + std::to_string(2 + repeats), "10.0.0.9 40000 80 1 1"}));
    }
  }
}

TEST(FlowRules, AClosedConversationThatStaysSilentEndsAfterTheLinger) {
  Capture capture;
  capture.at(0, ask(kSyn)).at(10, answer(kRst | kAck)).at(2011, answer(kAck));
  EXPECT_EQ(columns(read(capture), kDirection), (Lines{"10.0.0.9 40000 80 1 1", "10.0.0.2 80 40000 1 0"}));
}

TEST(FlowRules, WithIcmpInTheKeyEveryKindOfMessageIsAFlowAndAReplyIsInThatOfItsRequest) {
  const auto message = [](unsigned type, unsigned code, bool back) {
    return packet().eth().ipv4(back ? "10.0.0.2" : "10.0.0.9", back ? "10.0.0.9" : "10.0.0.2").icmp(type, code);
  };
  const auto message6 = [](unsigned type, unsigned code, bool back) {
    return packet()
        .eth()
        .ipv6(back ? "2001:db8::2" : "2001:db8::1", back ? "2001:db8::1" : "2001:db8::2")
        .icmpv6(type, code);
  };
  Capture capture;
  capture.at(0, message(8, 0, false))
      .at(1, message(0, 0, true))
      .at(2, message(17, 0, true))
      .at(3, message(18, 0, false));
  capture.at(4, message(3, 3, true)).at(5, message(3, 13, true)).at(6, message(8, 0, false)).at(7, message(0, 0, true));
  capture.at(8, message6(128, 0, true)).at(9, message6(129, 0, false)).at(10, message6(3, 0, false));
  capture.at(11, packet().eth().ipv4("10.0.0.9", "10.0.0.2").udp(2048, 2048));
  const std::vector<std::string> names = {"src_addr", "icmp_type", "icmp_code", "packets", "rev_packets"};
  const Lines apart = {"10.0.0.9 8 0 2 2",  "10.0.0.2 17 0 1 1",     "10.0.0.2 3 3 1 0",
                       "10.0.0.2 3 13 1 0", "2001:db8::2 128 0 1 1", "2001:db8::1 3 0 1 0"};
  Read read_apart = read(capture, {"--key", "5tuple,icmp"});
  ASSERT_EQ(read_apart.records.size(), 7U);
  EXPECT_EQ(read_apart.records.back().at("src_port"), 2048);
  read_apart.records.pop_back();
  EXPECT_EQ(columns(read_apart, names), apart);
  for (const json& record : read_apart.records) EXPECT_EQ(record.at("src_port"), 0);
  Read together = read(capture);
  ASSERT_EQ(together.records.size(), 3U);
  together.records.pop_back();
  EXPECT_EQ(columns(together, names), (Lines{"10.0.0.9 8 0 3 5", "2001:db8::2 128 0 1 2"}));
}

/// A datagram from one of many hosts.
PacketBuilder datagram(unsigned host) {
  return packet().eth().ipv4("10.0.1." + std::to_string(host), "10.0.0.2").udp(5000, 53).payload(20);
}

constexpr std::uint64_t kHourMs = 3'600'000;

/// When a record began and how long it lasted, in ms from kStart.
Lines spans(const Read& read) {
  Lines lines;
  for (const json& record : read.records) {
    const auto from = record.at("time_flow_start_ns").get<std::int64_t>();
    const auto to = record.at("time_flow_end_ns").get<std::int64_t>();
    lines.push_back(record.at("src_addr").get<std::string>() + ' ' + record.at("packets").dump() + ' ' +
                    std::to_string((from - static_cast<std::int64_t>(kStart)) / static_cast<std::int64_t>(kMs)) + " +" +
                    std::to_string((to - from) / static_cast<std::int64_t>(kMs)));
  }
  return lines;
}

unsigned epochs(const Read& read) {
  return read.ledger.at("clock_epochs").at("packets").get<unsigned>();
}
unsigned as_reordered(const Read& read) {
  return read.ledger.at("clock_as_reordered").at("packets").get<unsigned>();
}

TEST(FlowRules, AClockThatIsSetBackEndsTheFlowsBeforeItAndItsTimesBeginAnew) {
  Capture capture;
  capture.at(4 * kHourMs, datagram(1)).at(4 * kHourMs + 20'000, datagram(1)).at(4 * kHourMs + 21'000, datagram(2));
  capture.at(3 * kHourMs, datagram(1)).at(3 * kHourMs + 20'000, datagram(1)).at(3 * kHourMs + 60'000, datagram(1));
  const Read back = read(capture);
  EXPECT_EQ(spans(back), (Lines{"10.0.1.1 2 10800000 +20000", "10.0.1.1 1 10860000 +0", "10.0.1.1 2 14400000 +20000",
                                "10.0.1.2 1 14421000 +0"}));
  EXPECT_NE(back.said.find("in.pcap: packet 4: the clock steps back by 1h00m"), std::string::npos) << back.said;
  EXPECT_EQ(epochs(back), 1U);
  EXPECT_EQ(as_reordered(back), 0U);
}

TEST(FlowRules, WhatTheFilterKeepsOutSaysNothingOfTheClockAndIsCountedAsAPacketOfItsFile) {
  Capture capture;
  capture.at(4 * kHourMs, datagram(1)).at(0, datagram(2)).at(4 * kHourMs + 20'000, datagram(1));
  const Read one = read(capture, {"--filter", "host 10.0.1.1"});
  EXPECT_EQ(spans(one), (Lines{"10.0.1.1 2 14400000 +20000"}));
  EXPECT_EQ(epochs(one), 0U);
  EXPECT_EQ(one.said.find("the clock steps back"), std::string::npos) << one.said;
  // The first packet of a file that passes the filter begins an epoch as the file's first packet would.
  Capture before;
  before.at(0, datagram(2)).at(kHourMs, datagram(1)).at(kHourMs + 1000, datagram(1));
  const TemporaryFolder folder;
  write_capture(folder.path("later.pcap"), capture.frames);
  write_capture(folder.path("before.pcap"), before.frames);
  const Read both = read_files({folder.path("later.pcap"), folder.path("before.pcap")}, {"--filter", "host 10.0.1.1"});
  EXPECT_EQ(spans(both), (Lines{"10.0.1.1 2 3600000 +1000", "10.0.1.1 2 14400000 +20000"}));
  EXPECT_EQ(epochs(both), 1U);
  EXPECT_NE(both.said.find("before.pcap: packet 2: the clock steps back by 3h00m"), std::string::npos) << both.said;
}

TEST(FlowRules, OnePacketFromTheFutureCutsTheFlowsAroundItAndMeltsNone) {
  Capture capture;
  for (unsigned second = 0; second < 200; ++second) {
    capture.at(1000 * second, datagram(1 + second % 2));
    if (second == 100) capture.at(1000 * second + kHourMs, datagram(3));
    if (second >= 120 && second < 160) capture.frames.pop_back();  // a pause of 40 s, which ends flows
  }
  const Read read_back = read(capture);
  EXPECT_EQ(spans(read_back), (Lines{"10.0.1.1 51 0 +100000", "10.0.1.2 50 1000 +98000", "10.0.1.2 10 101000 +18000",
                                     "10.0.1.1 9 102000 +16000", "10.0.1.1 20 160000 +38000",
                                     "10.0.1.2 20 161000 +38000", "10.0.1.3 1 3700000 +0"}));
  EXPECT_EQ(epochs(read_back), 1U);
}

TEST(FlowRules, TwoClocksThatTakeTurnsBeginAnEpochInAThousandPacketsAndTheOtherStepsAreCounted) {
  Capture capture;
  for (unsigned i = 0; i < 5000; ++i) capture.at(i + (i % 2 == 0 ? kHourMs : 0), datagram(1 + i % 2));
  const Read turns = read(capture);
  EXPECT_EQ(epochs(turns), 5U);
  EXPECT_EQ(epochs(turns) + as_reordered(turns), 2500U);
  EXPECT_NE(turns.said.find("again within 1000 packets"), std::string::npos) << turns.said;
  EXPECT_NE(turns.said.find("(clock_as_reordered)"), std::string::npos) << turns.said;
  std::uint64_t packets = 0;
  for (const json& record : turns.records) packets += record.at("packets").get<std::uint64_t>();
  EXPECT_EQ(packets, 5000U);
  EXPECT_LE(turns.records.size(), 16U);
}

TEST(FlowRules, WhatIsReorderingIsSaidByTheUser) {
  Capture capture;
  capture.at(20'000, datagram(1)).at(12'000, datagram(2)).at(21'000, datagram(1));
  EXPECT_EQ(epochs(read(capture)), 0U);
  EXPECT_EQ(epochs(read(capture, {"--max-reordering", "5s"})), 1U);
  capture.at(kHourMs, datagram(1)).at(22'000, datagram(2));
  EXPECT_EQ(epochs(read(capture)), 1U);
  EXPECT_EQ(epochs(read(capture, {"--max-reordering", "2h"})), 0U);
}

void put_word(Bytes& octets, std::size_t value, std::size_t size = 4) {
  for (std::size_t i = 0; i < size; ++i) octets.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}
/// A block of pcapng (draft-ietf-opsawg-pcapng section 3.1), little-endian.
void put_block(Bytes& file, unsigned type, Bytes body) {
  body.resize((body.size() + 3) / 4 * 4);
  put_word(file, type);
  put_word(file, body.size() + 12);
  file.insert(file.end(), body.begin(), body.end());
  put_word(file, body.size() + 12);
}

TEST(FlowRules, ACaptureInterfaceWhoseClockDiffersIsTimedAsIfItDidNot) {
  for (const bool answers_behind : {true, false}) {
    Bytes file;
    put_block(file, 0x0a0d0d0a, hex("4d3c2b1a 0100 0000 ffffffffffffffff"));
    put_block(file, 1, hex("0100 0000 00000000"));  // Ethernet, microseconds
    put_block(file, 1, hex("0100 0000 00000000"));
    const auto put_packet = [&](unsigned interface, std::uint64_t ms, const PacketBuilder& built) {
      const Bytes frame = built.bytes();
      const std::uint64_t us = kStart / 1000 + ms * 1000;
      Bytes body;
      put_word(body, interface);
      put_word(body, us >> 32);
      put_word(body, us & 0xffffffff);
      put_word(body, frame.size());
      put_word(body, frame.size());
      put_block(file, 6, joined(body, frame));
    };
    // A tap of two ports: what the client sends, and an answer of every fifth, come in at one port each.
    for (unsigned i = 0; i < 100; ++i) {
      put_packet(0, 1000 * i + (answers_behind ? kHourMs : 0), ask(i == 0 ? kSyn : kAck));
      if (i % 5 == 0)
        put_packet(1, 1000 * i + 10 + (answers_behind ? 0 : kHourMs), answer(i == 0 ? kSyn | kAck : kAck));
    }
    const TemporaryFolder folder;
    write_file(folder.path("tap.pcapng"), file);
    const Read tap = read_files({folder.path("tap.pcapng")});
    EXPECT_EQ(epochs(tap), 0U);
    EXPECT_EQ(as_reordered(tap), 0U);
    EXPECT_NE(tap.said.find("tap.pcapng: packet " + std::string(answers_behind ? "2" : "3") +
                            ": the clock of capture interface " + (answers_behind ? "1" : "0") + " is "),
              std::string::npos)
        << tap.said;
    if (answers_behind) {
      EXPECT_EQ(columns(tap, kDirection), (Lines{"10.0.0.9 40000 80 100 20"}));
      EXPECT_EQ(spans(tap), (Lines{"10.0.0.9 100 3600000 +99000"}));
    } else {
      // The step forward that the first answer brings looks like a pause, which the SYN does not outlast.
      EXPECT_EQ(columns(tap, kDirection), (Lines{"10.0.0.9 40000 80 1 0", "10.0.0.9 40000 80 99 20"}));
    }
  }
}

TEST(FlowRules, FilesAreReadInAnyOrderAndAStepBackBetweenThemIsAnEpoch) {
  const TemporaryFolder folder;
  std::vector<std::string> files;
  for (unsigned hour = 4; hour > 0; --hour) {
    Capture capture;
    for (unsigned second = 0; second < 5; ++second) capture.at(hour * kHourMs + 1000 * second, datagram(1));
    files.push_back(folder.path("hour-" + std::to_string(hour) + ".pcap"));
    write_capture(files.back(), capture.frames);
  }
  const Read descending = read_files(files);
  EXPECT_EQ(spans(descending), (Lines{"10.0.1.1 5 3600000 +4000", "10.0.1.1 5 7200000 +4000",
                                      "10.0.1.1 5 10800000 +4000", "10.0.1.1 5 14400000 +4000"}));
  EXPECT_EQ(epochs(descending), 3U);
  EXPECT_NE(descending.said.find("hour-2.pcap: packet 1: the clock steps back by 1h00m"), std::string::npos)
      << descending.said;
}

}  // namespace
}  // namespace weir::test
