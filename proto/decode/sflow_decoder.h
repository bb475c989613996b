// sFlow v5 decoding: samples of packets to records, samples of counters to options.
//
// A flow sample is one packet that stands for `sampling_rate`. It may tell of the packet by its first octets, by the
// fields of its IP or Ethernet header, and by what the switch or router knows of its way. The first octets are kept as
// values under IANA's elements (315 dataLinkFrameSection, 313 ipHeaderPacketSection, 317 mplsPayloadPacketSection, with
// 312 dataLinkFrameSize): who has a packet parser makes the record's flow of them. The other fields of a record are
// filled here:
//
//   input, output        in_if, out_if, where the number is an interface's index
//   sampled_ipv4, _ipv6  addresses, ports (ICMP: type and code), protocol, TCP flags, TOS, IP octets
//   sampled_ethernet     MAC addresses, EtherType; the octets, where nothing says those of IP
//   extended_switch      vlan_id, where the packet has no tag itself
//   extended_router      next_hop, src_net, dst_net
//   extended_gateway     bgp_next_hop, src_as, dst_as, next_hop_as, as_path. An AS of 0 and an empty path mean the
//                        router's own AS
//
// What is left over, a next hop of the other IP version among it, is kept as values (sflow_structures.h). sFlow has no
// wall clock: a record's time is that of reception.
#pragma once

#include <cstdint>
#include <span>

#include "proto/decode/decoded.h"
#include "proto/decode/flow_message.h"

namespace weir {

/// Decodes a datagram that is_sflow(). `out` is emptied first; header, agent, flows and options are filled. Samples of
/// formats that are not known are skipped and counted in `unknown_samples`. The first error is returned; what is not
/// concerned by it is decoded all the same. `received_ns`: since 1970, 0: unknown.
DecodeError decode_sflow(std::span<const std::uint8_t> datagram, std::uint64_t received_ns, Decoded& out,
                         std::uint64_t& unknown_samples);

}  // namespace weir
