// IPFIX on the wire (RFC 7011): the structs that lie over its octets.
//
// A message is a header and sets; a set is an id, its length in octets (itself and padding included), and records:
// templates (id 2), options templates (id 3), or data of the template whose id (256 and up) it carries. Everything is
// big-endian and aligned to nothing; the structs have alignment 1.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/base/byte_order.h"

namespace weir {

inline constexpr std::uint16_t kIpfixVersion = 10;

/// RFC 7011 section 3.1.
struct IpfixHeader {
  Be16 version;
  Be16 length;  ///< octets of the whole message
  Be32 export_time_s;
  Be32 sequence;  ///< data records of this domain so far, those of this message not counted
  Be32 domain;
};
static_assert(sizeof(IpfixHeader) == 16 && alignof(IpfixHeader) == 1);

/// RFC 7011 section 3.3.2.
struct IpfixSetHeader {
  Be16 id;
  Be16 octets;  ///< of the whole set: this header, the records, the padding
};
static_assert(sizeof(IpfixSetHeader) == 4 && alignof(IpfixSetHeader) == 1);

}  // namespace weir
