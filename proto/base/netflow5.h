// NetFlow v1, v5 and v7 on the wire: the structs that lie over their octets, for encoder and decoder.
//
// v5 and v7: a header of 24 octets, then up to 30 records of 48 octets (v5) or 27 of 52 (v7). v1: a header of 16
// octets, then up to 24 records of 48, or of 52 with more octets at their ends. Everything is big-endian and aligned to
// nothing; the structs have alignment 1. The formats are Cisco's ("NetFlow Export Datagram Formats").
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/base/byte_order.h"

namespace weir {

struct Netflow5Header {
  Be16 version;
  Be16 count;
  Be32 sys_uptime_ms;
  Be32 unix_secs;
  Be32 unix_nsecs;
  Be32 sequence;
  std::uint8_t engine_type;  ///< v7: this and the rest are reserved
  std::uint8_t engine_id;
  Be16 sampling;
};
static_assert(sizeof(Netflow5Header) == 24 && alignof(Netflow5Header) == 1);

/// Bits of a v7 record's first flags: which of its fields are not valid. Cisco's document says that the octet has them
/// and not which bit is whose: these are weir's.
enum Netflow7Invalid : std::uint8_t {
  kInvalidSource = 0x01,
  kInvalidDestination = 0x02,
  kInvalidSourcePort = 0x04,
  kInvalidDestinationPort = 0x08,
  kInvalidProtocol = 0x10,
};

struct Netflow5Record {
  std::uint8_t source[4];
  std::uint8_t destination[4];
  std::uint8_t next_hop[4];
  Be16 input;
  Be16 output;
  Be32 packets;
  Be32 octets;
  Be32 first_ms;
  Be32 last_ms;
  Be16 source_port;
  Be16 destination_port;
  std::uint8_t pad1;  ///< v7: bits of Netflow7Invalid; 0: all fields are valid
  std::uint8_t tcp_flags;
  std::uint8_t protocol;
  std::uint8_t tos;
  Be16 source_as;
  Be16 destination_as;
  std::uint8_t source_mask;
  std::uint8_t destination_mask;
  Be16 pad2;  ///< v7: flags; its record ends with 4 octets of a router's address more
};
static_assert(sizeof(Netflow5Record) == 48 && alignof(Netflow5Record) == 1);

/// v7: Netflow5Record and the 4 octets of the router that was bypassed.
inline constexpr std::size_t kNetflow7RecordOctets = sizeof(Netflow5Record) + 4;

/// v1: the header ends with unix_nsecs.
inline constexpr std::size_t kNetflow1HeaderOctets = offsetof(Netflow5Header, sequence);

/// Of v1. Up to the ports it is as that of v5.
struct Netflow1Record {
  std::uint8_t as_version5[offsetof(Netflow5Record, pad1)];
  Be16 pad1;
  std::uint8_t protocol;
  std::uint8_t tos;
  std::uint8_t tcp_flags;
  std::uint8_t pad2[7];
};
static_assert(sizeof(Netflow1Record) == 48 && alignof(Netflow1Record) == 1);
/// Of v1 as Extreme Networks describes it for its switches.
inline constexpr std::size_t kNetflow1LongRecordOctets = 52;

}  // namespace weir
