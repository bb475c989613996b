// Lists in IPFIX records (RFC 6313): basicLists of weir's own elements.
//
// The element inside of a list says what the list is of, since all of them are fields of element 291. All have a
// variable length in the template: libfixbuf (ipfixDump) crashes on lists of a fixed one. A histogram has always as
// many values, so it is made like other fields that are computed (section_values.h). The lists of a record's first
// packets have as many values as there are packets, and stand at the end of a record. They are cut to what the message
// has room for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "proto/base/byte_order.h"
#include "proto/base/ipfix_list.h"
#include "proto/element/element.h"
#include "proto/record/fields.h"

namespace weir {

/// Octets of a list's header.
inline constexpr std::size_t kListHeaderOctets = sizeof(EnterpriseListHeader);
inline constexpr std::size_t kHistogramListOctets =
    kIpfixLongLengthOctets + kListHeaderOctets + kHistogramBins * sizeof(std::uint32_t);

/// Writes the length and the header of a list of `count` values of weir's element `element`; returns their end.
inline std::uint8_t* put_list_header(std::uint8_t* out, std::uint16_t element, std::uint16_t value_octets,
                                     std::uint32_t count) {
  *out = 0xff;  // the length follows in two octets
  store_be<std::uint16_t>(out + 1, static_cast<std::uint16_t>(kListHeaderOctets + count * value_octets));
  out += kIpfixLongLengthOctets;
  EnterpriseListHeader header;
  header.semantic = static_cast<std::uint8_t>(ListSemantic::ordered);
  header.element = Be16::from_host(static_cast<std::uint16_t>(element | kIpfixEnterpriseBit));
  header.value_octets = Be16::from_host(value_octets);
  header.enterprise = Be32::from_host(kExampleEnterprise);
  std::memcpy(out, &header, sizeof header);
  return out + sizeof header;
}

/// Writes a histogram's list, of kHistogramListOctets.
inline void put_histogram_list(std::uint8_t* out, std::uint16_t element, const std::uint8_t* bins) {
  out = put_list_header(out, element, sizeof(std::uint32_t), kHistogramBins);
  for (unsigned i = 0; i < kHistogramBins; ++i) {
    store_be<std::uint32_t>(out + i * sizeof(std::uint32_t), histogram_bin(bins, i));
  }
}

/// Of the lists of packets: octets without any packet, and of each packet.
inline constexpr std::uint32_t kEmptyPacketListsOctets =
    kListedFacts.size() * (kIpfixLongLengthOctets + kListHeaderOctets);
inline constexpr std::uint32_t kListedPacketOctets = [] {
  std::uint32_t octets = 0;
  for (const ListedFact& fact : kListedFacts) octets += fact.octets;
  return octets;
}();

/// Writes the lists of the first `count` packets, one for each fact of kListedFacts, from element `element` on; returns
/// their end. `section` may be nullptr where `count` is 0.
inline std::uint8_t* put_packet_lists(std::uint8_t* out, std::uint16_t element, const PacketsSection* section,
                                      std::uint32_t count) {
  for (const ListedFact& fact : kListedFacts) {
    out = put_list_header(out, element++, fact.octets, count);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t value = fact.get(section->packets[i]);
      for (unsigned left = fact.octets; left-- > 0;) *out++ = static_cast<std::uint8_t>(value >> (8 * left));
    }
  }
  return out;
}

}  // namespace weir
