// `weir run` and collectors over TCP and unix sockets that fail: one reads some and resets, one stalls and is killed
// with data unread, one comes and reads the rest. The ledger balances at every poll, and every record is accounted for:
// a collector read it, or it is lost by name, or it was acknowledged by a collector that died before it read it. How
// many those are follows from what the ledger says of each connection and from what was read on it, parsed by weir's
// decoders.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/stream_collector.h"

namespace weir::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using Arguments = std::vector<std::string>;

const std::string kBin = WEIR_BIN;
constexpr std::uint64_t kFlows = 40'000;

std::uint64_t records_in(const json& count) {
  return count.at("records");
}

struct Transport {
  const char* name;
  const char* scheme;
};

void PrintTo(const Transport& transport, std::ostream* out) {
  *out << transport.scheme;
}

class BrokenConnections : public ::testing::TestWithParam<Transport> {
 protected:
  BrokenConnections() : collector_(is_unix() ? folder_.path("collector") : std::string()) {}
  [[nodiscard]] static bool is_unix() { return std::string(GetParam().scheme) == "protobuf+unix"; }
  [[nodiscard]] std::string uri() const {
    const std::string scheme = std::string(GetParam().scheme) + "://";
    return scheme + (is_unix() ? folder_.path("collector") : "127.0.0.1:" + std::to_string(collector_.port()));
  }
  [[nodiscard]] Arguments weir(const std::string& stop_timeout) const {
    // One record per flow: a conversation is one message, and its flow ends once.
    const std::string uniflow = std::string(GetParam().scheme) == "ipfix+tcp" ? "?uniflow=0" : "";
    return {kBin + "/weir",   "run",
            "--port",         "net_memif0,role=server" + memif_,
            "--socket",       folder_.path("weir.sock"),
            "--ledger",       folder_.path("ledger.json"),
            "--max-flows",    "100000",
            "--stop-timeout", stop_timeout,
            "--export",       uri() + uniflow};
  }
  /// kFlows conversations of one packet, all of which end when weir stops.
  void send_traffic() const {
    const Finished sent =
        run({kBin + "/weir-gen", "--port", "net_memif0,role=client" + memif_, "--json", "--flows",
             std::to_string(kFlows), "--packets", std::to_string(kFlows), "--rate", "200000", "--tcp", "0"});
    ASSERT_EQ(sent.exit_code, 0) << sent.err;
    ASSERT_EQ(json::parse(sent.out).at("refused"), 0);
  }
  /// Every answer balances, and what was exported was acknowledged on some connection.
  json poll() {
    const Finished answer = run({kBin + "/weirctl", "--socket", folder_.path("weir.sock"), "-o", "json", "ledger"});
    if (answer.out.empty()) return {};
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    json ledger = json::parse(answer.out);
    if (ledger.at("exporters").empty()) {  // its last moments
      EXPECT_EQ(ledger.at("state"), "none");
      return ledger;
    }
    expect_sound(ledger);
    ++polls_;
    return ledger;
  }
  static void expect_sound(const json& ledger) {
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
    const json& exporter = ledger.at("exporters").at(0);
    EXPECT_EQ(exporter.at("balanced"), true);
    std::uint64_t acknowledged = 0;
    for (const json& connection : exporter.at("connections")) acknowledged += records_in(connection.at("exported"));
    EXPECT_EQ(acknowledged, records_in(exporter.at("exported")));
    EXPECT_LE(exporter.at("queue_octets").get<std::uint64_t>(), exporter.at("queue_limit_octets").get<std::uint64_t>());
    EXPECT_EQ(exporter.at("queue_limit_octets"), 160 * 1024 * 1024);
  }
  json wait_for(const std::function<bool(const json&)>& condition) {
    const auto end = std::chrono::steady_clock::now() + seconds(40);
    json ledger = poll();
    while (!ledger.is_null() && !condition(ledger) && std::chrono::steady_clock::now() < end) ledger = poll();
    EXPECT_FALSE(ledger.is_null());
    return ledger;
  }
  void expect_all_accounted_for(const json& ledger);

  TemporaryFolder folder_;
  StreamCollector collector_;
  const std::string memif_ = ",socket=weir-broken-" + std::to_string(getpid()) + ",socket-abstract=yes,rsize=11";
  unsigned polls_ = 0;
};

void BrokenConnections::expect_all_accounted_for(const json& ledger) {
  expect_sound(ledger);
  const json& exporter = ledger.at("exporters").at(0);
  const json& connections = exporter.at("connections");
  ASSERT_EQ(connections.size(), collector_.streams().size());
  std::set<RecordIdentity> received;
  std::uint64_t unread = 0;  // acknowledged by a collector that died
  std::uint64_t ahead = 0;   // read on the last connection, which ended before the acknowledgement came
  for (std::size_t i = 0; i < connections.size(); ++i) {
    SCOPED_TRACE("connection " + std::to_string(i + 1));
    const std::string& stream = collector_.streams()[i];
    const StreamRecords read =
        std::string(GetParam().scheme) == "ipfix+tcp" ? ipfix_records_of(stream) : protobuf_records_of(stream);
    EXPECT_EQ(read.fault, "");
    EXPECT_EQ(read.first_sequence, 0U) << "RFC 7011 section 10.4: a connection is a transport session of its own";
    EXPECT_EQ(connections.at(i).at("first"), i + 1);
    received.insert(read.records.begin(), read.records.end());
    const std::uint64_t acknowledged = records_in(connections.at(i).at("exported"));
    if (acknowledged > read.records.size()) unread += acknowledged - read.records.size();
    ahead = read.records.size() > acknowledged ? read.records.size() - acknowledged : 0;
  }
  std::uint64_t lost = 0;
  for (const auto& [name, count] : exporter.at("lost").items()) lost += records_in(count);
  EXPECT_EQ(records_in(exporter.at("drained")), kFlows);
  // What no acknowledgement came for is sent again on the next connection; on the last one it is lost by name, although
  // it was read.
  EXPECT_EQ(received.size() + unread + lost, kFlows + ahead);
  EXPECT_LE(ahead, records_in(exporter.at("lost").at("connection_lost")));
  if (is_unix()) {
    EXPECT_EQ(unread, 0U) << "what a unix socket acknowledges was read";
  }
}

TEST_P(BrokenConnections, LoseNoRecordWithoutAName) {
  Process probe(weir("30s"));
  ASSERT_TRUE(probe.wait_for_error_text("control socket", seconds(40))) << probe.error_text();
  ASSERT_TRUE(collector_.accept());
  send_traffic();
  wait_for([](const json& ledger) { return ledger.at("counted").at("packets") == kFlows; });
  probe.signal(SIGTERM);  // the flows end

  // Reads some and resets.
  ASSERT_TRUE(collector_.read(100'000));
  ASSERT_TRUE(collector_.wait_for_unread(1000));
  poll();
  collector_.close();
  // Stalls: nothing is lost while it is there. Killed with all of it unread.
  ASSERT_TRUE(collector_.accept());
  ASSERT_TRUE(collector_.wait_for_unread(1000));
  const json stalled = poll();
  EXPECT_EQ(stalled.at("exporters").at(0).at("state"), "up");
  EXPECT_GT(records_in(stalled.at("exporters").at(0).at("queued")), kFlows / 4);
  EXPECT_GT(records_in(stalled.at("exporters").at(0).at("connections").at(0).at("unacknowledged")), 0U);
  EXPECT_NE(stalled.at("exporters").at(0).at("connections").at(0).at("ended"), "");
  collector_.close();
  // Reads all.
  ASSERT_TRUE(collector_.accept());
  std::thread reader([this] { collector_.read_rest(); });
  const Finished ended = probe.wait();
  reader.join();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_GE(polls_, 3U);

  const json ledger = json::parse(contents(folder_.path("ledger.json")));
  expect_all_accounted_for(ledger);
  const json& exporter = ledger.at("exporters").at(0);
  EXPECT_EQ(records_in(exporter.at("exported")), kFlows);
  EXPECT_EQ(exporter.at("connections").size(), 3U);
}

TEST_P(BrokenConnections, NameWhatWasSentInVainWhenWeirEndsWithoutAnotherOne) {
  Process probe(weir("4s"));
  ASSERT_TRUE(probe.wait_for_error_text("control socket", seconds(40))) << probe.error_text();
  ASSERT_TRUE(collector_.accept());
  send_traffic();
  wait_for([](const json& ledger) { return ledger.at("counted").at("packets") == kFlows; });
  probe.signal(SIGTERM);
  ASSERT_TRUE(collector_.read(50'000));
  ASSERT_TRUE(collector_.wait_for_unread(1000));
  collector_.stop_listening();
  std::filesystem::remove(folder_.path("collector"));
  collector_.close();
  while (!poll().is_null()) {
  }
  const Finished ended = probe.wait();
  EXPECT_NE(ended.err.find("connection_lost"), std::string::npos) << ended.err;

  const json ledger = json::parse(contents(folder_.path("ledger.json")));
  expect_all_accounted_for(ledger);
  const json& exporter = ledger.at("exporters").at(0);
  ASSERT_EQ(exporter.at("connections").size(), 1U);
  EXPECT_EQ(exporter.at("lost").at("connection_lost"), exporter.at("connections").at(0).at("unacknowledged"));
  EXPECT_GT(records_in(exporter.at("lost").at("connection_lost")), 0U);
  EXPECT_GT(records_in(exporter.at("lost").at("not_connected")), 0U);
}

INSTANTIATE_TEST_SUITE_P(Over, BrokenConnections,
                         ::testing::Values(Transport{"ProtobufTcp", "protobuf+tcp"}, Transport{"IpfixTcp", "ipfix+tcp"},
                                           Transport{"ProtobufUnix", "protobuf+unix"}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace weir::test
