#include "dataplane/dpdk/port.h"

#include <gtest/gtest.h>

#include <cstring>

#include "dataplane/dpdk/memif_rings.h"

namespace weir::dpdk::port_test {
namespace {

// Region 0 as memif's layout has it: rings of 128 octets and 16 a slot, then buffers.
std::vector<std::uint8_t> region(unsigned rings, unsigned slots, std::size_t buffers) {
  const std::size_t stride = 128 + std::size_t{16} * slots;
  std::vector<std::uint8_t> octets(rings * stride + buffers, 0xee);
  for (unsigned i = 0; i < rings; ++i) {
    const std::uint32_t cookie = 0x3E31F20;
    const auto head = static_cast<std::uint16_t>(100 + i);
    const auto tail = static_cast<std::uint16_t>(90 + i);
    std::memcpy(octets.data() + i * stride, &cookie, sizeof cookie);
    std::memcpy(octets.data() + i * stride + 6, &head, sizeof head);
    std::memcpy(octets.data() + i * stride + 64, &tail, sizeof tail);
  }
  return octets;
}

TEST(MemifRings, AreCountedWhateverTheirSize) {
  for (const unsigned slots : {1U, 64U, 2048U}) {
    for (const unsigned count : {2U, 3U, 8U}) {
      const auto rings = parse_memif_rings(region(count, slots, 4096));
      ASSERT_EQ(rings.size(), count);
      EXPECT_EQ(rings[1].head, 101);
      EXPECT_EQ(rings[1].tail, 91);
      EXPECT_EQ(rings[1].slots, slots);
    }
  }
}

TEST(MemifRings, ARegionThatIsNoneOrCutHasFewer) {
  EXPECT_TRUE(parse_memif_rings({}).empty());
  EXPECT_TRUE(parse_memif_rings(std::vector<std::uint8_t>(4096, 0)).empty());
  auto cut = region(4, 64, 0);
  cut.resize(2 * (128 + 16 * 64));
  EXPECT_EQ(parse_memif_rings(cut).size(), 2U);
}

}  // namespace
}  // namespace weir::dpdk::port_test
