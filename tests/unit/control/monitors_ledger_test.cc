// The ledger of several monitors, as a function of values: each has equations of its own, and an exporter answers for
// the monitors whose records it gets. All expected numbers are worked out by hand.
#include <gtest/gtest.h>

#include "control/ledger/ledger_output.h"
#include "control/ledger/ledger_report.h"
#include "dataplane/packet/reject.h"
#include "proto/schema/monitors_text.h"
#include "proto/schema/report_text.h"

namespace weir::monitors_ledger_test {
namespace {

/// Two workers that received 60 and 40 frames of 100 octets; 10 of the first were rejected. Monitor "all" counts 90:
/// the first worker hands 5 to the second. Monitor "wide" filters 30 out and counts 60, all at the first worker.
std::vector<WorkerCounters> workers() {
  std::vector<WorkerCounters> all(2);
  all[0].received = {60, 6'000};
  all[0].rejects[3] = {10, 1'000};
  all[0].offered = {50, 5'000};
  all[1].received = all[1].offered = {40, 4'000};
  all[0].handed_over = all[1].taken_over = {5, 500};
  all[0].counted = {45, 4'500};
  all[0].counted_ip_octets = 3'600;
  all[0].in_table = {1, 15, 1'200};
  all[0].emitted = {3, 30, 2'400};
  all[1].counted = {45, 4'500};
  all[1].counted_ip_octets = 3'600;
  all[1].emitted = {4, 45, 3'600};
  FlowCounters wide;
  wide.filtered_out = {20, 2'000};
  wide.taken_over = {30, 3'000};
  wide.counted = {60, 6'000};
  wide.counted_ip_octets = 4'800;
  wide.emitted = {2, 60, 4'800};
  wide.flows_created = 2;
  all[0].further.push_back(wide);
  FlowCounters away;
  away.filtered_out = {10, 1'000};
  away.handed_over = {30, 3'000};
  all[1].further.push_back(away);
  return all;
}

ExporterSnapshot exporter(const char* name, std::uint32_t monitors, const RecordTotals& drained) {
  ExporterSnapshot snapshot;
  snapshot.name = snapshot.uri = name;
  snapshot.state = "up";
  snapshot.monitors = monitors;
  snapshot.drained = snapshot.exported = drained;
  return snapshot;
}

/// By ring: monitor all at worker 0 and 1, then wide.
DrainTotals totals() {
  DrainTotals totals;
  totals.drained = {{3, 30, 2'400}, {4, 45, 3'600}, {2, 60, 4'800}, {0, 0, 0}};
  totals.further_overflow.resize(1);
  totals.exporters = {exporter("json:a", 1, {7, 75, 6'000}), exporter("json:w", 2, {2, 60, 4'800}),
                      exporter("json:both", 3, {9, 135, 10'800})};
  return totals;
}

v1::Ledger ledger_of(const std::vector<WorkerCounters>& counters, const DrainTotals& drained) {
  return make_whole_ledger({"all", "wide"}, counters, drained, {}, false);
}

std::string violations(const v1::Ledger& ledger) {
  std::string all;
  for (const std::string& one : ledger.violations()) all += one + "\n";
  return all;
}

TEST(MonitorsLedger, OfEachBalancesByItself) {
  const v1::Ledger ledger = ledger_of(workers(), totals());
  EXPECT_TRUE(ledger.balanced()) << violations(ledger);
  EXPECT_EQ(ledger.received().packets(), 100U) << "not once for each monitor";
  EXPECT_EQ(ledger.counted().packets(), 150U) << "the sum over the monitors";
  ASSERT_EQ(ledger.monitors_size(), 2);
  const v1::MonitorLedger& all = ledger.monitors(0);
  EXPECT_EQ(all.name(), "all");
  EXPECT_EQ(all.offered().packets(), 90U);
  EXPECT_EQ(all.counted().packets(), 90U);
  EXPECT_EQ(all.in_table().packets(), 15U);
  EXPECT_EQ(all.drained().records(), 7U);
  EXPECT_TRUE(all.balanced());
  const v1::MonitorLedger& wide = ledger.monitors(1);
  EXPECT_EQ(wide.offered().packets(), 90U);
  EXPECT_EQ(wide.counted().packets(), 60U);
  EXPECT_EQ(wide.filtered_out().packets(), 30U);
  EXPECT_EQ(wide.workers(0).taken_over().packets(), 30U);
  EXPECT_EQ(wide.drained().packets(), 60U);
  ASSERT_EQ(ledger.workers_size(), 2);
  EXPECT_EQ(ledger.workers(0).received().packets(), 60U);
  EXPECT_EQ(ledger.workers(1).handed_over().packets(), 30U);
}

TEST(MonitorsLedger, NamesTheMonitorWhoseEquationDoesNotHold) {
  std::vector<WorkerCounters> counters = workers();
  counters[0].further[0].counted.packets += 1;
  const v1::Ledger ledger = ledger_of(counters, totals());
  EXPECT_FALSE(ledger.balanced());
  EXPECT_TRUE(ledger.monitors(0).balanced());
  EXPECT_FALSE(ledger.monitors(1).balanced());
  ASSERT_EQ(ledger.violations_size(), 2) << "the packets of the first and of the second equation";
  EXPECT_EQ(ledger.violations(0).rfind("monitor wide, worker 0: packets received + taken over = ", 0), 0U)
      << ledger.violations(0);
}

TEST(MonitorsLedger, HoldsAnExporterAgainstTheMonitorsWhoseRecordsItGets) {
  DrainTotals drained = totals();
  drained.exporters[1].monitors = 1;
  const v1::Ledger ledger = ledger_of(workers(), drained);
  EXPECT_FALSE(ledger.balanced());
  EXPECT_NE(violations(ledger).find("json:w: records offered = drained: 2 is not 7"), std::string::npos)
      << violations(ledger);
}

TEST(MonitorsLedger, OfOneWithoutANameReadsAsEver) {
  std::vector<WorkerCounters> counters = workers();
  counters[0].further = counters[1].further = {};
  DrainTotals drained = totals();
  drained.exporters.resize(1);
  const v1::Ledger ledger = make_whole_ledger({}, counters, drained, {}, false);
  EXPECT_TRUE(ledger.balanced()) << violations(ledger);
  EXPECT_EQ(ledger.monitors_size(), 0);
  EXPECT_EQ(ledger.counted().packets(), 90U);
  EXPECT_EQ(ledger_text(ledger).find("monitor"), std::string::npos);
}

TEST(MonitorsLedger, IsPrintedMonitorByMonitor) {
  const v1::Ledger ledger = ledger_of(workers(), totals());
  const std::string text = ledger_text(ledger);
  EXPECT_EQ(text.rfind("1  every frame (frame octets)\n", 0), 0U) << text;
  for (const char* part :
       {"=  offered to each monitor", "   monitor all: balanced\n", "   monitor wide: balanced\n", "+  filtered out"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  EXPECT_EQ(ledger_summary(ledger).rfind("100 packets: 10 rejected (10 vlan_too_deep); all: 90 counted in 7 flow "
                                         "records; wide: 60 counted in 2 flow records, 30 filtered out (--filter); the "
                                         "ledger balances",
                                         0),
            0U)
      << ledger_summary(ledger);
}

TEST(MonitorsText, HasALineForEachAndTheOptionsMakeOneWithTheLedgersCounts) {
  v1::StatusReply status;
  status.mutable_config()->set_key("5tuple");
  status.set_flows(5);
  status.set_capacity(100);
  status.set_evictions(7);
  v1::Ledger ledger;
  ledger.mutable_counted()->set_packets(54);
  ledger.mutable_drained()->set_records(3);
  ledger.add_exporters()->set_name("core");
  const v1::MonitorStatus plain = plain_monitor(status, ledger);
  EXPECT_EQ(plain.name(), "(the options)");
  EXPECT_EQ(plain.key(), "5tuple");
  EXPECT_EQ(plain.packets(), 54U);
  EXPECT_EQ(plain.records(), 3U);
  EXPECT_EQ(plain.evictions(), 7U);
  EXPECT_EQ(plain.exporters(0), "core");
  v1::MonitorStatus& wide = *status.add_monitors();
  wide.set_name("wide");
  wide.set_key("src_addr/24");
  wide.set_packets(1234567);
  const std::string text = monitors_text(status);
  EXPECT_EQ(text.find("(the options)"), std::string::npos);
  EXPECT_NE(text.find("wide     src_addr/24"), std::string::npos) << text;
  EXPECT_NE(text.find("  1,234,567        0"), std::string::npos) << text;
}

}  // namespace
}  // namespace weir::monitors_ledger_test
