// tls://ADDR:PORT?cert=FILE&key=FILE&ca=FILE: what is right, and what is said of what is not.
#include "proto/schema/control_address.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/support/temporary_folder.h"

namespace weir::control_address_test {
namespace {

TEST(ControlAddress, HasAllOfItsParts) {
  const auto address = parse_control_address("tls://[::1]:7443?cert=a.pem&key=/k=1&ca=c&name=probe.example");
  ASSERT_TRUE(address) << address.error();
  EXPECT_EQ(address->host_port, "[::1]:7443");
  EXPECT_EQ(address->cert, "a.pem");
  EXPECT_EQ(address->key, "/k=1");
  EXPECT_EQ(address->ca, "c");
  EXPECT_EQ(address->name, "probe.example");
  EXPECT_EQ(address->title(), "tls://[::1]:7443");
  EXPECT_TRUE(parse_control_address("tls://probe.example:1?ca=a&cert=b&key=c"));
}

TEST(ControlAddress, SaysWhatIsWrong) {
  const auto error_of = [](const std::string& text) {
    const auto address = parse_control_address(text);
    return address ? "none" : address.error().substr(0, address.error().find(';'));
  };
  EXPECT_EQ(error_of("tcp://127.0.0.1:1?cert=a&key=b&ca=c"), "not tls://, which is what there is over TCP");
  EXPECT_EQ(error_of("tls://127.0.0.1?cert=a&key=b&ca=c"), "'127.0.0.1' is no ADDR:PORT");
  EXPECT_EQ(error_of("tls://::1:7443?cert=a&key=b&ca=c"), "'::1:7443' is no ADDR:PORT");
  EXPECT_EQ(error_of("tls://a:0?cert=a&key=b&ca=c"), "'a:0' is no ADDR:PORT");
  EXPECT_EQ(error_of("tls://a:65536?cert=a&key=b&ca=c"), "'a:65536' is no ADDR:PORT");
  EXPECT_EQ(error_of("tls://:1?cert=a&key=b&ca=c"), "':1' is no ADDR:PORT");
  EXPECT_EQ(error_of("tls://a:1"), "'cert' is missing");
  EXPECT_EQ(error_of("tls://a:1?cert=a&key=b"), "'ca' is missing");
  EXPECT_EQ(error_of("tls://a:1?cert=a&cert=b"), "'cert' is there twice");
  EXPECT_EQ(error_of("tls://a:1?cert=&key=b&ca=c"), "'cert' has no value");
  EXPECT_EQ(error_of("tls://a:1?crt=a&key=b&ca=c"), "there is no option 'crt'");
  EXPECT_EQ(error_of("tls://a:1?cert=a&&ca=c"), "there is no option ''");
}

TEST(ControlAddress, NamesTheFileThatIsNoPem) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path("cert")) << "-----BEGIN CERTIFICATE-----\n";
  std::ofstream(folder.path("key")) << "nothing\n";
  const ControlAddress address{"a:1", folder.path("cert"), folder.path("key"), folder.path("none"), {}};
  const auto keys = read_control_keys(address);
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error(), "key=" + folder.path("key") + ": no PEM file with 'PRIVATE KEY-----'");
}

}  // namespace
}  // namespace weir::control_address_test
