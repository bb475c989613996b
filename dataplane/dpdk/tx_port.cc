#include "dataplane/dpdk/tx_port.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/memif_guard.h"
#include "dataplane/dpdk/memif_rings.h"
#include "dataplane/dpdk/memory.h"
#include "dataplane/dpdk/port.h"
#include "dataplane/dpdk/runtime_folder.h"

namespace weir::dpdk {
namespace {

// Zeroes an mbuf's data once, at creation.
void zero_data(rte_mempool* /*pool*/, void* /*argument*/, void* object, unsigned /*index*/) {
  auto* mbuf = static_cast<rte_mbuf*>(object);
  std::memset(mbuf->buf_addr, 0, mbuf->buf_len);
}

}  // namespace

struct TxPort::Impl {
  struct alignas(64) Queue {
    std::array<rte_mbuf*, kBatch> mbufs{};
    std::array<std::uint8_t*, kBatch> data{};
    std::size_t held = 0;
  };

  TxOptions options;
  CpuPlan cpus;
  std::unique_ptr<Eal> eal;
  Pools pools;
  rte_mempool* pool = nullptr;
  Port port;
  bool started = false;
  std::vector<Queue> queues;

  tl::expected<void, std::string> set_up() {
    auto devices = parse_devices({options.device});
    if (!devices) return tl::unexpected(devices.error());
    // Without a choice, main and sender share the first CPU: main sleeps, and the probe's workers start at the second.
    const std::vector<unsigned> allowed = allowed_cpus();
    auto plan = plan_cpus(options.cores.empty() ? std::vector<unsigned>{allowed.front()} : options.cores, allowed,
                          options.threads);
    if (!plan) return tl::unexpected(plan.error());
    cpus = std::move(*plan);

    // Buffers in flight: per queue all transmit descriptors and a batch, per thread one and a half caches. Drivers want
    // a receive side, too, although nobody reads it.
    const unsigned sending = std::bit_ceil(options.queues * (kTransmitDescriptors + static_cast<unsigned>(kBatch)) +
                                           options.threads * (kPoolCache + kPoolCache / 2) + 1) -
                             1;
    const unsigned receiving = mbufs_needed(options.queues * kReceiveDescriptors, 1);
    const unsigned room = RTE_PKTMBUF_HEADROOM + std::max(kDataRoom, options.largest_frame);
    const auto scaled_sending = static_cast<unsigned>(std::uint64_t{sending} * (room + 256) / kMbufOctets + 1);
    EalPlan eal_plan;
    eal_plan.program = options.program;
    eal_plan.file_prefix = own_runtime_folder(options.program);
    eal_plan.devices = *devices;
    eal_plan.cpus = cpus;
    eal_plan.memory_mib = memory_needed_mib(scaled_sending + receiving);
    eal_plan.hugepages = free_hugepages_mib() >= eal_plan.memory_mib;
    eal_plan.extra = options.eal_arguments;
    auto ready = Eal::start(eal_plan);
    if (!ready) return tl::unexpected(ready.error());
    eal = std::move(*ready);

    auto found = find_port(devices->front());
    if (!found) return tl::unexpected(found.error());
    port = std::move(*found);
    // A longer frame takes several buffers of the ring, and when the ring has room for all of them but one, net_memif
    // counts its free slots below zero and overwrites what the peer has not read.
    if (port.memif && options.largest_frame > kDataRoom) {
      return tl::unexpected(
          port.name + ": frames of " + std::to_string(options.largest_frame) +
          " octets do not fit one buffer of a memif, and its driver damages frames that take more: at "
          "most " +
          std::to_string(kDataRoom) + " octets without FCS");
    }
    pool = rte_pktmbuf_pool_create("weir_tx", sending, kPoolCache, 0, static_cast<std::uint16_t>(room), port.numa_node);
    if (pool == nullptr) {
      return tl::unexpected("no memory for " + std::to_string(sending) + " packet buffers (" + rte_strerror(rte_errno) +
                            ")" + last_dpdk_error());
    }
    rte_mempool_obj_iter(pool, zero_data, nullptr);
    const PortPlan port_plan{.receive_queues = needs_queue_pairs(port) ? options.queues : 1,
                             .transmit_queues = options.queues};
    if (auto outcome = start_port(port, port_plan, pools, receiving); !outcome) return outcome;
    started = true;
    if (port.memif) install_memif_guard();
    queues = std::vector<Queue>(options.queues);
    return {};
  }

  // Counts packets that the peer has not yet read from the memif's rings.
  [[nodiscard]] std::uint64_t unread() const {
    std::uint64_t count = 0;
    for (const MemifRegion& region : memif_regions()) {
      const std::size_t first =
          port.memif_server ? region.rings.size() - std::min<std::size_t>(region.rings.size(), port.transmit_queues)
                            : 0;
      for (std::size_t i = first; i < region.rings.size() && i < first + port.transmit_queues; ++i) {
        const MemifRing& ring = region.rings[i];
        // Indexes run freely over 16 bits. Client to server: the head is ours, the tail the reader's. Server to
        // client the reader offers buffers at the head and we fill them at the tail: with all read and offered
        // again the two are a whole ring apart.
        const auto distance = static_cast<std::uint16_t>(ring.head - ring.tail);
        if (!port.memif_server) {
          count += distance;
        } else if (distance < ring.slots) {
          count += ring.slots - distance;
        }
      }
    }
    return count;
  }

  ~Impl() {
    if (eal == nullptr) return;
    eal->join();
    for (Queue& queue : queues) rte_pktmbuf_free_bulk(queue.mbufs.data(), static_cast<unsigned>(queue.held));
    if (started) close_port(port);
    rte_mempool_free(pool);
    pools.free_all();
    eal.reset();
  }
};

TxPort::TxPort(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

TxPort::~TxPort() = default;

tl::expected<std::unique_ptr<TxPort>, std::string> TxPort::start(const TxOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  auto ready = impl->set_up();
  if (!ready) return tl::unexpected(ready.error());
  show_dpdk_errors(options.program);
  return std::unique_ptr<TxPort>(new TxPort(std::move(impl)));
}

const std::vector<std::string>& TxPort::notices() const {
  return impl_->cpus.notices;
}

std::string TxPort::driver() const {
  return impl_->port.driver;
}

bool TxPort::link_up() const {
  return link_of(impl_->port).up;
}

tl::expected<void, std::string> TxPort::await_peer(unsigned seconds, const std::atomic<bool>& stop) {
  constexpr unsigned kStepsPerSecond = 50;
  const Port& port = impl_->port;
  for (unsigned step = 0; !link_up(); ++step) {
    if (stop.load()) return {};
    if (step == seconds * kStepsPerSecond) {
      std::string text = port.name + ": no link after " + std::to_string(seconds) + " s";
      if (port.memif && !port.memif_server) {
        text += "; a memif stays down when its server has fewer than " + std::to_string(port.transmit_queues) +
                " queues (for weir: --workers " + std::to_string(port.transmit_queues) + ")";
      } else if (port.memif) {
        text += "; no client with " + std::to_string(port.transmit_queues) + " queues has come";
      } else {
        text += "; is the other end up?";
      }
      return tl::unexpected(text);
    }
    usleep(1'000'000 / kStepsPerSecond);
  }
  if (port.memif) {
    const std::size_t expected = port.transmit_queues + port.receive_queues;
    for (const MemifRegion& region : memif_regions()) {
      if (region.rings.size() == expected) continue;
      return tl::unexpected(port.name + ": the memif peer has " + std::to_string(region.rings.size()) +
                            " rings in both directions together, " + std::to_string(expected) +
                            " are needed: give both sides " + std::to_string(port.transmit_queues) + " queues");
    }
  }
  return {};
}

std::span<std::uint8_t* const> TxPort::buffers(unsigned queue) {
  Impl::Queue& state = impl_->queues[queue];
  const std::size_t wanted = kBatch - state.held;
  if (wanted != 0 &&
      rte_pktmbuf_alloc_bulk(impl_->pool, state.mbufs.data() + state.held, static_cast<unsigned>(wanted)) == 0) {
    for (std::size_t i = state.held; i < kBatch; ++i) state.data[i] = rte_pktmbuf_mtod(state.mbufs[i], std::uint8_t*);
    state.held = kBatch;
  }
  return {state.data.data(), state.held};
}

std::size_t TxPort::send(unsigned queue, std::span<const std::uint16_t> octets) {
  Impl::Queue& state = impl_->queues[queue];
  for (std::size_t i = 0; i < octets.size(); ++i) {
    state.mbufs[i]->data_len = octets[i];
    state.mbufs[i]->pkt_len = octets[i];
  }
  const auto tx_queue = static_cast<std::uint16_t>(queue);
  const auto count = static_cast<std::uint16_t>(octets.size());
  const std::uint16_t sent = impl_->port.memif ? guarded_tx_burst(impl_->port.id, tx_queue, state.mbufs.data(), count)
                                               : rte_eth_tx_burst(impl_->port.id, tx_queue, state.mbufs.data(), count);
  if (sent != 0) {
    std::copy(state.mbufs.begin() + sent, state.mbufs.begin() + static_cast<std::ptrdiff_t>(state.held),
              state.mbufs.begin());
    std::copy(state.data.begin() + sent, state.data.begin() + static_cast<std::ptrdiff_t>(state.held),
              state.data.begin());
    state.held -= sent;
  }
  return sent;
}

tl::expected<void, std::string> TxPort::launch(unsigned thread, std::function<void()> body) {
  return impl_->eal->launch(thread, std::move(body));
}

void TxPort::join() {
  impl_->eal->join();
}

std::uint64_t TxPort::drain() {
  if (!impl_->port.memif) {
    // Drivers do not say when the last frame has left; at 10 Mbit/s 500 ms are 400 full frames.
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return 0;
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  std::uint64_t left = impl_->unread();
  while (left != 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    left = impl_->unread();
  }
  return left;
}

}  // namespace weir::dpdk
