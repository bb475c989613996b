// NetFlow v5 and v7 decoding: fixed formats without templates (Cisco, "NetFlow Export Datagram Format").
//
// v5: a header of 24 octets and records of 48; v7 (Catalyst): a header of 24 and records of 52. Both are IPv4 only.
// What a record has no place for (next hop, AS numbers, masks, v7's router) is kept as raw values under the IANA
// element of the same meaning. The v5 header's sampling field has 2 bits of mode and 14 of interval, which is every
// record's rate. The destination port of an ICMP record holds type and code.
#pragma once

#include <cstdint>
#include <span>

#include "proto/decode/decoded.h"
#include "proto/decode/flow_message.h"

namespace weir {

/// Decodes a v5 or v7 datagram. `out` is emptied first; header and flows are filled. Exporters send at most 30 records
/// of v5; more are taken if they are there.
DecodeError decode_netflow5(std::span<const std::uint8_t> datagram, Decoded& out);

}  // namespace weir
