// A running weir is changed while traffic comes: every setting that may change, by weirctl and by SIGHUP. Every packet
// is in a record or in the ledger by name, and the ledger balances before, during and after.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/scenario/live_rig.h"

namespace weir::test {
namespace {

class Reconfiguration : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path(name); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }
  /// Applies a file with this text; says what weirctl said.
  Finished apply(Probe& probe, const std::string& text, const Arguments& more = {}) const {
    write("new.conf", text);
    return probe.ask(Arguments{"config", "apply", path("new.conf")} + more);
  }
  static void expect_balanced(Probe& probe) {
    const json ledger = probe.ask_json("ledger");
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
  }
  void expect_applied(Probe& probe, const std::string& text) const {
    const Finished done = apply(probe, text);
    EXPECT_EQ(done.exit_code, 0) << done.err << done.out;
    EXPECT_EQ(done.out.find("flows of before the change are left"), std::string::npos) << done.out;
    EXPECT_NE(done.out.find("applied: entry "), std::string::npos) << text << '\n' << done.out;
    expect_balanced(probe);
  }
  /// Packets of both directions in the records of a file, by sampling rate.
  std::map<std::uint64_t, std::uint64_t> packets_by_rate(const std::string& file) const {
    std::map<std::uint64_t, std::uint64_t> packets;
    for (const json& record : json_lines(path(file))) {
      packets[record.at("sampling_rate")] +=
          record.at("packets").get<std::uint64_t>() + record.at("rev_packets").get<std::uint64_t>();
    }
    return packets;
  }
  std::uint64_t packets_in(const std::string& file) const {
    std::uint64_t packets = 0;
    for (const auto& [rate, count] : packets_by_rate(file)) packets += count;
    return packets;
  }

  TemporaryFolder folder_;
};

TEST_F(Reconfiguration, ChangesEverySettingUnderLoadWithoutLosingAPacket) {
  const Wire wire = memif();
  write("prefixes.txt", "10.0.0.0/8 as=64500\n172.16.0.0/12 as=64501\n");
  write("names.txt", "1 uplink\n");
  const std::string all = "export: \"json:" + path("all.json") + "?name=all\"\n";
  const std::string late = "export: \"json:" + path("late.json") + "?name=late\"\n";
  write("start.conf", all);
  Probe probe(folder_, wire,
              {"--config", path("start.conf"), "--workers", "2", "--rss", "ports", "--state", path("state")});
  Process sending(generator(wire, {"--flows", "2000", "--rate", "5000", "--duration", "10m", "--tcp", "50", "--queues",
                                   "2"}));  // until it is told to end
  ASSERT_TRUE(eventually([&] { return probe.received() > 1000; }));
  expect_applied(probe, all + "idle_timeout: \"300ms\" active_timeout: \"1s\" tcp_linger: \"100ms\"");
  expect_applied(probe, all + "filter: \"tcp\"");
  expect_applied(probe, all + "sample: \"packets=1:4\"");
  expect_applied(probe, all + "sample: \"flows=1:2\" filter: \"udp\"");
  expect_applied(probe, all + "tcp_close: false");
  expect_applied(probe, all + "key: \"src_addr/24,dst_addr/24,proto\" filter: \"udp\"");
  expect_applied(probe, all + "metrics: \"tcp,rtt,lengths\" max_flows: 3000");
  expect_applied(probe, all + "metrics: \"tcp,rtt,lengths\" max_flows: 300000 key: \"src_addr,dst_addr\"");
  EXPECT_EQ(probe.ask_json("status").at("capacity"), 300000U);
  expect_applied(probe, all + "sample: \"rate=1000\"");
  ASSERT_TRUE(probe.wait_for_error_text("--sample rate=1000: one packet in ", seconds(20)));
  expect_applied(probe, all + "sample: \"rate=100000\" metrics: \"layer2\"");
  expect_applied(probe, all);
  expect_applied(probe, all + late + "prefixes: \"" + path("prefixes.txt") + "\" interfaces: \"" + path("names.txt") +
                            "\" idle_timeout: \"200ms\"");
  EXPECT_EQ(probe.ask({"exporters", "pause", "late"}).exit_code, 0);
  EXPECT_NE(probe.ask({"exporters", "list"}).out.find("paused"), std::string::npos);
  expect_balanced(probe);
  EXPECT_EQ(probe.ask({"exporters", "resume", "late"}).exit_code, 0);
  EXPECT_EQ(probe.ask({"exporters", "add", "json:" + path("last.json") + "?name=last"}).exit_code, 0);
  expect_balanced(probe);
  const auto given = [&](const std::string& name) -> std::uint64_t {
    const json exporters = probe.ask_json("ledger").at("exporters");
    for (const json& exporter : exporters) {
      if (exporter.at("name") == name) return exporter.at("exported").at("records");
    }
    return 0;
  };
  ASSERT_TRUE(eventually([&] { return given("late") > 0; }));
  EXPECT_EQ(probe.ask({"exporters", "remove", "late"}).exit_code, 0);
  expect_balanced(probe);
  const std::size_t late_records = json_lines(path("late.json")).size();
  const json removed = probe.ask_json("ledger").at("exporters");
  for (const json& exporter : removed) {
    if (exporter.at("name") == "late (removed)") {
      EXPECT_EQ(exporter.at("exported").at("records"), late_records) << "flushed and closed";
    }
  }
  sending.signal(SIGINT);
  const Finished sent = sending.wait(seconds(60));
  EXPECT_EQ(sent.exit_code, 0) << sent.err;
  const json made = json::parse(sent.out, nullptr, false);
  ASSERT_FALSE(made.is_discarded()) << sent.out;
  const std::uint64_t all_packets = made.at("packets");
  ASSERT_TRUE(eventually([&] { return probe.received() == all_packets; })) << all_packets;
  probe.stop();

  const json& ledger = probe.ledger();
  expect_no_loss(ledger.at("lost"));
  const std::uint64_t counted = packets_of(ledger.at("counted"));
  EXPECT_EQ(packets_of(ledger.at("received")),
            counted + packets_of(ledger.at("filtered_out")) + packets_of(ledger.at("sampled_out")));
  EXPECT_GT(packets_of(ledger.at("filtered_out")), 0U);
  EXPECT_GT(packets_of(ledger.at("sampled_out")), 0U);
  const auto by_rate = packets_by_rate("all.json");
  std::uint64_t exported = 0;
  for (const auto& [rate, packets] : by_rate) exported += packets;
  EXPECT_EQ(exported, counted) << "every packet that was counted is in a record";
  EXPECT_TRUE(by_rate.contains(1) && by_rate.contains(2) && by_rate.contains(4)) << by_rate.size();
  EXPECT_GT(late_records, 0U);
  EXPECT_EQ(json_lines(path("late.json")).size(), late_records) << "nothing after it was removed";
  bool named = false;
  for (const json& record : json_lines(path("last.json"))) {
    EXPECT_TRUE(record.contains("src_as")) << record;
    named |= record.value("in_if_name", "") == "uplink";
  }
  EXPECT_TRUE(named);
}

TEST_F(Reconfiguration, EndsWhatAShorterTimeoutSaysIsOverAndSaysWhen) {
  const Wire wire = memif();
  Probe probe(folder_, wire, {"--export", "json:" + path("flows.json"), "--idle-timeout", "1h"});
  const Finished sent = run(generator(wire, {"--flows", "3000", "--rate", "100000", "--packets", "6000"}), seconds(60));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  ASSERT_TRUE(eventually([&] { return probe.received() == 6000; }));
  EXPECT_TRUE(json_lines(path("flows.json")).empty());
  const auto begin = Clock::now();
  expect_applied(probe, "idle_timeout: \"1ms\"");
  EXPECT_TRUE(eventually([&] { return probe.ask_json("ledger").at("drained").at("packets") == 6000; }));
  expect_balanced(probe);
  for (const json& exporter : probe.ask_json("ledger").at("exporters")) {
    const auto since = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
    EXPECT_LE(exporter.at("lateness").at("greatest_ms"), static_cast<std::uint64_t>(since.count()))
        << "due at the change, not before it";
  }
  probe.stop();
  EXPECT_EQ(packets_in("flows.json"), 6000U);
}

TEST_F(Reconfiguration, RefusesAsAWholeRollsBackAndRemembersAcrossARestart) {
  const Wire wire = memif();
  const Arguments options = {"--config", path("weir.conf"), "--state", path("state")};
  write("weir.conf", "active_timeout: \"60s\"\n");
  {
    Probe probe(folder_, wire, options);
    const Finished refused = apply(probe, "idle_timeout: \"5s\" workers: 2 layer: \"outer\"");
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_NE(refused.out.find("nothing is changed: needs a restart: workers, layer"), std::string::npos)
        << refused.out;
    const Finished wrong = apply(probe, "idle_timeout: \"5s\"\nfilter: \"tpc\"");
    EXPECT_EQ(wrong.exit_code, 2);
    EXPECT_NE(wrong.err.find("new.conf:2:"), std::string::npos) << wrong.err;
    EXPECT_EQ(apply(probe, "prefixes: \"/no/such/file\" idle_timeout: \"5s\"").exit_code, 1);
    EXPECT_EQ(apply(probe, "idle_timeout: \"5s\"", {"--dry-run"}).exit_code, 0);
    Finished shown = probe.ask({"config", "show"});
    EXPECT_NE(shown.out.find("idle_timeout: \"30s\"  # default\n"), std::string::npos) << shown.out;
    EXPECT_NE(shown.out.find("active_timeout: \"60s\"\n"), std::string::npos) << shown.out;

    // SIGHUP: a broken file changes nothing.
    write("weir.conf", "active_timeout: \"7");
    probe.signal(SIGHUP);
    EXPECT_TRUE(probe.wait_for_error_text("unexpected end of string", seconds(10)));
    write("weir.conf", "active_timeout: \"70s\"\n");
    probe.signal(SIGHUP);
    EXPECT_TRUE(probe.wait_for_error_text("active_timeout: 60s -> 70s", seconds(10)));
    EXPECT_EQ(probe.ask({"log", "warning"}).exit_code, 0);
    expect_applied(probe, "idle_timeout: \"5s\"");
    const Finished history = probe.ask({"config", "history"});
    EXPECT_NE(history.out.find("(uid " + std::to_string(geteuid()) + ", pid "), std::string::npos) << history.out;
    EXPECT_EQ(history.out.find("pid -1"), std::string::npos) << history.out;
    probe.stop();
  }
  Probe probe(folder_, wire, options);
  EXPECT_EQ(probe.ask({"config", "rollback", "1"}).exit_code, 0);
  const Finished shown = probe.ask({"config", "show"});
  EXPECT_NE(shown.out.find("active_timeout: \"60s\"\n"), std::string::npos) << shown.out;
  const Finished history = probe.ask({"config", "history"});
  EXPECT_NE(history.out.find("5  "), std::string::npos) << history.out;
  EXPECT_EQ(probe.ask({"config", "rollback", "99"}).exit_code, 1) << "another weir may have such an entry";
  EXPECT_EQ(probe.ask({"exporters", "remove", "nobody"}).exit_code, 1);
  EXPECT_EQ(probe.ask({"exporters", "pause", "nobody"}).exit_code, 1);
  expect_balanced(probe);
  probe.stop();
}

}  // namespace
}  // namespace weir::test
