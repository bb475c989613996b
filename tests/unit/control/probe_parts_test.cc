// The small parts of the probe: cores, phases, what options data tell.
#include <gtest/gtest.h>

#include <algorithm>

#include "control/probe/cores.h"
#include "control/probe/option_facts.h"
#include "control/probe/phase.h"
#include "dataplane/loss.h"

namespace weir::probe_parts_test {
namespace {

using Cores = std::vector<unsigned>;

TEST(ChooseCores, GivesControlTheFirstAndEachWorkerOneOfTheOthers) {
  EXPECT_EQ(choose_cores({}, {0, 1, 2, 3}, 3), (Cores{0, 1, 2, 3}));
  EXPECT_EQ(choose_cores({}, {4, 6, 9}, 1), (Cores{4, 6}));
}

TEST(ChooseCores, TakesTurnsWhereThereAreTooFew) {
  EXPECT_EQ(choose_cores({}, {0, 1, 2}, 5), (Cores{0, 1, 2, 1, 2, 1}));
  EXPECT_EQ(choose_cores({}, {5}, 2), (Cores{5, 5, 5}));
}

TEST(ChooseCores, LeavesAChoiceAsItIs) {
  EXPECT_EQ(choose_cores({7, 3}, {0, 1, 2}, 1), (Cores{7, 3}));
}

TEST(OffWorkerCores, KeepsThisThreadOffTheWorkersCpusAndGivesThemBack) {
  const Cores before = allowed_cpus();
  if (before.size() < 2) GTEST_SKIP() << "there is one CPU only";
  {
    const OffWorkerCores off({before[0], before[1]});
    const Cores now = allowed_cpus();
    EXPECT_EQ(now.size(), before.size() - 1);
    EXPECT_EQ(std::count(now.begin(), now.end(), before[1]), 0);
  }
  EXPECT_EQ(allowed_cpus(), before);
}

TEST(OffWorkerCores, MovesNowhereWhereTheWorkersHaveAllCpus) {
  const Cores before = allowed_cpus();
  Cores all{before[0]};
  all.insert(all.end(), before.begin(), before.end());
  const OffWorkerCores off(all);
  EXPECT_EQ(allowed_cpus(), before);
}

TEST(ProbePhase, StartsAsStartingAndSaysWhatWasSetLast) {
  ProbePhase phase;
  EXPECT_EQ(phase.get().text(), "starting");
  phase.set(Phase::starting, touching_text(150'000'000, 1'000'000'000));
  EXPECT_EQ(phase.get().text(), "starting: touching the flow table's memory, 15 % of 1.00 GB");
  phase.set(Phase::running);
  EXPECT_EQ(phase.get().text(), "");
  phase.set(Phase::stopping, "closing the exporters");
  EXPECT_EQ(phase.get().text(), "stopping: closing the exporters");
}

TEST(OptionFacts, IgnoredPacketsAreThoseThatCameIntoNoFlow) {
  std::vector<WorkerCounters> workers(2);
  workers[0].rejects[1] = {3, 300};
  workers[0].rejects[2] = {4, 400};
  workers[1].rejects[1] = {5, 500};
  workers[1].handover_full = {6, 600};
  workers[1].counted = {1000, 100'000};
  EXPECT_EQ(ignored_packets(workers), (PacketCount{18, 1'800}));
}

TEST(OptionFacts, LossesAreSummedByReasonAndTheAccountersComesOnTop) {
  std::vector<WorkerCounters> workers(2);
  for (std::size_t i = 0; i < kLossCount; ++i) {
    workers[0].lost[i] = {i + 1, 10 * i, 100 * i};
    workers[1].lost[i] = {1, 1, 1};
  }
  OverflowTotals overflow;
  overflow.lost = {7, 8, 9};
  const std::vector<NamedLoss> losses = losses_before_exporters(workers, overflow);
  ASSERT_EQ(losses.size(), kLossCount);
  for (std::size_t i = 0; i < kLossCount; ++i) {
    const bool own = losses[i].name == "overflow_full";
    EXPECT_EQ(losses[i].name, kLossTexts[i].name);
    EXPECT_EQ(losses[i].records, i + 2 + (own ? 7 : 0)) << losses[i].name;
    EXPECT_EQ(losses[i].packets, 10 * i + 1 + (own ? 8 : 0));
    EXPECT_EQ(losses[i].octets, 100 * i + 1 + (own ? 9 : 0));
  }
}

TEST(OptionFacts, InterfacesAreThePortsCountedFromOne) {
  dpdk::PortInfo a;
  a.name = "net_memif0";
  a.driver = "net_memif";
  dpdk::PortInfo b;
  b.name = "0000:3b:00.0";
  const std::vector<InterfaceName> interfaces = interfaces_of({a, b});
  ASSERT_EQ(interfaces.size(), 2U);
  EXPECT_EQ(interfaces[0].index, 1U);
  EXPECT_EQ(interfaces[0].name, "net_memif0");
  EXPECT_EQ(interfaces[0].description, "net_memif");
  EXPECT_EQ(interfaces[1].index, 2U);
  EXPECT_EQ(interfaces[1].name, "0000:3b:00.0");
}

}  // namespace
}  // namespace weir::probe_parts_test
