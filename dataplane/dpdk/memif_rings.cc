#include "dataplane/dpdk/memif_rings.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "proto/base/unique_fd.h"

namespace weir::dpdk {
namespace {

constexpr std::uint32_t kCookie = 0x3E31F20;
constexpr std::size_t kHeaderOctets = 128;
constexpr std::size_t kHeadOffset = 6;
constexpr std::size_t kTailOffset = 64;
constexpr std::size_t kDescriptorOctets = 16;
constexpr unsigned kMaxLog2Slots = 14;
// 256 queue pairs are memif's limit in DPDK; a region that claims more is not believed.
constexpr std::size_t kMaxRings = 512;

// Reads a value of `octets` at `offset`, false at the end of what there is.
template <typename Value, typename Read>
bool read_value(const Read& read, std::size_t offset, Value& value) {
  return read(offset, &value, sizeof value);
}

template <typename Read>
std::vector<MemifRing> walk(const Read& read) {
  std::vector<MemifRing> rings;
  std::uint32_t cookie = 0;
  if (!read_value(read, 0, cookie) || cookie != kCookie) return rings;
  // All rings of a region have the same size. It is found as the place of the second cookie: inside ring 0 that
  // place is the first word of a descriptor (flags and region number), which never has the cookie's value.
  std::size_t stride = 0;
  unsigned slots = 0;
  for (unsigned log2 = 0; log2 <= kMaxLog2Slots && stride == 0; ++log2) {
    const std::size_t size = kHeaderOctets + (kDescriptorOctets << log2);
    if (!read_value(read, size, cookie)) break;
    if (cookie == kCookie) {
      stride = size;
      slots = 1U << log2;
    }
  }
  for (std::size_t offset = 0; rings.size() < kMaxRings; offset += stride) {
    MemifRing ring;
    if (!read_value(read, offset, cookie) || cookie != kCookie) break;
    if (!read_value(read, offset + kHeadOffset, ring.head) || !read_value(read, offset + kTailOffset, ring.tail)) break;
    ring.slots = slots;
    rings.push_back(ring);
    if (stride == 0) break;
  }
  return rings;
}

}  // namespace

std::vector<MemifRing> parse_memif_rings(const std::vector<std::uint8_t>& octets) {
  return walk([&octets](std::size_t offset, void* value, std::size_t size) {
    if (offset + size > octets.size()) return false;
    std::memcpy(value, octets.data() + offset, size);
    return true;
  });
}

std::vector<MemifRegion> memif_regions() {
  std::vector<MemifRegion> regions;
  const UniqueFd memory(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  if (!memory.valid()) return regions;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/memfd:memif_region_0") == std::string::npos) continue;
    unsigned long start = 0;
    unsigned long end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx", &start, &end) != 2) continue;
    MemifRegion region;
    region.rings = walk([&memory, start, end](std::size_t offset, void* value, std::size_t size) {
      if (offset + size > end - start) return false;
      return pread(memory.get(), value, size, static_cast<off_t>(start + offset)) == static_cast<ssize_t>(size);
    });
    regions.push_back(std::move(region));
  }
  return regions;
}

}  // namespace weir::dpdk
