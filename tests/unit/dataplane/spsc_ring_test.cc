#include "dataplane/spsc_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace weir {
namespace {

TEST(SpscRing, HoldsItsCapacityAndNoMore) {
  SpscRing<int> ring(5);
  EXPECT_EQ(ring.capacity(), 8U);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(ring.push(i));
  EXPECT_FALSE(ring.push(8));
  EXPECT_EQ(ring.claim(), nullptr);
  std::array<int, 3> out{};
  EXPECT_EQ(ring.pop(out), 3U);
  EXPECT_EQ(out, (std::array<int, 3>{0, 1, 2}));
  EXPECT_TRUE(ring.push(8));
  EXPECT_EQ(ring.size(), 6U);
}

TEST(SpscRing, AClaimedSlotIsSeenOnlyAfterItsCommit) {
  SpscRing<int> ring(2);
  int* slot = ring.claim();
  ASSERT_NE(slot, nullptr);
  *slot = 7;
  std::array<int, 1> out{};
  EXPECT_EQ(ring.pop(out), 0U);
  ring.commit();
  EXPECT_EQ(ring.pop(out), 1U);
  EXPECT_EQ(out[0], 7);
}

TEST(SpscRing, EverythingArrivesOnceAndInOrderAcrossThreads) {
  constexpr std::uint64_t kCount = 300'000;
  SpscRing<std::uint64_t> ring(64);
  std::thread producer([&] {
    for (std::uint64_t i = 0; i < kCount;) {
      if (ring.push(i)) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t expected = 0;
  std::array<std::uint64_t, 17> out{};
  while (expected < kCount) {
    const std::size_t count = ring.pop(out);
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(out[i], expected++);
    if (count == 0) std::this_thread::yield();
  }
  producer.join();
  EXPECT_EQ(ring.size(), 0U);
}

}  // namespace
}  // namespace weir
