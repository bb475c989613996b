// The probe of --input psample from start to stop, with a stand-in for the kernel: a pair of datagram sockets.
#include "control/probe/sample_probe.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/config/config.h"
#include "control/config/file.h"
#include "control/probe/change_history.h"
#include "control/probe/reconfiguration.h"
#include "control/probe/sample_clock.h"
#include "control/probe/silence_watch.h"
#include "proto/schema/report_text.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"
#include "tests/support/psample_messages.h"
#include "tests/support/temporary_folder.h"

namespace weir::test::sample_probe_test {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kLimit{20};

Bytes packet_of(unsigned port) {
  return packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(port, 53).payload(100).bytes();
}

class SampleProbeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
    kernel_ = UniqueFd(ends[0]);
    weir_ = UniqueFd(ends[1]);
  }
  Settings settings(const std::string& more = {}) {
    const std::string text = "input: \"psample\" export: \"json:" + flows_ + "\" ledger: \"" + folder_.path("ledger") +
                             "\" socket: \"" + folder_.path("weir.sock") + "\" max_flows: 1000 " + more;
    config_ = parse_config(text, "f").value().config;
    return validate(config_, Command::run).value();
  }
  tl::expected<std::unique_ptr<PsampleSource>, std::string> open(const Settings& settings) {
    return std::make_unique<PsampleSource>(std::make_unique<PsampleSocket>(std::move(weir_), kPsampleFamily),
                                           kPsampleFamily, settings.input_source.groups, settings.frame_filter);
  }
  /// Who changes a probe with these settings.
  Reconfiguration& desk(const Settings& settings) {
    GivenConfig given;
    given.options.config = given.all = config_;
    return desk_.emplace(settings, effective_config(settings), given, *ChangeHistory::open(""));
  }
  v1::ChangeReply apply(const std::string& text) {
    v1::ChangeRequest request;
    request.set_text(text);
    request.set_how("apply");
    const auto reply = desk_->change(request, {7, 70});
    EXPECT_TRUE(reply) << reply.error().what;
    return reply.value_or(v1::ChangeReply());
  }
  void send(const Bytes& message) const {
    ASSERT_EQ(::send(kernel_.get(), message.data(), message.size(), 0), static_cast<ssize_t>(message.size()));
  }
  static bool eventually(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + kLimit;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  std::vector<json> flows() const {
    std::vector<json> found;
    std::ifstream in(flows_);
    for (std::string line; std::getline(in, line);) found.push_back(json::parse(line));
    return found;
  }

  TemporaryFolder folder_;
  std::string flows_ = folder_.path("flows.json");
  v1::Config config_;
  UniqueFd kernel_;
  UniqueFd weir_;
  std::optional<Reconfiguration> desk_;
};

TEST_F(SampleProbeTest, TurnsSamplesIntoRecordsAndBalancesItsLedger) {
  const Settings settings = this->settings();
  ProbeView view(config_, monitor_plans(settings));
  const ProbeSignals signals;
  RecordTap tap;
  SampleProbe probe(settings, view, signals, tap, desk(settings), [this](const Settings& s) { return open(s); });
  const auto started = probe.start();
  ASSERT_TRUE(started) << started.error();
  for (std::uint32_t i = 0; i < 50; ++i) {
    const std::uint32_t group = 1 + i % 2;
    send(KernelSample{packet_of(4000 + i % 5), group, i / 2 + (i >= 40 ? 7 : 0), 100 * group, 2, 1514}.message());
  }
  send(KernelSample{packet().eth().ether_type(0x0806).payload(28).bytes(), 1, 32, 100}.message());
  send({1, 2, 3});
  ASSERT_TRUE(eventually([&] { return view.ledger().input().malformed() == 1; }));

  const v1::Ledger live = view.ledger();
  EXPECT_TRUE(live.balanced());
  EXPECT_EQ(live.received().packets(), 51U);
  EXPECT_EQ(live.received().octets(), 50U * 1514 + 42);
  EXPECT_EQ(live.counted().packets(), 50U);
  EXPECT_EQ(live.rejects().at("ether_type_arp").packets(), 1U);
  EXPECT_EQ(live.input().name(), "psample");
  ASSERT_EQ(live.input().groups_size(), 2);
  EXPECT_EQ(live.input().groups(0).samples().packets(), 26U);
  EXPECT_EQ(live.input().groups(0).missing(), 7U);
  EXPECT_EQ(live.input().groups(1).rate(), 200U);
  EXPECT_NE(ledger_text(live).find("from psample: 51 packets of 2 groups, 14 never came, 1 malformed messages"),
            std::string::npos)
      << ledger_text(live);
  const std::string status = status_text(view.status());
  EXPECT_NE(status.find("\ngroups\n"), std::string::npos) << status;
  EXPECT_NE(status.find("\nworkers\n"), std::string::npos) << status;
  EXPECT_EQ(status.find("\nports\n"), std::string::npos) << status;
  EXPECT_NE(status.find("flows   10 of "), std::string::npos) << status;
  EXPECT_EQ(view.rss().doing(), "taking packets that the kernel samples: there are no ports");

  v1::FlowsRequest request;
  const auto listed = view.flows(request, [] { return false; });
  ASSERT_TRUE(listed) << listed.error();
  EXPECT_EQ(listed->flows_size(), 10);

  EXPECT_EQ(probe.stop(), 0);
  const json ledger = json::parse(contents(folder_.path("ledger")));
  EXPECT_TRUE(ledger.at("balanced"));
  EXPECT_EQ(ledger.at("counted").at("packets"), 50);
  EXPECT_EQ(ledger.at("input").at("groups").at(1).at("missing"), 7);
  const std::vector<json> flows = this->flows();
  ASSERT_EQ(flows.size(), 10U);
  for (const json& flow : flows) {
    EXPECT_EQ(flow.at("packets"), 5);
    EXPECT_EQ(flow.at("sampling_rate"), 100 * flow.at("psample_group").get<int>());
    EXPECT_EQ(flow.at("in_if"), 2);
    EXPECT_EQ(flow.at("end_reason"), 4);
    EXPECT_FALSE(flow.contains("psample_queue"));
  }
}

TEST_F(SampleProbeTest, ServesSeveralMonitorsWithTheirFilters) {
  const Settings settings = this->settings(
      "filter: \"udp\" frame_filter: \"not port 5\" monitor { name: \"a\" } "
      "monitor { name: \"b\" key: \"src_addr\" filter: \"port 4001\" }");
  ProbeView view(config_, monitor_plans(settings));
  const ProbeSignals signals;
  RecordTap tap;
  SampleProbe probe(settings, view, signals, tap, desk(settings), [this](const Settings& s) { return open(s); });
  ASSERT_TRUE(probe.start());
  for (const unsigned port : {4000U, 4001U, 4001U, 5U}) send(KernelSample{packet_of(port)}.message());
  ASSERT_TRUE(eventually([&] { return view.ledger().received().packets() == 4; }));
  EXPECT_EQ(view.ledger().frame_filtered_out().packets(), 1U);
  EXPECT_EQ(probe.stop(), 0);
  const json ledger = json::parse(contents(folder_.path("ledger")));
  EXPECT_TRUE(ledger.at("balanced"));
  std::map<std::string, std::uint64_t> packets;
  for (const json& flow : flows()) packets[flow.at("monitor")] += flow.at("packets").get<std::uint64_t>();
  EXPECT_EQ(packets, (std::map<std::string, std::uint64_t>{{"a", 3}, {"b", 2}}));
}

TEST_F(SampleProbeTest, ChangesFilterKeyMetricsAndExportersWhileItRuns) {
  const Settings settings = this->settings();
  ProbeView view(config_, monitor_plans(settings));
  const ProbeSignals signals;
  RecordTap tap;
  SampleProbe probe(settings, view, signals, tap, desk(settings), [this](const Settings& s) { return open(s); });
  ASSERT_TRUE(probe.start());
  std::uint32_t sent = 0;
  const auto send_some = [&] {
    for (const unsigned port : {4000U, 4001U, 4001U}) send(KernelSample{packet_of(port), 1, sent++}.message());
    EXPECT_TRUE(eventually([&] { return view.ledger().received().packets() == sent; }));
    EXPECT_TRUE(view.ledger().balanced());
  };
  send_some();
  EXPECT_TRUE(apply("key: \"src_addr\" metrics: \"lengths\" max_flows: 2000").applied());
  EXPECT_EQ(view.status().capacity(), 2000U);
  send_some();
  const std::string more = folder_.path("more.json");
  EXPECT_TRUE(apply("filter: \"port 4001\" export: \"json:" + flows_ + "\" export: \"json:" + more + "\"").applied());
  send_some();
  EXPECT_EQ(view.ledger().filtered_out().packets(), 1U);
  EXPECT_EQ(probe.stop(), 0);

  const json ledger = json::parse(contents(folder_.path("ledger")));
  EXPECT_TRUE(ledger.at("balanced"));
  EXPECT_EQ(ledger.at("counted").at("packets"), 8);
  std::multimap<std::uint64_t, std::pair<std::uint64_t, bool>> records;  // packets and whether measured, by source port
  for (const json& flow : flows()) {
    records.emplace(flow.at("src_port"),
                    std::pair(flow.at("packets").get<std::uint64_t>(), flow.contains("length_min")));
  }
  EXPECT_EQ(records, (std::multimap<std::uint64_t, std::pair<std::uint64_t, bool>>{
                         {0, {3, true}}, {4000, {1, false}}, {4001, {2, false}}, {4001, {2, false}}}));
  EXPECT_NE(contents(more).find("\"src_port\":4001"), std::string::npos);
}

TEST_F(SampleProbeTest, ThatCannotStartChangesNoFile) {
  write_file(flows_, std::vector<std::uint8_t>{'x'});
  const Settings settings = this->settings();
  ProbeView view(config_, monitor_plans(settings));
  const ProbeSignals signals;
  RecordTap tap;
  SampleProbe probe(settings, view, signals, tap, desk(settings),
                    [](const Settings&) -> tl::expected<std::unique_ptr<PsampleSource>, std::string> {
                      return tl::unexpected(std::string("no kernel"));
                    });
  const auto started = probe.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error(), "no kernel");
  EXPECT_EQ(contents(flows_), "x");
}

TEST(SilenceWatch, TellsOnceThatNothingCame) {
  PsampleTotals none;
  SilenceWatch watch;
  for (unsigned i = 1; i < SilenceWatch::kLooks; ++i) EXPECT_FALSE(watch.look(none)) << i;
  const auto told = watch.look(none);
  ASSERT_TRUE(told);
  EXPECT_NE(told->find("no packet has come for 10 s: something has to sample in this network namespace"),
            std::string::npos)
      << *told;
  EXPECT_FALSE(watch.look(none)) << "once";

  PsampleTotals others;
  others.other_groups = 1;
  SilenceWatch named;
  for (unsigned i = 1; i < SilenceWatch::kLooks; ++i) EXPECT_FALSE(named.look(others));
  EXPECT_NE(named.look(others).value_or("").find("of other groups"), std::string::npos);

  PsampleTotals some;
  some.groups.emplace_back();
  SilenceWatch content;
  EXPECT_FALSE(content.look(some));
  for (unsigned i = 0; i <= SilenceWatch::kLooks; ++i) EXPECT_FALSE(content.look(none));
}

TEST(SampleClock, FollowsTheWallButNeverStandsStillOrRunsBack) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  SampleClock clock;
  EXPECT_EQ(clock.at(1000 * kSecond, 5 * kSecond), 1000 * kSecond);
  EXPECT_EQ(clock.at(1001 * kSecond, 6 * kSecond), 1001 * kSecond);
  EXPECT_EQ(clock.at(5000 * kSecond, 7 * kSecond), 5000 * kSecond) << "set forward";
  EXPECT_EQ(clock.at(2 * kSecond, 9 * kSecond), 5001 * kSecond) << "set back: half the pace";
  EXPECT_EQ(clock.at(5000 * kSecond, 9 * kSecond), 5001 * kSecond);
}

}  // namespace
}  // namespace weir::test::sample_probe_test
