#include "dataplane/dpdk/device_check.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace weir::dpdk {

bool has_message_interrupts(const std::string& address, const std::string& sysfs) {
  // A folder with a file for each message that is in use (Documentation/ABI/testing/sysfs-bus-pci of Linux).
  std::error_code error;
  return !std::filesystem::is_empty(sysfs + "/bus/pci/devices/" + address + "/msi_irqs", error) && !error;
}

unsigned ring_descriptors(unsigned said, unsigned buffers) {
  return buffers == 0 ? said : std::min(said, buffers);
}

}  // namespace weir::dpdk
