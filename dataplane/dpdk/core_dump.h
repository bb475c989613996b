// What a core dump leaves out: packets are not weir's to keep, and a dump is a file that others may read.
//
// Receive buffers (mempools), the shared memory of memifs and the rings of packet sockets are marked with MADV_DONTDUMP
// (madvise(2)), as is the memory of flow tables (dataplane/memory.h). What a worker has copied is on its stack or heap:
// the payload of the burst at hand, and records on their way to the exporters.
#pragma once

struct rte_mempool;

namespace weir::dpdk {

/// All memory of the pool.
void leave_out_of_core_dumps(rte_mempool& pool);

/// What drivers have mapped by now: memif's regions, which come and go with peers, and rings of packet sockets. It
/// reads /proc/self/maps, so once a second is often enough.
void leave_mapped_packets_out_of_core_dumps();

}  // namespace weir::dpdk
