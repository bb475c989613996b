// The short forms of --port, and the DPDK devices that they stand for.
#include "dataplane/kernel_port.h"

#include <gtest/gtest.h>

namespace weir::kernel_port_test {
namespace {

TEST(KernelPort, StandsForADeviceWithAQueuePerWorker) {
  EXPECT_EQ(device_of_port("af_packet:eth0", 2), "net_af_packet_eth0,iface=eth0,qpairs=2,framecnt=4096");
  EXPECT_EQ(device_of_port("af_xdp:ens1f0.7", 4), "net_af_xdp_ens1f0.7,iface=ens1f0.7,start_queue=0,queue_count=4");
  EXPECT_EQ(device_of_port("tap:probe0", 3), "net_tap_probe0,iface=probe0");
  for (const char* const other : {"0000:3b:00.0", "net_memif0,role=server", "af_packet", "af_xdp:", "tap:a b"}) {
    EXPECT_EQ(device_of_port(other, 2), other);
  }
}

TEST(KernelPort, TakesTheArgumentsThatItIsGivenBeforeItsOwn) {
  EXPECT_EQ(device_of_port("af_packet:eth0,framecnt=512,framesz=4096", 1),
            "net_af_packet_eth0,iface=eth0,qpairs=1,framecnt=512,framesz=4096");
  EXPECT_EQ(device_of_port("af_xdp:eth0,queue_count=8", 2), "net_af_xdp_eth0,iface=eth0,start_queue=0,queue_count=8");
}

TEST(KernelPort, HasTheNameThatItWasGiven) {
  EXPECT_EQ(parse_kernel_port("tap:x,mac=fixed")->name(), "tap:x");
  EXPECT_EQ(parse_kernel_port("af_packet:eth0")->device_name(), "net_af_packet_eth0");
}

TEST(KernelPort, IsNoneWithANameThatTheKernelCannotHave) {
  EXPECT_TRUE(is_kernel_port("af_packet:"));
  for (const char* const wrong : {"af_packet:", "af_packet:,x=1", "af_packet:a/b", "af_packet:a b", "af_packet:a=b",
                                  "af_packet:a:b", "af_packet:interface-too-long", "afpacket:eth0", "eth0"}) {
    EXPECT_FALSE(parse_kernel_port(wrong)) << wrong;
  }
  EXPECT_TRUE(parse_kernel_port("af_packet:fifteen-octets-"));
}

}  // namespace
}  // namespace weir::kernel_port_test
