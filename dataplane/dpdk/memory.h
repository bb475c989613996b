// Mempools: how many mbufs a configuration can hold at once, and the pools that have them, one for each NUMA node.
//
// An mbuf is somewhere: in a receive descriptor, in the hands of a worker, or in a worker's cache of the pool. The
// pool must have them all at once, or rx_burst finds none and the NIC drops (rx_nombuf). So, for a node:
//
//   mbufs = receive descriptors of its ports' queues
//         + workers x (kBurst x kMaxSegments in hand + 1.5 x kPoolCache in the cache, which may overfill by half)
//
// rounded up to 2^n - 1, the size the pool's ring uses fully. One port, one queue of 4096 descriptors and one worker:
// 4096 + 64 x 5 + 768 = 5184, rounded to 8191 mbufs of 2432 octets = 19 MiB. A driver that fills more than one ring for
// a queue (net_vmxnet3) gets shorter ones, so that they hold no more mbufs together (port.cc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tl/expected.hpp>

struct rte_mempool;

namespace weir::dpdk {

inline constexpr unsigned kBurst = 64;       ///< mbufs that a worker holds at most, in packets
inline constexpr unsigned kMaxSegments = 5;  ///< 9600 octets of frame in segments of 2048
inline constexpr unsigned kPoolCache = 512;  ///< RTE_MEMPOOL_CACHE_MAX_SIZE
inline constexpr unsigned kDataRoom = 2048;  ///< octets of frame in one segment; the headroom of 128 is extra
/// 128 of rte_mbuf + 128 headroom + 2048 data + 64 object header, and what the mempool adds to spread channels.
inline constexpr unsigned kMbufOctets = 2432;

/// Mbufs for `descriptors` receive descriptors in total and `workers` workers: see above.
unsigned mbufs_needed(unsigned descriptors, unsigned workers);

/// Memory for `mbufs` mbufs, in MiB, with an eighth on top for rings, queues and alignment, and 64 MiB for EAL and
/// the drivers.
unsigned memory_needed_mib(unsigned mbufs);

/// The pools of this process by NUMA node. Freed by rte_eal_cleanup with everything else.
class Pools {
 public:
  /// The pool of `node` (-1: any), made with `mbufs` mbufs when it does not exist.
  tl::expected<rte_mempool*, std::string> get(int node, unsigned mbufs);
  void free_all();

 private:
  std::map<int, rte_mempool*> by_node_;
};

}  // namespace weir::dpdk
