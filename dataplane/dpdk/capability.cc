// What ports could do, asked of their drivers without starting them: `weir doctor` needs no more.
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/port.h"
#include "dataplane/dpdk/rss.h"
#include "dataplane/dpdk/runtime.h"
#include "dataplane/dpdk/runtime_folder.h"

namespace weir::dpdk {
namespace {

/// Enough for the devices' own structures.
constexpr unsigned kMemoryMib = 64;

PortCapability capability_of(const Port& port, const rte_eth_dev_info& info) {
  PortCapability out;
  out.name = port.name;
  out.driver = port.driver;
  out.receive_queues = info.max_rx_queues;
  out.receive_descriptors = std::min<unsigned>(info.rx_desc_lim.nb_max, UINT16_MAX);
  out.key_octets = info.hash_key_size;
  out.table_entries = info.reta_size;
  const auto would_hash = [&](RssHash hash) {
    return rss_request(port, info, {.receive_queues = 2, .rss = hash}).wanted == hash;
  };
  out.hashes_addresses = would_hash(RssHash::addresses);
  out.hashes_ports = would_hash(RssHash::ports);
  // A driver without the call (net_vmxnet3) names no length of the key either. Others may want a started device.
  rte_eth_rss_conf conf{};
  out.tells_hash = info.hash_key_size != 0 || rte_eth_dev_rss_hash_conf_get(port.id, &conf) != -ENOTSUP;
  return out;
}

}  // namespace

tl::expected<std::vector<PortCapability>, std::string> Runtime::capabilities(const std::vector<std::string>& devices,
                                                                             const std::string& eal_arguments) {
  const auto parsed = parse_devices(devices);
  if (!parsed) return tl::unexpected(parsed.error());
  const auto cpus = plan_cpus({}, allowed_cpus(), 1);
  if (!cpus) return tl::unexpected(cpus.error());
  EalPlan plan;
  plan.program = "weir";
  plan.file_prefix = own_runtime_folder("weir-doctor");
  plan.devices = *parsed;
  plan.cpus = *cpus;
  plan.memory_mib = kMemoryMib;
  plan.hugepages = free_hugepages_mib() >= kMemoryMib;
  plan.extra = eal_arguments;
  const auto eal = Eal::start(plan);
  if (!eal) return tl::unexpected(eal.error());
  std::vector<PortCapability> out;
  for (const Device& device : *parsed) {
    const auto port = find_port(device);
    if (!port) return tl::unexpected(port.error());
    rte_eth_dev_info info{};
    if (const int result = rte_eth_dev_info_get(port->id, &info); result != 0) {
      return tl::unexpected(port->name + ": the driver says nothing of the device: " + rte_strerror(-result));
    }
    out.push_back(capability_of(*port, info));
    close_port(*port);
  }
  return out;
}

}  // namespace weir::dpdk
