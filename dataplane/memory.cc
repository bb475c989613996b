#include "dataplane/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace weir {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
std::atomic<std::uint64_t> huge_octets{0};

std::size_t mapped_size(std::size_t octets) {
  const std::size_t unit = octets >= kHugePage ? kHugePage : static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (octets + unit - 1) / unit * unit;
}

}  // namespace

void* map_memory(std::size_t octets, Pages pages) {
  const std::size_t size = mapped_size(octets);
  if (size >= kHugePage && pages == Pages::huge) {
    void* huge = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (huge != MAP_FAILED) {
      madvise(huge, size, MADV_DONTDUMP);
      huge_octets += size;
      return huge;
    }
  }
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) return nullptr;
  // This is advice only: pages of any size work.
  madvise(address, size, MADV_DONTDUMP);
  if (size >= kHugePage) madvise(address, size, pages == Pages::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  return address;
}

void unmap_memory(void* address, std::size_t octets) {
  munmap(address, mapped_size(octets));
}

std::uint64_t huge_octets_mapped() {
  return huge_octets;
}

void touch_memory(void* address, std::size_t octets, Touching* touching) {
  auto* bytes = static_cast<volatile unsigned char*>(address);
  for (std::size_t at = 0; at < octets;) {
    if (touching != nullptr && touching->stop.load(std::memory_order_relaxed)) return;
    const std::size_t piece = std::min(kHugePage, octets - at);
    // Write back what was read, so that the array keeps its contents.
    for (const std::size_t end = at + piece; at < end; at += 4096) bytes[at] = bytes[at];
    if (touching != nullptr) touching->octets.fetch_add(piece, std::memory_order_relaxed);
  }
}

}  // namespace weir
