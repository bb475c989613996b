// The header of a basicList (RFC 6313 section 4.5.1): the semantic, and the element that all its values are of. The
// values follow, each of the same length.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/base/byte_order.h"

namespace weir {

/// RFC 6313 section 4.4.
enum class ListSemantic : std::uint8_t { none_of, exactly_one_of, one_or_more_of, all_of, ordered, undefined = 0xff };

/// Of an element that has an enterprise number.
struct EnterpriseListHeader {
  std::uint8_t semantic;
  Be16 element;  ///< with kIpfixEnterpriseBit
  Be16 value_octets;
  Be32 enterprise;
};
static_assert(sizeof(EnterpriseListHeader) == 9 && alignof(EnterpriseListHeader) == 1);

/// RFC 7011 section 3.2: of a field's element number.
inline constexpr std::uint16_t kIpfixEnterpriseBit = 0x8000;
/// RFC 7011 section 7: the length of a field that says in each record how long it is.
inline constexpr std::uint16_t kIpfixVariableLength = 0xffff;
/// RFC 7011 section 7: how such a length is written where it may be above 254; RFC 6313 section 4 recommends it.
inline constexpr std::size_t kIpfixLongLengthOctets = 3;

}  // namespace weir
