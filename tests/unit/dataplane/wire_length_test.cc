// The length of frames that an input cut.
#include "dataplane/packet/wire_length.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace weir::wire_length_test {
namespace {

using test::Bytes;
using test::packet;

std::uint32_t beyond(const Bytes& frame) {
  return octets_beyond_capture(frame.data(), static_cast<std::uint32_t>(frame.size()));
}

TEST(WireLength, FollowsFromTheOutermostIpHeaderWhereItSaysMoreThanWasCaptured) {
  const auto cut = [](test::PacketBuilder outer) { return outer.tcp(1, 2).payload(20'000).cut(1982).bytes(); };
  EXPECT_EQ(beyond(cut(packet().eth().ipv4("10.0.0.1", "10.0.0.2"))), 14U + 20 + 20 + 20'000);
  EXPECT_EQ(beyond(cut(packet().eth().vlan(5).ipv4("10.0.0.1", "10.0.0.2"))), 18U + 20 + 20 + 20'000);
  EXPECT_EQ(beyond(cut(packet().eth().qinq(6).vlan(5).ipv6("2001:db8::1", "2001:db8::2"))), 22U + 40 + 20 + 20'000);
  EXPECT_EQ(beyond(cut(packet().eth().ipv4("10.0.0.1", "10.0.0.2").options(12))), 14U + 32 + 20 + 20'000);
  EXPECT_EQ(
      beyond(
          cut(packet().eth().ipv4("192.0.2.1", "192.0.2.2").udp(1, 4789).vxlan(1).eth().ipv4("10.0.0.1", "10.0.0.2"))),
      14U + 28 + 8 + 14 + 40 + 20'000);
}

TEST(WireLength, IsNotKnownWhereThereIsNothingMoreOrNoIpHeader) {
  EXPECT_EQ(beyond(packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2).payload(100).bytes()), 0U);
  EXPECT_EQ(beyond(packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).pad_to(60).bytes()), 0U);
  EXPECT_EQ(beyond(packet().eth().ipv4("10.0.0.1", "10.0.0.2").ip_total_length(0).tcp(1, 2).payload(900).bytes()), 0U);
  EXPECT_EQ(beyond(packet().eth().ether_type(0x0806).payload(2000).bytes()), 0U);
  EXPECT_EQ(beyond(packet().eth().ether_type(0x0800).payload(Bytes(100, 0x65)).bytes()), 0U) << "version 6";
  const Bytes whole = packet().eth().vlan(1).vlan(2).vlan(3).ipv6("2001:db8::1", "2001:db8::2").tcp(1, 2).bytes();
  for (std::size_t octets = 0; octets <= whole.size(); ++octets) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(octets));
    const std::uint32_t length = beyond(part);  // reads no octet that is not there: the sanitizers say so
    EXPECT_TRUE(length == 0 || length == whole.size()) << octets;
  }
  Bytes tags = packet().eth().bytes();
  for (unsigned i = 0; i < 40; ++i) tags.insert(tags.end(), {0x81, 0x00, 0x00, 0x01});
  tags[12] = 0x81;
  tags[13] = 0;
  EXPECT_EQ(beyond(tags), 0U);
}

}  // namespace
}  // namespace weir::wire_length_test
