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

/// The capture through `weir read`: the same records at any number of workers, and a balanced ledger.
Read read(const Capture& capture, const std::vector<std::string>& options = {}) {
  const TemporaryFolder folder;
  write_capture(folder.path("in.pcap"), capture.frames);
  Read first;
  std::string text;
  for (const char* workers : {"1", "2", "4"}) {
    std::vector<std::string> command{kWeir,   "read",     "--max-flows", "4096",     "--workers",
                                     workers, "--export", "json:-",      "--ledger", folder.path("ledger")};
    command.insert(command.end(), options.begin(), options.end());
    command.push_back(folder.path("in.pcap"));
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

}  // namespace
}  // namespace weir::test
