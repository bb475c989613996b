#include "tools/collect/flow_printer.h"

#include <gtest/gtest.h>

namespace weir::flow_printer_test {
namespace {

TEST(FlowPrinterTexts, NameEndpointsWithPortsWhereTheProtocolHasThem) {
  const std::uint8_t ipv4[16] = {192, 0, 2, 1};
  const std::uint8_t ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(endpoint_text(ipv4, 4, 443, 6), "192.0.2.1:443");
  EXPECT_EQ(endpoint_text(ipv6, 6, 443, 17), "[2001:db8::1]:443");
  EXPECT_EQ(endpoint_text(ipv6, 6, 0, 58), "2001:db8::1");
}

}  // namespace
}  // namespace weir::flow_printer_test
