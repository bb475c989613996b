#include "control/doctor/machine_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "dataplane/kernel_port.h"
#include "proto/base/cpu_list.h"
#include "proto/base/pci_name.h"
#include "proto/base/split.h"
#include "proto/cpu/cpu_features.h"

namespace weir {
namespace {

constexpr const char* kNodes = "/sys/devices/system/node/";
constexpr const char* kCpus = "/sys/devices/system/cpu/";
constexpr unsigned kNetAdmin = 12;  // capability.h: CAP_NET_ADMIN
constexpr unsigned kNetRaw = 13;    // CAP_NET_RAW
/// What is used where nothing says how much is needed: packet buffers of one worker, and room for a small table.
constexpr std::uint64_t kUsualMib = 1024;

bool has(const Person& person, unsigned capability) {
  return person.root || (person.capabilities >> capability & 1U) != 0;
}

bool any_pci(const Outfit& outfit) {
  return std::any_of(outfit.ports.begin(), outfit.ports.end(),
                     [](const std::string& port) { return !pci_name(split(port, ',')[0]).empty(); });
}

/// Whether the port's interface comes into being with it: there is nothing to look at before.
bool makes_interface(const std::string& port) {
  const auto kernel = parse_kernel_port(port);
  return kernel && kernel->kind == KernelPort::Kind::tap;
}

/// The value of `key` in a device's text "net_af_packet0,iface=eth0"; empty: it has none.
std::string parameter(std::string_view device, std::string_view key) {
  for (const std::string_view part : split(device, ',')) {
    if (part.size() > key.size() && part.starts_with(key) && part[key.size()] == '=') {
      return std::string(part.substr(key.size() + 1));
    }
  }
  return {};
}

struct HugePages {
  std::uint64_t all = 0;
  std::uint64_t unused = 0;
  std::uint64_t page_kib = 0;
};

/// Of each size that the node has a folder for.
std::vector<HugePages> huge_pages(const Machine& machine, const std::string& node) {
  std::vector<HugePages> out;
  const std::string folder = kNodes + node + "/hugepages/";
  for (const std::string& name : machine.names(folder)) {
    constexpr std::string_view kPrefix = "hugepages-";
    if (!name.starts_with(kPrefix) || !name.ends_with("kB")) continue;
    HugePages pages;
    for (const char digit : std::string_view(name).substr(kPrefix.size(), name.size() - kPrefix.size() - 2)) {
      if (digit < '0' || digit > '9') break;
      pages.page_kib = pages.page_kib * 10 + static_cast<unsigned>(digit - '0');
    }
    pages.all = static_cast<std::uint64_t>(machine.number(folder + name + "/nr_hugepages").value_or(0));
    pages.unused = static_cast<std::uint64_t>(machine.number(folder + name + "/free_hugepages").value_or(0));
    out.push_back(pages);
  }
  return out;
}

std::vector<std::string> nodes_of(const Machine& machine) {
  std::vector<std::string> nodes;
  for (const std::string& name : machine.names(kNodes)) {
    if (name.starts_with("node") && name.size() > 4 && name[4] >= '0' && name[4] <= '9') nodes.push_back(name);
  }
  return nodes;
}

std::optional<std::string> node_of_cpu(const Machine& machine, unsigned cpu) {
  for (const std::string& node : nodes_of(machine)) {
    const std::vector<unsigned> its = machine.cpus(kNodes + node + "/cpulist");
    if (std::find(its.begin(), its.end(), cpu) != its.end()) return node;
  }
  return std::nullopt;
}

std::vector<unsigned> workers_of(const Outfit& outfit) {
  return outfit.cores.empty() ? outfit.cores : std::vector<unsigned>(outfit.cores.begin() + 1, outfit.cores.end());
}

/// The kernel's boot option that turns the IOMMU on.
const char* iommu_option(const Machine& machine) {
  const bool amd = machine.text("/proc/cpuinfo").value_or("").find("AuthenticAMD") != std::string::npos;
  return amd ? "amd_iommu=on iommu=pt" : "intel_iommu=on iommu=pt";
}

std::vector<std::string> boot_with(const std::string& options) {
  return {fmt::format("sed -i 's/^GRUB_CMDLINE_LINUX=\"/&{} /' /etc/default/grub && update-grub", options),
          "# and boot the machine again"};
}

/// A driver that DPDK takes packets beside, without unbinding.
bool is_bifurcated(std::string_view driver) {
  return driver == "mlx5_core" || driver == "mlx4_core" || driver == "mana";
}

/// The kernel's interfaces of a PCI device. Those of a virtio device are a folder further down.
std::vector<std::string> interfaces_of(const Machine& machine, const std::string& folder) {
  std::vector<std::string> interfaces = machine.names(folder + "/net");
  for (const std::string& name : machine.names(folder)) {
    if (!name.starts_with("virtio")) continue;
    const std::vector<std::string> its = machine.names(fmt::format("{}/{}/net", folder, name));
    interfaces.insert(interfaces.end(), its.begin(), its.end());
  }
  return interfaces;
}

/// vfio-pci takes no device without an IOMMU, so that comes first; without one there is uio_pci_generic.
std::vector<std::string> bind_commands(const Machine& machine, const std::string& address, bool iommu) {
  std::vector<std::string> commands;
  if (!iommu) commands = boot_with(iommu_option(machine));
  commands.insert(commands.end(), {"modprobe vfio-pci", "dpdk-devbind.py --bind=vfio-pci " + address});
  if (iommu) return commands;
  commands.insert(commands.end(), {"# or, where there is no IOMMU (the device has access to all memory then):",
                                   "modprobe uio_pci_generic", "dpdk-devbind.py --bind=uio_pci_generic " + address});
  return commands;
}

void check_binding(const Machine& machine, const std::string& address, const Person& person, Findings& out) {
  const std::string folder = "/sys/bus/pci/devices/" + address;
  const auto driver = machine.link(folder + "/driver");
  const auto finding = [&](Health health, const std::string& text, std::vector<std::string> commands = {}) {
    out.push_back({health, "port", fmt::format("{}: {}", address, text), std::move(commands)});
  };
  const auto group = machine.link(folder + "/iommu_group");
  if (driver && is_bifurcated(*driver)) {
    finding(Health::good, fmt::format("driver {}, which DPDK shares with the kernel", *driver));
    return;
  }
  if (driver == "uio_pci_generic" || driver == "igb_uio") {
    const std::string text = fmt::format("driver {} gives the device access to all memory", *driver);
    if (group) {
      finding(Health::advice, text + "; vfio-pci does not", bind_commands(machine, address, true));
    } else {
      finding(Health::advice, text + "; vfio-pci does not, but the IOMMU is off", boot_with(iommu_option(machine)));
    }
    return;
  }
  if (driver != "vfio-pci") {
    std::vector<std::string> commands;
    for (const std::string& name : interfaces_of(machine, folder)) {
      commands.push_back(fmt::format("ip link set {} down", name));
    }
    const std::vector<std::string> bind = bind_commands(machine, address, group.has_value());
    commands.insert(commands.end(), bind.begin(), bind.end());
    finding(Health::problem,
            driver ? fmt::format("the kernel's driver {} has the device; DPDK cannot take it", *driver)
                   : std::string("no driver has the device"),
            std::move(commands));
    return;
  }
  if (group) {
    finding(Health::good, fmt::format("driver vfio-pci, IOMMU group {}", *group));
    if (!person.root && !machine.exists("/dev/vfio/" + *group)) {
      finding(Health::problem, fmt::format("/dev/vfio/{} is not there", *group), {"modprobe vfio-pci"});
    }
    return;
  }
  const bool unsafe = machine.text("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode") == "Y";
  if (unsafe) {
    finding(Health::advice, "driver vfio-pci without an IOMMU: the device has access to all memory",
            boot_with(iommu_option(machine)));
    return;
  }
  std::vector<std::string> commands = boot_with(iommu_option(machine));
  commands.emplace_back("# or, where there is none (the device has access to all memory then):");
  constexpr const char* kNoIommu = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode";
  if (machine.exists(kNoIommu)) {
    commands.push_back(std::string("echo 1 > ") + kNoIommu);
  } else {  // a kernel without CONFIG_VFIO_NOIOMMU, such as Debian's for clouds
    commands.insert(commands.end(), {"modprobe uio_pci_generic", "dpdk-devbind.py --bind=uio_pci_generic " + address});
  }
  finding(Health::problem, "driver vfio-pci, but the IOMMU is off", std::move(commands));
}

void check_node(const Machine& machine, const std::string& address, const Outfit& outfit, Findings& out) {
  const std::string folder = "/sys/bus/pci/devices/" + address;
  const std::int64_t node = machine.number(folder + "/numa_node").value_or(-1);
  if (node < 0 || nodes_of(machine).size() < 2) return;
  const std::string name = fmt::format("node{}", node);
  std::vector<unsigned> far;
  for (const unsigned cpu : workers_of(outfit)) {
    if (const auto its = node_of_cpu(machine, cpu); its && *its != name) far.push_back(cpu);
  }
  if (far.empty()) {
    out.push_back({Health::good, "port", fmt::format("{}: on NUMA node {}, as its workers", address, node), {}});
    return;
  }
  out.push_back(
      {Health::advice,
       "port",
       fmt::format("{}: on NUMA node {}, but the workers' CPUs {} are on another", address, node, cpu_list_text(far)),
       {fmt::format("# give --cores {} CPUs of {}", outfit.cores.size(),
                    cpu_list_text(machine.cpus(kNodes + name + "/cpulist")))}});
}

void check_pci(const Machine& machine, const std::string& address, const Outfit& outfit, const Person& person,
               Findings& out) {
  if (!machine.exists("/sys/bus/pci/devices/" + address)) {
    out.push_back({Health::problem,
                   "port",
                   fmt::format("{}: this machine has no such PCI device", address),
                   {"lspci -D | grep -i -e ethernet -e network"}});
    return;
  }
  check_binding(machine, address, person, out);
  check_node(machine, address, outfit, out);
}

void check_interface(const Machine& machine, const std::string& port, const std::string& name, const Person& person,
                     Findings& out) {
  const std::string folder = "/sys/class/net/" + name;
  if (!machine.exists(folder)) {
    out.push_back({Health::problem, "port", fmt::format("{}: there is no interface {}", port, name), {"ip -br link"}});
    return;
  }
  // IFF_UP is bit 0 of the flags. operstate is "unknown" for interfaces that cannot tell, and "lowerlayerdown" where
  // what is under it has no link (a VLAN, a veth).
  const std::string flags = machine.text(folder + "/flags").value_or("0x0");
  const bool up = flags.find_last_of("13579bdfBDF") == flags.size() - 1;
  if (!up) {
    out.push_back({Health::problem,
                   "port",
                   fmt::format("{}: the interface is down", name),
                   {fmt::format("ip link set {} up", name)}});
  } else if (machine.text(folder + "/operstate") == "down" || machine.number(folder + "/carrier") == 0) {
    out.push_back({Health::problem,
                   "port",
                   fmt::format("{}: the interface has no link", name),
                   {fmt::format("ethtool {}", name)}});
  } else {
    out.push_back({Health::good, "port", fmt::format("{}: up", name), {}});
  }
  constexpr std::int64_t kLoopback = 772;  // ARPHRD_LOOPBACK
  if (machine.number(folder + "/type") == kLoopback) {
    out.push_back({Health::advice,
                   "port",
                   fmt::format("{}: a packet is seen twice there, as it leaves and as it arrives", name),
                   {"# halve the counts, or watch an interface with a wire: ip -br link"}});
  }
  if (has(person, kNetRaw) && has(person, kNetAdmin)) return;
  out.push_back({Health::problem,
                 "port",
                 fmt::format("{}: CAP_NET_RAW and CAP_NET_ADMIN are missing", name),
                 {"setcap cap_net_raw,cap_net_admin+ep \"$(command -v weir)\""}});
}

/// CPUs that share a core with others of the list.
std::vector<std::pair<unsigned, unsigned>> siblings(const Machine& machine, const std::vector<unsigned>& cpus) {
  std::vector<std::pair<unsigned, unsigned>> out;
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    const std::vector<unsigned> shared =
        machine.cpus(fmt::format("{}cpu{}/topology/thread_siblings_list", kCpus, cpus[i]));
    for (std::size_t j = i + 1; j < cpus.size(); ++j) {
      if (cpus[i] != cpus[j] && std::find(shared.begin(), shared.end(), cpus[j]) != shared.end()) {
        out.emplace_back(cpus[i], cpus[j]);
      }
    }
  }
  return out;
}

void check_isolation(const Machine& machine, const std::vector<unsigned>& workers, Findings& out) {
  const std::vector<unsigned> isolated = machine.cpus(std::string(kCpus) + "isolated");
  std::vector<unsigned> shared;
  for (const unsigned cpu : workers) {
    if (std::find(isolated.begin(), isolated.end(), cpu) == isolated.end()) shared.push_back(cpu);
  }
  if (shared.empty()) {
    out.push_back({Health::good, "cpu", "the workers' CPUs are isolated", {}});
    return;
  }
  const std::string list = cpu_list_text(workers);
  out.push_back({Health::advice, "cpu",
                 fmt::format("the scheduler may give CPU{} {} to others while a worker polls",
                             shared.size() == 1 ? "" : "s", cpu_list_text(shared)),
                 boot_with(fmt::format("isolcpus={0} nohz_full={0} rcu_nocbs={0}", list))});
}

void check_governor(const Machine& machine, const std::vector<unsigned>& workers, Findings& out) {
  std::map<std::string, std::vector<unsigned>> slow;
  for (const unsigned cpu : workers) {
    const auto governor = machine.text(fmt::format("{}cpu{}/cpufreq/scaling_governor", kCpus, cpu));
    if (governor && *governor != "performance") slow[*governor].push_back(cpu);
  }
  if (slow.empty()) {
    out.push_back({Health::good, "cpu", "the workers' CPUs do not slow down", {}});
    return;
  }
  for (const auto& [governor, cpus] : slow) {
    std::vector<std::string> commands;
    for (const unsigned cpu : cpus) {
      commands.push_back(fmt::format("echo performance > {}cpu{}/cpufreq/scaling_governor", kCpus, cpu));
    }
    out.push_back(
        {Health::advice, "cpu",
         fmt::format("governor {} may slow down CPU{} {}", governor, cpus.size() == 1 ? "" : "s", cpu_list_text(cpus)),
         std::move(commands)});
  }
}

}  // namespace

void check_huge_pages(const Machine& machine, const Outfit& outfit, Findings& out) {
  const Health bad = any_pci(outfit) ? Health::problem : Health::advice;
  std::uint64_t unused_mib = 0;
  for (const std::string& node : nodes_of(machine)) {
    for (const HugePages& pages : huge_pages(machine, node)) {
      unused_mib += pages.unused * pages.page_kib / 1024;
      if (pages.all == 0) continue;
      out.push_back({Health::good,
                     "memory",
                     fmt::format("{}: {} of {} huge pages of {} MiB are free", node, pages.unused, pages.all,
                                 pages.page_kib / 1024),
                     {}});
    }
  }
  if (unused_mib != 0) return;
  std::vector<std::string> commands;
  for (const std::string& node : nodes_of(machine)) {
    if (!machine.exists(kNodes + node + "/hugepages/hugepages-2048kB")) continue;
    commands.push_back(
        fmt::format("echo {} > {}{}/hugepages/hugepages-2048kB/nr_hugepages", kUsualMib / 2, kNodes, node));
  }
  out.push_back({bad, "memory",
                 any_pci(outfit) ? std::string("no huge page is free: a NIC's queues need them")
                                 : std::string("no huge page is free: look-ups in the flow table cost more"),
                 std::move(commands)});
}

void check_ports(const Machine& machine, const Outfit& outfit, const Person& person, Findings& out) {
  if (outfit.ports.empty()) {
    out.push_back({Health::advice,
                   "port",
                   "none is given, so none was looked at; `run` needs one",
                   {"# give --port, or --config with a port: line"}});
  }
  for (const std::string& port : outfit.ports) {
    if (const std::string address = pci_name(split(port, ',')[0]); !address.empty()) {
      check_pci(machine, address, outfit, person, out);
    } else if (const std::string name = parameter(device_of_port(port, 1), "iface");
               !name.empty() && !makes_interface(port)) {
      check_interface(machine, port, name, person, out);
    }
  }
}

void check_cpus(const Machine& machine, const Outfit& outfit, Findings& out) {
  const std::vector<unsigned> workers = workers_of(outfit);
  if (workers.empty()) return;
  const std::vector<unsigned> online = machine.cpus(std::string(kCpus) + "online");
  bool all_there = true;
  for (const unsigned cpu : outfit.cores) {
    if (online.empty() || std::find(online.begin(), online.end(), cpu) != online.end()) continue;
    all_there = false;
    const std::string file = fmt::format("{}cpu{}/online", kCpus, cpu);
    if (machine.exists(file)) {
      out.push_back({Health::problem, "cpu", fmt::format("CPU {} is not online", cpu), {"echo 1 > " + file}});
    } else {
      out.push_back({Health::problem,
                     "cpu",
                     fmt::format("this machine has no CPU {}", cpu),
                     {fmt::format("# give --cores CPUs of {}", cpu_list_text(online))}});
    }
  }
  if (!all_there) return;
  std::vector<unsigned> apart = outfit.cores;
  std::sort(apart.begin(), apart.end());
  apart.erase(std::unique(apart.begin(), apart.end()), apart.end());
  if (apart.size() < outfit.cores.size()) {
    out.push_back({Health::advice,
                   "cpu",
                   fmt::format("{} CPUs for control and {} worker{}: some share one", apart.size(), workers.size(),
                               workers.size() == 1 ? "" : "s"),
                   {"# give fewer --workers, or the probe more CPUs"}});
  } else {
    out.push_back({Health::good,
                   "cpu",
                   fmt::format("control on CPU {}, worker{} on {}", outfit.cores[0], workers.size() == 1 ? "" : "s",
                               cpu_list_text(workers)),
                   {}});
  }
  if (apart.size() == outfit.cores.size()) check_isolation(machine, workers, out);
  check_governor(machine, apart.size() == outfit.cores.size() ? workers : apart, out);
  for (const auto& [one, other] : siblings(machine, workers)) {
    out.push_back({Health::advice,
                   "cpu",
                   fmt::format("workers on CPUs {} and {} share one core", one, other),
                   {"# give --cores CPUs of different cores: lscpu -e=CPU,CORE,NODE"}});
  }
}

void check_cpu_level(std::uint64_t features, Findings& out) {
  out.push_back(
      {Health::good,
       "cpu",
       fmt::format("this CPU has all of x86-64-v{}; weir was built for {}", cpu_level(features), built_for_cpu),
       {}});
}

void check_clock(const Machine& machine, const ClockState& clock, Findings& out) {
  if (clock.synchronised) {
    out.push_back({Health::good,
                   "clock",
                   fmt::format("synchronised, within {:.3f} ms", static_cast<double>(clock.greatest_error_us) / 1000),
                   {}});
  } else {
    out.push_back({Health::advice,
                   "clock",
                   "not synchronised: records of several probes cannot be compared in time",
                   {"apt-get install chrony && systemctl enable --now chrony"}});
  }
  const std::string folder = std::string("/sys/devices/system/clocksource/clocksource0/");
  const auto source = machine.text(folder + "current_clocksource");
  if (!source || *source == "tsc" || *source == "kvm-clock" || *source == "arch_sys_counter") return;
  const bool possible = machine.text(folder + "available_clocksource").value_or("").find("tsc") != std::string::npos;
  if (!possible) return;
  out.push_back({Health::advice,
                 "clock",
                 fmt::format("clock source {} takes long to read", *source),
                 {"echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource"}});
}

void check_limits(const Person& person, const Outfit& outfit, Findings& out) {
  constexpr std::uint64_t kFewFiles = 1024;
  if (!person.root && any_pci(outfit) && person.locked_octets != UINT64_MAX) {
    out.push_back(
        {Health::problem,
         "limit",
         fmt::format("{} KiB of memory may be locked; vfio locks all that DPDK uses", person.locked_octets / 1024),
         {"ulimit -l unlimited", "# in a systemd unit: LimitMEMLOCK=infinity"}});
  }
  if (person.open_files < kFewFiles) {
    out.push_back({Health::advice,
                   "limit",
                   fmt::format("{} files may be open", person.open_files),
                   {fmt::format("ulimit -n {}", 4 * kFewFiles)}});
  } else {
    out.push_back({Health::good, "limit", "enough files may be open", {}});
  }
}

}  // namespace weir
