// Values of options that their description is enough to judge.
#include "control/config/value.h"

#include <gtest/gtest.h>

namespace weir::value_test {
namespace {

TEST(ListenAddress, IsAnAddressAndAPortOnly) {
  for (const char* good : {"127.0.0.1:9101", "0.0.0.0:1", "[::1]:65535"})
    EXPECT_TRUE(check_listen_address(good)) << good;
  for (const char* bad : {"", "9101", ":9101", "localhost:9101", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
                          "127.0.0.1:65536", "127.0.0.1:9101s", "::1:9101", "[::1:9101", "127.0.0.1:80,127.0.0.2:80"}) {
    EXPECT_FALSE(check_listen_address(bad)) << bad;
  }
}

TEST(DeviceName, IsWhatEalWillCallTheDevice) {
  EXPECT_EQ(device_name("3B:00.0"), "0000:3b:00.0");
  EXPECT_EQ(device_name("0000:3b:00.0,a=b"), "0000:3b:00.0");
  EXPECT_EQ(device_name("net_null0,size=64"), "net_null0");
  for (const char* bad : {"", "eth0", "net_", "net_null 0", "0000:3b:00.8"}) EXPECT_EQ(device_name(bad), "") << bad;
}

}  // namespace
}  // namespace weir::value_test
