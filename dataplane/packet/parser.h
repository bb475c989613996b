// The parser: from the octets of a frame to the canonical key, in one pass and a bounded number of steps.
//
// Shape: the link layer finds the network layer, the network layer finds the transport header, and each step either
// goes on or names its reject. Tunnels, fragments and further link types join as further steps of the same walk.
// Reads stay inside [data, data + captured_octets); a length field never moves the reader beyond that.
#pragma once

#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/packet_view.h"
#include "dataplane/packet/reject.h"

namespace weir {

/// Parses `view` into `packet` (all members but hash and effective_ns; those are left alone).
/// Reject::none: the packet counts for packet.key. Anything else: no IP header counts, and of `packet` only
/// frame_octets, time_ns and ingress_interface are set.
[[nodiscard]] Reject parse_packet(const PacketView& view, ParsedPacket& packet);

}  // namespace weir
