// What net_af_xdp does not say of a kernel interface: that it spreads packets over queues that nobody reads.
//
// An XDP socket takes the packets of one queue of the interface. What comes in on the others goes to the kernel, and
// the driver counts none of it.
//
// Asked on the control side.
#pragma once

#include <string>
#include <string_view>

namespace weir::dpdk {

/// One line on queues of the interface that no worker reads, with the command that leaves as many as there are workers.
/// "": there are none, the interface does not say, or `argument` names a device of another driver.
std::string af_xdp_notice(std::string_view argument);

}  // namespace weir::dpdk
