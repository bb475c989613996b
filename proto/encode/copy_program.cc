#include "proto/encode/copy_program.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::size_t kBlock = 16;
constexpr std::uint8_t kNothing = 0x80;  // of PSHUFB: the octet becomes 0

}  // namespace

CopyProgram::CopyProgram(std::span<const OctetSource> octets, const std::array<std::size_t, kBases>& base_sizes)
    : octets_(octets.size()) {
  for (std::size_t begin = 0; begin < octets.size();) {
    // Gather as many octets as one load covers. `lowest` may still fall meanwhile, as long as all of them fit.
    std::uint8_t base = OctetSource::kZero;
    std::size_t lowest = 0;
    std::size_t highest = 0;
    std::size_t end = begin;
    for (; end < octets.size() && end - begin < kBlock; ++end) {
      const OctetSource& octet = octets[end];
      if (octet.base == OctetSource::kZero) continue;
      if (base == OctetSource::kZero) {
        base = octet.base;
        lowest = highest = octet.offset;
      }
      const std::size_t low = std::min<std::size_t>(lowest, octet.offset);
      const std::size_t high = std::max<std::size_t>(highest, octet.offset);
      if (octet.base != base || high - low >= kBlock) break;
      lowest = low;
      highest = high;
    }
    Operation operation{};
    operation.shuffle.fill(kNothing);
    operation.to = static_cast<std::uint32_t>(begin);
    if (base != OctetSource::kZero) {
      operation.second = base == 0 ? 0 : ~std::uintptr_t{0};
      operation.offset = static_cast<std::uint32_t>(std::min(lowest, base_sizes[base] - kBlock));
    }
    for (std::size_t i = begin; i < end; ++i) {
      if (octets[i].base == OctetSource::kZero) continue;
      operation.shuffle[i - begin] = static_cast<std::uint8_t>(octets[i].offset - operation.offset);
    }
    operations_.push_back(operation);
    begin = end;
  }
}

}  // namespace weir
