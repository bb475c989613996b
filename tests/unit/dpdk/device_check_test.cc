#include "dataplane/dpdk/device_check.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.h"

namespace weir::dpdk::device_check_test {
namespace {

TEST(DeviceCheck, ADeviceWithAnInterruptLineHasNoMessages) {
  const test::TemporaryFolder sysfs;
  const std::string device = sysfs.path("bus/pci/devices/0000:3b:00.0");
  std::filesystem::create_directories(device);
  std::ofstream(device + "/irq") << "21\n";
  EXPECT_FALSE(has_message_interrupts("0000:3b:00.0", sysfs.folder().string()));
  EXPECT_FALSE(has_message_interrupts("0000:3b:00.1", sysfs.folder().string())) << "it is not there";
  std::filesystem::create_directories(device + "/msi_irqs");
  EXPECT_FALSE(has_message_interrupts("0000:3b:00.0", sysfs.folder().string())) << "none is in use";
  std::ofstream(device + "/msi_irqs/45") << "msix\n";
  EXPECT_TRUE(has_message_interrupts("0000:3b:00.0", sysfs.folder().string()));
}

TEST(DeviceCheck, ARingHoldsNoMorePacketsThanItWasGivenBuffers) {
  EXPECT_EQ(ring_descriptors(4096, 4096), 4096U);
  EXPECT_EQ(ring_descriptors(4096, 256), 256U) << "the device has a ring of 256";
  EXPECT_EQ(ring_descriptors(2048, 4094), 2048U) << "two rings for one";
  EXPECT_EQ(ring_descriptors(4096, 0), 4096U) << "the driver copies from a ring of its own";
}

}  // namespace
}  // namespace weir::dpdk::device_check_test
