#include "dataplane/dpdk/port.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "dataplane/dpdk/device_check.h"
#include "dataplane/dpdk/queue_waiter.h"
#include "dataplane/dpdk/rss.h"
#include "dataplane/kernel_port.h"

namespace weir::dpdk {
namespace {

// Ethernet header, two VLAN tags and FCS around an MTU.
constexpr unsigned kOverhead = 14 + 2 * 4 + 4;
constexpr unsigned kLargestMtu = 9600;
constexpr unsigned kDefaultMtu = 1500;

// "0000:03:00.0 (virtio-pci), 0000:04:00.0 (no driver)": every PCI device of class 02 (network).
std::string pci_network_devices() {
  std::string list;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/bus/pci/devices", error)) {
    std::array<char, 16> text{};
    FILE* file = std::fopen((entry.path() / "class").c_str(), "re");
    if (file == nullptr) continue;
    const bool read = std::fgets(text.data(), static_cast<int>(text.size()), file) != nullptr;
    std::fclose(file);
    if (!read || std::strncmp(text.data(), "0x02", 4) != 0) continue;
    std::error_code unbound;
    const auto driver = std::filesystem::read_symlink(entry.path() / "driver", unbound);
    list += (list.empty() ? "" : ", ") + entry.path().filename().string() + " (" +
            (unbound ? "no driver" : driver.filename().string()) + ")";
  }
  return list.empty() ? "none" : list;
}

std::string why_missing(const Device& device) {
  if (device.pci) {
    return "; is it bound to vfio-pci? network devices on the PCI bus: " + pci_network_devices();
  }
  return "; look at its parameters, and whether the file, interface or socket they name is there and free";
}

// Slots of a memif ring: 2^rsize, rsize 10 if not given. The number of descriptors asked for has no effect.
unsigned memif_slots(const std::string& argument) {
  constexpr unsigned kDefaultLog2 = 10;
  constexpr unsigned kMaxLog2 = 14;
  unsigned log2 = kDefaultLog2;
  const auto place = argument.find("rsize=");
  if (place != std::string::npos) log2 = static_cast<unsigned>(std::strtoul(argument.c_str() + place + 6, nullptr, 10));
  return log2 <= kMaxLog2 ? 1U << log2 : 0;
}

std::string problem(const Port& port, const std::string& what, int result) {
  std::string text = port.name + ": " + what;
  // net_memif and others fail with a bare -1, which is not an error number (it would read "Operation not permitted").
  if (result < -1) text += std::string(": ") + rte_strerror(-result);
  return text + last_dpdk_error();
}

// Transmit queues to try, in order. weir never sends, so one unused queue is enough for most drivers; some refuse
// to start without a pair for each receive queue, and with memif both sides must have equal numbers.
std::vector<unsigned> transmit_choices(const Port& port, const PortPlan& plan, const rte_eth_dev_info& info) {
  if (plan.transmit_queues != 0) return {plan.transmit_queues};
  const unsigned pairs = plan.receive_queues;
  std::vector<unsigned> choices;
  if (!needs_queue_pairs(port)) choices.push_back(1);
  if (std::find(choices.begin(), choices.end(), pairs) == choices.end()) choices.push_back(pairs);
  choices.push_back(0);
  std::erase_if(choices, [&info](unsigned count) { return count > info.max_tx_queues; });
  return choices;
}

unsigned largest_mtu(const rte_eth_dev_info& info) {
  // Many virtual devices leave max_mtu at its "no limit" default and mean max_rx_pktlen.
  unsigned mtu = std::min<unsigned>(info.max_mtu == 0 ? kLargestMtu : info.max_mtu, kLargestMtu);
  if (info.max_rx_pktlen != 0) {
    const unsigned overhead = info.max_mtu != UINT16_MAX && info.max_rx_pktlen > info.max_mtu
                                  ? info.max_rx_pktlen - info.max_mtu
                                  : RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
    if (info.max_rx_pktlen > overhead) mtu = std::min(mtu, info.max_rx_pktlen - overhead);
  }
  const bool scatter = (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
  if (!scatter) mtu = std::min(mtu, kDataRoom - kOverhead);
  return std::max<unsigned>(mtu, info.min_mtu);
}

// The fastest link the device can have: what its rings must be taken for. Virtual devices name one or none, and it
// means nothing: ten-gigabit line rate is more than their peers were seen to send.
std::uint32_t max_mbps(const Port& port, const rte_eth_dev_info& info) {
  constexpr std::uint32_t kVirtualMbps = 10'000;
  constexpr std::uint32_t kUnknownMbps = 100'000;
  if (!port.pci) return kVirtualMbps;
  std::uint32_t most = 0;
  for (const std::uint32_t mbps :
       {1'000U, 2'500U, 5'000U, 10'000U, 20'000U, 25'000U, 40'000U, 50'000U, 56'000U, 100'000U, 200'000U}) {
    if ((info.speed_capa & rte_eth_speed_bitflag(mbps, RTE_ETH_LINK_FULL_DUPLEX)) != 0) most = mbps;
  }
  return most == 0 ? kUnknownMbps : most;
}

// What is tried: devices differ in what they refuse.
struct Attempt {
  bool interrupts = false;
  unsigned receive_descriptors = 0;
  unsigned mtu = 0;  ///< 0: the driver's own
  unsigned transmit_queues = 0;
};

tl::expected<void, std::string> configure(Port& port, const PortPlan& plan, const rte_eth_dev_info& info,
                                          const Attempt& attempt, rte_mempool* pool) {
  const unsigned transmit = attempt.transmit_queues;
  const unsigned used_before = rte_mempool_in_use_count(pool);
  rte_eth_conf conf{};
  conf.intr_conf.rxq = attempt.interrupts ? 1 : 0;
  conf.rxmode.mtu = attempt.mtu;
  conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
  const auto receive = static_cast<std::uint16_t>(plan.receive_queues);
  RssRequest rss = rss_request(port, info, plan);
  if (rss.wanted != RssHash::none) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_key = rss.key.data();
    conf.rx_adv_conf.rss_conf.rss_key_len = static_cast<std::uint8_t>(rss.key.size());
    conf.rx_adv_conf.rss_conf.rss_hf = rss.functions;
  }
  int result = rte_eth_dev_configure(port.id, receive, static_cast<std::uint16_t>(transmit), &conf);
  if (result < 0) return tl::unexpected(problem(port, "the device refused its configuration", result));

  auto rx_descriptors = static_cast<std::uint16_t>(attempt.receive_descriptors);
  std::uint16_t tx_descriptors = kTransmitDescriptors;
  result = rte_eth_dev_adjust_nb_rx_tx_desc(port.id, &rx_descriptors, &tx_descriptors);
  if (result < 0) return tl::unexpected(problem(port, "the device gave no descriptor limits", result));

  const auto socket = static_cast<unsigned>(port.numa_node);
  rte_eth_rxconf rx_conf = info.default_rxconf;
  rx_conf.offloads = conf.rxmode.offloads;
  // If there are several queues, a full one must not block the others.
  if (port.pci && receive > 1) rx_conf.rx_drop_en = 1;
  for (unsigned queue = 0; queue < receive; ++queue) {
    result = rte_eth_rx_queue_setup(port.id, static_cast<std::uint16_t>(queue), rx_descriptors, socket, &rx_conf, pool);
    if (result < 0) {
      return tl::unexpected(problem(port, "receive queue " + std::to_string(queue) + " was refused", result));
    }
  }
  rte_eth_txconf tx_conf = info.default_txconf;
  tx_conf.offloads = 0;
  for (unsigned queue = 0; queue < transmit; ++queue) {
    result = rte_eth_tx_queue_setup(port.id, static_cast<std::uint16_t>(queue), tx_descriptors, socket, &tx_conf);
    if (result < 0) {
      return tl::unexpected(problem(port, "transmit queue " + std::to_string(queue) + " was refused", result));
    }
  }
  result = rte_eth_dev_start(port.id);
  if (result < 0) {
    std::string what = "the port did not start";
    if (port.memif && !port.memif_server) what += " (a memif client needs its server to be there first)";
    return tl::unexpected(problem(port, what, result));
  }
  const unsigned buffers = (rte_mempool_in_use_count(pool) - used_before) / receive;
  if (buffers > kReceiveDescriptors) {
    rte_eth_dev_stop(port.id);
    return tl::unexpected(port.name + ": a receive queue takes " + std::to_string(buffers) +
                          " packet buffers, more than " + std::to_string(kReceiveDescriptors));
  }
  port.receive_queues = receive;
  port.transmit_queues = transmit;
  port.receive_descriptors = rx_descriptors;
  // Where a driver tells its real ring size, that is the one.
  rte_eth_rxq_info queue_info{};
  if (rte_eth_rx_queue_info_get(port.id, 0, &queue_info) == 0 && queue_info.nb_desc != 0) {
    port.receive_descriptors = queue_info.nb_desc;
  }
  if (port.pci) port.receive_descriptors = ring_descriptors(port.receive_descriptors, buffers);
  if (port.memif_slots != 0) port.receive_descriptors = port.memif_slots;
  port.rss_hash = RssHash::none;
  if (rss.wanted != RssHash::none) set_redirection(port, info);
  return {};
}

// With or without interrupts: the best that the device takes.
tl::expected<void, std::string> start_with(Port& port, const PortPlan& plan, const rte_eth_dev_info& info,
                                           bool interrupts, rte_mempool* pool) {
  tl::expected<void, std::string> outcome;
  // Half as many for a driver that fills two rings for each queue: the pool has kReceiveDescriptors for it.
  for (const unsigned descriptors : {kReceiveDescriptors, kReceiveDescriptors / 2}) {
    // The largest MTU first; then whatever the driver starts with, for those that promise more than they keep.
    for (const unsigned mtu : {largest_mtu(info), 0U}) {
      for (const unsigned transmit : transmit_choices(port, plan, info)) {
        auto attempt = configure(port, plan, info, {interrupts, descriptors, mtu, transmit}, pool);
        if (attempt.has_value()) return attempt;
        // Report the first refusal: it concerns the wanted settings and not a fallback.
        if (outcome.has_value()) outcome = std::move(attempt);
      }
    }
  }
  return outcome;
}

tl::expected<void, std::string> start_as_it_can(Port& port, const PortPlan& plan, const rte_eth_dev_info& info,
                                                rte_mempool* pool) {
  port.interrupts = false;
  if (plan.interrupts && start_with(port, plan, info, true, pool).has_value()) {
    const bool line = port.pci && !has_message_interrupts(port.address);
    port.interrupts = !line && has_rx_interrupts(port.id, port.receive_queues);
    if (!line) return {};
    rte_eth_dev_stop(port.id);
  }
  // Some devices refuse to start with interrupts.
  return start_with(port, plan, info, false, pool);
}

// What makes measurement worse if it is refused, and not wrong.
void apply_optional_settings(const Port& port) {
  rte_eth_promiscuous_enable(port.id);
  rte_eth_allmulticast_enable(port.id);
  if (!port.pci) return;
  rte_eth_fc_conf pause{};
  if (rte_eth_dev_flow_ctrl_get(port.id, &pause) == 0 && pause.mode != RTE_ETH_FC_NONE) {
    pause.mode = RTE_ETH_FC_NONE;
    rte_eth_dev_flow_ctrl_set(port.id, &pause);
  }
  rte_eth_dev_set_vlan_offload(port.id, 0);
}

}  // namespace

bool needs_queue_pairs(const Port& port) {
  constexpr std::array<std::string_view, 5> kPaired{"net_memif", "net_tap", "net_vhost", "net_virtio_user",
                                                    "net_virtio"};
  return std::find(kPaired.begin(), kPaired.end(), port.driver) != kPaired.end();
}

tl::expected<Port, std::string> find_port(const Device& device) {
  Port port;
  port.name = device.shown;
  port.pci = device.pci;
  if (device.pci) port.address = device.name;
  if (rte_eth_dev_get_port_by_name(device.name.c_str(), &port.id) != 0) {
    return tl::unexpected("port '" + device.argument + "': DPDK did not bring up this device" + last_dpdk_error() +
                          why_missing(device));
  }
  rte_eth_dev_info info{};
  const int result = rte_eth_dev_info_get(port.id, &info);
  if (result < 0) return tl::unexpected(problem(port, "the device does not describe itself", result));
  port.driver = info.driver_name == nullptr ? "" : info.driver_name;
  port.memif = port.driver == "net_memif";
  // The parameter's default is client; "slave" and "master" are its former names.
  port.memif_server = port.memif && (device.argument.find("role=server") != std::string::npos ||
                                     device.argument.find("role=master") != std::string::npos);
  if (port.memif) port.memif_slots = memif_slots(device.argument);
  if (is_af_packet(device.argument)) port.cut_octets = af_packet_cut_octets(device.argument);
  port.interface = kernel_interface(device.argument);
  port.numa_node = rte_eth_dev_socket_id(port.id);
  return port;
}

tl::expected<void, std::string> start_port(Port& port, const PortPlan& plan, Pools& pools, unsigned mbufs) {
  rte_eth_dev_info info{};
  const int result = rte_eth_dev_info_get(port.id, &info);
  if (result < 0) return tl::unexpected(problem(port, "the device does not describe itself", result));
  if (plan.receive_queues > info.max_rx_queues) {
    return tl::unexpected(port.name + ": " + std::to_string(plan.receive_queues) +
                          " receive queues are needed (one per worker), the device has " +
                          std::to_string(info.max_rx_queues) +
                          // Of the driver's arguments; without it there is one queue.
                          (port.cut_octets != 0 && !is_kernel_port(port.name)
                               ? "; --port " + port.name + ",iface=...,qpairs=" + std::to_string(plan.receive_queues) +
                                     " gives it as many"
                               : std::string()));
  }
  if (plan.transmit_queues > info.max_tx_queues) {
    return tl::unexpected(port.name + ": " + std::to_string(plan.transmit_queues) +
                          " transmit queues are needed, the device has " + std::to_string(info.max_tx_queues));
  }
  const auto pool = pools.get(port.numa_node, mbufs);
  if (!pool) return tl::unexpected(port.name + ": " + pool.error());

  auto started = start_as_it_can(port, plan, info, *pool);
  if (!started) return started;
  port.max_mbps = max_mbps(port, info);
  apply_optional_settings(port);
  std::uint16_t mtu = 0;
  port.mtu = rte_eth_dev_get_mtu(port.id, &mtu) == 0 ? mtu : kDefaultMtu;
  // Forget what refused optional settings have logged: it does not explain a later failure.
  last_dpdk_error();
  return {};
}

void close_port(const Port& port) {
  rte_eth_dev_stop(port.id);
  rte_eth_dev_close(port.id);
}

Link link_of(const Port& port) {
  rte_eth_link link{};
  Link result;
  if (rte_eth_link_get_nowait(port.id, &link) != 0) return result;
  result.up = link.link_status == RTE_ETH_LINK_UP && af_packet_trouble(port.interface).empty();
  // "Unknown" is a number of its own (2^32 - 1).
  result.mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
  return result;
}

Link await_link(const Port& port) {
  constexpr unsigned kStepMicroseconds = 20'000;
  const unsigned steps = (port.pci ? 9'000'000U : 1'000'000U) / kStepMicroseconds;
  Link link = link_of(port);
  for (unsigned step = 0; !link.up && step < steps; ++step) {
    usleep(kStepMicroseconds);
    link = link_of(port);
  }
  return link;
}

}  // namespace weir::dpdk
