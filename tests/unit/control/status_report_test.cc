// The replies of status and rss as functions of values.
#include "control/probe/status_report.h"

#include <gtest/gtest.h>

namespace weir::status_report_test {
namespace {

TEST(MakeStatus, OfAProbeThatStartsSaysWhatItIsDoing) {
  const v1::StatusReply reply = make_status({Phase::starting, touching_text(250'000'000, 1'000'000'000)}, 2.5);
  EXPECT_EQ(reply.phase(), "starting");
  EXPECT_EQ(reply.doing(), "touching the flow table's memory, 25 % of 1.00 GB");
  EXPECT_EQ(reply.ledger(), "none");
  EXPECT_TRUE(reply.balanced());
  EXPECT_EQ(reply.uptime_s(), 2.5);
  EXPECT_EQ(reply.workers_size(), 0);
  EXPECT_FALSE(reply.version().empty());
}

/// Two workers: 3 and 4 flows of 10 and 20, one port, one exporter.
class RunningStatus : public testing::Test {
 protected:
  RunningStatus() {
    moment_.counters.resize(2);
    moment_.counters[0].in_table = {3, 30, 300};
    moment_.counters[1].in_table = {4, 40, 400};
    moment_.counters[0].evictions = 5;
    moment_.counters[1].evictions = 6;
    moment_.counters[0].overflowed = 7;
    moment_.counters[1].overflowed = 8;
    moment_.counters[0].sampling_level = 1;
    moment_.counters[1].sampling_level = 4;
    moment_.totals.overflow.held.records = 9;
    values_.moment = &moment_;
    values_.workers = {{2, 10, "poll"}, {3, 20, "pause"}};
    values_.when_full = "sample";
    values_.hugepages = true;
    values_.rates.workers = {{1'000, 8'000, 0.75, 0.5, 0.25}, {333, 2'664, 0.25, 0.1, 0.9}};
    values_.rates.skew = 1.5;
    values_.flood = {true, 100, 20, 16};
    values_.ledger.set_balanced(false);
    values_.ledger.set_state("unbalanced");
    values_.ledger.add_exporters()->set_uri("json:f");
    dpdk::PortInfo port;
    port.name = "net_memif0";
    port.link_up = true;
    port.queues = 2;
    port.numa_node = -1;
    values_.ports = {port};
  }
  v1::StatusReply reply() {
    v1::StatusReply reply = make_status({Phase::running, ""}, 1);
    add_running_status(reply, values_);
    return reply;
  }

  Moment moment_;
  StatusValues values_;
};

TEST_F(RunningStatus, SumsOverTheWorkers) {
  const v1::StatusReply status = reply();
  EXPECT_EQ(status.phase(), "running");
  EXPECT_EQ(status.flows(), 7U);
  EXPECT_EQ(status.capacity(), 30U);
  EXPECT_EQ(status.evictions(), 11U);
  EXPECT_EQ(status.overflowed(), 15U);
  EXPECT_EQ(status.overflow_flows(), 9U);
  EXPECT_EQ(status.sampling_rate(), 16U) << "the coarsest of the workers: 2^4";
  EXPECT_EQ(status.when_full(), "sample");
  EXPECT_EQ(status.queue_skew(), 1.5);
  EXPECT_TRUE(status.hugepages());
}

TEST_F(RunningStatus, HasEachWorkerWithItsRates) {
  const v1::StatusReply status = reply();
  ASSERT_EQ(status.workers_size(), 2);
  const v1::WorkerStatus& one = status.workers(1);
  EXPECT_EQ(one.worker(), 1U);
  EXPECT_EQ(one.core(), 3);
  EXPECT_EQ(one.idle(), "pause");
  EXPECT_EQ(one.flows(), 4U);
  EXPECT_EQ(one.capacity(), 20U);
  EXPECT_EQ(one.packets_per_second(), 333U);
  EXPECT_EQ(one.frame_bits_per_second(), 2'664U);
  EXPECT_EQ(one.share(), 0.25);
  EXPECT_EQ(one.busy(), 0.1);
  EXPECT_EQ(one.asleep(), 0.9);
  EXPECT_EQ(one.silent_seconds(), 0);
}

TEST_F(RunningStatus, SaysForHowLongAWorkerHasNotPolled) {
  values_.silences = {std::chrono::milliseconds(0), std::chrono::milliseconds(3500)};
  const v1::StatusReply status = reply();
  EXPECT_EQ(status.workers(0).silent_seconds(), 0);
  EXPECT_EQ(status.workers(1).silent_seconds(), 3.5);
}

TEST_F(RunningStatus, HasWorkersWithoutRatesInTheFirstSecond) {
  values_.rates = {};
  const v1::StatusReply status = reply();
  ASSERT_EQ(status.workers_size(), 2);
  EXPECT_EQ(status.workers(0).packets_per_second(), 0U);
  EXPECT_EQ(status.workers(0).flows(), 3U);
}

TEST_F(RunningStatus, HasNoFlowsBeforeTheFirstWholeMoment) {
  values_.moment = nullptr;
  values_.ledger = {};
  values_.ledger.set_balanced(true);
  values_.ledger.set_state("none");
  const v1::StatusReply status = reply();
  EXPECT_EQ(status.flows(), 0U);
  EXPECT_EQ(status.capacity(), 30U);
  EXPECT_EQ(status.ledger(), "none");
}

TEST_F(RunningStatus, TakesTheVerdictAndTheExportersFromTheLedger) {
  EXPECT_FALSE(reply().balanced());
  EXPECT_EQ(reply().ledger(), "unbalanced");
  ASSERT_EQ(reply().exporters_size(), 1);
  EXPECT_EQ(reply().exporters(0).uri(), "json:f");
  values_.ledger.set_balanced(true);
  values_.ledger.set_state("stale");
  values_.ledger.set_stale_since_ns(1'700'000'000'000'000'000);
  EXPECT_TRUE(reply().balanced());
  EXPECT_EQ(reply().ledger(), "stale");
  EXPECT_EQ(reply().stale_since_ns(), 1'700'000'000'000'000'000U);
}

TEST_F(RunningStatus, TellsOfPortsAndOfASuspectedFlood) {
  const v1::StatusReply status = reply();
  ASSERT_EQ(status.ports_size(), 1);
  EXPECT_EQ(status.ports(0).name(), "net_memif0");
  EXPECT_TRUE(status.ports(0).link_up());
  EXPECT_EQ(status.ports(0).queues(), 2U);
  EXPECT_EQ(status.ports(0).numa_node(), -1);
  EXPECT_TRUE(status.hash_flooding().suspected());
  EXPECT_EQ(status.hash_flooding().far_inserts(), 100U);
  EXPECT_EQ(status.hash_flooding().far_inserts_recent(), 20U);
  EXPECT_EQ(status.hash_flooding().longest_probe(), 16U);
}

TEST(MakeLiveLedger, OfAMomentThatIsNowIsBalancedOrNot) {
  Moment moment;
  moment.wall_ns = 1'700'000'000'000'000'000;
  moment.counters.resize(1);
  moment.totals.drained.resize(1);
  const v1::Ledger good = make_live_ledger(moment, false, {}, {Phase::running, ""});
  EXPECT_EQ(good.state(), "balanced");
  EXPECT_EQ(good.stale_since_ns(), 0U);
  EXPECT_EQ(good.doing(), "");
  moment.counters[0].received = {1, 60};
  const v1::Ledger bad = make_live_ledger(moment, false, {}, {Phase::running, ""});
  EXPECT_EQ(bad.state(), "unbalanced");
  EXPECT_FALSE(bad.balanced());
}

TEST(MakeLiveLedger, OfAnEarlierMomentIsStaleSinceThen) {
  Moment moment;
  moment.wall_ns = 1'700'000'000'000'000'000;
  moment.counters.resize(1);
  moment.totals.drained.resize(1);
  const v1::Ledger ledger = make_live_ledger(moment, true, {}, {Phase::stopping, "emptying the flow table"});
  EXPECT_EQ(ledger.state(), "stale");
  EXPECT_TRUE(ledger.balanced()) << "it did then";
  EXPECT_EQ(ledger.stale_since_ns(), 1'700'000'000'000'000'000U);
  EXPECT_EQ(ledger.doing(), "stopping: emptying the flow table");
}

TEST(MakeLiveLedger, BeforeTheFirstWholeMomentHasNothingToBalance) {
  const v1::Ledger ledger = make_live_ledger(std::nullopt, true, {}, {Phase::starting, "starting the ports"});
  EXPECT_EQ(ledger.state(), "none");
  EXPECT_EQ(ledger.stale_since_ns(), 0U);
  EXPECT_EQ(ledger.doing(), "starting: starting the ports");
}

TEST(MakeRss, IsWellWhereConversationsMeetOrWorkersHandOver) {
  dpdk::RssReport report;
  report.split_between_ports = 3;
  dpdk::RssPortReport port;
  port.name = "a";
  port.conversations = 64;
  port.split = 2;
  port.queue_packets = {10, 20};
  port.known_by_queue = {30, 34};
  report.ports = {port};
  const v1::RssReply split = make_rss(report, false);
  EXPECT_FALSE(split.ok());
  EXPECT_FALSE(split.meets());
  EXPECT_EQ(split.split_between_ports(), 3U);
  ASSERT_EQ(split.ports_size(), 1);
  EXPECT_EQ(split.ports(0).split(), 2U);
  EXPECT_EQ(split.ports(0).queue_packets(1), 20U);
  EXPECT_EQ(split.ports(0).known_by_queue(0), 30U);
  EXPECT_EQ(split.doing(), "");
  EXPECT_TRUE(make_rss(report, true).ok());
  report.meets = true;
  EXPECT_TRUE(make_rss(report, false).ok());
}

TEST(MakeRss, OfAProbeThatStartsSaysSoAndNotThatConversationsAreSplit) {
  const v1::RssReply reply = make_rss_without_ports({Phase::starting, "starting the ports"});
  EXPECT_EQ(reply.doing(), "starting: starting the ports");
  EXPECT_FALSE(reply.ok());
}

TEST(MakePortLedgers, PutsEachPortsCountersBesideItsName) {
  dpdk::PortInfo a;
  a.name = "a";
  a.driver = "net_memif";
  dpdk::PortInfo b;
  b.name = "b";
  const auto ledgers = make_port_ledgers({a, b}, {{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}});
  ASSERT_EQ(ledgers.size(), 2U);
  EXPECT_EQ(ledgers[0].name(), "a");
  EXPECT_EQ(ledgers[0].driver(), "net_memif");
  EXPECT_EQ(ledgers[0].imissed(), 3U);
  EXPECT_EQ(ledgers[1].ipackets(), 6U);
  EXPECT_EQ(ledgers[1].rx_nombuf(), 10U);
}

}  // namespace
}  // namespace weir::status_report_test
