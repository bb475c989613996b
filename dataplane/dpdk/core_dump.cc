#include "dataplane/dpdk/core_dump.h"

#include <rte_mempool.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace weir::dpdk {
namespace {

/// The pages that the octets lie in. Advice only: nothing depends on it.
void leave_out(std::uintptr_t begin, std::uintptr_t end) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  begin -= begin % page;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): /proc/self/maps has addresses as numbers
  (void)madvise(reinterpret_cast<void*>(begin), (end - begin + page - 1) / page * page, MADV_DONTDUMP);
}

void leave_chunk_out(rte_mempool* /*pool*/, void* /*argument*/, rte_mempool_memhdr* chunk, unsigned /*number*/) {
  const auto begin = reinterpret_cast<std::uintptr_t>(chunk->addr);
  leave_out(begin, begin + chunk->len);
}

}  // namespace

void leave_out_of_core_dumps(rte_mempool& pool) {
  rte_mempool_mem_iter(&pool, leave_chunk_out, nullptr);
}

void leave_mapped_packets_out_of_core_dumps() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/memfd:memif_region") == std::string::npos && line.find(" socket:[") == std::string::npos) continue;
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) == 2) leave_out(begin, end);
  }
}

}  // namespace weir::dpdk
