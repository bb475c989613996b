// memif guard: bursts on a memif that survive when the peer leaves.
//
// net_memif unmaps the shared memory in EAL's interrupt thread as soon as the peer disconnects. Its bursts test
// "connected" only at their beginning. A worker that loses its CPU inside a burst would wake up to unmapped memory (and
// a null region pointer), and SIGSEGV would end the process because of another process. On a CPU of its own a worker is
// practically never inside a burst at that moment; on a shared one it often is.
//
// So a burst on a memif runs between two marks of its thread. A fault between them ends the burst with 0 packets; any
// other fault goes to the handler that was there before. Such a fault can leak at most the 32 mbufs that the burst had
// taken; rings and indexes are made anew when the next peer connects. Only driver code without destructors or locks
// lies between the marks. The guard costs about 5 ns per burst, on memifs only.
#pragma once

#include <cstdint>

struct rte_mbuf;

namespace weir::dpdk {

/// Puts the fault handler in place, in front of whatever is there. Once is enough.
void install_memif_guard();

/// rte_eth_rx_burst and rte_eth_tx_burst; 0 when the memory went away in the middle.
std::uint16_t guarded_rx_burst(std::uint16_t port, std::uint16_t queue, rte_mbuf** mbufs, std::uint16_t count);
std::uint16_t guarded_tx_burst(std::uint16_t port, std::uint16_t queue, rte_mbuf** mbufs, std::uint16_t count);

/// How many bursts ended that way. For tests and messages.
std::uint64_t guarded_faults();

}  // namespace weir::dpdk
