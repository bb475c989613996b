#include "dataplane/dpdk/runtime.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "dataplane/dpdk/af_packet.h"
#include "dataplane/dpdk/af_xdp.h"
#include "dataplane/dpdk/core_dump.h"
#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/mbuf_source.h"
#include "dataplane/dpdk/memif_guard.h"
#include "dataplane/dpdk/memif_watch.h"
#include "dataplane/dpdk/memory.h"
#include "dataplane/dpdk/port.h"
#include "dataplane/dpdk/rss.h"
#include "dataplane/dpdk/runtime_folder.h"
#include "dataplane/idle.h"

namespace weir::dpdk {
namespace {

std::string hash_name(RssHash hash) {
  switch (hash) {
    case RssHash::addresses:
      return "addresses";
    case RssHash::ports:
      return "ports";
    case RssHash::none:
      break;
  }
  return "none";
}

/// What the user should know of the kernel's interfaces among `devices`. Error: this process may not open them.
tl::expected<std::vector<std::string>, std::string> look_at_interfaces(const std::vector<Device>& devices) {
  std::vector<std::string> notices;
  for (const Device& device : devices) {
    if (std::string notice = af_xdp_notice(device.argument); !notice.empty()) notices.push_back(std::move(notice));
    if (!is_af_packet(device.argument)) continue;
    if (std::string missing = af_packet_capabilities_missing(effective_capabilities()); !missing.empty()) {
      return tl::unexpected("port '" + device.argument + "': " + missing);
    }
    if (std::string notice = af_packet_offload_notice(device.argument); !notice.empty()) {
      notices.push_back(std::move(notice));
    }
  }
  return notices;
}

}  // namespace

struct Runtime::Impl {
  RuntimeOptions options;
  CpuPlan cpus;
  std::vector<std::string> notices;
  std::unique_ptr<Eal> eal;
  Pools pools;
  std::vector<Port> ports;
  std::vector<PortGate> gates;
  std::vector<QueueCounters> counters;  ///< port x worker
  std::unique_ptr<MemifWatch> watch;
  std::vector<std::unique_ptr<MbufFlowFilter>> flow_filters;  ///< by monitor; nullptr: none
  std::optional<MbufFilter> frame_filter;
  bool spreads_conversations = false;

  [[nodiscard]] RssReport check() const {
    RssReport report;
    report.meets = true;
    std::vector<RssState> states;
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const Port& port = ports[i];
      // If weir set no hash (one queue, or a device without RSS), the device's answer is ignored.
      states.push_back(port.rss_hash == RssHash::none ? port.rss : read_rss(port));
      const RssCheck check = dpdk::check_rss(states.back());
      RssPortReport& out = report.ports.emplace_back();
      out.name = port.name;
      out.hash = hash_name(states.back().hash);
      out.key_octets = static_cast<unsigned>(states.back().key.size());
      out.table_entries = static_cast<unsigned>(states.back().redirection.size());
      out.conversations = check.conversations;
      out.split = check.split;
      out.fragments_split = check.fragments_split;
      out.example = check.example;
      out.known_by_queue = check.by_queue;
      for (unsigned queue = 0; queue < options.workers; ++queue) {
        out.queue_packets.push_back(counters[i * options.workers + queue].packets.load(std::memory_order_relaxed));
      }
      report.meets &= check.conversations != 0 && check.split == 0 && check.fragments_split == 0;
      // With a single port any redirection table will do, since both directions have the same hash.
      // (If nothing could be checked, directions are not assumed to meet.)
      if (i == 0 || check.conversations == 0 || report.ports[0].conversations == 0) continue;
      report.split_between_ports = std::max(report.split_between_ports, split_between(states[0], states[i]));
    }
    report.meets &= report.split_between_ports == 0;
    report.meets |= options.workers == 1;
    return report;
  }

  /// Needs the EAL.
  tl::expected<void, std::string> make_filters() {
    const auto note_interpreter = [this](const char* option, bool compiled) {
      if (compiled) return;
      notices.push_back(std::string(option) +
                        " is interpreted, which costs more per packet: DPDK cannot compile it, or compiles it wrongly "
                        "(a test of single bits)");
    };
    for (const std::string& filter : options.filters) {
      flow_filters.emplace_back();
      if (filter.empty()) continue;
      auto made = MbufFilter::make_for_flows(filter);
      if (!made) return tl::unexpected("--filter: " + made.error());
      flow_filters.back() = std::make_unique<MbufFlowFilter>(std::move(*made));
      note_interpreter("--filter", flow_filters.back()->compiled());
    }
    if (!options.frame_filter.empty()) {
      auto made = MbufFilter::make(options.frame_filter);
      if (!made) return tl::unexpected("--frame-filter: " + made.error());
      frame_filter.emplace(std::move(*made));
      note_interpreter("--frame-filter", frame_filter->compiled());
    }
    return {};
  }

  tl::expected<void, std::string> set_up() {
    auto devices = parse_devices(options.devices, options.workers);
    if (!devices) return tl::unexpected(devices.error());
    auto joined = look_at_interfaces(*devices);
    if (!joined) return tl::unexpected(joined.error());
    auto plan = plan_cpus(options.cores, allowed_cpus(), options.workers);
    if (!plan) return tl::unexpected(plan.error());
    cpus = std::move(*plan);
    notices = cpus.notices;
    notices.insert(notices.end(), joined->begin(), joined->end());

    // Which node a port is on is known only once EAL runs, so each node's pool is made for all ports. It costs
    // memory on machines with several nodes and is never too small.
    const auto port_total = static_cast<unsigned>(devices->size());
    const unsigned mbufs = mbufs_needed(port_total * options.workers * kReceiveDescriptors, options.workers);
    EalPlan eal_plan;
    eal_plan.program = options.program;
    eal_plan.file_prefix = own_runtime_folder(options.program);
    eal_plan.devices = *devices;
    eal_plan.cpus = cpus;
    eal_plan.memory_mib = memory_needed_mib(mbufs);
    eal_plan.hugepages = free_hugepages_mib() >= eal_plan.memory_mib;
    eal_plan.extra = options.eal_arguments;
    auto started = Eal::start(eal_plan);
    if (!started) return tl::unexpected(started.error());
    eal = std::move(*started);

    if (auto made = make_filters(); !made) return made;

    // Look up all ports first, so that a missing device is reported before any other is touched.
    std::vector<Port> found;
    for (const Device& device : *devices) {
      auto port = find_port(device);
      if (!port) return tl::unexpected(port.error());
      found.push_back(std::move(*port));
    }
    const PortPlan port_plan{.receive_queues = options.workers, .rss = options.rss, .interrupts = options.interrupts};
    for (Port& port : found) {
      auto ready = start_port(port, port_plan, pools, mbufs);
      if (!ready) return tl::unexpected(ready.error());
      ports.push_back(port);
    }
    gates = std::vector<PortGate>(ports.size());
    counters = std::vector<QueueCounters>(ports.size() * options.workers);
    spreads_conversations = check().meets;

    watch = std::make_unique<MemifWatch>(ports, gates, options.program);
    for (const Port& port : ports) {
      // The peer of a memif server comes when it likes: whoever waits for it starts later for nothing.
      if (port.memif_server ? link_of(port).up : await_link(port).up) continue;
      std::string notice = port.name + ": link down";
      if (port.memif) notice += port.memif_server ? ", waiting for the peer" : ", the server has not answered";
      if (port.memif && !port.memif_server) {
        notice += "; it stays down when the server has fewer than " + std::to_string(port.receive_queues) + " queues";
      }
      notices.push_back(std::move(notice));
    }
    watch->look();
    for (unsigned i = 0; i < ports.size(); ++i) {
      if (std::string problem = watch->problem(i); !problem.empty()) return tl::unexpected(std::move(problem));
    }
    if (std::any_of(ports.begin(), ports.end(), [](const Port& port) { return port.memif; })) install_memif_guard();
    if (std::any_of(ports.begin(), ports.end(), [](const Port& port) { return port.memif_server; })) watch->run();
    show_dpdk_errors(options.program);
    leave_mapped_packets_out_of_core_dumps();
    return {};
  }

  ~Impl() {
    if (eal == nullptr) return;
    eal->join();
    watch.reset();
    // What drivers say from here on is of devices that they give back: net_virtio under vfio-pci switches its
    // interrupts off twice, and EAL calls the second time an error.
    show_dpdk_errors("");
    for (const Port& port : ports) close_port(port);
    pools.free_all();
    flow_filters.clear();
    frame_filter.reset();
    eal.reset();
  }
};

Runtime::Runtime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Runtime::~Runtime() = default;

tl::expected<std::unique_ptr<Runtime>, std::string> Runtime::start(const RuntimeOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  auto ready = impl->set_up();
  if (!ready) return tl::unexpected(ready.error());
  return std::unique_ptr<Runtime>(new Runtime(std::move(impl)));
}

void Runtime::leave_no_folder() {
  impl_->eal->leave_no_folder();
}

bool Runtime::hugepages() const {
  return impl_->eal->hugepages();
}

const std::vector<std::string>& Runtime::notices() const {
  return impl_->notices;
}

unsigned Runtime::port_count() const {
  return static_cast<unsigned>(impl_->ports.size());
}

PortInfo Runtime::port_info(unsigned port) const {
  PortInfo info;
  if (port >= impl_->ports.size()) return info;
  const Port& from = impl_->ports[port];
  const Link link = link_of(from);
  info.name = from.name;
  info.driver = from.driver;
  info.interface = from.interface.name;
  info.link_up = link.up;
  info.link_mbps = link.mbps;
  info.queues = from.receive_queues;
  info.rx_descriptors = from.receive_descriptors;
  info.mtu = from.mtu;
  info.numa_node = from.numa_node;
  info.rss = hash_name(from.rss_hash);
  info.problem = impl_->watch->problem(port);
  if (info.problem.empty()) info.problem = af_packet_trouble(from.interface);
  return info;
}

PortCounters Runtime::port_counters(unsigned port) const {
  PortCounters result;
  if (port >= impl_->ports.size()) return result;
  rte_eth_stats stats{};
  if (rte_eth_stats_get(impl_->ports[port].id, &stats) == 0) {
    result = {.ipackets = stats.ipackets,
              .ibytes = stats.ibytes,
              .imissed = stats.imissed,
              .ierrors = stats.ierrors,
              .rx_nombuf = stats.rx_nombuf};
  }
  if (impl_->ports[port].memif) {
    // net_memif resets its counts when the peer leaves; the workers' own counts are used instead.
    result.ipackets = 0;
    result.ibytes = 0;
    for (unsigned worker = 0; worker < impl_->options.workers; ++worker) {
      const QueueCounters& counters = impl_->counters[port * impl_->options.workers + worker];
      result.ipackets += counters.packets.load(std::memory_order_relaxed);
      result.ibytes += counters.octets.load(std::memory_order_relaxed);
    }
  }
  return result;
}

bool Runtime::spreads_conversations() const {
  return impl_->spreads_conversations;
}

RssReport Runtime::check_rss() const {
  return impl_->check();
}

Runtime::Waiting Runtime::waiting(bool handed_over) const {
  Waiting waiting{.interrupts = !handed_over, .sleep_ns = UINT64_MAX};
  for (const Port& port : impl_->ports) {
    waiting.interrupts &= port.interrupts;
    waiting.sleep_ns = std::min(waiting.sleep_ns, longest_sleep_ns(port.receive_descriptors, port.max_mbps));
  }
  return waiting;
}

std::unique_ptr<LiveSource> Runtime::source(unsigned worker, const Waiting& waiting) {
  std::vector<SourceQueue> queues;
  for (std::size_t port = 0; port < impl_->ports.size() && worker < impl_->options.workers; ++port) {
    queues.push_back({.port = impl_->ports[port].id,
                      .queue = static_cast<std::uint16_t>(worker),
                      .ingress_interface = static_cast<std::uint32_t>(port + 1),
                      .memif = impl_->ports[port].memif,
                      .cut_octets = impl_->ports[port].cut_octets,
                      .gate = &impl_->gates[port],
                      .counters = &impl_->counters[port * impl_->options.workers + worker]});
  }
  return std::make_unique<MbufSource>(std::move(queues), waiting.sleep_ns, waiting.interrupts,
                                      impl_->frame_filter ? &*impl_->frame_filter : nullptr);
}

const FlowFilter* Runtime::flow_filter(unsigned monitor) const {
  return monitor < impl_->flow_filters.size() ? impl_->flow_filters[monitor].get() : nullptr;
}

tl::expected<std::shared_ptr<const FlowFilter>, std::string> Runtime::make_flow_filter(const std::string& expression) {
  auto made = MbufFilter::make_for_flows(expression);
  if (!made) return tl::unexpected(made.error());
  return std::make_shared<const MbufFlowFilter>(std::move(*made));
}

void Runtime::look_after() {
  leave_mapped_packets_out_of_core_dumps();
}

unsigned Runtime::worker_core(unsigned worker) const {
  return worker < impl_->cpus.workers.size() ? impl_->cpus.workers[worker] : impl_->cpus.main;
}

tl::expected<void, std::string> Runtime::launch(unsigned worker, std::function<void()> body) {
  return impl_->eal->launch(worker, std::move(body));
}

void Runtime::join_workers() {
  impl_->eal->join();
}

}  // namespace weir::dpdk
