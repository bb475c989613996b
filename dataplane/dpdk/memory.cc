#include "dataplane/dpdk/memory.h"

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <bit>

#include "dataplane/dpdk/core_dump.h"
#include "dataplane/dpdk/eal.h"

namespace weir::dpdk {

static_assert(kPoolCache <= RTE_MEMPOOL_CACHE_MAX_SIZE);

unsigned mbufs_needed(unsigned descriptors, unsigned workers) {
  const unsigned count = descriptors + workers * (kBurst * kMaxSegments + kPoolCache + kPoolCache / 2);
  return std::bit_ceil(count + 1) - 1;
}

unsigned memory_needed_mib(unsigned mbufs) {
  const std::uint64_t octets = std::uint64_t{mbufs} * kMbufOctets;
  constexpr std::uint64_t kMib = 1024 * 1024;
  return static_cast<unsigned>((octets + octets / 8 + kMib - 1) / kMib + 64);
}

tl::expected<rte_mempool*, std::string> Pools::get(int node, unsigned mbufs) {
  const auto found = by_node_.find(node);
  if (found != by_node_.end()) return found->second;
  const std::string name = "weir_mbufs_" + (node < 0 ? std::string("any") : std::to_string(node));
  rte_mempool* pool =
      rte_pktmbuf_pool_create(name.c_str(), mbufs, kPoolCache, 0, RTE_PKTMBUF_HEADROOM + kDataRoom, node);
  if (pool == nullptr) {
    return tl::unexpected("no memory for " + std::to_string(mbufs) + " packet buffers on NUMA node " +
                          std::to_string(node) + " (" + rte_strerror(rte_errno) +
                          "): " + std::to_string(memory_needed_mib(mbufs)) +
                          " MiB are needed; give it more huge pages, or fewer workers or ports" + last_dpdk_error());
  }
  leave_out_of_core_dumps(*pool);
  by_node_.emplace(node, pool);
  return pool;
}

void Pools::free_all() {
  for (const auto& [node, pool] : by_node_) rte_mempool_free(pool);
  by_node_.clear();
}

}  // namespace weir::dpdk
