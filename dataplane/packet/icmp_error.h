// IcmpError: what an ICMP error message says of a flow that is not its own: whose packet it quotes, and why.
//
// The error itself is a packet like any other, and counts once. What is here goes beside it to the flow of the quoted
// packet, where a metric wants to know (`icmp`). A worker that does not own that flow gives it to the one that does.
#pragma once

#include <cstdint>
#include <type_traits>

#include "dataplane/packet/flow_key.h"
#include "proto/base/ip_numbers.h"

namespace weir {

struct IcmpError {
  /// Key, side, TOS, interface, VLAN, tunnel and label of the packet that is quoted, and the times of the error.
  /// Interface, VLAN, tunnel and label are those of the error, which quotes none: it came back the way that the packet
  /// went. `from` sent that packet.
  ParsedPacket quoted;
  std::uint32_t mtu;  ///< of the next hop: RFC 1191 §4, RFC 4443 §3.2; 0: the error names none
  std::uint8_t type;
  std::uint8_t code;
  bool readable;               ///< the quoted headers are there: else `quoted` has no key
  std::uint8_t workers_asked;  ///< on its way through the workers: how many have no such flow

  /// Nobody listens at the port that the quoted packet went to: RFC 792, RFC 4443 §3.1.
  [[nodiscard]] bool port_unreachable() const {
    constexpr std::uint8_t kPortUnreachable = 3, kIcmpv6DestinationUnreachable = 1, kIcmpv6PortUnreachable = 4;
    return quoted.key.version() == 4 ? type == kIcmpDestinationUnreachable && code == kPortUnreachable
                                     : type == kIcmpv6DestinationUnreachable && code == kIcmpv6PortUnreachable;
  }
};
static_assert(sizeof(IcmpError) == 192 && std::is_trivially_copyable_v<IcmpError>,
              "a hand-over message of four lines has it");

}  // namespace weir
