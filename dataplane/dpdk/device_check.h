// What a device does that its driver does not say: whether it signals by messages or by a line, and how many packets
// its receive rings really hold.
//
// An interrupt line (INTx) is shared: with other devices, and within the device with all that it signals. An
// interrupt that is switched off while it is on its way finds no device that has raised it, and after 100,000 of
// these the kernel takes the whole line out of service ("irq 21: nobody cared"), for all devices on it. A worker
// switches its interrupt on and off around each wait, so it waits for messages (MSI, MSI-X) only.
//
// Some drivers take any number of descriptors and use as many as the device has (net_virtio: 256 under QEMU), some
// fill two rings for one (net_vmxnet3). Both are seen in the pool: each descriptor that is filled has taken an mbuf.
#pragma once

#include <string>

namespace weir::dpdk {

/// Whether the PCI device `address` ("0000:3b:00.0") has message interrupts switched on. `sysfs`: where that is.
bool has_message_interrupts(const std::string& address, const std::string& sysfs = "/sys");

/// Descriptors of a receive ring, in packets: what the driver said, or fewer if it took fewer `buffers` from the pool
/// for it. `buffers` 0: the driver copies, or has buffers of its own.
unsigned ring_descriptors(unsigned said, unsigned buffers);

}  // namespace weir::dpdk
