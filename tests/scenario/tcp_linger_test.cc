// --tcp-linger: how long a TCP connection that FIN or RST closed still takes packets. A late packet within it counts
// for the connection; one after it opens a flow of its own.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

const std::string kBin = WEIR_BIN;
constexpr std::uint64_t kSecond = 1'000'000'000;

/// A connection of four packets that both sides close at second 2, and a packet 5 s after that.
std::vector<CapturedFrame> closed_and_late() {
  const std::uint64_t start_ns = 1'700'000'000 * kSecond;
  const auto client = [] { return packet().eth().ipv4("10.0.0.1", "192.0.2.1").tcp(40000, 443); };
  const auto server = [] { return packet().eth().ipv4("192.0.2.1", "10.0.0.1").tcp(443, 40000); };
  return {{start_ns, client().flags(kSyn).bytes()},
          {start_ns + kSecond, server().flags(kSyn | kAck).bytes()},
          {start_ns + 2 * kSecond, client().flags(kFin | kAck).bytes()},
          {start_ns + 2 * kSecond, server().flags(kFin | kAck).bytes()},
          {start_ns + 7 * kSecond, client().flags(kAck).bytes()}};
}

/// Packets of each record, both directions, in the order of their start.
std::vector<unsigned> packets_by_record(const std::vector<std::string>& options) {
  const TemporaryFolder folder;
  write_capture(folder.path("late.pcap"), closed_and_late());
  std::vector<std::string> words{kBin + "/weir", "read", "--export", "json:-", "--ledger", folder.path("ledger")};
  words.insert(words.end(), options.begin(), options.end());
  words.push_back(folder.path("late.pcap"));
  const Finished done = run(words);
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(nlohmann::json::parse(contents(folder.path("ledger"))).at("balanced"), true);
  std::vector<unsigned> packets;
  std::istringstream lines(done.out);
  for (std::string line; std::getline(lines, line);) {
    const auto record = nlohmann::json::parse(line);
    packets.push_back(record.at("packets").get<unsigned>() + record.at("rev_packets").get<unsigned>());
  }
  return packets;
}

TEST(TcpLinger, is_two_seconds_by_default) {
  EXPECT_EQ(packets_by_record({}), (std::vector<unsigned>{4, 1}));
  EXPECT_EQ(packets_by_record({"--tcp-linger", "2s"}), (std::vector<unsigned>{4, 1}));
}

TEST(TcpLinger, keeps_a_late_packet_in_its_connection) {
  EXPECT_EQ(packets_by_record({"--tcp-linger", "5s"}), (std::vector<unsigned>{5})) << "a gap that is no longer";
  EXPECT_EQ(packets_by_record({"--tcp-linger", "4999ms"}), (std::vector<unsigned>{4, 1}));
}

TEST(TcpLinger, lasts_no_longer_than_the_idle_timeout) {
  EXPECT_EQ(packets_by_record({"--tcp-linger", "10s", "--idle-timeout", "4s"}), (std::vector<unsigned>{4, 1}));
}

TEST(TcpLinger, does_nothing_without_tcp_close) {
  EXPECT_EQ(packets_by_record({"--tcp-linger", "1ms", "--tcp-close", "off"}), (std::vector<unsigned>{5}));
}

TEST(TcpLinger, has_the_limits_of_the_idle_timeout) {
  for (const char* bad : {"999us", "73h"}) {
    const Finished done = run({kBin + "/weir", "check", "--tcp-linger", bad});
    EXPECT_EQ(done.exit_code, 2);
    EXPECT_NE(done.err.find(std::string("--tcp-linger ") + bad + ": out of range; expected 1ms to 72h"),
              std::string::npos)
        << done.err;
  }
}

}  // namespace
}  // namespace weir::test
