// NetFlow v1, v5 and v7 decoding: fixed formats without templates (Cisco, "NetFlow Export Datagram Format").
//
// v5: a header of 24 octets and records of 48; v7 (Catalyst): a header of 24 and records of 52; v1: a header of 16,
// which has no sequence, no engine and no sampling, and records of 48 or 52 without AS numbers and masks, of which the
// length of the datagram tells. All are IPv4 only. What a record has no place for (next hop, AS numbers, masks, v7's
// router) is kept as raw values under the IANA element of the same meaning. The v5 header's sampling field has 2 bits
// of mode and 14 of interval, which is every record's rate. The destination port of an ICMP record holds type and code.
#pragma once

#include <cstdint>
#include <span>

#include "proto/decode/decoded.h"
#include "proto/decode/flow_message.h"

namespace weir {

/// Whether a datagram's version is 1, 5 or 7. (sFlow's version 5 has 4 octets, and begins with zeros.)
[[nodiscard]] bool is_fixed_netflow(std::span<const std::uint8_t> datagram);

/// Decodes a v1, v5 or v7 datagram. `out` is emptied first; header and flows are filled. Exporters send at most 30
/// records of v5; more are taken if they are there.
DecodeError decode_netflow5(std::span<const std::uint8_t> datagram, Decoded& out);

}  // namespace weir
