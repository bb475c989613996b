#include "proto/base/byte_order.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::byte_order_test {
namespace {

constexpr std::array<std::uint8_t, 9> kOctets{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x55};

TEST(ByteOrder, OctetsOfAnyNumberAreAnInteger) {
  const std::span<const std::uint8_t> octets(kOctets);
  EXPECT_EQ(be_integer({}), 0U);
  EXPECT_EQ(be_integer(octets.first(1)), 0x01U);
  EXPECT_EQ(be_integer(octets.first(3)), 0x012345U);
  EXPECT_EQ(be_integer(octets.first(6)), 0x0123456789abU);
  EXPECT_EQ(be_integer(octets.first(8)), 0x0123456789abcdefU);
  EXPECT_EQ(be_integer(octets), 0x23456789abcdef55U);
}

TEST(ByteOrder, LoadsAndStoresAtAnyAddress) {
  EXPECT_EQ(load_be<std::uint16_t>(kOctets.data() + 1), 0x2345);
  EXPECT_EQ(load_be<std::uint32_t>(kOctets.data() + 1), 0x23456789U);
  EXPECT_EQ(load_be<std::uint64_t>(kOctets.data() + 1), 0x23456789abcdef55U);
  std::array<std::uint8_t, 4> out{};
  store_be<std::uint16_t>(out.data() + 1, 0xbeef);
  EXPECT_EQ(out, (std::array<std::uint8_t, 4>{0, 0xbe, 0xef, 0}));
}

}  // namespace
}  // namespace weir::byte_order_test
