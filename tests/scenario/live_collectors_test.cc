// `weir run` on a live wire and its collectors: one that is absent, one that never reads, one that comes late, and one
// that reads the options data. What they miss is lost by name, and holds nothing up.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/scenario/live_rig.h"
#include "tests/support/process.h"
#include "tests/support/truth.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

class LiveCollectors : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path(name); }

  TemporaryFolder folder_;
};

// The options data of a running probe, read by a decoder that knows nothing of it: rate, interfaces, the ledger's sums.
TEST_F(LiveCollectors, OptionsDataTellOfTheRunningProbe) {
  for (const std::string scheme : {"netflow9", "ipfix"}) {
    SCOPED_TRACE(scheme);
    const TemporaryFolder folder;
    Process collector({kBin + "/weir-collect", "--listen", scheme + "://127.0.0.1:0", "--json", "--options"});
    ASSERT_TRUE(collector.wait_for_error_text("listening on")) << collector.error_text();
    const Wire wire = memif();
    Probe probe(folder, wire,
                {"--idle-timeout", "1s", "--export",
                 scheme + "://127.0.0.1:" + port_in(collector.error_text()) + "?template_refresh=1s"});
    const Finished sent = run(generator(wire, {"--flows", "200", "--packets", "2000", "--rate", "5000"}), seconds(60));
    ASSERT_EQ(sent.exit_code, 0) << sent.err;
    // Some refreshes later the data know of all records that left.
    ASSERT_TRUE(eventually([&] {
      const json ledger = probe.ask_json("ledger");
      return packets_of(ledger.at("exporters").at(0).at("exported")) == 2000;
    }));
    std::this_thread::sleep_for(seconds(2));  // the wall clock of the refreshes
    probe.stop();
    collector.signal(SIGTERM);
    const Finished ended = collector.wait(seconds(20));
    ASSERT_EQ(ended.exit_code, 0) << ended.err;

    json statistics;
    json interface;
    json sampling;
    std::istringstream lines(ended.out);
    for (std::string line; std::getline(lines, line);) {
      const json one = json::parse(line);
      const unsigned form = one.value("options_template", 0U);
      if (form == 260) sampling = one;
      if (form == 261) statistics = one;
      if (form == 262) interface = one;
    }
    EXPECT_EQ(sampling.at("samplingInterval"), 1) << sampling;
    EXPECT_EQ(interface.at("interfaceName"), "net_memif0") << interface;
    EXPECT_EQ(interface.at("interfaceDescription"), "net_memif") << interface;
    const json& exporter = probe.ledger().at("exporters").at(0);
    EXPECT_EQ(statistics.at("exportedFlowRecordTotalCount"), exporter.at("exported").at("records")) << statistics;
    EXPECT_EQ(statistics.at("observedFlowTotalCount"), exporter.at("drained").at("records"));
    EXPECT_EQ(statistics.at("notSentFlowTotalCount"), 0);
    EXPECT_EQ(statistics.at("ignoredPacketTotalCount"), 0);
  }
}

TEST_F(LiveCollectors, ADeadCollectorLosesByNameAndHoldsNothingUp) {
  // A socket that is connected to somebody else takes nothing from weir: ICMP port unreachable, and nobody else can
  // get the port meanwhile.
  const int taken = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(taken, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  address.sin_port = htons(9);
  ASSERT_EQ(connect(taken, reinterpret_cast<sockaddr*>(&address), size), 0);

  const Wire wire = memif();
  Probe probe(folder_, wire,
              {"--export", "netflow9://127.0.0.1:" + port + "?rate=50000", "--export", "json:" + path("flows.json")});
  const Finished sent = run(generator(wire, {"--flows", "1000", "--rate", "30000", "--packets", "30000", "--tcp", "50",
                                             "--manifest", path("manifest.jsonl")}));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  probe.signal(SIGINT);
  const Finished ended = probe.wait();
  EXPECT_EQ(ended.exit_code, 1) << ended.err;
  EXPECT_NE(ended.err.find("1000 of 1000 records lost (unreachable 1000)"), std::string::npos) << ended.err;
  close(taken);

  expect_manifest(path("manifest.jsonl"), path("flows.json"));
  const json& exporters = probe.ledger().at("exporters");
  expect_no_loss(exporters.at(1).at("lost"));
  EXPECT_EQ(exporters.at(1).at("exported").at("records"), 1000);
  // On loopback the answer comes back within send(): not one datagram counts as exported.
  EXPECT_EQ(exporters.at(0).at("exported").at("records"), 0);
  EXPECT_EQ(exporters.at(0).at("lost").at("unreachable"), exporters.at(0).at("drained"));
}

TEST_F(LiveCollectors, ACollectorThatNeverReadsLosesByNameAndHoldsNothingUp) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int little = 4096;
  setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);

  const Wire wire = memif();
  Probe probe(folder_, wire,
              {"--export", "protobuf+tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port)), "--export",
               "json:" + path("flows.json")});
  // Some 50000 records of some 110 octets: more than the sockets' buffers (some 2.5 MB) take.
  const Finished sent = run(generator(wire, {"--flows", "60000", "--tcp", "0", "--rate", "60000", "--packets", "120000",
                                             "--manifest", path("manifest.jsonl")}));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  const std::uint64_t biflows = json::parse(sent.out).at("biflows");
  probe.signal(SIGINT);
  // The file is complete although the other exporter stands still.
  EXPECT_TRUE(eventually([&] {
    const std::string text = contents(path("flows.json"));
    return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) == biflows;
  }));
  // Nobody wants to wait for the other one.
  probe.signal(SIGINT);
  const Finished ended = probe.wait();
  EXPECT_EQ(ended.exit_code, 1) << ended.err;
  close(listener);

  expect_manifest(path("manifest.jsonl"), path("flows.json"));
  const json& exporters = probe.ledger().at("exporters");
  expect_no_loss(exporters.at(1).at("lost"));
  EXPECT_EQ(exporters.at(1).at("exported").at("records"), biflows);
  const json& lost = exporters.at(0).at("lost");
  EXPECT_GT(
      lost.at("queue_full").at("records").get<std::uint64_t>() + lost.at("shutdown").at("records").get<std::uint64_t>(),
      0U);
  for (const auto& [name, count] : lost.items()) {
    if (name == "queue_full" || name == "shutdown") continue;
    EXPECT_EQ(packets_of(count), 0U) << name;
  }
}

/// A datagram and when it came.
struct Datagram {
  std::string octets;
  Clock::time_point at;
  /// Its first FlowSet is one of templates: id 0 after the header of 20 octets (RFC 3954 section 5.2).
  [[nodiscard]] bool has_templates() const { return octets.size() > 22 && octets[20] == 0 && octets[21] == 0; }
};

TEST_F(LiveCollectors, ACollectorThatComesLateReadsEverythingWithinOneTemplateRefresh) {
  const int sink = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(sink, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(sink, reinterpret_cast<sockaddr*>(&address), &size), 0);

  const Wire wire = memif();
  Probe probe(folder_, wire,
              {"--active-timeout", "500ms", "--export",
               "netflow9://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "?template_refresh=1s"});
  Process sender(
      generator(wire, {"--flows", "200", "--rate", "4000", "--duration", "60s", "--size", "128", "--ipv6", "50"}));
  // The sequence number makes each datagram's place known: three refreshes, and some that follow.
  std::vector<Datagram> datagrams;
  std::string octets(65536, '\0');
  std::size_t refreshes = 0;
  const auto deadline = Clock::now() + seconds(30);
  while ((refreshes < 4 || datagrams.back().has_templates()) && Clock::now() < deadline) {
    pollfd one{.fd = sink, .events = POLLIN, .revents = 0};
    if (poll(&one, 1, 100) != 1) continue;
    const ssize_t length = recv(sink, octets.data(), octets.size(), 0);
    ASSERT_GT(length, 0);
    datagrams.push_back({octets.substr(0, static_cast<std::size_t>(length)), Clock::now()});
    refreshes += datagrams.back().has_templates() ? 1 : 0;
  }
  probe.stop();
  close(sink);
  sender.signal(SIGINT);
  EXPECT_FALSE(sender.wait(seconds(20)).timed_out);
  ASSERT_GE(refreshes, 4U);
  ASSERT_TRUE(datagrams.front().has_templates());

  // Templates come again after a second, with the next datagram there is; not in each.
  std::size_t last = 0;
  std::size_t first_refresh = 0;
  for (std::size_t i = 1; i < datagrams.size(); ++i) {
    const auto since = datagrams[i].at - datagrams[last].at;
    if (datagrams[i].has_templates()) {
      // Both moments are those of the receipt: what lies between may be shorter by what the first one was held up.
      if (first_refresh == 0) first_refresh = i;
      last = i;
      continue;
    }
    EXPECT_LT(since, milliseconds(2500)) << "datagram " << i;
  }
  EXPECT_LT(refreshes, datagrams.size() / 2) << "templates in every datagram are no refresh";

  // A collector that joined after the first datagram cannot read any until the refresh, and all from there on.
  ASSERT_GT(first_refresh, 1U);
  Collect collect(path("summary.json"));
  const int out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoul(collect.port())));
  ASSERT_EQ(connect(out, reinterpret_cast<sockaddr*>(&address), size), 0);
  for (std::size_t i = 1; i < datagrams.size(); ++i) {
    const std::string& one = datagrams[i].octets;
    ASSERT_EQ(send(out, one.data(), one.size(), 0), static_cast<ssize_t>(one.size()));
  }
  close(out);
  const json collected = collect.finish();
  EXPECT_EQ(collected.at("datagrams"), datagrams.size() - 1);
  EXPECT_GT(collected.at("unknown_template").get<std::uint64_t>(), 0U);
  // One or two Data FlowSets in each datagram before the refresh, none dropped after it.
  EXPECT_LE(collected.at("unknown_template").get<std::uint64_t>(), 2 * (first_refresh - 1));
  EXPECT_GT(collected.at("records").get<std::uint64_t>(), 0U);
  EXPECT_EQ(collected.at("sequence_gaps"), 0);
  EXPECT_EQ(collected.at("count_mismatches"), 0);
}

}  // namespace
}  // namespace weir::test
