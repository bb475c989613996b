// NetFlow v9 on the wire (RFC 3954): the structs that lie over its octets.
//
// A datagram is a header and FlowSets. A FlowSet is an id, its length in octets (itself and padding included), and
// records: templates (id 0), options templates (id 1), or data of the template whose id (256 and up) it carries.
// Everything is big-endian and aligned to nothing; the structs have alignment 1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/base/byte_order.h"

namespace weir {

inline constexpr std::uint16_t kNetflow9Version = 9;
inline constexpr std::uint16_t kNetflow9TemplateFlowSet = 0;         ///< RFC 3954 section 5.2
inline constexpr std::uint16_t kNetflow9OptionsTemplateFlowSet = 1;  ///< RFC 3954 section 6.1

/// RFC 3954 section 5.1.
struct Netflow9Header {
  Be16 version;
  Be16 count;  ///< template, options template and data records of the datagram together
  Be32 sys_uptime_ms;
  Be32 unix_secs;
  Be32 sequence;  ///< export datagrams of this source id so far, this one not counted
  Be32 source_id;
};
static_assert(sizeof(Netflow9Header) == 20 && alignof(Netflow9Header) == 1);

struct Netflow9FlowSetHeader {
  Be16 id;
  Be16 octets;  ///< of the whole FlowSet: this header, the records, the padding
};
static_assert(sizeof(Netflow9FlowSetHeader) == 4 && alignof(Netflow9FlowSetHeader) == 1);

/// RFC 3954 section 5.2; `field_count` fields follow, each an element and its length.
struct Netflow9TemplateHeader {
  Be16 id;
  Be16 field_count;
};
static_assert(sizeof(Netflow9TemplateHeader) == 4 && alignof(Netflow9TemplateHeader) == 1);

}  // namespace weir
