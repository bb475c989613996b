#include "dataplane/dpdk/eal.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/dpdk/memory.h"

namespace weir::dpdk::eal_test {
namespace {

EalPlan plan_for(const std::vector<std::string>& devices) {
  EalPlan plan;
  plan.program = "weir";
  plan.file_prefix = "weir-7";
  plan.devices = *parse_devices(devices);
  plan.cpus.main = 0;
  plan.cpus.workers = {1, 1};
  plan.memory_mib = 100;
  return plan;
}

bool has_pair(const std::vector<std::string>& arguments, const std::string& option, const std::string& value) {
  const auto found = std::find(arguments.begin(), arguments.end(), option);
  return found != arguments.end() && found + 1 != arguments.end() && *(found + 1) == value;
}

bool has(const std::vector<std::string>& arguments, const std::string& option) {
  return std::find(arguments.begin(), arguments.end(), option) != arguments.end();
}

TEST(ParseDevices, TellsPciAddressesFromVdevsAndNormalisesThem) {
  const auto devices = parse_devices({"3B:00.1", "0001:af:00.0,rxq_cqe_comp_en=0", "net_memif0,role=server"});
  ASSERT_TRUE(devices.has_value());
  EXPECT_EQ((*devices)[0].name, "0000:3b:00.1");
  EXPECT_TRUE((*devices)[0].pci);
  EXPECT_EQ((*devices)[1].name, "0001:af:00.0");
  EXPECT_EQ((*devices)[1].argument, "0001:af:00.0,rxq_cqe_comp_en=0");
  EXPECT_EQ((*devices)[2].name, "net_memif0");
  EXPECT_FALSE((*devices)[2].pci);
}

TEST(ParseDevices, TakesShortForms) {
  const auto devices = parse_devices({"af_packet:lo", "tap:t0,mac=fixed"}, 3);
  ASSERT_TRUE(devices) << devices.error();
  EXPECT_EQ((*devices)[0].argument, "net_af_packet_lo,iface=lo,qpairs=3,framecnt=4096");
  EXPECT_EQ((*devices)[0].name, "net_af_packet_lo");
  EXPECT_EQ((*devices)[0].shown, "af_packet:lo");
  EXPECT_FALSE((*devices)[0].pci);
  EXPECT_EQ((*devices)[1].argument, "net_tap_t0,iface=t0,mac=fixed");
  EXPECT_EQ((*devices)[1].shown, "tap:t0");
  EXPECT_FALSE(parse_devices({"af_packet:lo", "af_packet:lo,framesz=4096"}));
  EXPECT_FALSE(parse_devices({"af_packet:"}));
}

TEST(ParseDevices, RefusesWhatIsNoDevice) {
  for (const char* text : {"", ",x", "eth0", "0:0:0", "3b:00.8", "zz:00.0", "net_null0 --no-pci"}) {
    EXPECT_FALSE(parse_devices({text}).has_value()) << text;
  }
  EXPECT_FALSE(parse_devices({}).has_value());
  EXPECT_FALSE(parse_devices({"net_memif,id=0", "net_memif,id=1"}).has_value());
  EXPECT_FALSE(parse_devices({"3b:00.0", "0000:3b:00.0"}).has_value());
}

TEST(PlanCpus, PutsWorkersBehindMainAndWraps) {
  const auto plan = plan_cpus({}, {2, 3, 5}, 3);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->main, 2U);
  EXPECT_EQ(plan->workers, (std::vector<unsigned>{3, 5, 3}));
  ASSERT_EQ(plan->notices.size(), 1U);
  EXPECT_NE(plan->notices[0].find("CPU 3"), std::string::npos);
}

TEST(PlanCpus, TakesTheGivenCpusInTheirOrder) {
  const auto plan = plan_cpus({5, 3, 2}, {2, 3, 5}, 2);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->main, 5U);
  EXPECT_EQ(plan->workers, (std::vector<unsigned>{3, 2}));
  EXPECT_TRUE(plan->notices.empty());
}

TEST(PlanCpus, OneCpuServesAll) {
  const auto plan = plan_cpus({}, {0}, 1);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->workers, std::vector<unsigned>{0});
}

TEST(PlanCpus, RefusesCpusThatAreNotThereAndImpossibleNumbersOfWorkers) {
  EXPECT_FALSE(plan_cpus({9}, {0, 1}, 1).has_value());
  EXPECT_FALSE(plan_cpus({}, {0, 1}, 0).has_value());
  EXPECT_FALSE(plan_cpus({}, {0, 1}, 100000).has_value());
}

TEST(EalArguments, MapLcoresAndDevices) {
  const auto arguments = eal_arguments(plan_for({"net_null0,size=64", "net_null1"}));
  ASSERT_TRUE(arguments.has_value());
  EXPECT_EQ(arguments->front(), "weir");
  EXPECT_TRUE(has_pair(*arguments, "--lcores", "0@0,1@1,2@1"));
  EXPECT_TRUE(has_pair(*arguments, "--file-prefix", "weir-7"));
  EXPECT_TRUE(has_pair(*arguments, "--vdev", "net_null0,size=64"));
  EXPECT_TRUE(has(*arguments, "--no-pci"));
  EXPECT_TRUE(has(*arguments, "--no-huge"));
  EXPECT_TRUE(has_pair(*arguments, "-m", "100"));
  EXPECT_FALSE(has(*arguments, "--in-memory"));
}

TEST(EalArguments, HaveATelemetrySocketOnlyWhereItIsAskedFor) {
  EalPlan plan = plan_for({"net_null0"});
  EXPECT_TRUE(has(*eal_arguments(plan), "--no-telemetry"));
  plan.extra = "--telemetry";
  const auto asked = eal_arguments(plan);
  ASSERT_TRUE(asked.has_value());
  EXPECT_TRUE(has(*asked, "--telemetry"));
  EXPECT_FALSE(has(*asked, "--no-telemetry"));
}

TEST(EalArguments, AllowPciDevicesAndUseHugePages) {
  EalPlan plan = plan_for({"3b:00.0"});
  plan.hugepages = true;
  const auto arguments = eal_arguments(plan);
  ASSERT_TRUE(arguments.has_value());
  EXPECT_TRUE(has_pair(*arguments, "-a", "3b:00.0"));
  EXPECT_TRUE(has(*arguments, "--in-memory"));
  EXPECT_FALSE(has(*arguments, "--no-pci"));
  EXPECT_FALSE(has(*arguments, "--no-huge"));
  EXPECT_FALSE(has(*arguments, "-m"));
}

TEST(EalArguments, FurtherArgumentsWin) {
  EalPlan plan = plan_for({"net_null0"});
  plan.extra = "  -m 512 --file-prefix=mine ";
  const auto memory = eal_arguments(plan);
  ASSERT_TRUE(memory.has_value());
  EXPECT_TRUE(has_pair(*memory, "-m", "512"));
  EXPECT_EQ(std::count(memory->begin(), memory->end(), "-m"), 1);
  EXPECT_FALSE(has(*memory, "--file-prefix"));
  plan.extra = "--huge-dir /mnt/huge";
  const auto huge = eal_arguments(plan);
  ASSERT_TRUE(huge.has_value());
  EXPECT_FALSE(has(*huge, "--no-huge"));
  EXPECT_FALSE(has(*huge, "--in-memory"));
}

TEST(EalArguments, CpusAreNotChosenThroughEal) {
  for (const char* extra : {"-l 0-3", "-c 0xf", "--lcores=0-3", "-c0xf"}) {
    EalPlan plan = plan_for({"net_null0"});
    plan.extra = extra;
    EXPECT_FALSE(eal_arguments(plan).has_value()) << extra;
  }
}

TEST(Memory, PoolsHoldWhatDescriptorsAndWorkersHold) {
  // 4096 + (64 x 5 + 512 + 256) = 5184, and the next 2^n - 1.
  EXPECT_EQ(mbufs_needed(4096, 1), 8191U);
  // 16384 + 4 x 1088 = 20736.
  EXPECT_EQ(mbufs_needed(4 * 4096, 4), 32767U);
  // 8191 x 2432 = 19 920 512; + 1/8 = 22 410 576 octets = 22 MiB (rounded up), + 64.
  EXPECT_EQ(memory_needed_mib(8191), 86U);
}

}  // namespace
}  // namespace weir::dpdk::eal_test
