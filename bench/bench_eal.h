// The EAL for the benchmarks that need one (rte_hash, rx/…): started by the first of them, never by the others.
//
// It gets a null device, a ring device that is its own peer, and both ends of a memif. Huge pages are used where
// enough are free; the heap has 1 GiB of 4 KiB pages otherwise, which costs rte_hash as much as it costs any table.
// The calling thread keeps the CPUs it had.
#pragma once

#include <string>

namespace weir::bench {

/// Starts it once. False: it did not start; why has been printed.
bool start_eal();
/// Whether the started EAL has huge pages.
bool eal_has_hugepages();

inline constexpr const char* kNullDevice = "net_null0";
inline constexpr const char* kRingDevice = "net_ring0";
inline constexpr const char* kMemifServer = "net_memif0";
inline constexpr const char* kMemifClient = "net_memif1";

}  // namespace weir::bench
