// What net_af_packet does not say of a kernel interface: which frames its ring cuts, whether the kernel joins segments
// before weir sees them, which capabilities this process lacks to open it, and whether it is still there.
//
// Asked on the control side.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::dpdk {

/// Whether the argument of a port names a device of this driver: "net_af_packet0,iface=eth0".
bool is_af_packet(std::string_view argument);

/// A frame of at least as many octets may have been cut: what a frame of the ring has room for (framesz=, 2048 if not
/// given), less all that the kernel may put before it.
std::uint32_t af_packet_cut_octets(std::string_view argument);

/// A kernel interface, as a port of net_af_packet, net_af_xdp or net_tap was opened on it.
struct KernelInterface {
  std::string name;
  unsigned index = 0;  ///< 0: the port is on none
};
KernelInterface kernel_interface(std::string_view argument);

/// Why nothing comes from the interface any more: it is gone, or down. "": it is there and up. The driver does not say
/// so itself: its link stays up.
std::string af_packet_trouble(const KernelInterface& interface);

/// One line on the features of the interface that join segments, with the command that switches them off. "": none is
/// on, or the interface does not say.
std::string af_packet_offload_notice(std::string_view argument);

/// Why the device cannot be opened by a process with these effective capabilities (a mask of bits), and what to do.
/// "": they suffice.
std::string af_packet_capabilities_missing(std::uint64_t effective);

/// The effective capabilities of this process.
std::uint64_t effective_capabilities();

}  // namespace weir::dpdk
