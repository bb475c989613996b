#include "tools/collect/flow_printer.h"

#include <gtest/gtest.h>

#include "tools/collect/time_text.h"

namespace weir {
namespace {

TEST(TimeText, IsUtcToTheMillisecond) {
  EXPECT_EQ(time_text(1'700'000'000'123'456'789), "2023-11-14 22:13:20.123");  // date -u -d @1700000000
}

TEST(FlowPrinterTexts, NameEndpointsWithPortsWhereTheProtocolHasThem) {
  const std::uint8_t ipv4[16] = {192, 0, 2, 1};
  const std::uint8_t ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(endpoint_text(ipv4, 4, 443, 6), "192.0.2.1:443");
  EXPECT_EQ(endpoint_text(ipv6, 6, 443, 17), "[2001:db8::1]:443");
  EXPECT_EQ(endpoint_text(ipv6, 6, 0, 58), "2001:db8::1");
}

}  // namespace
}  // namespace weir
