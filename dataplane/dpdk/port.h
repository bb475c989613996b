// Port: takes one DPDK device from "EAL has it" to "its queues run", and says how it was configured.
//
// A capture port should be promiscuous, with the device's largest MTU and scattered receive (a frame that the NIC
// refuses is not counted), without VLAN stripping and LRO (both change what is counted), without pause frames (a probe
// must not slow down the network that it watches), and with rings of 4096 descriptors if the device has them: at 14.88
// Mpps these hold 275 us, for which the worker may be elsewhere.
//
// Devices differ in which of these they support. If a refused setting only makes measurement worse, weir goes on
// without it. If it would make it wrong (fewer queues than workers, a port that does not start), it is an error.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "dataplane/dpdk/af_packet.h"
#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/memory.h"
#include "dataplane/dpdk/rss_check.h"
#include "dataplane/rss_hash.h"

namespace weir::dpdk {

inline constexpr unsigned kReceiveDescriptors = 4096;
inline constexpr unsigned kTransmitDescriptors = 1024;

struct PortPlan {
  unsigned receive_queues = 1;
  unsigned transmit_queues = 0;  ///< 0: as few as the driver takes
  RssHash rss = RssHash::addresses;
  bool interrupts = false;  ///< RX interrupts, where the device has them
};

struct Port {
  std::uint16_t id = 0;
  std::string name;
  std::string driver;
  bool pci = false;
  std::string address;  ///< on the PCI bus: "0000:3b:00.0"; empty for other devices
  bool memif = false;
  bool memif_server = false;
  unsigned memif_slots = 0;      ///< a memif's ring size is its parameter; 0 for other devices
  std::uint32_t cut_octets = 0;  ///< net_af_packet: see af_packet.h; 0 for other devices
  KernelInterface interface;     ///< likewise; none for other devices
  int numa_node = -1;
  unsigned receive_queues = 0;
  unsigned transmit_queues = 0;
  unsigned receive_descriptors = 0;  ///< per queue, as device_check.h says of PCI devices
  unsigned mtu = 0;
  RssHash rss_hash = RssHash::none;
  RssState rss{};           ///< as read back at start
  bool interrupts = false;  ///< every receive queue can raise one, by a message (device_check.h)
  std::uint32_t max_mbps = 0;
};

struct Link {
  bool up = false;
  std::uint32_t mbps = 0;
};

/// The DPDK port of `device`. Error: EAL did not bring it up; the reason and what to look at.
tl::expected<Port, std::string> find_port(const Device& device);

/// Configures the queues of `port` from `pools` (`mbufs` mbufs a pool) and starts it.
tl::expected<void, std::string> start_port(Port& port, const PortPlan& plan, Pools& pools, unsigned mbufs);

/// True for devices whose queues come in pairs of receive and transmit.
bool needs_queue_pairs(const Port& port);

/// Stops and closes it.
void close_port(const Port& port);

Link link_of(const Port& port);

/// Waits until `port` has its link, as long as makes sense for the kind of device: 9 s for a NIC, which may have to
/// train; 1 s for a virtual one, whose peer may come tomorrow.
Link await_link(const Port& port);

}  // namespace weir::dpdk
