// rx/…: what receiving itself costs, rx_burst to freed mbufs, 32 packets a turn through MbufSource as weir runs it. The
// time of pipeline and rx together is the cost of a live packet.
//
//   rx/null          net_null: rx_burst makes empty frames; the least cost possible
//   rx/ring          net_ring: 512 frames are put in, then received; only the receiving is timed
//   rx/memif         likewise over a memif, whose rx_burst copies each frame
//   rx/memif_cores   a memif whose other end is a sender on another core: the frames come from its cache; only polls
//                    that find packets are timed
#include <benchmark/benchmark.h>
#include <pthread.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/bench_eal.h"
#include "bench/frames.h"
#include "bench/poll_times.h"
#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/mbuf_source.h"
#include "dataplane/dpdk/memif_guard.h"
#include "dataplane/dpdk/memory.h"
#include "dataplane/dpdk/port.h"
#include "dataplane/flow/flow_shard.h"

namespace weir::bench {
namespace {

constexpr std::size_t kRound = 512;  // less than any ring has
constexpr unsigned kMbufs = 16383;
constexpr std::uint16_t kFrameOctets = 60;

/// A started port and the pool of all of them.
struct OpenPort {
  dpdk::Port port;
  rte_mempool* pool = nullptr;
};

/// Opens `name` with one queue each way, or returns nullptr with what is wrong in `error`.
const OpenPort* open_port(const char* name, std::string& error) {
  static std::vector<std::pair<std::string, std::unique_ptr<OpenPort>>> open;
  for (const auto& [known, port] : open) {
    if (known == name) return port.get();
  }
  static dpdk::Pools pools;
  if (!start_eal()) {
    error = "the EAL did not start";
    return nullptr;
  }
  auto port = dpdk::find_port({name, name, name, false});
  if (!port) {
    error = port.error();
    return nullptr;
  }
  dpdk::PortPlan plan;
  plan.transmit_queues = 1;
  if (const auto started = dpdk::start_port(*port, plan, pools, kMbufs); !started) {
    error = started.error();
    return nullptr;
  }
  auto pool = pools.get(port->numa_node, kMbufs);
  if (!pool) {
    error = pool.error();
    return nullptr;
  }
  open.emplace_back(name, std::make_unique<OpenPort>(OpenPort{*port, *pool}));
  return open.back().second.get();
}

/// What a worker has of one queue.
struct Receiver {
  explicit Receiver(const OpenPort& from)
      : source({dpdk::SourceQueue{from.port.id, 0, 1, from.port.memif, 0, &gate, &counters}}, 0, false) {}
  std::size_t receive() {
    const std::size_t count = source.receive(views, kStartNs);
    benchmark::DoNotOptimize(views.data());
    source.release();
    return count;
  }
  dpdk::PortGate gate;
  dpdk::QueueCounters counters;
  dpdk::MbufSource source;
  std::array<PacketView, FlowShard::kBurst> views{};
};

/// Sends up to kBurst frames; says how many the device took.
std::size_t send_burst(const OpenPort& to, std::uint32_t& flow) {
  std::array<rte_mbuf*, FlowShard::kBurst> mbufs;
  if (rte_pktmbuf_alloc_bulk(to.pool, mbufs.data(), mbufs.size()) != 0) return 0;
  for (rte_mbuf* mbuf : mbufs) {
    mbuf->data_len = kFrameOctets;
    mbuf->pkt_len = kFrameOctets;
    auto* frame = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
    std::memset(frame, 0, kFrameOctets);
    write_frame(frame, kFrameOctets, flow++ % 10'000, FrameFields{});
  }
  const std::uint16_t sent = rte_eth_tx_burst(to.port.id, 0, mbufs.data(), mbufs.size());
  rte_pktmbuf_free_bulk(mbufs.data() + sent, static_cast<unsigned>(mbufs.size() - sent));
  return sent;
}

void rx_null(benchmark::State& state) {
  std::string error;
  const OpenPort* port = open_port(kNullDevice, error);
  if (port == nullptr) {
    state.SkipWithError(error.c_str());
    return;
  }
  Receiver receiver(*port);
  std::size_t received = 0;
  for ([[maybe_unused]] const auto _ : state) received += receiver.receive();
  state.SetItemsProcessed(static_cast<std::int64_t>(received));
}

/// Opens the sending and the receiving end and waits for the link; false: skipped.
bool open_wire(benchmark::State& state, const char* to, const char* from, const OpenPort*& sender,
               const OpenPort*& receiver) {
  std::string error;
  // A memif's server first.
  receiver = open_port(from, error);
  sender = receiver == nullptr ? nullptr : open_port(to, error);
  if (sender == nullptr) {
    state.SkipWithError(error.c_str());
    return false;
  }
  dpdk::install_memif_guard();
  if (!dpdk::await_link(receiver->port).up || !dpdk::await_link(sender->port).up) {
    state.SkipWithError("the link does not come up");
    return false;
  }
  return true;
}

void rx_wire(benchmark::State& state, const char* to, const char* from) {
  const OpenPort* sender = nullptr;
  const OpenPort* port = nullptr;
  if (!open_wire(state, to, from, sender, port)) return;
  Receiver receiver(*port);
  std::uint32_t flow = 0;
  std::size_t received = 0;
  for ([[maybe_unused]] const auto _ : state) {
    std::size_t sent = 0;
    for (std::size_t turn = 0; turn < kRound / FlowShard::kBurst; ++turn) sent += send_burst(*sender, flow);
    std::size_t back = 0;
    const std::uint64_t before = tsc();
    for (std::size_t turn = 0; turn < kRound / FlowShard::kBurst; ++turn) back += receiver.receive();
    state.SetIterationTime(static_cast<double>(tsc() - before) * tsc_ns() / 1e9);
    received += back;
    if (back != sent || sent == 0) {
      state.SkipWithError("not everything that was sent came back");
      break;
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(received));
}

void rx_memif_cores(benchmark::State& state) {
  const OpenPort* to = nullptr;
  const OpenPort* from = nullptr;
  if (!open_wire(state, kMemifClient, kMemifServer, to, from)) return;
  const std::vector<unsigned> cpus = dpdk::allowed_cpus();
  if (cpus.size() < 2) {
    state.SkipWithError("needs two CPUs");
    return;
  }
  cpu_set_t before;
  sched_getaffinity(0, sizeof before, &before);
  const auto pin = [](unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  };
  pin(cpus[1]);
  std::atomic<bool> stop{false};
  std::thread sender([&] {
    pin(cpus[0]);
    std::uint32_t flow = 0;
    while (!stop.load(std::memory_order_relaxed)) send_burst(*to, flow);
  });
  Receiver receiver(*from);
  std::size_t received = 0;
  bool dead = false;
  for ([[maybe_unused]] const auto _ : state) {
    std::uint64_t ticks = 0;
    std::size_t round = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (round < kRound) {
      const std::uint64_t start = tsc();
      const std::size_t count = receiver.receive();
      if (count != 0) {
        ticks += tsc() - start;
        round += count;
      } else if (std::chrono::steady_clock::now() > deadline) {
        dead = true;
        break;
      }
    }
    state.SetIterationTime(static_cast<double>(ticks) * tsc_ns() / 1e9);
    received += round;
    if (dead) {
      state.SkipWithError("nothing came for two seconds");
      break;
    }
  }
  stop.store(true);
  sender.join();
  while (receiver.receive() != 0) {
  }
  sched_setaffinity(0, sizeof before, &before);
  state.SetItemsProcessed(static_cast<std::int64_t>(received));
}

BENCHMARK(rx_null)->Name("rx/null");
BENCHMARK_CAPTURE(rx_wire, ring, kRingDevice, kRingDevice)->Name("rx/ring")->UseManualTime();
BENCHMARK_CAPTURE(rx_wire, memif, kMemifClient, kMemifServer)->Name("rx/memif")->UseManualTime();
BENCHMARK(rx_memif_cores)->Name("rx/memif_cores")->UseManualTime();

}  // namespace
}  // namespace weir::bench
