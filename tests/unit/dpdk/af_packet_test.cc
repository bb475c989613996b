// What is known of a kernel interface before net_af_packet opens it.
#include "dataplane/dpdk/af_packet.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

#include "dataplane/dpdk/af_xdp.h"

namespace weir::dpdk::af_packet_test {
namespace {

TEST(AfPacket, IsToldByTheNameOfTheDevice) {
  EXPECT_TRUE(is_af_packet("net_af_packet0,iface=eth0"));
  EXPECT_TRUE(is_af_packet("eth_af_packet1"));
  EXPECT_FALSE(is_af_packet("net_memif0"));
  EXPECT_FALSE(is_af_packet("0000:3b:00.0"));
}

TEST(AfPacket, CutsFramesNearTheSizeOfItsRingsFrames) {
  EXPECT_EQ(af_packet_cut_octets("net_af_packet0,iface=eth0"), 2048U - 128);
  EXPECT_EQ(af_packet_cut_octets("net_af_packet0,iface=eth0,framesz=4096,qpairs=2"), 4096U - 128);
  EXPECT_EQ(af_packet_cut_octets("net_af_packet0,framesz=64"), 128U);
}

TEST(AfPacket, NamesTheCapabilityThatIsMissing) {
  const std::uint64_t raw = std::uint64_t{1} << CAP_NET_RAW;
  const std::uint64_t admin = std::uint64_t{1} << CAP_NET_ADMIN;
  EXPECT_EQ(af_packet_capabilities_missing(raw | admin), "");
  EXPECT_NE(af_packet_capabilities_missing(raw).find("lacks CAP_NET_ADMIN"), std::string::npos);
  EXPECT_NE(af_packet_capabilities_missing(admin).find("lacks CAP_NET_RAW"), std::string::npos);
  EXPECT_NE(af_packet_capabilities_missing(0).find("lacks both"), std::string::npos);
  EXPECT_NE(af_packet_capabilities_missing(0).find("setcap cap_net_raw,cap_net_admin"), std::string::npos);
}

TEST(AfPacket, SaysThatAnInterfaceIsGone) {
  const KernelInterface loopback = kernel_interface("net_af_packet0,iface=lo");
  EXPECT_EQ(loopback.name, "lo");
  EXPECT_EQ(loopback.index, 1U);
  EXPECT_EQ(af_packet_trouble(loopback), "");
  const std::string trouble = af_packet_trouble({"eth7", 0x7fff'ffff});
  EXPECT_TRUE(trouble.starts_with("interface eth7 is gone; ")) << trouble;
}

TEST(AfPacket, WatchesNoInterfaceOfOtherDevices) {
  EXPECT_EQ(kernel_interface("net_memif0,role=server").index, 0U);
  EXPECT_EQ(kernel_interface("net_af_packet0,iface=no-such-if").index, 0U);
  EXPECT_EQ(af_packet_trouble({}), "");
}

TEST(AfPacket, SaysNothingOfAnInterfaceThatIsNotThere) {
  EXPECT_EQ(af_packet_offload_notice("net_af_packet0,iface=no-such-if"), "");
  EXPECT_EQ(af_packet_offload_notice("net_af_packet0,iface=a-name-that-is-longer-than-names-are"), "");
  EXPECT_EQ(af_packet_offload_notice("net_af_packet0"), "");
}

TEST(AfXdp, SaysNothingOfOtherDriversAndOfInterfacesThatSayNothing) {
  EXPECT_EQ(af_xdp_notice("net_af_packet0,iface=lo"), "");
  EXPECT_EQ(af_xdp_notice("net_af_xdp_lo,iface=lo,start_queue=0,queue_count=1"), "");
  EXPECT_EQ(af_xdp_notice("net_af_xdp0,iface=no-such-if"), "");
}

}  // namespace
}  // namespace weir::dpdk::af_packet_test
