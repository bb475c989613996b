// Runtime: the EAL, its ports and its lcores, as weir's control side sees them: the one header of this folder that
// control/ includes. No DPDK type crosses it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "dataplane/input/live_source.h"
#include "dataplane/packet/flow_filter.h"
#include "dataplane/rss_hash.h"

namespace weir::dpdk {

struct RuntimeOptions {
  std::string program = "weir";      ///< argv[0] and file prefix (with the process id) of the EAL
  std::vector<std::string> devices;  ///< PCI addresses ("0000:3b:00.0", "3b:00.0") and vdevs ("net_memif0,role=server")
  std::vector<unsigned> cores;       ///< CPUs: the first is the main lcore's, the others the workers'; empty: chosen
  unsigned workers = 1;              ///< receive queues per port; one lcore each
  RssHash rss = RssHash::addresses;  ///< what the device hashes
  bool interrupts = false;           ///< start the ports with RX interrupts, where they have them
  std::vector<std::string> filters;  ///< by monitor, a pcap filter over the header that makes the flow; empty: none
  std::string frame_filter;          ///< pcap filter over the frame as it came; empty: none
  std::string eal_arguments;         ///< further EAL arguments, separated by blanks
};

struct PortInfo {
  std::string name;       ///< as EAL names the device
  std::string driver;     ///< "net_memif", "mlx5_pci", ...
  std::string interface;  ///< of the kernel, on which the port is; empty: it is on none
  bool link_up = false;
  std::uint32_t link_mbps = 0;  ///< 0: the device does not say
  unsigned queues = 0;
  unsigned rx_descriptors = 0;
  unsigned mtu = 0;
  int numa_node = -1;
  std::string rss;  ///< what was read back from the device: "addresses", "ports" or "none"
  std::string
      problem;  ///< why nothing is received: a memif peer with other queues, a kernel interface that is gone; or ""
};

/// What the NIC counted, as DPDK's rte_eth_stats has it.
struct PortCounters {
  std::uint64_t ipackets = 0, ibytes = 0, imissed = 0, ierrors = 0, rx_nombuf = 0;
};

/// What the RSS self-check (rss_check.h) found for a port.
struct RssPortReport {
  std::string name;
  std::string hash;  ///< "addresses", "ports" or "none", read from the device just now
  unsigned key_octets = 0;
  unsigned table_entries = 0;
  unsigned conversations = 0;
  unsigned split = 0;
  unsigned fragments_split = 0;
  std::string example;                       ///< a conversation that is split
  std::vector<unsigned> known_by_queue;      ///< known conversations by queue
  std::vector<std::uint64_t> queue_packets;  ///< packets received by queue since the start
};

struct RssReport {
  std::vector<RssPortReport> ports;
  unsigned split_between_ports = 0;  ///< known conversations whose directions, on two ports, reach two workers; worst
  bool meets = false;                ///< both directions of every conversation reach one worker without hand-over
};

/// What a driver says that its device could do.
struct PortCapability {
  std::string name;    ///< as EAL names the device
  std::string driver;  ///< "net_memif", "mlx5_pci", ...
  unsigned receive_queues = 0;
  unsigned receive_descriptors = 0;  ///< of a queue
  unsigned key_octets = 0;           ///< of the RSS key; 0: the driver does not say
  unsigned table_entries = 0;        ///< of the redirection table; 0: there is none
  bool hashes_addresses = false;     ///< all IP packets by their addresses alone
  bool hashes_ports = false;
  bool tells_hash = false;  ///< key and functions can be read back, so that weir can rely on them
};

class Runtime {
 public:
  /// Initialises the EAL, asks the devices, and ends the EAL again; no port is started. `devices` and `eal_arguments`
  /// as in RuntimeOptions. Error: one line. Once per process, instead of start().
  static tl::expected<std::vector<PortCapability>, std::string> capabilities(const std::vector<std::string>& devices,
                                                                             const std::string& eal_arguments);
  /// Initialises the EAL, checks that every device came up, configures and starts the ports.
  /// Error: one line naming the device or the setting, and what to do. Once per process.
  static tl::expected<std::unique_ptr<Runtime>, std::string> start(const RuntimeOptions& options);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime();  ///< stops and closes the ports, cleans up the EAL

  /// Removes the EAL's folder now: a process that changes its user cannot do so at the end.
  void leave_no_folder();
  [[nodiscard]] bool hugepages() const;
  /// What the user should know about how this was set up, one line each: workers that share a CPU, no link yet ...
  [[nodiscard]] const std::vector<std::string>& notices() const;
  [[nodiscard]] unsigned port_count() const;
  [[nodiscard]] PortInfo port_info(unsigned port) const;
  [[nodiscard]] PortCounters port_counters(unsigned port) const;

  /// True when the device spreads packets so that both directions of every conversation reach the same worker on
  /// every port: the self-check at start. False: workers must hand packets over (no RSS, RSS by ports, redirection
  /// tables that differ).
  [[nodiscard]] bool spreads_conversations() const;

  /// The self-check with what the devices have now.
  [[nodiscard]] RssReport check_rss() const;

  /// How a worker of these ports waits when `handed_over` to or not.
  struct Waiting {
    bool interrupts = false;     ///< by RX interrupt
    std::uint64_t sleep_ns = 0;  ///< by sleeping so long; 0: its rings are too short for any sleep
  };
  [[nodiscard]] Waiting waiting(bool handed_over) const;

  /// Of RuntimeOptions::filters; nullptr: there is none. For as long as this lives.
  [[nodiscard]] const FlowFilter* flow_filter(unsigned monitor = 0) const;

  /// One more of the same kind, which this does not keep. Error: one line.
  [[nodiscard]] static tl::expected<std::shared_ptr<const FlowFilter>, std::string> make_flow_filter(
      const std::string& expression);

  /// The packets of queue `worker` of every port in turn. To be used by that worker's lcore only.
  std::unique_ptr<LiveSource> source(unsigned worker, const Waiting& waiting);

  /// To be called once a second: what drivers have mapped since stays out of core dumps (core_dump.h).
  static void look_after();

  /// The CPU of worker `worker`.
  [[nodiscard]] unsigned worker_core(unsigned worker) const;
  /// Runs `body` on the worker's lcore. join_workers() waits until all have returned.
  tl::expected<void, std::string> launch(unsigned worker, std::function<void()> body);
  void join_workers();

 private:
  struct Impl;
  explicit Runtime(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::dpdk
