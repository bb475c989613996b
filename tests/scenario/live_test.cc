// `weir run` on live wires: weir-gen in one process, weir in another, between them memif or a veth pair, behind them
// weir-collect. What was sent is known from weir-gen's receipt and manifest, so every claim is exact: sent = received =
// counted = exported = collected, biflow by biflow. The machine only has to hold a modest rate; weir-gen in paced mode
// offers a refused packet again, so a busy machine makes a test slower and not wrong.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/truth.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;
using Arguments = std::vector<std::string>;

const std::string kBin = WEIR_BIN;
const std::string kCaptures = WEIR_CAPTURES;
constexpr unsigned kForcedEnd = 4;  // RFC 5102 flowEndReason

/// Asks `condition` every 20 ms until it holds; false when that takes longer than `limit`.
template <typename Condition>
bool eventually(Condition condition, seconds limit = seconds(20)) {
  const auto deadline = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// JSON lines. A last line that is cut off, or any that is no JSON, is a failure of the test.
std::vector<json> json_lines(const std::string& file) {
  const std::string text = contents(file);
  EXPECT_TRUE(text.empty() || text.back() == '\n') << file << " ends within a line";
  std::vector<json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(json::parse(line, nullptr, false));
    EXPECT_FALSE(lines.back().is_discarded()) << file << " line " << lines.size() << ": " << line;
  }
  return lines;
}

Tuple tuple_of_record(const json& record) {
  return tuple_of(record.at("src_addr"), record.at("dst_addr"), record.at("src_port"), record.at("dst_port"),
                  record.at("proto"));
}

std::uint64_t packets_of(const json& count) {
  return count.at("packets");
}
std::uint64_t octets_of(const json& count) {
  return count.at("octets");
}

/// The UDP port of loopback that weir-collect chose.
std::string port_in(const std::string& text) {
  const std::string mark = "127.0.0.1:";
  const std::size_t at = text.find(mark);
  if (at == std::string::npos) return {};
  const std::size_t from = at + mark.size();
  return text.substr(from, text.find_first_not_of("0123456789", from) - from);
}

/// Where weir and weir-gen meet.
struct Wire {
  std::string weir_port;
  std::string gen_port;
  Arguments weir_prefix;  ///< of the command: the namespace it runs in
  Arguments gen_prefix;
};

/// A memif on an abstract socket of its own. Queue counts are the programs' options.
Wire memif() {
  static std::atomic<unsigned> number{0};
  const std::string name = "weir-test-" + std::to_string(getpid()) + "-" + std::to_string(number++);
  const std::string socket = ",socket=" + name + ",socket-abstract=yes,rsize=11";
  return {"net_memif0,role=server" + socket, "net_memif0,role=client" + socket, {}, {}};
}

/// weir-collect on a port of its own.
class Collect {
 public:
  explicit Collect(const std::string& summary, const Arguments& prefix = {})
      : summary_(summary),
        process_(prefix + Arguments{kBin + "/weir-collect", "--listen", "netflow9://127.0.0.1:0", "--quiet",
                                    "--summary", summary}) {
    EXPECT_TRUE(process_.wait_for_error_text("listening on")) << process_.error_text();
    port_ = port_in(process_.error_text());
  }
  [[nodiscard]] std::string uri(const std::string& options = {}) const {
    return "netflow9://127.0.0.1:" + port_ + "?rate=50000" + options;
  }
  [[nodiscard]] const std::string& port() const { return port_; }
  json finish() {
    process_.signal(SIGTERM);
    const Finished ended = process_.wait(seconds(20));
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return json::parse(contents(summary_));
  }

 private:
  std::string summary_;
  Process process_;
  std::string port_;
};

/// `weir run`, ready.
class Probe {
 public:
  Probe(const TemporaryFolder& folder, const Wire& wire, const Arguments& options)
      : socket_(folder.path("weir.sock")),
        ledger_file_(folder.path("ledger.json")),
        process_(wire.weir_prefix +
                 Arguments{kBin + "/weir", "run", "--port", wire.weir_port, "--socket", socket_, "--ledger",
                           ledger_file_, "--max-flows", "200000"} +
                 options) {
    EXPECT_TRUE(process_.wait_for_error_text("control socket", seconds(40))) << process_.error_text();
  }

  Finished ask(const Arguments& what) {
    return run(Arguments{kBin + "/weirctl", "--socket", socket_} + what, seconds(15));
  }
  json ask_json(const std::string& what) {
    const Finished answer = ask({"-o", "json", what});
    EXPECT_EQ(answer.exit_code, 0) << answer.err << answer.out;
    return json::parse(answer.out, nullptr, false);
  }
  std::uint64_t received() {
    const json ledger = ask_json("ledger");
    return ledger.is_discarded() ? 0 : packets_of(ledger.at("received"));
  }
  void signal(int number) { process_.signal(number); }
  bool wait_for_error_text(const std::string& text, seconds limit) { return process_.wait_for_error_text(text, limit); }
  /// Its end; the ledger that it wrote, which must balance.
  Finished wait() {
    Finished ended = process_.wait(seconds(60));
    EXPECT_FALSE(ended.timed_out) << ended.err;
    ledger_ = json::parse(contents(ledger_file_), nullptr, false);
    EXPECT_FALSE(ledger_.is_discarded()) << ended.err;
    if (!ledger_.is_discarded()) {
      EXPECT_EQ(ledger_.at("balanced"), true) << ledger_.at("violations");
      EXPECT_EQ(packets_of(ledger_.at("in_table")), 0U);
      EXPECT_EQ(packets_of(ledger_.at("in_rings")), 0U);
    }
    return ended;
  }
  void stop(int number = SIGINT) {
    signal(number);
    const Finished ended = wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
  }
  [[nodiscard]] const json& ledger() const { return ledger_; }
  [[nodiscard]] const std::string& socket() const { return socket_; }

 private:
  std::string socket_;
  std::string ledger_file_;
  Process process_;
  json ledger_;
};

Arguments generator(const Wire& wire, const Arguments& options) {
  return wire.gen_prefix + Arguments{kBin + "/weir-gen", "--port", wire.gen_port, "--json"} + options;
}

void expect_no_loss(const json& lost) {
  for (const auto& [name, count] : lost.items()) EXPECT_EQ(packets_of(count), 0U) << "lost: " << name;
}

/// The records of `file` are those of the manifest: one a biflow, the same counts in the same direction.
void expect_manifest(const std::string& manifest, const std::string& file) {
  using Counts = std::array<std::uint64_t, 4>;
  const auto counts = [](const json& one) {
    return Counts{one.at("packets"), one.at("bytes"), one.at("rev_packets"), one.at("rev_bytes")};
  };
  std::map<Tuple, Counts> expected;
  for (const json& biflow : json_lines(manifest)) expected[tuple_of_record(biflow)] = counts(biflow);
  ASSERT_FALSE(expected.empty());
  const std::vector<json> records = json_lines(file);
  EXPECT_EQ(records.size(), expected.size()) << "a conversation was split, or is missing";
  unsigned wrong = 0;
  for (const json& record : records) {
    const auto found = expected.find(tuple_of_record(record));
    if (found != expected.end() && found->second == counts(record)) {
      expected.erase(found);
    } else if (++wrong <= 5) {
      ADD_FAILURE() << "not as in the manifest: " << record;
    }
  }
  EXPECT_EQ(wrong, 0U);
  EXPECT_TRUE(expected.empty()) << expected.size() << " biflows of the manifest have no record";
}

class Live : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path(name); }
  void expect_whole_path_is_exact(const Wire& wire, unsigned queues, const std::string& rate);
  void expect_orderly_end(int number);
  void expect_filter_counts_what_it_matches(const std::string& filter, bool interpreted);

  TemporaryFolder folder_;
};

void Live::expect_whole_path_is_exact(const Wire& wire, unsigned queues, const std::string& rate) {
  Collect collect(path("summary.json"), wire.weir_prefix);
  const std::string workers = std::to_string(queues);
  Probe probe(folder_, wire,
              {"--workers", workers, "--export", collect.uri(), "--export", "json:" + path("flows.json"), "--export",
               "protobuf:" + path("flows.pb")});
  Process sender(generator(wire, {"--queues", workers, "--flows", "2000", "--rate", rate, "--duration", "2s", "--size",
                                  "imix", "--ipv6", "30", "--tcp", "60", "--manifest", path("manifest.jsonl")}));

  // While traffic runs: the first answer that knows of flows comes soon after its start.
  json status;
  ASSERT_TRUE(eventually([&] {
    status = probe.ask_json("status");
    return !status.is_discarded() && status.at("flows") != 0;
  }));
  ASSERT_EQ(status.at("ports").size(), 1U);
  EXPECT_EQ(status.at("ports").at(0).at("link_up"), true);
  EXPECT_EQ(status.at("ports").at(0).at("queues"), queues);
  EXPECT_EQ(status.at("workers").size(), queues);
  EXPECT_EQ(status.at("exporters").size(), 3U);
  EXPECT_EQ(status.at("balanced"), true);
  EXPECT_LE(status.at("flows").get<std::uint64_t>(), 2000U);
  EXPECT_GE(status.at("capacity").get<std::uint64_t>(), 200000U);
  const json rss = probe.ask_json("rss");
  EXPECT_EQ(rss.at("ok"), true);
  EXPECT_EQ(rss.at("meets"), queues == 1);
  EXPECT_EQ(rss.at("handing_over"), queues > 1) << "a memif's peer chooses the queue";
  EXPECT_EQ(rss.at("ports").at(0).at("hash"), "none");
  EXPECT_EQ(rss.at("ports").at(0).at("queue_packets").size(), queues);
  EXPECT_GT(rss.at("ports").at(0).at("queue_packets").at(queues - 1).get<std::uint64_t>(), 0U);
  for (int i = 0; i < 5; ++i) {
    const Finished table = probe.ask({"ledger"});
    EXPECT_EQ(table.exit_code, 0) << table.err << table.out;
    EXPECT_EQ(probe.ask_json("ledger").at("balanced"), true);
  }

  const Finished sent_text = sender.wait(seconds(60));
  ASSERT_EQ(sent_text.exit_code, 0) << sent_text.err;
  const json sent = json::parse(sent_text.out);
  EXPECT_EQ(sent.at("refused"), 0);
  EXPECT_EQ(sent.at("biflows"), 2000);
  const std::uint64_t packets = sent.at("packets");
  const std::uint64_t octets = sent.at("octets");
  EXPECT_TRUE(eventually([&] { return probe.received() >= packets; })) << "sent and not received";
  probe.stop();
  const json collected = collect.finish();

  const json& ledger = probe.ledger();
  EXPECT_EQ(packets_of(ledger.at("received")), packets);
  EXPECT_EQ(octets_of(ledger.at("received")), sent.at("frame_octets").get<std::uint64_t>());
  EXPECT_EQ(packets_of(ledger.at("counted")), packets);
  EXPECT_EQ(octets_of(ledger.at("counted_ip")), octets);
  EXPECT_EQ(packets_of(ledger.at("handover_full")), 0U);
  expect_no_loss(ledger.at("lost"));
  if (queues > 1) {
    // Both workers had both kinds of work.
    for (const json& worker : ledger.at("workers")) {
      EXPECT_GT(packets_of(worker.at("received")), 0U);
      EXPECT_GT(packets_of(worker.at("handed_over")), 0U);
      EXPECT_GT(packets_of(worker.at("taken_over")), 0U);
    }
  }
  ASSERT_EQ(ledger.at("exporters").size(), 3U);
  for (const json& exporter : ledger.at("exporters")) {
    SCOPED_TRACE(exporter.at("uri"));
    EXPECT_EQ(exporter.at("balanced"), true);
    EXPECT_EQ(exporter.at("exported").at("records"), 2000);
    EXPECT_EQ(packets_of(exporter.at("exported")), packets);
    EXPECT_EQ(octets_of(exporter.at("exported")), octets);
    expect_no_loss(exporter.at("lost"));
  }
  EXPECT_EQ(collected.at("packets"), packets);
  EXPECT_EQ(collected.at("octets"), octets);
  EXPECT_EQ(collected.at("flows"), sent.at("flows"));
  EXPECT_EQ(collected.at("records"), sent.at("flows"));
  EXPECT_EQ(collected.at("sequence_gaps"), 0);
  EXPECT_EQ(collected.at("unknown_template"), 0);
  EXPECT_EQ(collected.at("count_mismatches"), 0);
  EXPECT_EQ(collected.at("kernel_drops"), 0);
  for (const auto& [name, count] : collected.at("malformed").items()) EXPECT_EQ(count, 0) << name;

  expect_manifest(path("manifest.jsonl"), path("flows.json"));
  const Finished decoded = run({kBin + "/weir-collect", "--quiet", "--summary", "-", path("flows.pb")});
  ASSERT_EQ(decoded.exit_code, 0) << decoded.err;
  const json from_protobuf = json::parse(decoded.out);
  EXPECT_EQ(from_protobuf.at("packets"), packets);
  EXPECT_EQ(from_protobuf.at("octets"), octets);
  EXPECT_EQ(from_protobuf.at("flows"), sent.at("flows"));
}

TEST_F(Live, WhatIsSentOverAMemifIsWhatIsCollected) {
  expect_whole_path_is_exact(memif(), 1, "50000");
}

/// IPv4 and TCP, and nothing else.
void Live::expect_filter_counts_what_it_matches(const std::string& filter, bool interpreted) {
  const Wire wire = memif();
  Probe probe(folder_, wire, {"--filter", filter, "--export", "json:" + path("flows.json")});
  Process sender(generator(wire, {"--flows", "500", "--rate", "50000", "--packets", "20000", "--size", "imix", "--ipv6",
                                  "30", "--tcp", "60", "--manifest", path("manifest.jsonl")}));
  const Finished sent_text = sender.wait(seconds(60));
  ASSERT_EQ(sent_text.exit_code, 0) << sent_text.err;
  const json sent = json::parse(sent_text.out);
  const std::uint64_t packets = sent.at("packets");
  EXPECT_TRUE(eventually([&] { return probe.received() >= packets; })) << "sent and not received";
  probe.signal(SIGINT);
  const Finished ended = probe.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(ended.err.find("the filter is interpreted") != std::string::npos, interpreted) << ended.err;

  std::uint64_t matching = 0;
  std::uint64_t octets = 0;
  std::ofstream expected(path("expected.jsonl"));
  for (const json& biflow : json_lines(path("manifest.jsonl"))) {
    if (biflow.at("proto") != 6 || biflow.at("src_addr").get<std::string>().find(':') != std::string::npos) continue;
    matching += biflow.at("packets").get<std::uint64_t>() + biflow.at("rev_packets").get<std::uint64_t>();
    octets += biflow.at("bytes").get<std::uint64_t>() + biflow.at("rev_bytes").get<std::uint64_t>();
    expected << biflow << '\n';
  }
  expected.close();
  ASSERT_GT(matching, 0U);
  ASSERT_LT(matching, packets);
  const json& ledger = probe.ledger();
  EXPECT_EQ(packets_of(ledger.at("received")), packets);
  EXPECT_EQ(octets_of(ledger.at("received")), sent.at("frame_octets").get<std::uint64_t>());
  EXPECT_EQ(packets_of(ledger.at("counted")), matching);
  EXPECT_EQ(octets_of(ledger.at("counted_ip")), octets);
  EXPECT_EQ(packets_of(ledger.at("filtered_out")), packets - matching);
  EXPECT_EQ(octets_of(ledger.at("filtered_out")) + octets_of(ledger.at("counted")), octets_of(ledger.at("received")));
  expect_manifest(path("expected.jsonl"), path("flows.json"));
}

TEST_F(Live, AFilterInMachineCodeCountsWhatItMatchesAndTheLedgerHasTheRest) {
  expect_filter_counts_what_it_matches("ip and tcp", false);
}

/// A bit test against one octet, which DPDK's compiler gets wrong (mbuf_filter.h).
TEST_F(Live, AFilterThatIsInterpretedCountsTheSame) {
  expect_filter_counts_what_it_matches("ip and tcp and tcp[13] & 31 != 0", true);
}

TEST_F(Live, AFilterThatDoesNotCompileIsAnErrorOfTheCommandLine) {
  const Finished refused = run({kBin + "/weir", "run", "--port", "net_null0", "--filter", "tcp port"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(refused.out, "");
  EXPECT_NE(refused.err.find("--filter 'tcp port': "), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("expected a pcap filter such as 'tcp port 443'"), std::string::npos) << refused.err;
}

TEST_F(Live, TwoWorkersThatHandPacketsOverSplitNoConversationAndLoseNothing) {
  expect_whole_path_is_exact(memif(), 2, "40000");
}

/// Two network namespaces with a veth pair between them.
class VethPair {
 public:
  VethPair() {
    if (!run_all({{"netns", "add", probe_}, {"netns", "add", generator_}})) return;
    for (const std::string& name : {probe_, generator_}) {
      // Else the interfaces send router solicitations among the test's packets.
      for (const char* which : {"all", "default"}) {
        const std::string setting = "net.ipv6.conf." + std::string(which) + ".disable_ipv6=1";
        if (run({"ip", "netns", "exec", name, "sysctl", "-qw", setting}).exit_code != 0) return;
      }
    }
    ok_ = run_all({{"link", "add", "wvp", "netns", probe_, "type", "veth", "peer", "name", "wvg", "netns", generator_},
                   {"-n", probe_, "link", "set", "lo", "up"},
                   {"-n", probe_, "link", "set", "wvp", "up"},
                   {"-n", generator_, "link", "set", "wvg", "up"}});
  }
  VethPair(const VethPair&) = delete;
  VethPair& operator=(const VethPair&) = delete;
  ~VethPair() {
    run({"ip", "netns", "del", probe_});
    run({"ip", "netns", "del", generator_});
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] Wire wire() const {
    const std::string rings = ",qpairs=1,framesz=2048,blocksz=4096,framecnt=4096";
    return {"net_af_packet0,iface=wvp" + rings,
            "net_af_packet0,iface=wvg" + rings,
            {"ip", "netns", "exec", probe_},
            {"ip", "netns", "exec", generator_}};
  }

 private:
  static bool run_all(const std::vector<Arguments>& commands) {
    for (const Arguments& command : commands) {
      if (run(Arguments{"ip"} + command).exit_code != 0) return false;
    }
    return true;
  }

  std::string probe_ = "weir-test-p" + std::to_string(getpid());
  std::string generator_ = "weir-test-g" + std::to_string(getpid());
  bool ok_ = false;
};

TEST_F(Live, WhatIsSentOverAVethPairIsWhatIsCollected) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root for network namespaces and net_af_packet";
  if (!installed("ip")) GTEST_SKIP() << "ip (iproute2) is not installed";
  const VethPair veth;
  if (!veth.ok()) GTEST_SKIP() << "no network namespaces here";
  // The kernel drops silently where a ring is full: a rate at which 4096 frames last 400 ms.
  expect_whole_path_is_exact(veth.wire(), 1, "10000");
}

/// A signal while traffic runs: every flow is exported as forced end, and nothing is lost on the way.
double asleep(Probe& probe) {
  const json status = probe.ask_json("status");
  return status.is_discarded() || status.at("workers").empty() ? 0
                                                               : status.at("workers").at(0).at("asleep").get<double>();
}

TEST_F(Live, AnIdleWorkerGivesItsCoreAwayLosesNothingOfABurstAndStillEndsFlows) {
  const Wire wire = memif();
  Probe probe(folder_, wire, {"--idle", "sleep", "--idle-timeout", "1s", "--export", "json:" + path("flows.json")});
  // The share of a whole second.
  EXPECT_TRUE(eventually([&] { return asleep(probe) > 0.5; })) << "an idle probe burns its core";
  EXPECT_EQ(probe.ask_json("status").at("workers").at(0).at("idle"), "sleep 69 us") << "half of 2048 x 67.2 ns";
  const Finished sent = run(generator(wire, {"--flows", "500", "--packets", "20000", "--rate", "1M"}), seconds(60));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  EXPECT_TRUE(eventually([&] { return probe.received() == 20000; })) << probe.received();
  EXPECT_TRUE(eventually([&] { return probe.ask_json("status").at("flows") == 0; })) << "timers wait for packets";
  EXPECT_TRUE(eventually([&] { return asleep(probe) > 0.5; }));
  probe.stop();
  EXPECT_EQ(packets_of(probe.ledger().at("counted")), 20000U);
  expect_no_loss(probe.ledger().at("lost"));
  const std::vector<json> records = json_lines(path("flows.json"));
  EXPECT_EQ(records.size(), 500U);
  for (const json& record : records) EXPECT_NE(record.at("end_reason"), kForcedEnd);
}

TEST_F(Live, AWorkerThatIsToldToPollNeverSleeps) {
  const Wire wire = memif();
  Probe probe(folder_, wire, {"--idle", "poll"});
  EXPECT_TRUE(eventually([&] { return probe.ask_json("status").at("uptime_s").get<double>() > 3; }));
  EXPECT_EQ(asleep(probe), 0);
  EXPECT_EQ(probe.ask_json("status").at("workers").at(0).at("idle"), "poll");
  probe.stop();
}

TEST_F(Live, AWorkerWaitsForTheInterruptOfADeviceThatHasOne) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root for network namespaces and net_tap";
  if (!installed("ip")) GTEST_SKIP() << "ip (iproute2) is not installed";
  const VethPair spaces;
  if (!spaces.ok() || access("/dev/net/tun", F_OK) != 0) GTEST_SKIP() << "no network namespaces or no tap here";
  Wire wire = spaces.wire();
  wire.weir_port = "net_tap0,iface=wtap";
  wire.gen_prefix = wire.weir_prefix;
  wire.gen_port = "net_af_packet0,iface=wtap,qpairs=1,framesz=2048,blocksz=4096,framecnt=1024";
  Probe probe(folder_, wire, {});
  EXPECT_TRUE(eventually([&] { return asleep(probe) > 0.5; }));
  EXPECT_EQ(probe.ask_json("status").at("workers").at(0).at("idle"), "interrupt");
  // A tap's queue holds 1000 frames and drops silently: half a second's worth.
  const Finished sent = run(generator(wire, {"--flows", "50", "--packets", "4000", "--rate", "2000"}), seconds(60));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  EXPECT_TRUE(eventually([&] { return probe.received() >= 4000; })) << probe.received();
  EXPECT_TRUE(eventually([&] { return asleep(probe) > 0.5; }));
  probe.stop();
  EXPECT_EQ(packets_of(probe.ledger().at("counted")), 4000U);
}

void Live::expect_orderly_end(int number) {
  const Wire wire = memif();
  Collect collect(path("summary.json"));
  Probe probe(folder_, wire, {"--export", collect.uri(), "--export", "json:" + path("flows.json")});
  // UDP only: no conversation ends by itself.
  Process sender(generator(wire, {"--flows", "1000", "--rate", "20000", "--duration", "60s"}));
  ASSERT_TRUE(eventually([&] { return probe.received() > 10000; }));
  probe.stop(number);
  sender.signal(SIGINT);
  const Finished sent = sender.wait(seconds(30));
  const json receipt = json::parse(sent.out, nullptr, false);
  ASSERT_FALSE(receipt.is_discarded()) << sent.err;
  const json collected = collect.finish();

  const json& ledger = probe.ledger();
  const std::uint64_t counted = packets_of(ledger.at("counted_ip"));
  EXPECT_GT(counted, 10000U);
  EXPECT_LE(counted, receipt.at("packets").get<std::uint64_t>());
  EXPECT_EQ(counted, packets_of(ledger.at("received")));
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;
  const std::vector<json> records = json_lines(path("flows.json"));
  for (const json& record : records) {
    packets += record.at("packets").get<std::uint64_t>() + record.at("rev_packets").get<std::uint64_t>();
    octets += record.at("bytes").get<std::uint64_t>() + record.at("rev_bytes").get<std::uint64_t>();
    EXPECT_EQ(record.at("end_reason"), kForcedEnd);
  }
  EXPECT_EQ(records.size(), 1000U);
  EXPECT_EQ(packets, counted);
  EXPECT_EQ(octets, octets_of(ledger.at("counted_ip")));
  EXPECT_EQ(collected.at("packets"), counted);
  EXPECT_EQ(collected.at("octets"), octets);
  for (const json& exporter : ledger.at("exporters")) EXPECT_EQ(packets_of(exporter.at("exported")), counted);
}

TEST_F(Live, SigtermWhileTrafficRunsExportsEveryFlowAsForcedEnd) {
  expect_orderly_end(SIGTERM);
}

TEST_F(Live, SigintWhileTrafficRunsExportsEveryFlowAsForcedEnd) {
  expect_orderly_end(SIGINT);
}

/// The samples of a text of Prometheus: "name{labels}" to value.
std::map<std::string, double> samples_of(const std::string& text) {
  std::map<std::string, double> samples;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::size_t blank = line.rfind(' ');
    if (line.empty() || line[0] == '#' || blank == std::string::npos) continue;
    samples[line.substr(0, blank)] = std::strtod(line.c_str() + blank, nullptr);
  }
  return samples;
}

TEST_F(Live, PrometheusFetchesTheCountsOfTheLedgerByTheirNames) {
  if (!installed("curl")) GTEST_SKIP() << "curl is not installed";
  const std::string address = "127.0.0.1:" + std::to_string(free_tcp_port());
  const Wire wire = memif();
  const std::string uri = "json:" + path("flows.json");
  Probe probe(folder_, wire, {"--prometheus", address, "--export", uri});
  const Finished sent_text =
      run(generator(wire, {"--flows", "500", "--packets", "5000", "--rate", "20000"}), seconds(60));
  ASSERT_EQ(sent_text.exit_code, 0) << sent_text.err;
  const std::uint64_t packets = json::parse(sent_text.out).at("packets");
  ASSERT_TRUE(eventually([&] { return probe.received() >= packets; }));

  const Finished scrape = run({"curl", "-sS", "-m", "10", "http://" + address + "/metrics"}, seconds(15));
  ASSERT_EQ(scrape.exit_code, 0) << scrape.err;
  const std::map<std::string, double> samples = samples_of(scrape.out);
  const json ledger = probe.ask_json("ledger");
  const auto expect_sample = [&](const std::string& name, std::uint64_t value) {
    const auto found = samples.find(name);
    ASSERT_NE(found, samples.end()) << name;
    EXPECT_EQ(found->second, static_cast<double>(value)) << name;
  };
  expect_sample("weir_ledger_balanced", 1);
  expect_sample("weir_received_packets_total", packets);
  expect_sample("weir_received_octets_total", octets_of(ledger.at("received")));
  expect_sample("weir_counted_packets_total", packets_of(ledger.at("counted")));
  expect_sample("weir_counted_ip_octets_total", octets_of(ledger.at("counted_ip")));
  expect_sample("weir_table_records", 500);
  expect_sample("weir_table_flows", 500);
  EXPECT_GT(ledger.at("rejects").size(), 5U);
  for (const auto& [name, count] : ledger.at("rejects").items()) {
    expect_sample("weir_rejected_packets_total{reason=\"" + name + "\"}", packets_of(count));
  }
  EXPECT_GT(ledger.at("lost").size(), 1U);
  for (const auto& [name, count] : ledger.at("lost").items()) {
    expect_sample("weir_lost_packets_total{reason=\"" + name + "\"}", packets_of(count));
  }
  for (const auto& [name, count] : ledger.at("exporters").at(0).at("lost").items()) {
    expect_sample("weir_exporter_lost_packets_total{exporter=\"" + uri + "\",reason=\"" + name + "\"}",
                  packets_of(count));
  }
  expect_sample("weir_exporter_lateness_seconds_count{exporter=\"" + uri + "\"}", 0);

  // A second weir at the same port.
  const Finished second =
      run({kBin + "/weir", "run", "--port", "net_null0", "--socket", path("second.sock"), "--prometheus", address},
          seconds(20));
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_NE(second.err.find(address + ": cannot listen there"), std::string::npos) << second.err;
  probe.stop();
}

// The options data of a running probe, read by a decoder that knows nothing of it: rate, interfaces, the ledger's sums.
TEST_F(Live, OptionsDataTellOfTheRunningProbe) {
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

TEST_F(Live, DurationEndsARunThatGotNoPacket) {
  const auto start = Clock::now();
  Probe probe(folder_, memif(), {"--duration", "1s", "--export", "json:" + path("flows.json")});
  const Finished ended = probe.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_GE(Clock::now() - start, seconds(1));
  EXPECT_EQ(packets_of(probe.ledger().at("received")), 0U);
  EXPECT_EQ(contents(path("flows.json")), "");
}

TEST_F(Live, StoppedIdleThreeTimesItLeavesNothingBehind) {
  const Wire wire = memif();  // the same socket each time
  for (int round = 0; round < 3; ++round) {
    Probe probe(folder_, wire, {"--export", "json:" + path("flows.json")});
    EXPECT_TRUE(std::filesystem::exists(probe.socket()));
    const std::string pid = std::to_string(probe.ask_json("status").at("pid").get<std::uint64_t>());
    probe.stop(round % 2 == 0 ? SIGINT : SIGTERM);
    EXPECT_EQ(packets_of(probe.ledger().at("received")), 0U);
    EXPECT_EQ(contents(path("flows.json")), "");
    std::vector<std::string> left;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.folder()))
      left.push_back(entry.path().filename());
    std::sort(left.begin(), left.end());
    EXPECT_EQ(left, (std::vector<std::string>{"flows.json", "ledger.json"}));
    for (const char* parent : {"/var/run/dpdk", "/tmp/dpdk"}) {
      std::error_code unreadable;  // another user's: not where this weir could write
      EXPECT_FALSE(std::filesystem::exists(parent + ("/weir-" + pid), unreadable));
    }
  }
}

TEST_F(Live, ADeadCollectorLosesByNameAndHoldsNothingUp) {
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

TEST_F(Live, ACollectorThatNeverReadsLosesByNameAndHoldsNothingUp) {
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

TEST_F(Live, AMemifPeerWithFewerQueuesIsReportedAndNothingIsCountedTwice) {
  const Wire wire = memif();
  Probe probe(folder_, wire, {"--workers", "2", "--export", "json:" + path("flows.json")});
  const Finished sent = run(generator(wire, {"--queues", "1", "--flows", "10", "--rate", "1000", "--packets", "100"}));
  EXPECT_EQ(sent.exit_code, 1);
  const json receipt = json::parse(sent.out, nullptr, false);
  ASSERT_FALSE(receipt.is_discarded()) << sent.err;
  EXPECT_EQ(receipt.at("unread"), receipt.at("packets"));
  EXPECT_TRUE(probe.wait_for_error_text("rings in both directions together", seconds(20)));
  probe.stop();
  EXPECT_EQ(packets_of(probe.ledger().at("received")), 0U);
}

TEST_F(Live, AMemifPeerWithMoreQueuesGetsNoLinkAndSaysWhy) {
  const Wire wire = memif();
  Probe probe(folder_, wire, {"--export", "json:" + path("flows.json")});
  const Finished refused =
      run(generator(wire, {"--queues", "2", "--flows", "10", "--rate", "1000", "--duration", "1s"}));
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("--workers 2"), std::string::npos) << refused.err;
  probe.stop();
  EXPECT_EQ(packets_of(probe.ledger().at("received")), 0U);
}

TEST_F(Live, ACaptureFileAsAPortCountsToItsTruth) {
  const std::string capture = kCaptures + "/basic/ipfixprobe_mixed.pcap";
  if (!std::filesystem::exists(capture)) GTEST_SKIP() << capture << " is not there";
  const Truth truth = read_truth(capture);
  Probe probe(folder_, {"net_pcap0,rx_pcap=" + capture, {}, {}, {}}, {"--export", "json:" + path("flows.json")});
  EXPECT_TRUE(eventually([&] { return probe.received() >= truth.total_packets; }));
  probe.stop();
  const json& ledger = probe.ledger();
  EXPECT_EQ(packets_of(ledger.at("received")), truth.total_packets);
  EXPECT_EQ(packets_of(ledger.at("counted")), truth.ip_packets);
  std::uint64_t rejected = 0;
  for (const auto& [name, count] : ledger.at("rejects").items()) rejected += packets_of(count);
  EXPECT_EQ(rejected, truth.non_ip_packets);

  TupleSums shown;
  for (const json& record : json_lines(path("flows.json"))) {
    Tuple tuple = tuple_of_record(record);
    if (record.at("packets") != 0) shown[tuple].add(record.at("packets"), record.at("bytes"), 0, 0);
    std::swap(tuple.source, tuple.destination);
    std::swap(tuple.source_port, tuple.destination_port);
    if (record.at("rev_packets") != 0) shown[tuple].add(record.at("rev_packets"), record.at("rev_bytes"), 0, 0);
  }
  TupleSums expected = truth.tuples;
  for (auto& [tuple, sum] : expected) sum.first_ns = sum.last_ns = 0;
  EXPECT_EQ(difference(expected, shown), "");
}

// ---- templates

/// A datagram and when it came.
struct Datagram {
  std::string octets;
  Clock::time_point at;
  /// Its first FlowSet is one of templates: id 0 after the header of 20 octets (RFC 3954 section 5.2).
  [[nodiscard]] bool has_templates() const { return octets.size() > 22 && octets[20] == 0 && octets[21] == 0; }
};

TEST_F(Live, ACollectorThatComesLateReadsEverythingWithinOneTemplateRefresh) {
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
