// FlowRecord as one JSON line.
//
// A straight run: constant text and std::to_chars into memory of the caller, no heap, no locale. Field names are those
// of proto/schema/flow.proto. Every base field is always present; after sampling_rate follow the ICMP fields (protocols
// 1 and 58 only), the TOS of the way back, and the times of each direction (0 where the direction has no packets).
// Behind them stand tunnel_type tunnel_id tunnel_depth tunnel_src_addr tunnel_dst_addr, mpls_label and esp_spi, each
// only for flows that have it. Numbers are JSON numbers. Nanoseconds since 1970 need 61 bits: a reader that keeps
// numbers as doubles (53 bits) rounds them to 256 ns.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/record/flow_record.h"

namespace weir {

/// Most octets of one line: 431 of names and punctuation, two addresses of 45, eight counters and times of 20 digits,
/// and eleven smaller numbers of at most 10 make 791; what only tunnels have adds 125 of names, two addresses and five
/// numbers of at most 10: 1056. The rest is reserve.
inline constexpr std::size_t kFlowJsonMaxOctets = 1280;

/// Writes `record` as one line, newline included, to `out`, which has room for kFlowJsonMaxOctets. Returns the end.
char* write_flow_json(char* out, const FlowRecord& record);

/// Most octets of an address as text: "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" is never written, but 45 is what
/// INET6_ADDRSTRLEN allows for.
inline constexpr std::size_t kAddressTextMaxOctets = 45;

/// Writes the address (network order; 4 octets for ip_version 4, else 16) in the text form of RFC 5952, as inet_ntop()
/// gives it: lower case, no leading zeros, the first longest run of zero groups as "::", ::ffff:a.b.c.d for mapped
/// addresses. No terminating zero. Returns the end; `out` has room for kAddressTextMaxOctets.
char* write_address_text(char* out, const std::uint8_t* address, std::uint8_t ip_version);

}  // namespace weir
