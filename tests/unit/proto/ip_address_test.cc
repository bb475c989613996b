#include "proto/base/ip_address.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::ip_address_test {
namespace {

TEST(IpAddress, IsReadFromTextAndWrittenBack) {
  const IpAddress four = parse_ip_address("192.0.2.1").value();
  EXPECT_EQ(four.ip_version, 4);
  EXPECT_EQ(four.size(), 4U);
  EXPECT_EQ(four.octets[0], 192);
  EXPECT_EQ(four.octets[3], 1);
  EXPECT_EQ(four.text(), "192.0.2.1");
  const IpAddress six = parse_ip_address("2001:DB8:0:0::1").value();
  EXPECT_EQ(six.ip_version, 6);
  EXPECT_EQ(six.size(), 16U);
  EXPECT_EQ(six.octets[1], 1);
  EXPECT_EQ(six.octets[15], 1);
  EXPECT_EQ(six.text(), "2001:db8::1");
}

TEST(IpAddress, IsNoneWithoutText) {
  const IpAddress none;
  EXPECT_FALSE(none.has_value());
  EXPECT_EQ(none.size(), 0U);
  EXPECT_EQ(none.text(), "");
}

TEST(IpAddress, IsNotReadFromAnythingElse) {
  for (const std::string& text : {std::string(), std::string("192.0.2"), std::string("192.0.2.256"),
                                  std::string("192.0.2.1/24"), std::string("[::1]"), std::string("::1%lo"),
                                  std::string("probe"), std::string("192.0.2.1\0x", 11), std::string(" ::1")}) {
    EXPECT_FALSE(parse_ip_address(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace weir::ip_address_test
