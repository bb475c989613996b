// The ledger as a function of values: each equation, by itself, held and broken; the sums; what is shown of counts that
// do not fit. All expected numbers are worked out by hand.
#include "control/ledger/ledger_report.h"

#include <gtest/gtest.h>

#include "dataplane/loss.h"
#include "dataplane/metric/missing_facts.h"
#include "dataplane/packet/reject.h"

namespace weir::ledger_report_test {
namespace {

constexpr std::size_t kSomeReject = 3;

/// A worker of which all equations hold. It received 100 frames of 100 octets and took 10 over. Of these 110: 80
/// counted, 5 sampled out, 3 filtered out by flow and 2 by frame, 1 duplicate, 4 rejected, 12 handed over, 3 lost
/// between workers.
/// The 80 have 80 IP octets each: 20 in the table, 1 lost, 59 emitted; the drain took 50 of them.
WorkerAccount worker() {
  WorkerAccount account;
  WorkerCounters& c = account.counters;
  c.received = {100, 10'000};
  c.taken_over = {10, 1'000};
  c.counted = {80, 8'000};
  c.sampled_out = {5, 500};
  c.filtered_out = {3, 300};
  c.frame_filtered_out = {2, 200};
  c.duplicate = {1, 100};
  c.rejects[kSomeReject] = {4, 400};
  c.handed_over = {12, 1'200};
  c.handover_full = {3, 300};
  c.counted_ip_octets = 6'400;
  c.in_table = {4, 20, 1'600};
  c.lost[0] = {1, 1, 80};
  c.emitted = {7, 59, 4'720};
  account.drained = {5, 50, 4'000};
  return account;
}

/// An exporter for which equation 3 holds, and which was offered `offered`.
ExporterSnapshot exporter(const RecordTotals& offered) {
  ExporterSnapshot snapshot;
  snapshot.name = snapshot.uri = "json:f";
  snapshot.state = "up";
  snapshot.drained = offered;
  snapshot.queued = {1, 2, 3};
  snapshot.lost = {{"queue_full", {1, 4, 5}}};
  snapshot.exported = offered - RecordTotals{2, 6, 8};
  return snapshot;
}

std::string violations(const v1::Ledger& ledger) {
  std::string all;
  for (const std::string& one : ledger.violations()) all += one + "\n";
  return all;
}

/// That exactly one equation is broken, and that its text has `what` with both sides.
void expect_violation(const v1::Ledger& ledger, const std::string& what) {
  EXPECT_FALSE(ledger.balanced());
  EXPECT_EQ(ledger.state(), "unbalanced");
  ASSERT_EQ(ledger.violations_size(), 1) << violations(ledger);
  EXPECT_NE(ledger.violations(0).find(what), std::string::npos) << ledger.violations(0);
}

v1::Ledger of_one(const WorkerAccount& account) {
  return make_ledger({account}, {}, {}, false);
}

TEST(MakeLedger, HoldsWhatWasExportedAgainstWhatEachConnectionAcknowledged) {
  const WorkerAccount one = worker();
  ExporterSnapshot snapshot = exporter(one.drained);
  ConnectionCount first;
  first.first = first.last = 1;
  first.exported = {1, 7, 80};
  first.unacknowledged = {9, 8, 7};
  first.ended = "gone";
  ConnectionCount second;
  second.first = second.last = 2;
  second.exported = snapshot.exported - first.exported;
  second.open = true;
  snapshot.connections = {first, second};
  const v1::Ledger ledger = make_ledger({one}, {snapshot}, {}, false);
  EXPECT_TRUE(ledger.balanced()) << violations(ledger);
  ASSERT_EQ(ledger.exporters(0).connections_size(), 2);
  EXPECT_EQ(ledger.exporters(0).connections(0).last(), 1U);
  EXPECT_EQ(ledger.exporters(0).connections(0).exported().octets(), 80U);
  EXPECT_EQ(ledger.exporters(0).connections(0).unacknowledged().records(), 9U);
  EXPECT_EQ(ledger.exporters(0).connections(0).ended(), "gone");
  EXPECT_TRUE(ledger.exporters(0).connections(1).open());

  ++snapshot.connections[1].exported.records;
  expect_violation(make_ledger({one}, {snapshot}, {}, false), "records exported = acknowledged on its connections");
}

TEST(MakeLedger, BalancesWhereTheEquationsHold) {
  const WorkerAccount one = worker();
  const v1::Ledger ledger = make_ledger({one}, {exporter(one.drained)}, {}, false);
  EXPECT_TRUE(ledger.balanced()) << violations(ledger);
  EXPECT_EQ(ledger.state(), "balanced");
  EXPECT_EQ(ledger.stale_since_ns(), 0U);
  EXPECT_TRUE(ledger.workers(0).balanced());
  EXPECT_TRUE(ledger.exporters(0).balanced());
  EXPECT_EQ(ledger.in_rings().records(), 2U);
  EXPECT_EQ(ledger.in_rings().packets(), 9U);
  EXPECT_EQ(ledger.in_rings().octets(), 720U);
  EXPECT_EQ(ledger.in_handover().packets(), 2U) << "12 handed over, 10 taken over";
  EXPECT_EQ(ledger.in_handover().octets(), 200U);
  EXPECT_EQ(ledger.counted_ip().octets(), 6'400U);
}

TEST(MakeLedger, SumsOverTheWorkers) {
  WorkerAccount other = worker();
  other.counters.received = {1'000, 70'000};
  other.counters.counted = {980, 68'000};
  other.counters.counted_ip_octets = 50'000;
  other.counters.in_table.packets = 920;
  other.counters.in_table.octets = 45'200;
  WorkerAccount first = worker();
  first.counters.missing_facts[0] = 3;
  other.counters.missing_facts[0] = 4;
  const v1::Ledger ledger = make_ledger({first, other}, {}, {}, false);
  EXPECT_TRUE(ledger.balanced()) << violations(ledger);
  EXPECT_EQ(ledger.received().packets(), 1'100U);
  EXPECT_EQ(ledger.received().octets(), 80'000U);
  EXPECT_EQ(ledger.counted().packets(), 1'060U);
  EXPECT_EQ(ledger.rejects().at(std::string(kRejectTexts[kSomeReject].name)).packets(), 8U);
  EXPECT_EQ(ledger.rejects().size(), kRejectCount - 1) << "every name, zeros included";
  EXPECT_EQ(ledger.lost().at(std::string(kLossTexts[0].name)).octets(), 160U);
  EXPECT_EQ(ledger.drained().records(), 10U);
  EXPECT_EQ(ledger.missing_facts().size(), 1U) << "those alone that are missing";
  EXPECT_EQ(ledger.missing_facts().at(std::string(kMissingFactTexts[0].name)), 7U);
  EXPECT_EQ(ledger.workers(1).received().packets(), 1'000U);
}

TEST(MakeLedger, Equation1NamesTheWorkerWhosePacketsAreNotAccountedFor) {
  WorkerAccount lossy = worker();
  ++lossy.counters.received.packets;
  const v1::Ledger ledger = make_ledger({worker(), lossy}, {}, {}, false);
  expect_violation(ledger, "worker 1: packets received + taken over");
  EXPECT_NE(ledger.violations(0).find("111 is not 110"), std::string::npos);
  EXPECT_TRUE(ledger.workers(0).balanced());
  EXPECT_FALSE(ledger.workers(1).balanced());

  WorkerAccount octets = worker();
  octets.counters.rejects[kSomeReject].octets -= 1;
  expect_violation(of_one(octets), "worker 0: frame octets received + taken over");
}

TEST(MakeLedger, Equation2HoldsForPacketsAndForIpOctets) {
  WorkerAccount packets = worker();
  packets.counters.in_table.packets -= 1;
  expect_violation(of_one(packets), "worker 0: packets counted = in table + lost + emitted");
  WorkerAccount octets = worker();
  octets.counters.counted_ip_octets += 1;
  expect_violation(of_one(octets), "worker 0: IP octets counted = in table + lost + emitted");
}

TEST(MakeLedger, ADrainThatIsAheadOfTheCountersIsAViolationAndNoHugeNumber) {
  WorkerAccount stale = worker();
  stale.drained = {8, 60, 4'800};  // emitted: 7, 59, 4720
  const v1::Ledger ledger = of_one(stale);
  EXPECT_FALSE(ledger.balanced());
  EXPECT_EQ(ledger.violations_size(), 3) << violations(ledger);
  EXPECT_EQ(ledger.in_rings().records(), 0U);
  EXPECT_EQ(ledger.in_rings().packets(), 0U);
  EXPECT_EQ(ledger.in_rings().octets(), 0U);
  EXPECT_EQ(ledger.workers(0).in_ring().records(), 0U);
}

TEST(MakeLedger, HandOverIsNeverNegativeInEitherUnit) {
  // Workers answer one after the other: three small packets on their way in one direction, one large in the other.
  WorkerAccount one = worker();
  one.counters.handed_over = {12, 700};
  one.counters.counted.octets += 500;
  const v1::Ledger ledger = of_one(one);
  EXPECT_TRUE(ledger.balanced()) << violations(ledger);
  EXPECT_EQ(ledger.in_handover().packets(), 2U);
  EXPECT_EQ(ledger.in_handover().octets(), 0U) << "700 handed over, 1000 taken over";
}

TEST(MakeLedger, Equation3HoldsForEachExporter) {
  const WorkerAccount one = worker();
  ExporterSnapshot leaky = exporter(one.drained);
  --leaky.exported.records;
  const v1::Ledger ledger = make_ledger({one}, {exporter(one.drained), leaky}, {}, false);
  expect_violation(ledger, "json:f: records drained = exported + queued + lost");
  EXPECT_TRUE(ledger.exporters(0).balanced());
  EXPECT_FALSE(ledger.exporters(1).balanced());

  // Its own books hold, but it was offered less than was drained.
  const v1::Ledger less = make_ledger({one}, {exporter({4, 50, 4'000})}, {}, false);
  expect_violation(less, "json:f: records offered = drained: 4 is not 5");
}

TEST(MakeLedger, HoldsAnExporterToWhatWasGivenWhileItWasThere) {
  ExporterSnapshot added = exporter({3, 30, 2'400});  // of the 5 records that were drained
  added.missed = {2, 20, 1'600};
  ExporterSnapshot removed = exporter({4, 40, 3'200});
  removed.left_at = {4, 40, 3'200};
  EXPECT_EQ(violations(make_ledger({worker()}, {added, removed}, {}, false)), "");
  added.missed = {1, 20, 1'600};
  expect_violation(make_ledger({worker()}, {added}, {}, false), "json:f: records offered = drained: 3 is not 4");
  removed.left_at.reset();
  EXPECT_FALSE(make_ledger({worker()}, {removed}, {}, false).balanced());
}

TEST(MakeLedger, HoldsAGroupToWhatWasOfferedAndEachMemberToItsOwnBooks) {
  const WorkerAccount one = worker();
  ExporterSnapshot group = exporter(one.drained);
  group.name = "out";
  group.members = {"a", "b"};
  ExporterSnapshot a = exporter({3, 30, 3'000});
  a.name = "a";
  a.group = "out";
  const v1::Ledger ledger = make_ledger({one}, {a, group}, {}, false);
  EXPECT_TRUE(ledger.balanced()) << violations(ledger);
  EXPECT_EQ(ledger.exporters(0).group(), "out");
  EXPECT_EQ(ledger.exporters(1).members_size(), 2);
  EXPECT_EQ(ledger.exporters(1).members(1), "b");

  --a.exported.packets;
  expect_violation(make_ledger({one}, {a, group}, {}, false), "a: packets drained = exported + queued + lost");
  ++a.exported.packets;
  // A record that the group gave and no member has.
  --group.exported.records;
  expect_violation(make_ledger({one}, {a, group}, {}, false), "out: records drained = exported + queued + lost");
}

TEST(MakeLedger, CountsWhatTheOverflowAccounterHoldsLosesAndGives) {
  const WorkerAccount one = worker();  // drained: 5 records, 50 packets, 4000 octets
  OverflowTotals overflow;
  overflow.taken = {4, 4, 400};
  overflow.held = {1, 1, 100};
  overflow.lost = {1, 1, 100};
  overflow.given = {1, 2, 200};
  const v1::Ledger ledger = make_ledger({one}, {exporter({2, 48, 3'800})}, {}, false, overflow);
  EXPECT_TRUE(ledger.balanced()) << violations(ledger);
  EXPECT_EQ(ledger.drained().records(), 2U) << "5 less the 4 taken, and the 1 given";
  EXPECT_EQ(ledger.in_overflow().packets(), 1U);
  EXPECT_EQ(ledger.lost().at("overflow_full").packets(), 1U + (kLossTexts[0].name == "overflow_full" ? 1U : 0U));

  overflow.lost = {};
  const v1::Ledger broken = make_ledger({one}, {exporter({2, 48, 3'800})}, {}, false, overflow);
  EXPECT_FALSE(broken.balanced());
  EXPECT_NE(violations(broken).find("packets taken by the accounter = held + lost + given: 4 is not 3"),
            std::string::npos)
      << violations(broken);
}

/// A worker at its end: everything emitted and drained, nothing handed over that was not taken over.
WorkerAccount ended() {
  WorkerAccount account = worker();
  WorkerCounters& c = account.counters;
  c.taken_over = {};
  c.handed_over = {};
  c.received = {98, 9'800};
  c.in_table = {};
  c.emitted = {9, 79, 6'320};
  account.drained = c.emitted;
  account.recount = RecordTotals{};
  return account;
}

TEST(MakeLedger, AtTheEndTableRingsQueuesAndAccounterAreEmpty) {
  const WorkerAccount one = ended();
  ExporterSnapshot done;
  done.name = done.uri = "json:f";
  done.drained = done.exported = one.drained;
  EXPECT_TRUE(make_ledger({one}, {done}, {}, true).balanced());

  WorkerAccount ring = one;
  ring.drained = {8, 70, 6'000};
  EXPECT_TRUE(make_ledger({ring}, {}, {}, false).balanced()) << "in the ring, while it runs";
  EXPECT_FALSE(make_ledger({ring}, {}, {}, true).balanced());
  WorkerAccount recounted = one;
  recounted.recount = RecordTotals{1, 0, 0};
  expect_violation(make_ledger({recounted}, {}, {}, true), "worker 0: records in table, recounted: 0 is not 1");
  ExporterSnapshot queued = done;
  queued.exported = one.drained - RecordTotals{1, 1, 80};
  queued.queued = {1, 1, 80};
  expect_violation(make_ledger({one}, {queued}, {}, true), "json:f: records queued at the end: 1 is not 0");
}

TEST(MakeLedger, AtTheEndWhatWasHandedOverWasTakenOver) {
  WorkerAccount giver = ended();
  giver.counters.handed_over = {1, 100};
  giver.counters.received = {99, 9'900};
  WorkerAccount taker = ended();
  taker.counters.taken_over = {1, 100};
  taker.counters.received = {97, 9'700};
  EXPECT_TRUE(make_ledger({giver, taker}, {}, {}, true).balanced());
  const v1::Ledger lost = make_ledger({giver, ended()}, {}, {}, true);
  EXPECT_NE(violations(lost).find("packets handed over = taken over: 1 is not 0"), std::string::npos)
      << violations(lost);
}

TEST(MakeLedger, WithoutAWorkerThereIsNothingThatCouldBalance) {
  const v1::Ledger ledger = make_empty_ledger();
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(ledger.state(), "none");
  EXPECT_EQ(ledger.received().packets(), 0U);
  EXPECT_EQ(ledger.rejects().size(), kRejectCount - 1) << "the names are there from the start";
}

/// 4 rejected frames of 100 octets: 2 saved, 1 that the worker's ring had no room for, 1 beyond the file's bound.
TEST(LedgerReport, SavedAndUnsavedRejectsAreAllRejects) {
  WorkerAccount account = worker();
  account.counters.rejects_unsaved = {1, 100};
  SavedRejects saved;
  saved.file = "r.pcapng";
  saved.saved = {2, 200};
  saved.unsaved[static_cast<std::size_t>(UnsavedReject::rejects_file_full)] = {1, 100};
  v1::Ledger ledger = make_ledger({account}, {}, {}, false);
  add_saved_rejects(ledger, saved, {account.counters}, true);
  EXPECT_TRUE(ledger.balanced()) << violations(ledger);
  EXPECT_EQ(ledger.saved_rejects().saved().packets(), 2U);
  EXPECT_EQ(ledger.saved_rejects().unsaved().at("rejects_ring_full").octets(), 100U);
  EXPECT_EQ(ledger.saved_rejects().unsaved().at("rejects_file_full").packets(), 1U);
  EXPECT_EQ(ledger.saved_rejects().unsaved().at("rejects_write_failed").packets(), 0U);
  // One frame on its way from a ring to the file: only at the end nothing may be.
  saved.saved = {1, 100};
  ledger = make_ledger({account}, {}, {}, false);
  add_saved_rejects(ledger, saved, {account.counters}, false);
  EXPECT_TRUE(ledger.balanced());
  add_saved_rejects(ledger, saved, {account.counters}, true);
  EXPECT_FALSE(ledger.balanced());
  EXPECT_NE(violations(ledger).find("frames rejected = saved + not saved: 4 is not 3"), std::string::npos);
  // Where nothing is saved nothing is said.
  ledger = make_ledger({account}, {}, {}, false);
  add_saved_rejects(ledger, {}, {account.counters}, true);
  EXPECT_FALSE(ledger.has_saved_rejects());
  EXPECT_TRUE(ledger.balanced());
}

}  // namespace
}  // namespace weir::ledger_report_test
