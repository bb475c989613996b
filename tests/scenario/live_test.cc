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

#include "tests/scenario/live_rig.h"
#include "tests/scenario/veth_pair.h"
#include "tests/support/process.h"
#include "tests/support/truth.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

const std::string kCaptures = WEIR_CAPTURES;

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
  EXPECT_EQ(ended.err.find("--filter is interpreted") != std::string::npos, interpreted) << ended.err;

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

TEST_F(Live, SaysWhichMetricsAreOnHowManyRecordsHaveThemAndHowFullTheirPoolIs) {
  const Wire wire = memif();
  Probe probe(folder_, wire,
              {"--workers", "2", "--metrics", "layer2,tcp,packets:7", "--export", "json:" + path("flows.json")});
  Process sender(
      generator(wire, {"--queues", "2", "--tcp", "0", "--flows", "500", "--rate", "50000", "--packets", "20000"}));
  const Finished sent_text = sender.wait(seconds(60));
  ASSERT_EQ(sent_text.exit_code, 0) << sent_text.err;
  const std::uint64_t packets = json::parse(sent_text.out).at("packets");
  EXPECT_TRUE(eventually([&] { return probe.received() >= packets; })) << "sent and not received";

  const json metrics = probe.ask_json("metrics");
  std::map<std::string, bool> on;
  for (const json& metric : metrics.at("metrics")) on[metric.at("name")] = metric.at("on");
  EXPECT_TRUE(on.at("layer2") && on.at("tcp") && on.at("packets:7"));
  EXPECT_FALSE(on.at("rtt"));
  EXPECT_EQ(metrics.at("flows"), 500);
  EXPECT_EQ(metrics.at("pool_lines_in_use"), 500) << "of each flow five packets lie beside it, and two in a line";
  EXPECT_EQ(metrics.at("pool_refused"), 0);
  EXPECT_GE(metrics.at("pool_lines").get<std::uint64_t>(), 200'000U) << "one for each flow that there is room for";
  const Finished table = probe.ask({"metrics"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("\npackets:7 "), std::string::npos) << table.out;
  probe.stop();
  EXPECT_EQ(probe.ledger().at("balanced"), true);
  for (const json& record : json_lines(contents(path("flows.json")))) {
    EXPECT_EQ(record.at("first_packets").size(), 7U);
  }
}

TEST_F(Live, WhatIsSentOverAVethPairIsWhatIsCollected) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root for network namespaces and net_af_packet";
  if (!installed("ip")) GTEST_SKIP() << "ip (iproute2) is not installed";
  const VethPair veth;
  if (!veth.ok()) GTEST_SKIP() << "no network namespaces here";
  // The kernel drops silently where a ring is full: a rate at which 4096 frames last 400 ms.
  expect_whole_path_is_exact(veth.wire(), 1, "10000");
}

TEST_F(Live, APortThatLosesItsInterfaceIsDownAndSaysWhy) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root for network namespaces and net_af_packet";
  if (!installed("ip")) GTEST_SKIP() << "ip (iproute2) is not installed";
  const VethPair veth;
  if (!veth.ok()) GTEST_SKIP() << "no network namespaces here";
  Probe probe(folder_, veth.wire(), {"--export", "json:" + path("flows.json")});
  EXPECT_EQ(probe.ask_json("status").at("ports").at(0).at("link_up"), true);
  ASSERT_TRUE(veth.remove_interfaces());
  EXPECT_TRUE(probe.wait_for_error_text("interface wvp is gone", seconds(10)));
  EXPECT_TRUE(probe.wait_for_error_text("link down", seconds(10)));
  EXPECT_EQ(probe.ask_json("status").at("ports").at(0).at("link_up"), false);
  probe.stop();
}

/// A TCP connection whose segments the kernel has not cut yet (TSO): frames of up to 64 KiB, of which the ring's frames
/// hold 2 KiB. The interface's counters say how long they were. And the ARP packets before it, which are rejects.
TEST_F(Live, FramesThatNetAfPacketCutsCountWithTheLengthThatTheirIpHeaderGives) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root for network namespaces and net_af_packet";
  if (!installed("ip")) GTEST_SKIP() << "ip (iproute2) is not installed";
  const VethPair veth;
  if (!veth.ok() || !veth.give_addresses()) GTEST_SKIP() << "no network namespaces here";
  const Wire wire = veth.wire();
  const std::string capture = path("many.pcap");
  const Finished made = run({kBin + "/weir-gen", "--write", capture, "--flows", "20000", "--packets", "40000"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const std::string rejects = path("rejects.pcapng");
  Probe probe(folder_, wire, {"--export", "json:" + path("flows.json"), "--save-rejects", rejects});
  EXPECT_TRUE(probe.wait_for_error_text("ethtool -K wvp", seconds(1))) << "the offloads of a veth are on";
  Process collect(wire.weir_prefix +
                  Arguments{kBin + "/weir-collect", "--listen", "protobuf+tcp://10.77.0.1:0", "--quiet"});
  ASSERT_TRUE(collect.wait_for_error_text("listening on")) << collect.error_text();
  const std::string mark = "10.77.0.1:";
  const std::string said = collect.error_text();
  const std::string port = std::to_string(std::stoul(said.substr(said.find(mark) + mark.size())));
  const std::uint64_t received_before = octets_of(probe.ask_json("ledger").at("received"));
  const std::uint64_t before = veth.octets_at_probe();
  const Finished sent =
      run(wire.gen_prefix + Arguments{kBin + "/weir", "read", "--export", "protobuf+tcp://10.77.0.1:" + port, capture});
  EXPECT_EQ(sent.exit_code, 0) << sent.err;
  EXPECT_TRUE(eventually([&] {
    return octets_of(probe.ask_json("ledger").at("received")) - received_before == veth.octets_at_probe() - before;
  })) << octets_of(probe.ask_json("ledger").at("received")) - received_before
      << " and not " << veth.octets_at_probe() - before;
  EXPECT_GT(veth.octets_at_probe() - before, 1'000'000U);
  probe.stop();
  const json& cut = probe.ledger().at("length_from_header");
  ASSERT_GT(packets_of(cut), 0U);
  EXPECT_GT(octets_of(cut) / packets_of(cut), 2048U);
  collect.signal(SIGTERM);
  EXPECT_EQ(collect.wait(seconds(20)).exit_code, 0);
  // The two ends asked for each other's address, and what was rejected for it is in the file.
  const json& saved = probe.ledger().at("saved_rejects");
  EXPECT_EQ(saved.at("file"), rejects);
  EXPECT_GE(packets_of(saved.at("saved")), 2U);
  const Finished again = run({kBin + "/weir", "read", "--ledger", path("again.json"), rejects});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(json::parse(contents(path("again.json"))).at("rejects"), probe.ledger().at("rejects"));
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

}  // namespace
}  // namespace weir::test
