// What the doctor finds on made-up machines: each fault has its command, and a machine that is well has none.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "control/doctor/finding.h"
#include "control/doctor/machine.h"
#include "control/doctor/machine_checks.h"
#include "control/doctor/reach.h"
#include "control/doctor/run_checks.h"
#include "control/probe/change_history.h"
#include "proto/base/unique_fd.h"
#include "tests/support/temporary_folder.h"

namespace weir::doctor_test {
namespace {

namespace fs = std::filesystem;

const std::string kNic = "0000:3b:00.0";
const std::string kNicFolder = "/sys/bus/pci/devices/" + kNic;
constexpr Person kRoot{.root = true, .capabilities = 0, .locked_octets = UINT64_MAX};

/// A machine of two NUMA nodes with four CPUs each, whose workers are isolated and whose NIC is DPDK's.
class DoctorTest : public testing::Test {
 protected:
  DoctorTest() {
    for (const std::string node : {"node0", "node1"}) {
      const std::string pages = "/sys/devices/system/node/" + node + "/hugepages/hugepages-2048kB/";
      write(pages + "nr_hugepages", "512\n");
      write(pages + "free_hugepages", node == "node0" ? "500\n" : "512\n");
    }
    write("/sys/devices/system/node/node0/cpulist", "0-3\n");
    write("/sys/devices/system/node/node1/cpulist", "4-7\n");
    write("/sys/devices/system/cpu/online", "0-7\n");
    write("/sys/devices/system/cpu/isolated", "1-3\n");
    write("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n");
    write("/sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "1,5\n");
    write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
    write(kNicFolder + "/numa_node", "0\n");
    link(kNicFolder + "/driver", "../../drivers/vfio-pci");
    link(kNicFolder + "/iommu_group", "../../../kernel/iommu_groups/17");
  }
  void write(const std::string& file, const std::string& text) {
    const std::string path = root() + file;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
  }
  void link(const std::string& file, const std::string& target) {
    fs::create_directories(fs::path(root() + file).parent_path());
    fs::remove(root() + file);
    fs::create_symlink(target, root() + file);
  }
  [[nodiscard]] std::string root() const { return folder_.folder().string(); }

  /// All that the machine's files say.
  [[nodiscard]] Findings look(const Outfit& outfit, const Person& person = kRoot) const {
    const Machine machine(root());
    Findings found;
    check_huge_pages(machine, outfit, found);
    check_ports(machine, outfit, person, found);
    check_cpus(machine, outfit, found);
    check_clock(machine, {true, 250}, found);
    check_limits(person, outfit, found);
    return found;
  }

  test::TemporaryFolder folder_;
};

const Outfit kTwoWorkers{.ports = {kNic}, .cores = {0, 1, 2}};

/// The texts of what is not well.
std::vector<std::string> complaints(const Findings& findings) {
  std::vector<std::string> out;
  for (const Finding& finding : findings) {
    if (finding.health != Health::good) out.push_back(std::string(health_name(finding.health)) + ": " + finding.text);
  }
  return out;
}

using Texts = std::vector<std::string>;

/// The commands of the only complaint.
Texts commands(const Findings& findings) {
  Texts out;
  for (const Finding& finding : findings) {
    if (finding.health == Health::good) continue;
    EXPECT_TRUE(out.empty()) << "a second complaint: " << finding.text;
    out = finding.commands;
  }
  return out;
}

TEST_F(DoctorTest, HasNothingToSayOfAMachineThatIsWell) {
  const Findings found = look(kTwoWorkers);
  EXPECT_EQ(complaints(found), Texts{});
  EXPECT_FALSE(any_problem(found));
  const std::string text = findings_text(found);
  EXPECT_NE(text.find("ok       memory    node0: 500 of 512 huge pages of 2 MiB are free\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("ok       port      0000:3b:00.0: driver vfio-pci, IOMMU group 17\n"), std::string::npos) << text;
  EXPECT_NE(text.find("ok       clock     synchronised, within 0.250 ms\n"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\nnothing stands in the way\n")) << text;
}

TEST_F(DoctorTest, OfAPciPortWithoutHugePagesNamesWhereToReserveThemOnEachNode) {
  for (const std::string node : {"node0", "node1"}) {
    write("/sys/devices/system/node/" + node + "/hugepages/hugepages-2048kB/free_hugepages", "0\n");
  }
  EXPECT_EQ(complaints(look(kTwoWorkers)), Texts{"problem: no huge page is free: a NIC's queues need them"});
  EXPECT_EQ(commands(look(kTwoWorkers)),
            (Texts{"echo 512 > /sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages",
                   "echo 512 > /sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"}));
  const Findings without_nic = look({.ports = {"net_null0"}, .cores = {0, 1, 2}});
  EXPECT_EQ(complaints(without_nic), Texts{"advice: no huge page is free: look-ups in the flow table cost more"});
  EXPECT_FALSE(any_problem(without_nic));
}

TEST_F(DoctorTest, TakesADeviceFromTheKernelsDriverInterfaceFirst) {
  link(kNicFolder + "/driver", "../../drivers/ixgbe");
  fs::create_directories(root() + kNicFolder + "/net/eth4");
  EXPECT_EQ(complaints(look(kTwoWorkers)),
            Texts{"problem: 0000:3b:00.0: the kernel's driver ixgbe has the device; DPDK cannot take it"});
  EXPECT_EQ(commands(look(kTwoWorkers)),
            (Texts{"ip link set eth4 down", "modprobe vfio-pci", "dpdk-devbind.py --bind=vfio-pci 0000:3b:00.0"}));
  fs::remove(root() + kNicFolder + "/driver");
  EXPECT_EQ(complaints(look(kTwoWorkers)), Texts{"problem: 0000:3b:00.0: no driver has the device"});
  link(kNicFolder + "/driver", "../../drivers/mlx5_core");
  EXPECT_EQ(complaints(look(kTwoWorkers)), Texts{}) << "DPDK shares it with the kernel";
  EXPECT_EQ(complaints(look({.ports = {"3B:00.1"}, .cores = {0, 1, 2}})),
            Texts{"problem: 0000:3b:00.1: this machine has no such PCI device"});
}

TEST_F(DoctorTest, FindsTheInterfaceOfAVirtioDevice) {
  link(kNicFolder + "/driver", "../../drivers/virtio-pci");
  fs::create_directories(root() + kNicFolder + "/virtio3/net/ens5");
  EXPECT_EQ(commands(look(kTwoWorkers))[0], "ip link set ens5 down");
}

TEST_F(DoctorTest, WithoutAnIommuNamesTheDriverThatNeedsNone) {
  const std::string kNoIommu = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode";
  link(kNicFolder + "/driver", "../../drivers/uio_pci_generic");
  EXPECT_EQ(
      complaints(look(kTwoWorkers)),
      Texts{"advice: 0000:3b:00.0: driver uio_pci_generic gives the device access to all memory; vfio-pci does not"});
  EXPECT_EQ(commands(look(kTwoWorkers)), (Texts{"modprobe vfio-pci", "dpdk-devbind.py --bind=vfio-pci 0000:3b:00.0"}));
  fs::remove(root() + kNicFolder + "/iommu_group");
  EXPECT_EQ(complaints(look(kTwoWorkers)),
            Texts{"advice: 0000:3b:00.0: driver uio_pci_generic gives the device access to all memory; vfio-pci does "
                  "not, but the IOMMU is off"});
  EXPECT_NE(commands(look(kTwoWorkers))[0].find("iommu=on iommu=pt"), std::string::npos);

  fs::remove(root() + kNicFolder + "/driver");
  EXPECT_NE(commands(look(kTwoWorkers))[0].find("iommu=on iommu=pt"), std::string::npos);
  EXPECT_EQ(commands(look(kTwoWorkers)).back(), "dpdk-devbind.py --bind=uio_pci_generic 0000:3b:00.0");
  link(kNicFolder + "/driver", "../../drivers/vfio-pci");
  EXPECT_EQ(commands(look(kTwoWorkers)).back(), "dpdk-devbind.py --bind=uio_pci_generic 0000:3b:00.0");
  write(kNoIommu, "N\n");
  EXPECT_EQ(commands(look(kTwoWorkers)).back(), "echo 1 > " + kNoIommu);
}

TEST_F(DoctorTest, NamesTheBootOptionOfTheIommuByTheMakerOfTheCpu) {
  fs::remove(root() + kNicFolder + "/iommu_group");
  write("/proc/cpuinfo", "vendor_id\t: AuthenticAMD\n");
  EXPECT_EQ(complaints(look(kTwoWorkers)), Texts{"problem: 0000:3b:00.0: driver vfio-pci, but the IOMMU is off"});
  EXPECT_NE(commands(look(kTwoWorkers))[0].find("amd_iommu=on iommu=pt"), std::string::npos);
  write("/proc/cpuinfo", "vendor_id\t: GenuineIntel\n");
  EXPECT_NE(commands(look(kTwoWorkers))[0].find("intel_iommu=on iommu=pt"), std::string::npos);
  write("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
  EXPECT_FALSE(any_problem(look(kTwoWorkers)));
}

TEST_F(DoctorTest, SeesAWorkerFarFromItsPort) {
  write("/sys/devices/system/cpu/isolated", "1-7\n");
  const Outfit far{.ports = {kNic}, .cores = {0, 1, 5}, .cores_chosen = true};
  EXPECT_EQ(complaints(look(far)),
            (Texts{"advice: 0000:3b:00.0: on NUMA node 0, but the workers' CPUs 5 are on another",
                   "advice: workers on CPUs 1 and 5 share one core"}));
}

TEST_F(DoctorTest, OfAKernelInterfaceWantsItThereUpAndAllowed) {
  const Outfit outfit{.ports = {"net_af_packet0,iface=eth0"}, .cores = {0, 1}};
  EXPECT_EQ(complaints(look(outfit)), Texts{"problem: net_af_packet0,iface=eth0: there is no interface eth0"});
  write("/sys/class/net/eth0/flags", "0x1002\n");
  write("/sys/class/net/eth0/operstate", "down\n");
  EXPECT_EQ(commands(look(outfit)), Texts{"ip link set eth0 up"});
  write("/sys/class/net/eth0/flags", "0x1003\n");
  EXPECT_EQ(complaints(look(outfit)), Texts{"problem: eth0: the interface has no link"});
  write("/sys/class/net/eth0/operstate", "unknown\n");
  EXPECT_EQ(complaints(look(outfit)), Texts{}) << "some interfaces cannot tell";
  const Person nobody{.root = false, .capabilities = 1U << 13};
  EXPECT_EQ(complaints(look(outfit, nobody)), Texts{"problem: eth0: CAP_NET_RAW and CAP_NET_ADMIN are missing"});
  const Person able{.root = false, .capabilities = 1U << 13 | 1U << 12};
  EXPECT_EQ(complaints(look(outfit, able)), Texts{});
}

TEST_F(DoctorTest, SaysWhatSlowsAWorkersCpuDown) {
  write("/sys/devices/system/cpu/isolated", "\n");
  write("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n");
  const Findings found = look({.ports = {"net_null0"}, .cores = {0, 1}});
  EXPECT_EQ(complaints(found), (Texts{"advice: the scheduler may give CPU 1 to others while a worker polls",
                                      "advice: governor powersave may slow down CPU 1"}));
  EXPECT_EQ(complaints(look({.ports = {"net_null0"}, .cores = {0, 0}})),
            Texts{"advice: 1 CPUs for control and 1 worker: some share one"});
  const Findings absent = look({.ports = {"net_null0"}, .cores = {0, 9}});
  EXPECT_EQ(complaints(absent), Texts{"problem: this machine has no CPU 9"});
  EXPECT_EQ(commands(absent), Texts{"# give --cores CPUs of 0-7"});
  write("/sys/devices/system/cpu/cpu9/online", "0\n");
  EXPECT_EQ(commands(look({.ports = {"net_null0"}, .cores = {0, 9}})),
            Texts{"echo 1 > /sys/devices/system/cpu/cpu9/online"});
}

TEST_F(DoctorTest, SaysWhatAClockLacks) {
  write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
  write("/sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet acpi_pm\n");
  Findings found;
  check_clock(Machine(root()), {false, 16'000'000}, found);
  EXPECT_EQ(complaints(found), (Texts{"advice: not synchronised: records of several probes cannot be compared in time",
                                      "advice: clock source hpet takes long to read"}));
}

TEST_F(DoctorTest, SaysWhichLevelTheCpuHas) {
  Findings found;
  check_cpu_level(0, found);  // none of the features that came after the first x86-64
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].health, Health::good);
  EXPECT_EQ(found[0].text.rfind("this CPU has all of x86-64-v1; weir was built for ", 0), 0U) << found[0].text;
}

TEST_F(DoctorTest, SaysThatNoPortIsGiven) {
  EXPECT_EQ(complaints(look({.ports = {}, .cores = {0, 1}})),
            Texts{"advice: none is given, so none was looked at; `run` needs one"});
}

TEST_F(DoctorTest, OfAUserWithoutRootWantsMemoryThatMayBeLocked) {
  write("/dev/vfio/17", "");
  const Person user{.root = false, .capabilities = 0, .locked_octets = 8 << 20, .open_files = 256};
  EXPECT_EQ(complaints(look(kTwoWorkers, user)),
            (Texts{"problem: 8192 KiB of memory may be locked; vfio locks all that DPDK uses",
                   "advice: 256 files may be open"}));
  EXPECT_EQ(complaints(look({.ports = {"net_null0"}, .cores = {0, 1}}, user)), Texts{"advice: 256 files may be open"});
}

TEST(DoctorFindings, AreAnObjectALineInJson) {
  const Findings findings{{Health::good, "cpu", "all is \"well\"", {}}, {Health::problem, "file", "a\nb", {"x", "y"}}};
  const std::string text = findings_json(findings);
  const std::size_t cut = text.find('\n') + 1;
  const auto first = nlohmann::json::parse(text.substr(0, cut));
  const auto second = nlohmann::json::parse(text.substr(cut));
  EXPECT_EQ(first["health"], "ok");
  EXPECT_EQ(first["text"], "all is \"well\"");
  EXPECT_EQ(first["commands"].size(), 0U);
  EXPECT_EQ(second,
            (nlohmann::json{{"health", "problem"}, {"check", "file"}, {"text", "a\nb"}, {"commands", {"x", "y"}}}));
  EXPECT_TRUE(findings_text(findings).ends_with("\n1 problem stands in the way\n"));
}

/// A listening TCP socket on a port of its own.
std::pair<UniqueFd, std::uint16_t> listener() {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(listen(fd.get(), 8), 0);
  EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  return {std::move(fd), ntohs(address.sin_port)};
}

TEST(DoctorReach, TellsACollectorThatAnswersFromOneThatDoesNot) {
  auto [fd, port] = listener();
  const std::string uri = "protobuf+tcp://127.0.0.1:" + std::to_string(port);
  Findings found;
  check_reach({.exports = {uri, "netflow9://127.0.0.1:9"}}, found);
  EXPECT_EQ(complaints(found), Texts{});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].text, uri + ": answers");
  EXPECT_EQ(found[1].text, "netflow9://127.0.0.1:9: there is a route; over UDP nobody says who listens");
  fd = UniqueFd();
  found.clear();
  check_reach({.exports = {uri}}, found);
  EXPECT_EQ(complaints(found), Texts{"problem: " + uri + ": Connection refused"});
  found.clear();
  check_reach({.exports = {"kafka://127.0.0.1:" + std::to_string(port) + "/flows"}}, found);
  EXPECT_EQ(complaints(found).size(), 1U);
}

TEST(DoctorReach, TriesTheFilesThatAreWrittenAndReadWithoutTouchingThem) {
  const test::TemporaryFolder folder;
  const std::string place = folder.folder().string();
  Findings found;
  check_reach({.exports = {"json:" + place + "/flows.json"}, .reads = {place + "/prefixes.txt"}, .writes = {"-"}},
              found);
  EXPECT_EQ(complaints(found), Texts{"problem: " + place + "/prefixes.txt: No such file or directory"});
  EXPECT_FALSE(fs::exists(place + "/flows.json"));
  found.clear();
  check_reach({.exports = {"json:" + place + "/no/flows.json"}}, found);
  EXPECT_EQ(commands(found), Texts{"mkdir -p " + place + "/no"});
}

TEST(DoctorReach, SeesThatAnotherListens) {
  const auto [fd, port] = listener();
  Findings found;
  check_reach({.prometheus = "127.0.0.1:" + std::to_string(port)}, found);
  EXPECT_EQ(commands(found), Texts{"ss -ltnp 'sport = :" + std::to_string(port) + "'"});
}

TEST(DoctorRun, SaysHowManyFlowsWouldFit) {
  Settings settings;
  settings.max_flows = 1'000'000;
  settings.workers = 2;
  Findings found;
  check_tables(settings, {std::uint64_t{64} << 30, "a made-up machine"}, found);
  EXPECT_EQ(complaints(found), Texts{});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].text.starts_with("1000000 flows need ")) << found[0].text;
  found.clear();
  check_tables(settings, {std::uint64_t{100} << 20, "a made-up machine"}, found);
  ASSERT_EQ(complaints(found).size(), 1U);
  EXPECT_NE(found[0].text.find("(a made-up machine): --max-flows "), std::string::npos) << found[0].text;
}

TEST(DoctorRun, LeavesAStateFolderThatAnotherWeirHas) {
  const test::TemporaryFolder folder;
  const std::string state = folder.path("state");
  Findings found;
  check_state(state, found);
  EXPECT_EQ(complaints(found), Texts{});
  EXPECT_FALSE(fs::exists(state));
  const auto history = ChangeHistory::open(state);
  ASSERT_TRUE(history) << history.error();
  found.clear();
  check_state(state, found);
  EXPECT_EQ(complaints(found), Texts{"problem: --state " + state + ": another weir uses it"});
}

TEST(DoctorRun, SeesThatAnotherServesTheSocketOfAMemifPort) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("wire");
  Findings found;
  check_memif_server("net_memif0", path, found);
  EXPECT_EQ(complaints(found), Texts{});
  EXPECT_FALSE(fs::exists(path));
  const UniqueFd server(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(server.get(), 1), 0);
  found.clear();
  check_memif_server("net_memif0", path, found);
  EXPECT_EQ(complaints(found), Texts{"problem: net_memif0: another process serves " + path});
}

TEST_F(DoctorTest, WarnsThatALoopbackInterfaceShowsEachPacketTwice) {
  write("/sys/class/net/lo/flags", "0x9\n");
  write("/sys/class/net/lo/type", "772\n");
  const Findings found = look({.ports = {"af_packet:lo"}, .cores = {0, 1}});
  EXPECT_EQ(complaints(found), Texts{"advice: lo: a packet is seen twice there, as it leaves and as it arrives"});
}

}  // namespace
}  // namespace weir::doctor_test
